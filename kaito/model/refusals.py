"""What the model's server says when it refuses: its words, and the numbers in them. Pure.

Servers word the same thing in many ways, and one server differently from release to release. The patterns are
those of vLLM since 0.2 (its serving layer and FastAPI's validation), of OpenAI, TGI and llama.cpp. They are
compiled when they are first used, since most runs never meet a refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from kaito.text import excerpt

_WORDS_LIMIT = 500

_TOO_LARGE = (
    r"context[ _](?:length|window|size)|max_model_len|maximum model length|reduce the length"
    r"|\b(?:prompt|input|message|request|conversation)s?\b.{0,40}\btoo (?:long|large|many tokens)"
    r"|too many tokens|token limit|max_new_tokens"
)
_WINDOW = (
    r"maximum context length is (\d+)",
    r"maximum context length of (\d+)",
    r"maximum model length of (\d+)",
    r"context (?:size|window|length)[^\d]{0,12}(\d+)",
    r"max_model_len[=: ]*(\d+)",
    r"must be <= (\d+)",
    r"exceeds? (?:the )?limit of (\d+)",
)
_PROMPT = (
    r"(\d+) input tokens",
    r"(\d+) in the messages",
    r"messages resulted in (\d+)",
    r"requested (\d+) tokens in the messages",
    r"prompt \(length (\d+)\)",
    r"prompt \((\d+) tokens\)",
    r"(\d+) `inputs` tokens",
)
_ASKED = (
    r"max_tokens=(\d+)",
    r"is too large: (\d+)",
    r"requested (\d+) output tokens",
    r"(\d+) in the completion",
    r"(\d+) `max_new_tokens`",
)

# What of an HTML page is not words. No alternative can fail far behind its beginning (what is not closed goes to the
# end, as in a browser), so that even a hostile page takes linear time.
_MARKUP = rb"(?is)<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1[^>]*>?|\Z)|<[/!?a-z][^>]*>?"

# The fields whose values users choose; a server may allow less than the flags do (vLLM refuses a top_p of 0).
_FLAGS = (("temperature", "--temperature"), ("top_p", "--top-p"), ("max_tokens", "--max-tokens"))


class TooLarge(NamedTuple):
    """A request that does not fit the context window. In tokens, 0 for what is not told.

    `prompt`: its size, or a lower bound of it; `asked`: what was asked for the reply.
    """

    window: int
    prompt: int
    asked: int


def words(body: bytes, content_type: str) -> str:
    """What an error's body says, as one harmless line; "" where it says nothing."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return page_words(body) if "html" in content_type.lower() else excerpt(body)
    if isinstance(document, dict) and any(key in document for key in ("error", "message", "detail")):
        return words_of(document)
    return excerpt(body)


def words_of(document: Mapping[str, Any]) -> str:
    """The words of an error object: OpenAI's `error.message`, older vLLM's `message`, FastAPI's `detail`."""
    error = document.get("error")
    if isinstance(error, dict):
        error = error.get("message", error)
    said = error or document.get("message") or document.get("detail") or ""
    if isinstance(said, list):
        # FastAPI: [{"loc": ["body", "model"], "msg": "field required", …}, …]
        said = "; ".join(_complaint(entry) for entry in said) if all(map(_is_complaint, said)) else said
    return excerpt(said if isinstance(said, str) else json.dumps(said), _WORDS_LIMIT)


def page_words(body: bytes) -> str:
    """The first words that a person would read on an HTML page."""
    return excerpt(re.sub(_MARKUP, b" ", body[: 64 * 1024]))


def too_large(message: str) -> TooLarge | None:
    """The numbers in a refusal that is about the request's size; None: it is about something else."""
    if not re.search(_TOO_LARGE, message, re.IGNORECASE):
        return None
    return TooLarge(*(_number(patterns, message) for patterns in (_WINDOW, _PROMPT, _ASKED)))


def is_about_model(message: str) -> bool:
    """Whether a refusal may mean that the request named no model: every server's words name the field."""
    return re.search(r"\bmodel\b", message, re.IGNORECASE) is not None and too_large(message) is None


def flag_named(message: str) -> str:
    """The flag whose value a refusal speaks of, or ""."""
    return next((flag for field, flag in _FLAGS if field in message), "")


def _number(patterns: tuple[str, ...], message: str) -> int:
    for pattern in patterns:
        found = re.search(pattern, message, re.IGNORECASE)
        if found:
            return int(found[1])
    return 0


def _is_complaint(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("loc"), list) and isinstance(entry.get("msg"), str)


def _complaint(entry: Mapping[str, Any]) -> str:
    return f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}"
