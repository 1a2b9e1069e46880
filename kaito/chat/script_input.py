"""What a script asks: messages from flags, from a file or from stdin, each with its own rule."""

from __future__ import annotations

import os
import sys

from kaito.errors import UsageError, os_reason
from kaito.terminal.streams import STDIN
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Bytes of one read.
_PIECE = 64 * 1024

# What some editors begin a file with. Not the codec utf-8-sig, which takes longer to import than it takes to read.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Seconds without a byte on stdin after which a notice says that the program reads it.
_PATIENCE = 2.0


class Question(NamedTuple):
    """One message. `line`: it is a line of stdin; only such a line may be a command. `more`: text after it was read."""

    text: str
    line: bool = False
    more: bool = False


def from_flags(messages: Sequence[str], notice: Callable[[str], None]) -> list[Question]:
    """Return the messages that -m gives. Everything on stdin goes below the first, after a blank line.

    `notice` is called with a line if nothing comes from stdin. Raises UsageError.
    """
    for text in messages:
        if not text.strip():
            raise UsageError("a --message is empty", "give it a text: -m TEXT")
        if not _is_utf8(text):
            raise UsageError("a --message is not UTF-8", "ask from a file, converted with iconv: -f FILE")
    first, *others = messages
    if not os.isatty(STDIN):
        _note_silence(notice)
        piped = _decode(b"".join(_stdin()), "stdin")
        if piped.strip():
            first += f"\n\n{piped}"
    return [Question(first), *map(Question, others)]


def from_file(path: str) -> list[Question]:
    """Return one message: a whole file, or all of stdin for "-". Raises UsageError."""
    if path == "-":
        name, data = "stdin", b"".join(_stdin())
    else:
        name = f'--file "{path}"'
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise UsageError(f"cannot read {name}: {os_reason(error)}") from None
    text = _decode(data, name)
    if not text.strip():
        raise UsageError(f"nothing was asked: {name} holds no message")
    return [Question(text)]


def from_lines() -> Iterator[Question]:
    """Yield the lines of stdin that are not blank, without line ends, each as soon as it comes. Raises UsageError."""
    for number, (data, more) in enumerate(_lines(), 1):
        line = _decode(data, "stdin", number)
        if line.strip():
            yield Question(line.rstrip("\r"), line=True, more=more)


def _lines() -> Iterator[tuple[bytes, bool]]:
    """Yield the lines of stdin without their line feeds, in time that is linear in their length.

    Beside each: whether text after it was read together with it.
    """
    begun: list[bytes] = []
    for data in _stdin():
        first, *others = data.split(b"\n")
        begun.append(first)
        left = len(data.rstrip())
        for piece in others:
            left -= len(begun[-1]) + 1
            yield b"".join(begun), left > 0
            begun = [piece]
    yield b"".join(begun), False


def is_left() -> bool:
    """Return whether stdin holds more text right now, some of which this reads."""
    import select

    try:
        return bool(select.select([STDIN], [], [], 0)[0] and os.read(STDIN, _PIECE).strip())
    except OSError:
        return False


def _stdin() -> Iterator[bytes]:
    """Yield what comes from stdin, as it comes; nothing if stdin is closed. Raises UsageError."""
    if sys.stdin is None:
        return
    while True:
        try:
            data = os.read(STDIN, _PIECE)
        except BlockingIOError:
            import select

            select.select([STDIN], [], [])
            continue
        except OSError as error:
            raise UsageError(f"cannot read stdin: {os_reason(error)}") from None
        if not data:
            return
        yield data


def _note_silence(notice: Callable[[str], None]) -> None:
    """Call `notice` if nothing comes from stdin: some CI runners leave it open forever, and never write to it."""
    import select

    try:
        ready = select.select([STDIN], [], [], _PATIENCE)[0]
    except OSError:
        return
    if not ready:
        notice("note: reading stdin to its end; if there is nothing to read, redirect it: < /dev/null")


def _decode(data: bytes, name: str, line: int = 0) -> str:
    """Return the text of `data`, which is a line by its number, or everything (0). Raises UsageError."""
    if line <= 1 and data.startswith(_BYTE_ORDER_MARK):
        data = data[len(_BYTE_ORDER_MARK) :]
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        wrong = line or data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"line {wrong} of {name} is not UTF-8", "convert it first: iconv -f ENCODING -t UTF-8"
        ) from None


def _is_utf8(argument: str) -> bool:
    # Python represents bytes that are not UTF-8 as lone surrogates (PEP 383).
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
