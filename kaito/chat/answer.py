"""The answer to one question: complete, and while it is still coming."""

from __future__ import annotations

import time

from kaito.model.events import Content, Finish, Reasoning, Served, ToolCall, Usage
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kaito.chat.window import Plan
    from kaito.model.events import Event

LIMIT = 128 << 20
"""Bytes of UTF-8 that are kept of an answer, and of its reasoning: far more than a context window holds.

A server that sends more has lost its bounds, and would take all memory.
"""


# More names of tools than anybody reads; a model in a loop calls one again and again.
_MOST_TOOLS = 20


def with_thoughts_apart(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events; what stands between <think> and </think> at the beginning of the content is reasoning."""
    for event in events:
        if isinstance(event, Content):
            if event.text.lstrip()[:1] in ("", "<"):
                from kaito.chat.thoughts import set_apart

                yield from set_apart(event, events)
                return
            yield event
            break
        yield event
    yield from events


class Answer(NamedTuple):
    """What came of one question. Times are in seconds since the question.

    `reasoning`: "" as well if it was not to be kept. `stopped`: the user ended it. `cut_by`: the limit of tokens that
    ended it, in words, or "". `first_token_seconds`: when the first word came, reasoning included, or None.
    `outgrew`: the part that was cut because it is longer than `LIMIT`, "answer" or "model's reasoning", or "". `tools`:
    those that the model asked for. `ending`: what else ended it, in words, or "".
    """

    content: str
    reasoning: str
    finish_reason: str
    usage: Usage | None
    stopped: bool
    cut_by: str
    first_token_seconds: float | None
    seconds: float
    outgrew: str = ""
    tools: tuple[str, ...] = ()
    ending: str = ""


class PartialAnswer:
    """What has come of an answer so far. State: all of its attributes.

    `keeps_reasoning`: false for reasoning that nobody will ask for. `plan`: the request that is being answered, None
    before there was one. `outgrew`, `tools`: see `Answer`; nothing more is worth taking once it has outgrown the limit.
    """

    def __init__(self, *, keeps_reasoning: bool = True) -> None:
        # Bytes, because a list of a million small strings takes many times their size.
        self._content = bytearray()
        self._reasoning = bytearray() if keeps_reasoning else None
        self._start = time.monotonic()
        self._first_token_seconds: float | None = None
        self.finish_reason = ""
        self.model = ""
        self.usage: Usage | None = None
        self.plan: Plan | None = None
        self.outgrew = ""
        self.tools: tuple[str, ...] = ()

    @property
    def keeps_reasoning(self) -> bool:
        """Whether the reasoning is kept."""
        return self._reasoning is not None

    def take(self, event: Event) -> None:
        """Add an event of the answer."""
        if isinstance(event, (Content, Reasoning)):
            if self._first_token_seconds is None:
                self._first_token_seconds = time.monotonic() - self._start
            self._keep(event)
        elif isinstance(event, Finish):
            self.finish_reason = event.reason
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Served):
            self.model = event.model
        elif isinstance(event, ToolCall) and event.name not in self.tools and len(self.tools) < _MOST_TOOLS:
            self.tools = (*self.tools, event.name)

    def _keep(self, event: Content | Reasoning) -> None:
        is_content = isinstance(event, Content)
        kept, name = (self._content, "answer") if is_content else (self._reasoning, "model's reasoning")
        if kept is not None:
            kept += event.text.encode()
            if len(kept) > LIMIT:
                self.outgrew = name

    def as_answer(self, *, stopped: bool, cut_by: str, ending: str = "") -> Answer:
        """Return what has come until now as an answer."""
        return Answer(
            self._content.decode(),
            (self._reasoning or b"").decode(),
            self.finish_reason,
            self.usage,
            stopped,
            cut_by,
            self._first_token_seconds,
            time.monotonic() - self._start,
            self.outgrew,
            self.tools,
            ending,
        )
