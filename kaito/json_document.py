"""JSON objects that a server sent, read within bounds: of memory, of depth, and of the numbers in them. Pure.

A document of 64 MiB that consists of nothing but brackets would need 1.7 GB once it is read, one of braces 11 GB.
"""

from __future__ import annotations

import json

from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

MOST_MEMORY = 192 << 20
"""The most bytes that a document may need besides its text, as estimated before it is read.

A list of 10,000 workspaces with their managed fields is estimated at 174,000,000.
"""

DEEPEST = 400
"""The most levels of objects and lists within each other. It is below the recursion limit of json's own writer."""

_STRINGS = pattern(rb'"[^"]*"')
_LONG = 20 << 20
_MOST_QUOTES = 1_000_000
_NO_SYNTAX = bytes(code for code in range(256) if code not in b'"[]{},')

# A number with more digits is above the range of a double. Older Pythons take quadratic time to read a long one.
_MOST_DIGITS = 309


class DocumentError(ValueError):
    """JSON beyond the bounds; the text says which bound."""


def read_object(source: bytes | str, *, finite: bool = True, memory: int = MOST_MEMORY) -> dict[str, Any]:
    """Return the JSON object in `source`. `memory`: the bytes that it may need besides its text.

    `finite`: refuse NaN, Infinity and numbers above the range of a double, which JSON cannot express; else a whole
    number above that range is read as infinite.
    Raises DocumentError for a document beyond the bounds, ValueError for anything but a JSON object.
    """
    if source[:1] in ("[", b"["):
        raise ValueError("it is not a JSON object")
    # The first estimate counts what is in strings, too. The second one does not, but takes memory itself.
    if _need(source) > memory and (_is_long(source) or _need(_without_strings(source)) > memory):
        raise DocumentError(f"it would take more than {memory >> 20} MiB of memory")
    try:
        document = json.loads(source, **(_FINITE if finite else _ANY))
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")
    if _count(source, "[") + _count(source, "{") > DEEPEST and _is_deep(document):
        raise _too_deep()
    return document


def _count(source: bytes | str, mark: str) -> int:
    return source.count(mark) if isinstance(source, str) else source.count(mark.encode())


def _need(source: bytes | str) -> int:
    """Estimate the bytes that Python, 64-bit, needs for a document's objects, lists, members and names."""
    commas, lists, braces, empty = (_count(source, mark) for mark in (",", "[", "{", "{}"))
    # In an object with many members, their names and the table of them are the larger part.
    return max(160 * commas, 64 * (commas + lists + empty) + 200 * (braces - empty))


def _is_long(source: bytes | str) -> bool:
    """Return whether a document is too long to be looked at without its strings."""
    return len(source) > _LONG or _count(source, '"') > _MOST_QUOTES


def _without_strings(source: bytes | str) -> bytes:
    """Return the brackets, braces and commas of a document, with a letter for each string.

    A string ends at the first quotation mark that is not escaped.
    """
    data = source.encode("utf-8", "replace") if isinstance(source, str) else source
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_SYNTAX)
    return _STRINGS.sub(b"s", data)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else _INFINITE


def _finite_whole(digits: str) -> int | float:
    return _finite(_whole(digits))


def _finite_real(digits: str) -> int | float:
    return _finite(float(digits))


def _finite(number: int | float) -> int | float:
    if number in (_INFINITE, -_INFINITE):
        raise DocumentError("it holds a number that is too large")
    return number


def _refuse(name: str) -> float:
    raise DocumentError(f"it holds {name}, which is not JSON")


_INFINITE = float("inf")
_ANY: dict[str, Any] = {"parse_int": _whole}
_FINITE: dict[str, Any] = {"parse_int": _finite_whole, "parse_float": _finite_real, "parse_constant": _refuse}


def _too_deep() -> DocumentError:
    return DocumentError(f"it is nested more than {DEEPEST} levels deep")


def _is_deep(document: Any) -> bool:
    """Return whether there are more than DEEPEST levels. Level by level, since recursion is what must be avoided."""
    level = [document]
    for _ in range(DEEPEST):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in (dict, list)
        ]
        if not level:
            return False
    return True
