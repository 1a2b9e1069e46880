"""The terminal's loop: read a line, answer it, until the user leaves."""

from __future__ import annotations

import sys
from collections.abc import Callable

from kaito.chat import slash
from kaito.chat.session import Session
from kaito.chat.terminal import Console
from kaito.errors import KaitoError
from kaito.openai import Content, Event

PROMPT = "> "


def run(session: Session, console: Console) -> None:
    """Holds the conversation. A failed question is told and the chat goes on."""
    read_line = _line_reader(console)
    while True:
        try:
            line = read_line()
        except KeyboardInterrupt:
            console.say()
            continue
        except EOFError:
            console.say()
            return
        if not line.strip():
            continue
        try:
            if not _take(line, session, console):
                return
        except KaitoError as error:
            console.end_answer()
            console.error(error)
        except KeyboardInterrupt:
            console.end_interrupted()
        console.say()


def _take(line: str, session: Session, console: Console) -> bool:
    """Answers one line; returns whether the chat goes on."""
    call = slash.parse(line)
    if call is not None:
        return slash.run(call, session, console)

    def show(event: Event) -> None:
        if isinstance(event, Content):
            console.answer(event.text)

    answer = session.ask(line, show)
    if answer.stopped:
        console.end_interrupted()
        console.say("[stopped]")
        return True
    console.end_answer()
    if answer.cut_by:
        console.say(f"[cut off by {answer.cut_by}]")
    return True


def _line_reader(console: Console) -> Callable[[], str]:
    """How a line is read: with readline's editing where the terminal shows what it writes, else plainly."""
    if not console.answers_seen:
        # readline would write its prompt and echo to stdout, where the answers go.
        return lambda: _read_plainly(console)
    try:
        import readline  # noqa: F401  (importing it is what gives input() its editing)
    except ImportError:
        pass
    return lambda: input(PROMPT)


def _read_plainly(console: Console) -> str:
    console.prompt(PROMPT)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
