"""The JSON documents that travel to and from the model's server. Pure."""

from __future__ import annotations

import json

from kaito.errors import InferenceError
from kaito.lazy_re import pattern
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LIMIT = 64 << 20
"""The largest document that is accepted, in bytes: a list of models, or a completion that is not streamed."""


# Values that a large document may hold. Python needs up to 200 bytes for one, however short it is written: 16 MiB of
# "[],[]," would take 450 MB. A chunk, and a list of models, hold fewer than a hundred each.
_MOST_VALUES = 250_000
_LARGE_DOCUMENT = 1 << 20
_BEFORE_VALUES = (b"[", b"{", b",")
_STRINGS = pattern(rb'"[^"]*"')
_NO_SYNTAX = bytes(code for code in range(256) if code not in b'"[{,')


def encode(request: Mapping[str, Any]) -> bytes:
    """Return the body of a request."""
    # A terminal with an odd encoding yields lone surrogates, which UTF-8 cannot hold.
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def decode(source: bytes | str) -> dict[str, Any]:
    """Read a JSON object. Raises InferenceError for anything else, and for one that would take too much memory."""
    if len(source) > _LARGE_DOCUMENT and _has_too_many_values(source):
        raise InferenceError("the model's server sent JSON that holds too many values")
    try:
        document = json.loads(source)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InferenceError(f"the model's server sent something other than a JSON object: {excerpt(source)}")
    return document


def _has_too_many_values(source: bytes | str) -> bool:
    """Return whether a document holds more than `_MOST_VALUES` values: each follows a bracket, brace or comma."""
    data = source.encode("utf-8", "replace") if isinstance(source, str) else source
    if sum(map(data.count, _BEFORE_VALUES)) <= _MOST_VALUES:
        return False
    # Some of them may be in strings, which end at the first quotation mark that is not escaped.
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_SYNTAX)
    # A value has two strings at most, one of them its key.
    if data.count(b'"') > 4 * _MOST_VALUES:
        return True
    data = _STRINGS.sub(b"", data)
    return sum(map(data.count, _BEFORE_VALUES)) > _MOST_VALUES
