"""A chat without a person: questions in, answers out; the first failure ends the run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kaito.chat import slash
from kaito.chat.answer_view import Shown
from kaito.chat.json_output import Records
from kaito.chat.script_input import Question
from kaito.chat.session import Answer, Session
from kaito.errors import ExpectationError, Interrupted, UsageError
from kaito.terminal.console import Console
from kaito.text import excerpt


def run(
    session: Session,
    console: Console,
    questions: Iterable[Question],
    records: Records | None,
    expected: Sequence[str] = (),
    *,
    stats: bool = False,
) -> None:
    """Asks the questions in turn. `records`: answers as JSON, None for their text; `expected`: patterns to match.

    `stats`: a notice of tokens and times behind each answer. Raises KaitoError, and KeyboardInterrupt when the user
    ends it.
    """
    if records:
        records.connected(session)
    asked = False
    for question in questions:
        text = question.text
        call = slash.parse(text) if question.line else None
        if call is not None:
            outcome = slash.run(call, session, console)
            if outcome.leave:
                break
            if not outcome.question:
                continue
            text = outcome.question
        asked = True
        answer = _ask(session, console, text, records)
        if stats:
            from kaito.chat.report import speed

            console.notice(f"[{speed(answer)}]")
        _judge(answer, console, expected)
        if records:
            records.answered(answer)
    if not asked:
        raise UsageError(
            "nothing was asked: stdin holds no message",
            'pipe one message a line: echo "Say OK" | kubectl kaito chat --workspace-name NAME',
        )


def _ask(session: Session, console: Console, text: str, records: Records | None) -> Answer:
    """The answer to `text`, shown as it comes where it is not recorded. Raises KaitoError, KeyboardInterrupt."""
    if records:
        records.asking(text)
        answer = session.ask(text, lambda event: None)
        if answer.stopped:
            raise KeyboardInterrupt
        return answer
    with Shown(console, reasoning=False, marked=False) as shown:
        answer = session.ask(text, shown.take)
        if answer.stopped:
            shown.interrupted()
    if answer.stopped:
        raise Interrupted
    return answer


def _judge(answer: Answer, console: Console, expected: Sequence[str]) -> None:
    """Passes an answer, or raises ExpectationError."""
    if answer.cut_by:
        console.notice(f"note: the answer was cut off by {answer.cut_by}")
    for pattern in expected:
        if not re.search(pattern, answer.content):
            raise ExpectationError(f"the answer does not match --expect {pattern}", f"it is: {excerpt(answer.content)}")
