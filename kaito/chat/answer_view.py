"""An answer as a person sees it: words as they come, reasoning set apart, and a sign of life before the first word."""

from __future__ import annotations

from kaito.errors import KaitoError
from kaito.model.events import Content, Reasoning
from kaito.terminal.echo import Unechoed
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.model.events import Event
    from kaito.terminal.console import Console

WAITING = "waiting for the model"
"""The words for a wait until the first token."""


class AnswerView:
    """One answer on its way to the terminal. State: whether any of it has been shown, and the terminal's echo.

    Use it in a `with` around the question, and pass each event to `show`. `reasoning`: show the model's reasoning.
    `hide_typing`: keep what is typed during the answer off the screen, because the next prompt shows it.
    `mark_failure`: say below an answer that failed after its first words that it is not part of the conversation.
    """

    def __init__(
        self, console: Console, *, reasoning: bool, hide_typing: bool = False, mark_failure: bool = True
    ) -> None:
        self._console = console
        self._reasoning = reasoning
        self._mark_failure = mark_failure
        self._begun = False
        self._unechoed = Unechoed(wanted=hide_typing)

    def __enter__(self) -> AnswerView:
        try:
            self._unechoed.begin()
            self._console.begin_wait(WAITING)
        except BaseException:
            # Ctrl-C in here never reaches __exit__.
            self._restore_terminal()
            raise
        return self

    def __exit__(self, kind: object, failure: object, trace: object) -> None:
        self._restore_terminal()
        self._console.end_answer()
        if self._mark_failure and self._begun and isinstance(failure, KaitoError):
            self._console.aside("[broken off, not kept]")

    def interrupted(self) -> None:
        """Show that Ctrl-C ended the answer: ^C at the cursor, even if the terminal did not echo it."""
        self._console.settle()
        if self._unechoed.active:
            self._console.prompt("^C")
        # Erasing the line of the wait also leaves the cursor at the beginning of a line.
        if not self._console.end_wait():
            self._console.break_line()

    def show(self, event: Event) -> None:
        """Show a piece of the answer or of the reasoning; other events do not show."""
        if isinstance(event, Content):
            self._console.end_wait()
            self._begun = True
            self._console.answer(event.text)
        elif isinstance(event, Reasoning):
            if self._reasoning:
                self._console.end_wait()
                self._console.reasoning(event.text)
            else:
                self._console.update_wait("the model is reasoning")

    def _restore_terminal(self) -> None:
        try:
            self._console.end_wait()
        finally:
            self._unechoed.end()
