"""A chat without a person: questions in, answers out; the first failure ends the run."""

from __future__ import annotations

import re

from kaito.chat.answer_view import AnswerView
from kaito.chat.session import too_long
from kaito.errors import ExpectationError, Interrupted, UsageError
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kaito.chat.answer import Answer
    from kaito.chat.json_output import JsonOutput
    from kaito.chat.script_input import Question
    from kaito.chat.session import Session
    from kaito.terminal.console import Console


def run(
    session: Session,
    console: Console,
    questions: Iterable[Question],
    output: JsonOutput | None,
    expected: Sequence[str] = (),
    *,
    stats: bool = False,
) -> None:
    """Ask the questions in turn.

    `output` writes the answers as JSON, None: as text. `expected`: patterns that each answer must match. `stats`: a
    notice with tokens and times after each answer. Raises KaitoError, and KeyboardInterrupt if the user ends the run.
    """
    if output:
        output.connected(session)
    asked = noted = False
    for question in questions:
        text = question.text
        if question.line and _may_be_command(text):
            from kaito.chat.slash import take

            leave, text = take(text, session, console)
            if leave:
                _note_rest(question, console)
                break
            if not text:
                continue
        if question.line and asked and not noted:
            console.notice("note: each line of stdin is a message of its own; to send all of it as one: -f -")
            noted = True
        asked = True
        answer = _ask(session, console, text, output)
        if stats:
            from kaito.chat.report import speed

            console.notice(f"[{speed(answer)}]")
        _check(answer, console, expected)
        if output:
            output.answered(answer)
    if not asked:
        raise UsageError(
            "nothing was asked: stdin holds no message",
            'pipe one message a line: echo "Say OK" | kubectl kaito chat --workspace-name NAME',
        )


def _note_rest(last: Question, console: Console) -> None:
    """Say that `last`, which ended the run, left lines unread, as far as that is known without waiting for them."""
    from kaito.chat.script_input import is_left

    if last.more or is_left():
        console.notice(f"note: {last.text.strip()} ended the run; the lines after it were not read")


def _may_be_command(line: str) -> bool:
    """Return whether the table of commands is needed to tell: they are one word, or begin with a slash."""
    line = line.strip()
    return line.startswith("/") or line.isalpha()


def _ask(session: Session, console: Console, text: str, output: JsonOutput | None) -> Answer:
    """Return the answer to `text`; without JSON, show it as it comes. Raises KaitoError, KeyboardInterrupt."""
    if output:
        output.asking(text)
        answer = session.ask(text, lambda event: None)
        if answer.stopped:
            raise KeyboardInterrupt
        return answer
    with AnswerView(console, reasoning=False, mark_failure=False) as view:
        answer = session.ask(text, view.show)
        if answer.stopped:
            view.interrupted()
    if answer.stopped:
        raise Interrupted
    return answer


def _check(answer: Answer, console: Console, expected: Sequence[str]) -> None:
    """Raise ExpectationError unless the answer matches every pattern; note that it was cut off.

    Raises InferenceError if it was cut because it has no end.
    """
    if answer.outgrew:
        raise too_long(answer)
    if answer.cut_by:
        console.notice(f"note: the answer was cut off by {answer.cut_by}")
    if answer.ending:
        console.notice(f"note: {answer.ending}")
    for pattern in expected:
        if not re.search(pattern, answer.content):
            raise ExpectationError(f"the answer does not match --expect {pattern}", f"it is: {excerpt(answer.content)}")
