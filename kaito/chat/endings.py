"""How an answer ended if not with "stop" or "length": what its finish reason means for the user. Pure.

The reasons are vLLM's (`FinishReason`; "tool_calls" in its chat completions) and those of a RAGEngine's guardrails
("content_filter"). An answer with content is an answer, whatever ended it, as with "length": the user gets a note. Only
"abort" is an error even then, as is every answer that breaks off. An answer without content is an error in any case.
"""

from __future__ import annotations

from kaito.errors import InferenceError
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kaito.chat.answer import Answer

_WORDS = {
    "content_filter": "the answer was blocked or cut off by the server's content filter",
    "repetition": "the answer was stopped by the server because it repeats itself",
}
_HINTS = {
    "content_filter": "the server's content filter blocked it: ask in another way",
    "repetition": "the server stopped it because it repeated itself: ask again, or raise --temperature",
}


def in_words(finish_reason: str, tools: Sequence[str]) -> str:
    """Return how an answer with content ended, for a note; "" if there is nothing to say. `tools`: called by name."""
    if tools or finish_reason == "tool_calls":
        return f"the model also asked for tools, which this program does not run{_names(tools)}"
    return _WORDS.get(finish_reason, "")


def failure(answer: Answer) -> InferenceError:
    """Return the error for an answer that was aborted, or has no content."""
    reason = answer.finish_reason
    why = f" (finish reason: {reason})" if reason else ""
    if reason == "abort":
        return InferenceError(
            f"the model's server broke off the answer{why}",
            "it is being stopped or paused, or somebody ended the request there: ask again",
        )
    if answer.tools or reason == "tool_calls":
        return InferenceError(
            f"the model asked for tools instead of answering{_names(answer.tools)}",
            "this program offers no tools and runs none: ask in another way",
        )
    hint = _HINTS.get(reason, "")
    # Without content, the first token belonged to the reasoning, whether or not that is kept.
    if answer.first_token_seconds is not None:
        hint = hint or ("allow it more with a larger --max-tokens" if answer.cut_by else "")
        return InferenceError(f"the model only reasoned and gave no answer{why}", hint)
    return InferenceError(f"the model gave an empty answer{why}", hint)


def _names(tools: Sequence[str]) -> str:
    return f": {excerpt(', '.join(tools), 200)}" if tools else ""
