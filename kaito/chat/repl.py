"""The chat on a terminal: read a message and answer it, until the user leaves."""

from __future__ import annotations

from kaito.chat.answer_view import AnswerView
from kaito.chat.report import speed
from kaito.chat.session import too_long
from kaito.chat.slash import Outcome, take
from kaito.errors import KaitoError
from kaito.terminal.streams import report
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kaito.chat.session import Session
    from kaito.terminal.console import Console
    from kaito.terminal.keyboard import Keyboard


class Display(NamedTuple):
    """What is shown besides the answers: the model's reasoning, and a line of figures after each answer."""

    reasoning: bool = True
    stats: bool = False


def run(session: Session, console: Console, keyboard: Keyboard, display: Display) -> None:
    """Hold the conversation. The error of a failed question is shown, and the chat goes on."""
    console.prepare()
    going_on = True
    while going_on:
        try:
            message = keyboard.read()
            if message is None:
                return
            if not message.text.strip():
                continue
            outcome = Outcome(question=message.text) if message.block else take(message.text, session, console)
            going_on = not outcome.leave
            if outcome.question:
                _answer(outcome.question, session, console, display, hide_typing=keyboard.shows_typed_ahead)
        except KaitoError as error:
            report(error)
        except KeyboardInterrupt:
            # It ended a line that was not sent, or a command that waited for the server; answers handle their own.
            pass
        if going_on:
            console.say()


def _answer(question: str, session: Session, console: Console, display: Display, *, hide_typing: bool) -> None:
    with AnswerView(console, reasoning=display.reasoning, hide_typing=hide_typing) as view:
        answer = session.ask(question, view.show)
        if answer.stopped:
            view.interrupted()
    if answer.stopped:
        console.aside("[stopped]")
    elif answer.outgrew:
        console.aside(f"[{too_long(answer).message}]")
    elif answer.cut_by:
        console.aside(f"[cut off by {answer.cut_by}]")
    elif answer.ending:
        console.aside(f"[{answer.ending}]")
    if display.stats:
        console.aside(f"[{speed(answer)}]")
