"""The JSON documents that travel to and from the model's server. Pure."""

from __future__ import annotations

import json

from kaito.errors import InferenceError
from kaito.json_document import DEEPEST, DocumentError, read_object
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LIMIT = 64 << 20
"""The largest document that is accepted, in bytes: a completion that is not streamed."""

# Bytes that a document may need besides its text. A chunk needs a few thousand, a list of models not much more.
_MEMORY = 48 << 20


def encode(request: Mapping[str, Any]) -> bytes:
    """Return the body of a request."""
    # A terminal with an odd encoding yields lone surrogates, which UTF-8 cannot hold.
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def decode(source: bytes | str) -> dict[str, Any]:
    """Read a JSON object. Raises InferenceError for anything else, and for one that would take too much memory."""
    try:
        # Most events are short: no bound can be exceeded in them, and they are read as fast as possible.
        document = json.loads(source) if len(source) <= DEEPEST else read_object(source, finite=False, memory=_MEMORY)
    except DocumentError as error:
        raise InferenceError(f"the model's server sent JSON that cannot be used: {error}") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InferenceError(f"the model's server sent something other than a JSON object: {excerpt(source)}")
    return document
