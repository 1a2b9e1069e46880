"""What goes wrong at the model's server, in the words that a user reads. Pure."""

from __future__ import annotations

from kaito.errors import InferenceError
from kaito.net.errors import ConnectError, TimedOutError, TruncatedError
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.net.errors import TransportError

ENDED_EARLY = "the model may have been restarted, or a proxy on the way ended the answer: ask again"
"""The hint for an answer that stops before it is complete."""


class Busy(InferenceError):
    """A refusal of a server that is busy (429 or 503): the same request may succeed later."""


class WindowExceeded(InferenceError):
    """A request that the server refused, before any content, because it does not fit the context window.

    `window`: the size of the window; `prompt`: the size of the prompt; `asked`: the tokens requested for the reply. All
    in tokens, 0 where the server does not say. `at_least`: the server is a vLLM that stopped counting, so `prompt` is
    only a lower bound: what the reply's budget leaves of the window, and one token more.
    """

    def __init__(self, message: str, hint: str, window: int, prompt: int, asked: int, at_least: bool = False) -> None:
        super().__init__(message, hint)
        self.window = window
        self.prompt = prompt
        self.asked = asked
        self.at_least = at_least


def broken_answer(error: TransportError) -> InferenceError:
    """Return the error for an answer that did not arrive, or not completely."""
    if isinstance(error, TimedOutError):
        why = error.why.replace("no answer", "the model gave no answer").replace("the answer", "the model's answer")
        return InferenceError(why, "wait longer with --request-timeout; 0 waits forever")
    if isinstance(error, ConnectError):
        return InferenceError(f"cannot reach the model's server at {error.message}")
    if error.why.startswith("the answer"):
        return InferenceError(f"the model's{error.why[3:]}", ENDED_EARLY if isinstance(error, TruncatedError) else "")
    return InferenceError(f"the model did not answer: {error.why}")
