"""Fields of JSON that somebody else wrote: each is read as what it should be, or as its zero value. Pure.

A server's object may lack any field, or hold another type there. These readers make "" or 0 or nothing of both, so
that no reader needs checks of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Beyond 2**53 not every JSON number is exact, and floats overflow.
_LARGEST_COUNT = 2**53


def part(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object at `key`, empty if there is none."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def text(parent: Mapping[str, Any], key: str) -> str:
    """Return the string at `key`, "" if there is none."""
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def items(parent: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """Return the objects in the list at `key`, none if there is no list."""
    value = parent.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def count(parent: Mapping[str, Any], key: str) -> int:
    """Return the whole number at `key`, 0 if there is none or if it cannot count anything."""
    value = parent.get(key)
    # A type of its own, since bools are ints.
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNT else 0
