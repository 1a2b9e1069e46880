"""Why the model's server refuses a request: its words, and the numbers in them. Pure.

Servers word the same refusal in many ways, and one server changes its wording from release to release. The patterns
cover vLLM since 0.2 (its serving layer and FastAPI's validation), OpenAI, TGI and llama.cpp. They are compiled when
they are first used, since most runs never meet a refusal.
"""

from __future__ import annotations

import json
import re

from kaito.errors import InferenceError
from kaito.json_document import read_object
from kaito.model.errors import Busy, WindowExceeded
from kaito.model.retry import BUSY
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Statuses with which servers refuse a request because of its content.
_REFUSED = (400, 413, 422)

_WORDS_LIMIT = 500

_TOO_LARGE = (
    r"context[ _](?:length|window|size)|max_(?:model_len|total_tokens)|maximum model length|reduce the length"
    r"|\b(?:prompt|input|message|request|conversation)s?\b.{0,40}\btoo (?:long|large|many tokens)"
    r"|too many tokens|token limit|max_new_tokens"
)
_WINDOW = (
    r"maximum context length is (\d+)",
    r"maximum context length of (\d+)",
    r"maximum model length of (\d+)",
    r"context (?:size|window|length)[^\d]{0,12}(\d+)",
    r"max_(?:model_len|total_tokens)[=: ]*(\d+)",
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

# vLLM's words for a prompt that it has not counted: it stops at what the reply's budget leaves of the window, and
# counts nothing of a text with more characters than that many tokens can have, or if the budget is above the window.
_AT_LEAST = r"at least \d+ input tokens|upper bound for \d+ input tokens|cannot be greater than max_model_len"

# Comments, scripts, styles and tags of an HTML page. An unclosed one extends to the end of the page, as in a browser:
# no alternative can fail far from where it began, so even a hostile page takes linear time.
_MARKUP = rb"(?is)<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1[^>]*>?|\Z)|<[/!?a-z][^>]*>?"

# The fields whose values users choose. A server may allow less than the flags do (vLLM refuses a top_p of 0).
_FLAGS = (("temperature", "--temperature"), ("top_p", "--top-p"), ("max_tokens", "--max-tokens"))


# The words of vLLM and of transformers for a tokenizer without a chat template.
_NO_TEMPLATE = r"must provide a chat template|chat_template is not set"

# The transformers runtime's words for a `model` other than its own: Server is pinned to 'repo@revision'; requested 'x'.
_PINNED = "Server is pinned to"


class TooLarge(NamedTuple):
    """The sizes in a refusal of a request that does not fit the context window, in tokens, 0 if not given.

    `window`: the size of the window; `prompt`: the size of the prompt, or a lower bound of it (`at_least`); `asked`:
    the tokens requested for the reply.
    """

    window: int
    prompt: int
    asked: int
    at_least: bool = False


def refusal_error(status: int, reason: str, content_type: str, body: bytes) -> InferenceError:
    """Return the error for an answer other than 200, in the words of the model's server.

    WindowExceeded if the request does not fit the context window, or may not: a refusal without a word.
    """
    said = words(body, content_type)
    said = "" if said.lower() == reason.lower() else said
    message = f"the model's server answers {f'{status} {reason}'.rstrip()}" + (f": {said}" if said else "")
    if status == 404 and is_about_model(said):
        return InferenceError(message, "--model takes the id of a served model; without it, the base model is asked")
    if status in (404, 405):
        return InferenceError(message, "it does not offer chat completions, or not under /v1/chat/completions")
    if status == 401 and _is_key_wanted(body):
        return InferenceError(
            "the model's server wants an API key of its own (401 Unauthorized), which this program does not send",
            "remove api-key from the workspace's inference_config.yaml, or VLLM_API_KEY from its pod",
        )
    if re.search(_NO_TEMPLATE, said):
        return InferenceError(
            "the model cannot chat: it is a base model, which goes on with a text and has no chat template",
            "choose a preset that is made for chat: its name mostly ends in -instruct",
        )
    if status in BUSY:
        return Busy(message)
    if status not in _REFUSED:
        return InferenceError(message)
    sizes = too_large(said)
    if sizes:
        return WindowExceeded(message, "send a shorter message", *sizes)
    if not said or status == 413:
        # The server does not say what it refuses; most likely the request has grown too large.
        return WindowExceeded(message, "", 0, 0, 0)
    flag = flag_named(said)
    return InferenceError(message, f"this server does not accept that value of {flag}" if flag else "")


def not_served(model: str, ids: Sequence[str], said: str) -> InferenceError | None:
    """Return the error for a model that is not among the served `ids`; None if it is, or nobody knows.

    `said`: the words of the refusal. KAITO's transformers runtime serves one model, with all adapters merged into it.
    """
    if model in ids or not (ids or _PINNED in said):
        return None
    hint = "--model takes one of: " + excerpt(", ".join(ids), 2000)
    if _PINNED in said:
        hint = "the transformers runtime serves one model and merges all adapters into it: omit --model"
    return InferenceError(f'the model "{model}" is not served here', hint)


def asks_for_model(status: int, content_type: str, body: bytes) -> bool:
    """Return whether a refusal may mean that the request named no model, or a model that is not served."""
    return status in (*_REFUSED, 404) and is_about_model(words(body, content_type))


def words(body: bytes, content_type: str) -> str:
    """Return what the body of an error says, as one harmless line; "" if it says nothing."""
    try:
        document = read_object(body, finite=False)
    except ValueError:
        return page_words(body) if "html" in content_type.lower() else excerpt(body)
    if any(key in document for key in ("error", "message", "detail")):
        return words_of(document)
    return excerpt(body)


def words_of(document: Mapping[str, Any]) -> str:
    """Return the words of an error object: OpenAI's `error.message`, older vLLM's `message`, FastAPI's `detail`."""
    error = document.get("error")
    if isinstance(error, dict):
        error = error.get("message", error)
    said = error or document.get("message") or document.get("detail") or ""
    if isinstance(said, list):
        # FastAPI: [{"loc": ["body", "model"], "msg": "field required", …}, …]
        said = "; ".join(_complaint(entry) for entry in said) if all(map(_is_complaint, said)) else said
    return excerpt(said if isinstance(said, str) else json.dumps(said), _WORDS_LIMIT)


def page_words(body: bytes) -> str:
    """Return the first words that a person would read on an HTML page."""
    return excerpt(re.sub(_MARKUP, b" ", body[: 64 * 1024]))


def too_large(message: str) -> TooLarge | None:
    """Return the numbers in a refusal because of the request's size, None if it has another reason."""
    if not re.search(_TOO_LARGE, message, re.IGNORECASE):
        return None
    window, prompt, asked = (_number(patterns, message) for patterns in (_WINDOW, _PROMPT, _ASKED))
    return TooLarge(window, prompt, asked, re.search(_AT_LEAST, message) is not None)


def is_about_model(message: str) -> bool:
    """Return whether a message may be about the `model` field: the words of every server name it."""
    named = _PINNED in message or re.search(r"\bmodel\b", message, re.IGNORECASE) is not None
    return named and too_large(message) is None


def flag_named(message: str) -> str:
    """Return the flag whose value a refusal mentions, or ""."""
    return next((flag for field, flag in _FLAGS if field in message), "")


def _is_key_wanted(body: bytes) -> bool:
    """Return whether a 401 is vLLM's, for a request without its --api-key. The API server's is a Status."""
    try:
        return read_object(body, finite=False).get("error") == "Unauthorized"
    except ValueError:
        return False


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
