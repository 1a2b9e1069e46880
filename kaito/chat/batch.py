"""Piped input: each line is one message of one conversation; the first failure ends the run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from kaito.chat import slash
from kaito.chat.session import Session
from kaito.chat.terminal import Console
from kaito.errors import UsageError
from kaito.openai import Content, Event


def run(session: Session, console: Console) -> None:
    """Asks what stdin says, line by line. Raises KaitoError, and KeyboardInterrupt when the user ends it."""
    asked = False
    for line in _lines():
        call = slash.parse(line)
        if call is None:
            asked = True
            _ask(session, console, line)
        else:
            outcome = slash.run(call, session, console)
            if outcome.leave:
                break
            if outcome.question:
                asked = True
                _ask(session, console, outcome.question)
    if not asked:
        raise UsageError(
            "nothing was asked: stdin holds no message",
            'pipe one message a line: echo "Say OK" | kubectl kaito chat --workspace-name NAME',
        )


def _ask(session: Session, console: Console, message: str) -> None:
    def show(event: Event) -> None:
        if isinstance(event, Content):
            console.answer(event.text)

    try:
        answer = session.ask(message, show)
    finally:
        console.end_answer()
    if answer.stopped:
        raise KeyboardInterrupt
    if answer.cut_by:
        console.say(f"note: the answer was cut off by {answer.cut_by}")


def _lines() -> Iterator[str]:
    """The lines of stdin that say something, without their ends. Raises UsageError for what is not UTF-8."""
    if sys.stdin is None:
        return
    for number, data in enumerate(sys.stdin.buffer, 1):
        try:
            line = data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise UsageError(
                f"line {number} of stdin is not UTF-8", "convert it first: iconv -f ENCODING -t UTF-8"
            ) from None
        if line.strip():
            yield line.rstrip("\r\n")
