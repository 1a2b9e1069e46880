"""The process's standard streams: which of them are terminals, and writing to them.

Text goes straight to the file descriptors, so that nothing waits in a buffer when the process ends.
"""

from __future__ import annotations

import os

from kaito.errors import KaitoError, os_reason
from kaito.text import harmless
from kaito.values import NamedTuple

STDIN, STDOUT, STDERR = 0, 1, 2


class ReaderGone(Exception):
    """The reader of stdout has gone away (`| head`); the run ends quietly, as SIGPIPE would end it."""


class Streams(NamedTuple):
    """Which of the standard streams are terminals."""

    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False

    @classmethod
    def of_process(cls) -> Streams:
        """Return what the process's own descriptors are."""
        return cls(os.isatty(STDIN), os.isatty(STDOUT), os.isatty(STDERR))


def write(descriptor: int, text: str) -> None:
    """Write all of `text` to STDOUT or STDERR.

    Raises ReaderGone or KaitoError when stdout takes no more. Text for a stderr that takes no more is dropped.
    """
    data = memoryview(text.encode("utf-8", "replace"))
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            import select

            select.select([], [descriptor], [])
        except BrokenPipeError:
            if descriptor == STDOUT:
                raise ReaderGone from None
            return
        except OSError as error:
            if descriptor == STDOUT:
                raise KaitoError(f"cannot write to stdout: {os_reason(error)}") from None
            return


def columns(descriptor: int) -> int:
    """Return the width of the terminal behind STDOUT or STDERR; 80 if it does not say."""
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80


def fitted(descriptor: int, text: str, hang: int = -1) -> str:
    """Return lines with their words wrapped if they go to a terminal and are too long for it.

    `hang`: the indent of the rows that continue a line; -1 for the line's own.
    """
    if (len(text) <= 40 and text.isascii()) or not os.isatty(descriptor):
        return text
    room = columns(descriptor)
    if text.isascii() and max(map(len, text.split("\n"))) <= room:
        return text
    from kaito.terminal.wrap import wrapped

    return wrapped(text, room, hang)


def report(error: KaitoError) -> None:
    """Write an error to stderr as every part of the program does: what failed and why, details, what to do next."""
    lines = (f"error: {error.message}", *error.details, *([error.hint] if error.hint else []))
    text = "\n".join(harmless(" ".join(line.splitlines())) for line in lines)
    write(STDERR, fitted(STDERR, text) + "\n")


def print_text(text: str) -> None:
    """Write to stdout what the user asked for, such as help or a version."""
    write(STDOUT, text)


def print_aside(text: str) -> None:
    """Write to stderr what a person should see and did not ask for."""
    write(STDERR, text)


def hold_standard_streams() -> None:
    """Keep file descriptors 0 to 2 taken, so that no socket becomes the stdout that a caller closed.

    Each closed descriptor is replaced by one that fails in the same way: it can be neither read nor written.
    """
    for descriptor, flags in ((STDIN, os.O_WRONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_RDWR)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)
