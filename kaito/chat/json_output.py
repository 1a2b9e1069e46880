"""Answers as JSON: one object an answer, with the same fields in the same order every time (docs/ci.md).

What is not known is null, the prompt too when a run fails outside of a question. `error` is there only in the last
object, and only of a run that failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from kaito.errors import InferenceError, KaitoError
from kaito.lazy_re import pattern
from kaito.terminal.console import ReaderGone, print_text
from kaito.timelimit import TimeUp

if TYPE_CHECKING:
    from kaito.chat.session import Answer, Session

# What a terminal would obey, beyond what JSON escapes anyway, and what some readers take for a line's end.
_ESCAPED = pattern("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# Seconds within which signals are one wish to end: systemd sends SIGTERM and SIGHUP at once, an impatient user two ^C.
_TOGETHER = 0.5

# What a run ends with on purpose.
_ENDS = (KaitoError, KeyboardInterrupt, TimeUp, ReaderGone)


class Records:
    """Writes answers to stdout as objects: one a line, or as one array. Use it in a `with` around the whole run.

    What ends the run becomes the last object's `error`, and the array is closed, whatever happens. State: the
    session, the question in hand, what has been written, and the wish to end: when it came (monotonic), and whether
    it waits for the end of the object that is being written.
    """

    def __init__(self, *, array: bool) -> None:
        self._array = array
        self._count = 0
        self._broken = False
        self._interrupted: float | None = None
        self._writing = False
        self._held = False
        self._session: Session | None = None
        self._prompt: str | None = None

    def __enter__(self) -> Records:
        import signal

        # SIGTERM is how a CI system cancels a job; the run ends as by Ctrl-C. What is ignored (nohup) stays so.
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # Python makes other errors of a KeyboardInterrupt in the middle of an import.
        made_of_it = self._interrupted is not None and error is not None and not isinstance(error, _ENDS)
        if made_of_it:
            error = KeyboardInterrupt()
        if not self._broken:
            self._undisturbed(lambda: self._end(error))
        if made_of_it:
            raise KeyboardInterrupt from None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        before, now = self._interrupted, time.monotonic()
        if before is not None and now - before < _TOGETHER:
            return
        self._interrupted = now
        if before is None and self._writing:
            self._held = True
        else:
            raise KeyboardInterrupt

    def _undisturbed(self, write: Callable[[], None]) -> None:
        """Writes, and lets what ends a run wait for that meanwhile, since half an object is no JSON.

        A second time is taken at its word, for the reader may have stopped reading.
        """
        import signal

        alarm = getattr(signal, "SIGALRM", None)
        limit = signal.getsignal(alarm) if alarm else None
        late: list[int] = []

        def hold(number: int, frame: FrameType | None) -> None:
            if late and callable(limit):
                limit(number, frame)
            late.append(number)

        try:
            self._writing = True
            if alarm and callable(limit):
                signal.signal(alarm, hold)
            write()
        finally:
            if alarm and callable(limit):
                signal.signal(alarm, limit)
            self._writing = False
        if self._held:
            self._held = False
            raise KeyboardInterrupt
        if late and callable(limit):
            limit(late[0], None)

    def _end(self, error: BaseException | None) -> None:
        if error is not None:
            answer = self._session.partial() if self._session and self._prompt is not None else None
            self._write({**self._object(answer), "error": _told(error)})
        if self._array:
            print_text("\n]\n" if self._count else "[]\n")

    def connected(self, session: Session) -> None:
        """From here on it is known who answers. Raises KeyboardInterrupt if the run was to end earlier."""
        self._session = session
        # Python drops a KeyboardInterrupt at some points of an import.
        if self._interrupted is not None:
            raise KeyboardInterrupt

    def asking(self, prompt: str) -> None:
        """A question is in hand."""
        self._prompt = prompt

    def answered(self, answer: Answer) -> None:
        """Writes the answer to the question in hand."""
        self._undisturbed(lambda: self._answer(answer))

    def _answer(self, answer: Answer) -> None:
        self._write(self._object(answer))
        self._prompt = None

    def _object(self, answer: Answer | None) -> dict[str, Any]:
        """An object without its error; `answer`: None when nothing was asked."""
        session = self._session
        usage = answer.usage if answer else None
        first = answer.first_token_seconds if answer else None
        return {
            "prompt": self._prompt,
            "response": answer.content if answer else None,
            "reasoning": (answer.reasoning or None) if answer else None,
            "model": (session.served or None) if session else None,
            "finish_reason": (answer.finish_reason or None) if answer else None,
            "usage": usage._asdict() if usage else None,
            "time_to_first_token_seconds": None if first is None else round(first, 6),
            "duration_seconds": round(answer.seconds, 6) if answer else None,
            "endpoint": (
                {"url": session.found.endpoint.url, "type": session.found.endpoint.way.name} if session else None
            ),
        }

    def _write(self, record: dict[str, Any]) -> None:
        # Made late, since nothing may come between the flags and the `with`.
        import json

        text = json.dumps(record, ensure_ascii=False)
        text = _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        before, behind = (",\n" if self._count else "[\n", "") if self._array else ("", "\n")
        self._broken = True
        print_text(f"{before}{text}{behind}")
        self._broken = False
        self._count += 1


def _told(error: BaseException) -> dict[str, Any]:
    """The `error` of an object."""
    if isinstance(error, KaitoError):
        return {"message": error.message, "exit_code": error.exit_code}
    if isinstance(error, TimeUp):
        return {"message": error.message, "exit_code": InferenceError.exit_code}
    if isinstance(error, KeyboardInterrupt):
        return {"message": "interrupted", "exit_code": 130}
    return {"message": f"unexpected: {type(error).__name__}", "exit_code": 1}
