"""What a person types, a message at a time, with readline's editing and history if this Python has readline.

A paste of several lines is one message. GNU readline tells a paste from typing if the terminal marks it; otherwise
lines that arrive together are taken together.
"""

from __future__ import annotations

import os
import select
import sys
import time

from kaito.errors import KaitoError
from kaito.terminal import history, readline_setup
from kaito.terminal.message import Assembler, recalled
from kaito.terminal.streams import STDIN
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.terminal.console import Console
    from kaito.terminal.message import Message
    from kaito.terminal.signals import GuardedTerminal

PROMPT = "> "
CONTINUED = "... "

# Seconds within which the next line of a paste arrives; a person takes many times as long.
_PASTE_GAP = 0.03


class Keyboard:
    """The terminal as a source of messages. State: readline's own, and the file that keeps what was typed.

    `history_file`: "" keeps nothing. `complete`: the whole lines that Tab may make of the line typed so far.
    """

    def __init__(self, console: Console, history_file: str, complete: Callable[[str], list[str]]) -> None:
        self._console = console
        self._file = history_file
        # readline writes its prompt and echo to stdout, so it is of no use where the answers are redirected.
        self._readline = readline_setup.load() if console.answers_seen else None
        # The version of a GNU readline that brackets pastes, otherwise 0.
        self._brackets = 0
        if self._readline is not None:
            self._brackets = readline_setup.bracket_pastes(self._readline, os.environ.get("TERM", ""))
            self._readline.set_auto_history(False)
            for entry in history.load(history_file) if history_file else ():
                readline_setup.add_history(self._readline, entry)
            readline_setup.set_completer(self._readline, complete)

    @property
    def shows_typed_ahead(self) -> bool:
        """Whether the next prompt shows what was typed before it, because a line editor reads it."""
        return self._readline is not None

    def read(self) -> Message | None:
        """Return the next message; None at the end of input, even in an unfinished block.

        Raises KeyboardInterrupt, which discards what was typed of the message.
        """
        assembler = Assembler()
        while True:
            entered = self._entered(CONTINUED if assembler.open else PROMPT)
            if entered is None:
                if not readline_setup.ends_line(self._brackets):
                    self._end_line()
                return None
            message = assembler.feed(entered)
            if message is not None:
                self._remember(message)
                return message

    def _end_line(self) -> None:
        try:
            self._console.say()
        except KaitoError:
            # The input ended because the terminal is gone.
            pass

    def _entered(self, prompt: str) -> str | None:
        """Return one line, or all the lines of a paste; None at the end of input."""
        # What was typed during the last answer is not a paste, and is taken line by line.
        typed_ahead = _has_input(0.0)
        line = self._line(prompt)
        if line is None or typed_ahead or self._brackets:
            return line
        while _has_input(_PASTE_GAP):
            more = self._line("")
            if more is None:
                break
            line += "\n" + more
        return line

    def _line(self, prompt: str) -> str | None:
        shown = self._console.bold(prompt)
        if self._readline is not None:
            return self._edited_line(readline_setup.prompt(self._readline, prompt, shown))
        self._console.prompt(shown)
        return _plain_line()

    def _edited_line(self, prompt: str) -> str | None:
        """Return a line as readline edits it. Signals are handled here, since Python keeps readline from it."""
        guard = self._guard()
        try:
            if guard:
                guard.begin()
            return input(prompt)
        except EOFError:
            return None
        finally:
            if guard:
                guard.end()

    def _guard(self) -> GuardedTerminal | None:
        try:
            import termios
        except ImportError:
            return None
        from kaito.terminal.signals import GuardedTerminal

        try:
            before = termios.tcgetattr(STDIN)
        except termios.error:
            return None
        leave, enter = ("\033[?2004l", "\033[?2004h") if self._brackets else ("", "")
        return GuardedTerminal(before, leave=leave, enter=enter)

    def _remember(self, message: Message) -> None:
        if not message.text.strip():
            return
        entry = recalled(message)
        if self._readline is not None:
            last = self._readline.get_current_history_length()
            if not last or self._readline.get_history_item(last) != entry:
                readline_setup.add_history(self._readline, entry)
        if self._file:
            history.append(self._file, entry)


def _has_input(seconds: float) -> bool:
    """Return whether typed input waits to be read, or arrives within that many seconds."""
    if sys.platform != "win32":
        return bool(select.select([STDIN], [], [], seconds)[0])
    # On Windows, select takes only sockets.
    import msvcrt

    end = time.monotonic() + seconds
    while not msvcrt.kbhit():
        if time.monotonic() >= end:
            return False
        time.sleep(0.001)
    return True


def _plain_line() -> str | None:
    """Return a line as the terminal itself edits it; None at the end of input, and if the terminal is gone.

    Reads the descriptor, one line at a time: a buffer would hide from `_has_input` that more has come.
    """
    data = bytearray()
    while not data.endswith(b"\n"):
        try:
            piece = os.read(STDIN, 4096)
        except BlockingIOError:
            # Another process that shares the terminal has set O_NONBLOCK.
            select.select([STDIN], [], [])
            continue
        except OSError:
            # EIO: the terminal hung up while SIGHUP is ignored. The line it had begun was never sent.
            return None
        if not piece:
            if not data:
                return None
            break
        data += piece
    return data.decode(sys.stdin.encoding or "utf-8", "replace").rstrip("\n")
