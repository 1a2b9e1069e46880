"""What the user sees: the answer on stdout, everything else beside it.

Notices share stdout with the answers when a person types and reads at a terminal. Otherwise they go to stderr, so
that stdout holds the model's words alone. Text from a server cannot control a terminal: it is only ever displayed.
"""

from __future__ import annotations

import os
import time

from kaito.terminal.streams import STDERR, STDOUT, columns, fitted, write
from kaito.text import harmless
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kaito.terminal.progress import Progress
    from kaito.terminal.render import Renderer
    from kaito.terminal.streams import Streams

_BOLD, _DIM, _RESET = "\033[1m", "\033[2m", "\033[0m"

_REASONING, _ANSWER = "reasoning", "answer"

# Seconds before a wait is shown: nobody notices a shorter one, and the line would only flicker.
_PATIENCE = 0.3

# Seconds until what is loaded beside something else is loaded.
_PAUSE = 0.02


def wants_colour(choice: str, environ: Mapping[str, str]) -> bool:
    """Return whether to use colours on a terminal. `choice`: --color's auto, always or never.

    With auto, NO_COLOR (no-color.org: set to anything but "") and a terminal without colours turn them off.
    """
    if choice == "auto":
        return not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
    return choice == "always"


def _load_renderer() -> None:
    """Import the renderer, shortly after the prompt has been drawn or the question sent."""
    time.sleep(_PAUSE)
    import kaito.terminal.render  # noqa: F401


class Look(NamedTuple):
    """How text appears on a terminal.

    `colour`: with colours. `raw`: answers and reasoning as they come, without wrapping words and reading Markdown.
    `dumb`: the terminal knows no control sequences.
    """

    colour: bool = False
    raw: bool = False
    dumb: bool = False


_PLAIN = Look()


class Console:
    """The output of a chat. State: the part of an answer being written, the line feeds held back, the wait shown.

    `look`: see there; it can be changed between two answers. `quiet`: drop notices. `stdout_is_data`: keep notices out
    of stdout even if it is a terminal.

    `interactive`: stdin is a terminal, so a person types. `answers_seen`: the answers appear on a terminal.
    """

    def __init__(
        self, streams: Streams, look: Look = _PLAIN, *, quiet: bool = False, stdout_is_data: bool = False
    ) -> None:
        self.interactive = streams.stdin_is_terminal
        self.answers_seen = streams.stdout_is_terminal
        at_terminal = self.interactive and self.answers_seen and not stdout_is_data
        self._beside = STDOUT if at_terminal else STDERR
        self.look = look._replace(colour=look.colour and (at_terminal or streams.stderr_is_terminal))
        self._quiet = quiet
        self._shows_waits = at_terminal and streams.stderr_is_terminal and not quiet
        self._wait: Progress | None = None
        self._part = ""
        self._held = 0
        self._renderer: Renderer | None = None

    def prepare(self) -> None:
        """Load what shows answers on a terminal in a thread of its own, so that the first word need not wait for it."""
        if self.answers_seen and not self.look.raw:
            from _thread import start_new_thread

            start_new_thread(_load_renderer, ())

    def answer(self, text: str) -> None:
        """Write a piece of the answer as soon as it comes: byte for byte unless it appears on a terminal."""
        if self._part == _REASONING:
            self.end_answer()
            self.say()
            if self._beside == STDOUT and not self.look.colour:
                self.aside("[answer]")
        if self.answers_seen:
            self._show(_ANSWER, STDOUT, text)
        else:
            self._part = _ANSWER
            write(STDOUT, text)

    def reasoning(self, text: str) -> None:
        """Write a piece of the model's reasoning, dimmed, above the answer."""
        if self._part == _ANSWER:
            self.end_answer()
            self.say()
        if not self._part and text.strip("\n"):
            self.aside("[reasoning]")
        self._show(_REASONING, self._beside, text)

    def recall(self, text: str) -> None:
        """Show an earlier answer as it was shown when it came."""
        if self._beside == STDOUT:
            self.answer(text)
            self.end_answer()
        else:
            self.say(text)

    def settle(self) -> None:
        """Write what is still held of the answer or its reasoning, such as a table that has not ended."""
        renderer, self._renderer = self._renderer, None
        if renderer:
            write(STDOUT if self._part == _ANSWER else self._beside, renderer.finish())

    def end_answer(self) -> None:
        """End the answer or its reasoning with one newline, if any of it was written."""
        self.settle()
        if self._part:
            write(STDOUT if self._part == _ANSWER else self._beside, "\n")
        self._part, self._held = "", 0

    def break_line(self) -> None:
        """Begin a new line on the terminal unless `end_answer` is about to."""
        ends_with_newline = self._part == _REASONING or (self._part == _ANSWER and self.answers_seen)
        if self.interactive and not ends_with_newline:
            self.say()

    def _show(self, part: str, descriptor: int, text: str) -> None:
        """Write a piece of a part that appears on a terminal, or in a file beside the answers."""
        text = self._trimmed(part, text)
        if not text:
            return
        if self.look.raw or not (self.answers_seen if descriptor == STDOUT else os.isatty(descriptor)):
            write(descriptor, self._dimmed(text) if part == _REASONING else text)
            return
        if self._renderer is None:
            from kaito.terminal.render import Renderer
            from kaito.terminal.styles import DIM

            self._renderer = Renderer(
                lambda: columns(descriptor),
                styled=self.look.colour and part == _ANSWER,
                base=DIM if self.look.colour and part == _REASONING else 0,
                erases=not self.look.dumb,
            )
        write(descriptor, self._renderer.feed(text))

    def _trimmed(self, part: str, text: str) -> str:
        """Return `text` made harmless, without the line feeds that begin or end the part.

        Models put blank lines between their reasoning and their answer. Only the next piece shows whether line feeds
        end the part, so they are held back and written before that piece.
        """
        text = harmless(text) if self._part else harmless(text).lstrip("\n")
        words = text.rstrip("\n")
        after = len(text) - len(words)
        if not words:
            # A count, because a model may send nothing but line feeds, and thousands of them.
            self._held += after
            return ""
        words = "\n" * self._held + words
        # Noted before they are written, because Ctrl-C may follow the write at once.
        self._part, self._held = part, after
        return words

    def aside(self, text: str) -> None:
        """Write a dimmed line about the answer, such as that it was stopped or how fast it came."""
        write(self._beside, self._dimmed(fitted(self._beside, harmless(text))) + "\n")

    def _dimmed(self, text: str) -> str:
        return f"{_DIM}{text}{_RESET}" if self.look.colour and text else text

    def say(self, text: str = "", hang: int = -1) -> None:
        """Write a line that the user asked for: the result of a command. `hang`: see `streams.fitted`."""
        write(self._beside, fitted(self._beside, harmless(text), hang) + "\n")

    def as_it_came(self, text: str) -> None:
        """Write an answer without wrapping its words and reading its Markdown."""
        write(self._beside, harmless(text).strip("\n") + "\n")

    def notice(self, text: str = "") -> None:
        """Write a line about the state of things, such as the banner or a retry, unless the user wants quiet."""
        if not self._quiet:
            if self._wait:
                self._wait.erase()
            self.say(text)

    def prompt(self, text: str) -> None:
        """Write text that input follows on the same line."""
        write(self._beside, text)

    def bold(self, text: str) -> str:
        """Return `text` as it stands out on a terminal with colours."""
        return f"{_BOLD}{text}{_RESET}" if self.look.colour and text else text

    def begin_wait(self, text: str) -> None:
        """Show, on a line of its own that disappears again, what the user is waiting for; only on a terminal."""
        if self._shows_waits:
            # Imported here because the import of threading takes long, and only a terminal needs it.
            from kaito.terminal.progress import Progress

            self._wait = Progress(_PATIENCE)
            self._wait.start()
            self._wait.update(text)
            self.prepare()

    def update_wait(self, text: str) -> bool:
        """Show other words for a wait that has begun and not ended. Return whether there is one."""
        if self._wait:
            self._wait.update(text)
        return self._wait is not None

    def end_wait(self) -> bool:
        """Erase the line of the wait and return whether there was one on the screen."""
        wait, self._wait = self._wait, None
        return wait is not None and wait.close()
