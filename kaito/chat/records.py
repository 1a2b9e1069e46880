"""Answers as JSON: one object an answer, with the same fields in the same order every time.

prompt, response, reasoning, model, finish_reason, usage, time_to_first_token_seconds, duration_seconds, endpoint,
and, where it failed, error. What is not known is null, also prompt, when a run fails before it asked anything.
"""

from __future__ import annotations

import json
from typing import Any

from kaito.chat.session import Answer, Session
from kaito.chat.terminal import print_text
from kaito.errors import InferenceError, KaitoError
from kaito.timelimit import TimeUp


class Records:
    """Writes objects to stdout: one a line, or an array that is closed whatever happens. State: what was written.

    `array`: one array instead of lines. Once an error has been written, nothing more is.
    """

    def __init__(self, *, array: bool) -> None:
        self._array = array
        self._count = 0
        self._failed = False

    def add(self, record: dict[str, Any]) -> None:
        """Writes an object."""
        text = json.dumps(record, ensure_ascii=False)
        if self._array:
            print_text((",\n" if self._count else "[\n") + text)
        else:
            print_text(text + "\n")
        self._count += 1
        self._failed = "error" in record

    def fail(self, end: BaseException) -> None:
        """Writes the object of a run that failed outside of an answer, unless an answer's told of it."""
        if not self._failed:
            self.add(failed(_NOTHING, end))

    def close(self) -> None:
        """Ends the output."""
        if self._array:
            print_text("\n]\n" if self._count else "[]\n")


_NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "prompt",
        "response",
        "reasoning",
        "model",
        "finish_reason",
        "usage",
        "time_to_first_token_seconds",
        "duration_seconds",
        "endpoint",
    )
)


def record(session: Session, prompt: str, answer: Answer | None) -> dict[str, Any]:
    """The object of one answer; `answer` None when the question failed before any of it."""
    endpoint = session.found.endpoint
    made = {**_NOTHING, "prompt": prompt, "model": session.served or None}
    made["endpoint"] = {"url": endpoint.url, "type": endpoint.kind}
    if answer:
        made["response"] = answer.content
        made["reasoning"] = answer.reasoning or None
        made["finish_reason"] = answer.finish_reason or None
        made["usage"] = answer.usage._asdict() if answer.usage else None
        first = answer.first_token_seconds
        made["time_to_first_token_seconds"] = None if first is None else round(first, 6)
        made["duration_seconds"] = round(answer.seconds, 6)
    return made


def failed(made: dict[str, Any], end: BaseException) -> dict[str, Any]:
    """The object of an answer that failed: what came of it, and why it is no more."""
    if isinstance(end, KaitoError):
        error = {"message": end.message, "exit_code": end.exit_code}
    elif isinstance(end, TimeUp):
        error = {"message": end.message, "exit_code": InferenceError.exit_code}
    else:
        error = {"message": "interrupted", "exit_code": 130}
    return {**made, "error": error}
