"""Answers as JSON: one object per answer, with the same fields in the same order every time (docs/ci.md).

Unknown values are null. `error` is only in the last object of a run that failed. If the run fails between two
questions, that object's `prompt` is null as well.
"""

from __future__ import annotations

from kaito.chat.interrupts import Interrupts
from kaito.errors import InferenceError, KaitoError
from kaito.lazy_re import pattern
from kaito.terminal.streams import ReaderGone, print_text
from kaito.timelimit import TimeUp
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any

    from kaito.chat.answer import Answer
    from kaito.chat.session import Session

# Characters that a terminal would obey or some readers take for the end of a line, and that JSON does not escape.
_ESCAPED = pattern("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# Characters that are written at once; only objects that hold very long texts are written in several pieces.
_PIECE = 1 << 20

# How a run ends on purpose.
_ENDS = (KaitoError, KeyboardInterrupt, TimeUp, ReaderGone)


class Record(NamedTuple):
    """One object, without its error. The fields are in the order in which they are written."""

    prompt: str | None = None
    response: str | None = None
    reasoning: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    time_to_first_token_seconds: float | None = None
    duration_seconds: float | None = None
    endpoint: dict[str, str] | None = None


FIELDS = (*Record._fields, "error")


class JsonOutput:
    """Writes answers to stdout as JSON objects: one per line, or as one array. Use it in a `with` around the run.

    Whatever ends the run becomes the last object's `error`, and the array is closed. State: the session, the current
    question, the count of the objects written, and whether a write has failed.
    """

    def __init__(self, *, array: bool) -> None:
        self._array = array
        self._count = 0
        self._broken = False
        self._session: Session | None = None
        self._prompt: str | None = None
        self._interrupts = Interrupts()

    def __enter__(self) -> JsonOutput:
        self._interrupts.catch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # Python replaces a KeyboardInterrupt in the middle of an import by another error.
        was_interrupt = self._interrupts.came and error is not None and not isinstance(error, _ENDS)
        if was_interrupt:
            error = KeyboardInterrupt()
        if not self._broken:
            self._interrupts.hold_during(lambda: self._end(error))
        if was_interrupt:
            raise KeyboardInterrupt from None

    def connected(self, session: Session) -> None:
        """Name the model that answers in all further objects. Raises KeyboardInterrupt if one was lost before."""
        self._session = session
        # Python drops a KeyboardInterrupt at some points of an import.
        if self._interrupts.came:
            raise KeyboardInterrupt

    def asking(self, prompt: str) -> None:
        """Note the current question."""
        self._prompt = prompt

    def answered(self, answer: Answer) -> None:
        """Write the answer to the current question."""
        self._interrupts.hold_during(lambda: self._write_answer(answer))

    def _write_answer(self, answer: Answer) -> None:
        self._write(self._record(answer)._asdict())
        self._prompt = None

    def _end(self, error: BaseException | None) -> None:
        if error is not None:
            answer = self._session.partial_answer() if self._session and self._prompt is not None else None
            self._write({**self._record(answer)._asdict(), "error": _described(error)})
        if self._array:
            print_text("\n]\n" if self._count else "[]\n")

    def _record(self, answer: Answer | None) -> Record:
        """Return what is known: of the session, if connected, and of the answer, if a question was asked."""
        record = Record(prompt=self._prompt)
        if self._session:
            endpoint = self._session.destination.found.endpoint
            record = record._replace(
                model=self._session.model.id or None, endpoint={"url": endpoint.url, "type": endpoint.way.name}
            )
        if answer:
            first = answer.first_token_seconds
            record = record._replace(
                response=answer.content,
                reasoning=answer.reasoning or None,
                finish_reason=answer.finish_reason or None,
                usage=answer.usage._asdict() if answer.usage else None,
                time_to_first_token_seconds=None if first is None else round(first, 6),
                duration_seconds=round(answer.seconds, 6),
            )
        return record

    def _write(self, fields: dict[str, Any]) -> None:
        before, after = (",\n" if self._count else "[\n", "") if self._array else ("", "\n")
        self._broken = True
        text = before
        for piece in _encoded(fields):
            text += _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", piece)
            if len(text) > _PIECE:
                print_text(text)
                text = ""
        print_text(text + after)
        self._broken = False
        self._count += 1


def _encoded(fields: dict[str, Any]) -> Iterator[str]:
    """Yield the JSON of an object, a long string in pieces: the whole of it would take its size several times."""
    # Imported late, so that as little as possible runs between the flags and the `with`.
    from json import dumps

    before = "{"
    for name, value in fields.items():
        yield f"{before}{dumps(name)}: "
        before = ", "
        if isinstance(value, str) and len(value) > _PIECE:
            yield '"'
            for start in range(0, len(value), _PIECE):
                yield dumps(value[start : start + _PIECE], ensure_ascii=False)[1:-1]
            yield '"'
        else:
            yield dumps(value, ensure_ascii=False)
    yield "}"


def _described(error: BaseException) -> dict[str, Any]:
    """Return the `error` of an object."""
    if isinstance(error, KaitoError):
        return {"message": error.message, "exit_code": error.exit_code}
    if isinstance(error, TimeUp):
        return {"message": error.message, "exit_code": InferenceError.exit_code}
    if isinstance(error, KeyboardInterrupt):
        return {"message": "interrupted", "exit_code": 130}
    return {"message": f"unexpected: {type(error).__name__}", "exit_code": 1}
