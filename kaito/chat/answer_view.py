"""An answer as a person sees it: the words as they come, reasoning set apart, a sign of life before the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kaito.errors import KaitoError
from kaito.model.events import Content, Event, Reasoning
from kaito.terminal.console import Console, Unechoed

if TYPE_CHECKING:
    from kaito.terminal.progress import Ticker

# A wait below this is not felt; a sign of life would only flicker.
_PATIENCE = 0.3


class Shown:
    """One answer on its way to the terminal. State: the sign of life before the first word, whether there is one, and
    whether the terminal shows what is typed.

    Use it in a `with` around the question; `take` gets each event. `reasoning`: show what the model thinks. What
    came of an answer that fails stays on the screen, `marked`, since it is no part of the conversation.
    """

    def __init__(self, console: Console, *, reasoning: bool, marked: bool = True) -> None:
        self._console = console
        self._reasoning = reasoning
        self._marked = marked
        self._begun = False
        self._ticker = console.waiting = _ticker() if console.animated else None
        self._unechoed = Unechoed(console)

    def __enter__(self) -> Shown:
        try:
            self._unechoed.begin()
            if self._ticker:
                self._ticker.__enter__()
                self._ticker.say("waiting for the model")
        except BaseException:
            # Ctrl-C, after which nothing else would give the terminal back.
            self._give_back()
            raise
        return self

    def __exit__(self, kind: object, failure: object, trace: object) -> None:
        self._give_back()
        self._console.end_answer()
        if self._marked and self._begun and isinstance(failure, KaitoError):
            self._console.aside("[broken off, not kept]")

    def interrupted(self) -> None:
        """Ctrl-C ended the answer: ^C stands where the cursor is, in the sign of life's line or not."""
        if self._unechoed.active:
            self._console.prompt("^C")
        if not self._end_wait():
            self._console.break_line()

    def take(self, event: Event) -> None:
        """Shows a piece of the answer or of the reasoning."""
        if isinstance(event, Content):
            self._end_wait()
            self._begun = True
            self._console.answer(event.text)
        elif isinstance(event, Reasoning):
            if self._reasoning:
                self._end_wait()
                self._console.reasoning(event.text)
            elif self._ticker:
                self._ticker.say("the model is reasoning")

    def _give_back(self) -> None:
        try:
            self._end_wait()
        finally:
            self._unechoed.end()

    def _end_wait(self) -> bool:
        """Whether a sign of life was on the screen."""
        ticker, self._ticker, self._console.waiting = self._ticker, None, None
        return ticker is not None and ticker.close()


def _ticker() -> Ticker:
    from kaito.terminal.progress import Ticker

    return Ticker(_PATIENCE)
