"""The answer to one question: complete, and while it is still coming."""

from __future__ import annotations

import time
from typing import NamedTuple

from kaito.chat.window import Plan
from kaito.model.events import Content, Event, Finish, Reasoning, Served, Usage


class Answer(NamedTuple):
    """What came of one question. Times are in seconds since the question.

    `stopped`: the user ended it. `cut_by`: the limit that ended it, in words, or "". `first_token_seconds`: when the
    first word came, reasoning included, or None.
    """

    content: str
    reasoning: str
    finish_reason: str
    usage: Usage | None
    stopped: bool
    cut_by: str
    first_token_seconds: float | None
    seconds: float


class PartialAnswer:
    """What has come of an answer so far. State: all of its attributes.

    `plan`: the request that is being answered, None before there was one.
    """

    def __init__(self) -> None:
        # Bytes, because a list of a million small strings takes many times their size.
        self._content = bytearray()
        self._reasoning = bytearray()
        self._start = time.monotonic()
        self._first_token_seconds: float | None = None
        self.finish_reason = ""
        self.model = ""
        self.usage: Usage | None = None
        self.plan: Plan | None = None

    def take(self, event: Event) -> None:
        """Add an event of the answer."""
        if isinstance(event, (Content, Reasoning)):
            if self._first_token_seconds is None:
                self._first_token_seconds = time.monotonic() - self._start
            (self._content if isinstance(event, Content) else self._reasoning).extend(event.text.encode())
        elif isinstance(event, Finish):
            self.finish_reason = event.reason
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Served):
            self.model = event.model

    def as_answer(self, *, stopped: bool, cut_by: str) -> Answer:
        """Return what has come until now as an answer."""
        return Answer(
            self._content.decode(),
            self._reasoning.decode(),
            self.finish_reason,
            self.usage,
            stopped,
            cut_by,
            self._first_token_seconds,
            time.monotonic() - self._start,
        )
