"""Where words go: the answer to stdout, everything else to the person.

A person sits at a terminal on both stdin and stdout, or the notices go to stderr so that stdout holds the
model's words alone. On a terminal nothing from a server can do more than be read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kaito.errors import KaitoError
from kaito.terminal import style
from kaito.text import harmless

if TYPE_CHECKING:
    from kaito.terminal.progress import Ticker

_REASONING, _ANSWER = "reasoning", "answer"


class ReaderGone(Exception):
    """Whoever read stdout does so no more (`| head`); the run ends quietly, as SIGPIPE would end it."""


class Console:
    """The process's three streams. State: which part of an answer is being written, and the line feeds held back.

    `interactive`: stdin is a terminal, so a person types. `answers_seen`: the answers appear on a terminal.
    `animated`: a line that is rewritten would be seen. `waiting`: such a line that is there now. `colour`: asides
    may be dimmed. `echoes_later`: a line editor shows at the next prompt what was typed meanwhile. `quiet`: notices
    are dropped. `apart`: stdout is for other things, on a terminal too.
    """

    def __init__(self, *, colour: bool = False, quiet: bool = False, apart: bool = False) -> None:
        self.interactive = os.isatty(0)
        self.answers_seen = os.isatty(1)
        self.animated = self.interactive and self.answers_seen and os.isatty(2) and not (quiet or apart)
        self._notices = 1 if self.interactive and self.answers_seen and not apart else 2
        self._quiet = quiet
        self.waiting: Ticker | None = None
        self.echoes_later = False
        self._colour = colour and os.isatty(self._notices)
        self._part = ""
        self._held = 0

    def answer(self, text: str) -> None:
        """A piece of the answer, as it comes: byte for byte where it is not seen on a terminal."""
        if self._part == _REASONING:
            self.end_answer()
            self.say()
        if self.answers_seen:
            text = self._trimmed(_ANSWER, text)
        else:
            self._part = _ANSWER
        _write(1, text)

    def reasoning(self, text: str) -> None:
        """A piece of what the model thinks, dimmed, above the answer."""
        if self._part == _ANSWER:
            self.end_answer()
            self.say()
        if not self._part and text.strip("\n"):
            self.aside("[reasoning]")
        _write(self._notices, self._dimmed(self._trimmed(_REASONING, text)))

    def end_answer(self) -> None:
        """Ends the answer, or its reasoning, with one newline, if there was one."""
        if self._part:
            _write(1 if self._part == _ANSWER else self._notices, "\n")
        self._part, self._held = "", 0

    def break_line(self) -> None:
        """Begins a new line on the terminal where `end_answer` will not."""
        below = self._part == _REASONING or (self._part == _ANSWER and self.answers_seen)
        if self.interactive and not below:
            self.say()

    def _trimmed(self, part: str, text: str) -> str:
        """`text` made harmless, without line feeds at the beginning of the part and at its end.

        Models put blank lines between what they think and what they say. Whether some are the end is only known
        when more comes, which they are then given away with.
        """
        text = harmless(text) if self._part else harmless(text).lstrip("\n")
        words = text.rstrip("\n")
        after = len(text) - len(words)
        if not words:
            # A count, since a model may send line feeds alone, and thousands of them.
            self._held += after
            return ""
        words = "\n" * self._held + words
        # Before they are written: Ctrl-C may come right behind.
        self._part, self._held = part, after
        return words

    def aside(self, text: str) -> None:
        """A line about the answer, dimmed: that it was stopped, how fast it came."""
        _write(self._notices, self._dimmed(harmless(text)) + "\n")

    def _dimmed(self, text: str) -> str:
        return f"{style.DIM}{text}{style.RESET}" if self._colour and text else text

    def say(self, text: str = "") -> None:
        """A line that the person asked for: the result of a command."""
        _write(self._notices, harmless(text) + "\n")

    def notice(self, text: str = "") -> None:
        """A line about how things go: the banner, a retry. None where the user wants quiet."""
        if not self._quiet:
            if self.waiting:
                self.waiting.erase()
            self.say(text)

    def prompt(self, text: str) -> None:
        """A prompt, where no line editor writes it."""
        _write(self._notices, text)

    def error(self, error: KaitoError) -> None:
        """An error in its one or two lines, on stderr."""
        report(error)


class Unechoed:
    """Keeps a terminal from showing what is typed, in the middle of an answer. State: how the terminal was.

    The line editor shows it at the next prompt. Nothing shows Ctrl-C meanwhile.
    """

    def __init__(self, console: Console) -> None:
        self._wanted = console.interactive and console.echoes_later
        self._before: list[Any] | None = None

    @property
    def active(self) -> bool:
        """Whether what is typed does not show now."""
        return self._before is not None

    def begin(self) -> None:
        """From here on, where this is a terminal that can."""
        if not self._wanted:
            return
        try:
            import termios
        except ImportError:
            return
        try:
            before = termios.tcgetattr(0)
            changed = [*before]
            changed[3] &= ~termios.ECHO
            self._before = before
            termios.tcsetattr(0, termios.TCSANOW, changed)
        except termios.error:
            self._before = None

    def end(self) -> None:
        """Makes the terminal what it was."""
        before, self._before = self._before, None
        if before is not None:
            import termios

            try:
                termios.tcsetattr(0, termios.TCSANOW, before)
            except termios.error:
                pass


def report(error: KaitoError) -> None:
    """Writes an error as every part of the program does: what failed and why, details, what to do next."""
    lines = (f"error: {error.message}", *error.details, *([error.hint] if error.hint else []))
    _write(2, "".join(harmless(" ".join(line.splitlines())) + "\n" for line in lines))


def print_text(text: str) -> None:
    """Writes a text that was asked for (help, a version) to stdout."""
    _write(1, text)


def print_aside(text: str) -> None:
    """Writes to stderr what is for a person and not asked for."""
    _write(2, text)


def hold_standard_streams() -> None:
    """Keeps file descriptors 0 to 2 taken, so that no socket becomes the stdout that a caller closed.

    A closed one is replaced by one that fails as it did: nothing can be read from it, nothing written to it.
    """
    for descriptor, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDWR)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)


def _write(descriptor: int, text: str) -> None:
    """Writes all of `text`; what goes to stderr is dropped where stderr is gone."""
    data = memoryview(text.encode("utf-8", "replace"))
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            import select

            select.select([], [descriptor], [])
        except BrokenPipeError:
            if descriptor == 1:
                raise ReaderGone from None
            return
        except OSError as error:
            if descriptor == 1:
                raise KaitoError(f"cannot write to stdout: {error.strerror}") from None
            return
