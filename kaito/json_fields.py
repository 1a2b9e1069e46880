"""Fields of JSON objects that a server sent: each reader returns the expected type, or that type's empty value. Pure.

A server's object may lack any field or hold a value of another type. In both cases these readers return "", 0 or an
empty collection, so that callers need no checks of their own.
"""

from __future__ import annotations

from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Above 2**53, a JSON number that is read as a double is not exact (RFC 8259, section 6).
_LARGEST_COUNT = 2**53

# The longest text of a table's cell: no name of a Kubernetes object is longer.
_LONGEST_LINE = 253

# The longest id of a model. Those of Hugging Face have at most 193 characters.
_LONGEST_ID = 512


def part(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object at `key`, or an empty one."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def text(parent: Mapping[str, Any], key: str) -> str:
    """Return the string at `key`, or ""."""
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def line(parent: Mapping[str, Any], key: str) -> str:
    """Return the string at `key` as one harmless line, of which a long one is cut off; or ""."""
    value = text(parent, key)
    usual = len(value) <= _LONGEST_LINE and value.isascii() and value.isprintable()
    return value if usual else excerpt(value, _LONGEST_LINE)


def identifier(parent: Mapping[str, Any], key: str) -> str:
    """Return the string at `key` if it can be a model's id: one line of printable characters, not too long; or ""."""
    value = text(parent, key)
    return value if len(value) <= _LONGEST_ID and value.isprintable() else ""


def items(parent: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """Return the objects in the list at `key`; items of other types are left out."""
    value = parent.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def count(parent: Mapping[str, Any], key: str) -> int:
    """Return the whole number at `key`, or 0 where there is none, it is negative, or it is larger than 2**53."""
    value = parent.get(key)
    # The exact type, since a bool is an int, too.
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNT else 0
