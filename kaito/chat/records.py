"""Answers as JSON: one object an answer, with the same fields in the same order every time (docs/ci.md).

What is not known is null, the prompt too when a run fails outside of a question. `error` is there only in the last
object, and only of a run that failed.
"""

from __future__ import annotations

from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from kaito.chat.terminal import ReaderGone, print_text
from kaito.errors import InferenceError, KaitoError
from kaito.patterns import pattern
from kaito.timelimit import TimeUp

if TYPE_CHECKING:
    from kaito.chat.session import Answer, Session

# What a terminal would obey, beyond what JSON escapes anyway, and what some readers take for a line's end.
_ESCAPED = pattern("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# What a run ends with on purpose.
_ENDS = (KaitoError, KeyboardInterrupt, TimeUp, ReaderGone)


class Records:
    """Writes answers to stdout as objects: one a line, or as one array. Use it in a `with` around the whole run.

    What ends the run becomes the last object's `error`, and the array is closed, whatever happens. State: the
    session, the question in hand, and what has been written.
    """

    def __init__(self, *, array: bool) -> None:
        self._array = array
        self._count = 0
        self._broken = False
        self._interrupted = False
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
        made_of_it = self._interrupted and error is not None and not isinstance(error, _ENDS)
        if made_of_it:
            error = KeyboardInterrupt()
        if not self._broken:
            self._end(error)
        if made_of_it:
            raise KeyboardInterrupt from None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt

    def _end(self, error: BaseException | None) -> None:
        with _Undisturbed():
            if error is not None:
                answer = self._session.partial() if self._session and self._prompt is not None else None
                self._write({**self._object(answer), "error": _told(error)})
            if self._array:
                print_text("\n]\n" if self._count else "[]\n")

    def connected(self, session: Session) -> None:
        """From here on it is known who answers. Raises KeyboardInterrupt if the run was to end earlier."""
        self._session = session
        # Python drops a KeyboardInterrupt at some points of an import.
        if self._interrupted:
            raise KeyboardInterrupt

    def asking(self, prompt: str) -> None:
        """A question is in hand."""
        self._prompt = prompt

    def answered(self, answer: Answer) -> None:
        """Writes the answer to the question in hand."""
        with _Undisturbed():
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
                {"url": session.found.endpoint.url, "type": session.found.endpoint.kind} if session else None
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


class _Undisturbed:
    """Holds back the signals that end a run, since half an object is no JSON. State: the first of them.

    It is delivered at the end; a second one is at once, for the reader may have stopped reading.
    """

    def __enter__(self) -> None:
        import signal

        self._first = 0
        self._handlers: dict[int, Any] = {}
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM"):
            number = getattr(signal, name, None)
            handler = signal.getsignal(number) if number else None
            if number and callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._hold)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        import signal

        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._first and error is None:
            self._handlers[self._first](self._first, None)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if self._first:
            self._handlers[number](number, frame)
        self._first = number
