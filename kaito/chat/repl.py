"""The terminal's loop: read a message, answer it, until the user leaves."""

from __future__ import annotations

from typing import NamedTuple

from kaito.chat import slash
from kaito.chat.answer_view import Shown
from kaito.chat.report import speed
from kaito.chat.session import Session
from kaito.errors import KaitoError
from kaito.terminal.console import Console
from kaito.terminal.keyboard import Keyboard
from kaito.terminal.message import Message


class Look(NamedTuple):
    """What is shown besides the answers: what the model thinks, and a line of figures behind each answer."""

    reasoning: bool = True
    stats: bool = False


def run(session: Session, console: Console, keyboard: Keyboard, look: Look) -> None:
    """Holds the conversation. A failed question is told and the chat goes on."""
    going = True
    while going:
        try:
            message = keyboard.read()
            if message is None:
                return
            if not message.text.strip():
                continue
            going = _take(message, session, console, look)
        except KaitoError as error:
            console.error(error)
        except KeyboardInterrupt:
            # A line that is not sent, or a command that waits for the server; answers see their own Ctrl-C.
            pass
        if going:
            console.say()


def _take(message: Message, session: Session, console: Console, look: Look) -> bool:
    """Answers one message; returns whether the chat goes on."""
    question = message.text
    call = None if message.block else slash.parse(question)
    if call is not None:
        outcome = slash.run(call, session, console)
        if not outcome.question:
            return not outcome.leave
        question = outcome.question
    with Shown(console, reasoning=look.reasoning) as shown:
        answer = session.ask(question, shown.take)
        if answer.stopped:
            shown.interrupted()
    if answer.stopped:
        console.aside("[stopped]")
    elif answer.cut_by:
        console.aside(f"[cut off by {answer.cut_by}]")
    if look.stats:
        console.aside(f"[{speed(answer)}]")
    return True
