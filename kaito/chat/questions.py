"""What a script asks: messages from flags, a file or stdin, and the rule for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kaito.errors import UsageError


class Question(NamedTuple):
    """One message; only a line of stdin may be a command (`line`)."""

    text: str
    line: bool = False


def from_flags(messages: Sequence[str]) -> Iterator[Question]:
    """The turns that -m gives; what is piped in besides stands below the first, after a blank line.

    Raises UsageError for what is not UTF-8.
    """
    piped = "" if sys.stdin is None or sys.stdin.isatty() else _decode(sys.stdin.buffer.read(), "stdin")
    first = messages[0] + (f"\n\n{piped}" if piped.strip() else "")
    for text in (first, *messages[1:]):
        yield Question(text)


def from_file(path: str) -> Iterator[Question]:
    """One message: a whole file, or all of stdin for "-". Raises UsageError."""
    if path == "-":
        data = b"" if sys.stdin is None else sys.stdin.buffer.read()
    else:
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise UsageError(f"cannot read --file {path}: {error.strerror}") from None
    text = _decode(data, "stdin" if path == "-" else path)
    if text.strip():
        yield Question(text)


def from_lines() -> Iterator[Question]:
    """The lines of stdin that say something, without their ends. Raises UsageError for what is not UTF-8."""
    if sys.stdin is None:
        return
    for number, data in enumerate(sys.stdin.buffer, 1):
        try:
            line = data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"line {number} of stdin is not UTF-8") from None
        if line.strip():
            yield Question(line.rstrip("\r\n"), line=True)


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"line {line} of {name} is not UTF-8") from None
