"""What a script asks: messages from flags, from a file or from stdin, and the rule for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kaito.errors import UsageError

_PIECE = 64 * 1024

# Seconds without a byte on stdin after which a person is told what is waited for.
_PATIENCE = 2.0


class Question(NamedTuple):
    """One message; only a line of stdin may be a command (`line`)."""

    text: str
    line: bool = False


def from_flags(messages: Sequence[str], notice: Callable[[str], None]) -> list[Question]:
    """The turns that -m gives; all that is piped in besides stands below the first, after a blank line.

    `notice` is told when nothing comes from stdin. Raises UsageError.
    """
    for text in messages:
        if not text.strip():
            raise UsageError("a --message is empty", "give it a text: -m TEXT")
        if not _is_utf8(text):
            raise UsageError("a --message is not UTF-8", "ask from a file, converted with iconv: -f FILE")
    first, *others = messages
    if not os.isatty(0):
        _tell_of_silence(notice)
        piped = _decode(b"".join(_stdin()), "stdin")
        if piped.strip():
            first += f"\n\n{piped}"
    return [Question(first), *map(Question, others)]


def from_file(path: str) -> list[Question]:
    """One message: a whole file, or all of stdin for "-". Raises UsageError."""
    if path == "-":
        name, data = "stdin", b"".join(_stdin())
    else:
        name = f'--file "{path}"'
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise UsageError(f"cannot read {name}: {error.strerror}") from None
    text = _decode(data, name)
    if not text.strip():
        raise UsageError(f"nothing was asked: {name} holds no message")
    return [Question(text)]


def from_lines() -> Iterator[Question]:
    """The lines of stdin that say something, without their ends, each as soon as it is there. Raises UsageError."""
    for number, data in enumerate(_lines(), 1):
        line = _decode(data, "stdin", number)
        if line.strip():
            yield Question(line.rstrip("\r"), line=True)


def _lines() -> Iterator[bytes]:
    """The lines of stdin without their line feeds; time is linear in their length."""
    begun: list[bytes] = []
    for data in _stdin():
        first, *others = data.split(b"\n")
        begun.append(first)
        for piece in others:
            yield b"".join(begun)
            begun = [piece]
    yield b"".join(begun)


def _stdin() -> Iterator[bytes]:
    """What comes from stdin, as it comes; nothing where it is closed. Raises UsageError."""
    if sys.stdin is None:
        return
    while True:
        try:
            data = os.read(0, _PIECE)
        except BlockingIOError:
            import select

            select.select([0], [], [])
            continue
        except OSError as error:
            raise UsageError(f"cannot read stdin: {error.strerror}") from None
        if not data:
            return
        yield data


def _tell_of_silence(notice: Callable[[str], None]) -> None:
    """A stdin that nobody writes to and nobody closes, a CI runner's for one, would be a wait without a word."""
    import select

    try:
        ready = select.select([0], [], [], _PATIENCE)[0]
    except OSError:
        return
    if not ready:
        notice("note: reading stdin to its end; if there is nothing to read, redirect it: < /dev/null")


def _decode(data: bytes, name: str, line: int = 0) -> str:
    """The text of `data`; `line`: which one it is, 0 for all of them."""
    try:
        return data.decode("utf-8" if line > 1 else "utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = line or data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"line {wrong} of {name} is not UTF-8", "convert it first: iconv -f ENCODING -t UTF-8"
        ) from None


def _is_utf8(argument: str) -> bool:
    # What is no UTF-8 comes as lone surrogates (PEP 383).
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
