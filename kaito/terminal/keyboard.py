"""What a person types, a message at a time: readline's editing and history where there is a readline.

A paste of many lines is one message. GNU readline tells a paste from typing where the terminal brackets it;
elsewhere lines that arrive at once are taken together.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from types import ModuleType

from kaito.errors import KaitoError
from kaito.terminal import history
from kaito.terminal.console import Console
from kaito.terminal.message import Assembler, Message, recalled

PROMPT = "> "
CONTINUED = "... "

# Seconds between two lines of a paste; a person needs many times that.
_AT_ONCE = 0.03

# Terminals that do not mark what is pasted, and would show the request to.
_PLAIN = ("", "dumb", "linux", "ansi", "vt100", "vt102", "vt220", "eterm-color")


class Keyboard:
    """The terminal as a source of messages. State: readline's, and the file that keeps what was typed.

    `history_file`: "" keeps nothing. `complete`: the whole lines that Tab may make of the line typed so far.
    """

    def __init__(self, console: Console, history_file: str, complete: Callable[[str], list[str]]) -> None:
        self._console = console
        self._file = history_file
        # readline would write its prompt and echo to stdout, where the answers go.
        self._readline = _readline() if console.answers_seen else None
        # GNU readline's version, 0 where it does not bracket pastes.
        self._brackets = _bracket_pastes(self._readline) if self._readline is not None else 0
        console.echoes_later = self._readline is not None
        if self._readline is not None:
            self._readline.set_auto_history(False)
            for entry in history.load(history_file) if history_file else ():
                _add(self._readline, entry)
            _set_completer(self._readline, complete)

    def read(self) -> Message | None:
        """The next message; None at the end of input, also within an unfinished block.

        Raises KeyboardInterrupt, and then what was typed of the message is gone.
        """
        assembler = Assembler()
        while True:
            line = self._entered(CONTINUED if assembler.open else PROMPT)
            if line is None:
                # GNU readline 8.1 leaves the prompt's line itself, if it brackets pastes.
                if self._brackets < 0x801:
                    self._end_line()
                return None
            message = assembler.feed(line)
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
        """One line, or all the lines of a paste; None at the end of input."""
        # What was typed during the last answer is no paste: it is taken line by line.
        ahead = _pending(0.0)
        line = self._line(prompt)
        if line is None or ahead or self._brackets:
            return line
        while _pending(_AT_ONCE):
            more = self._line("")
            if more is None:
                break
            line += "\n" + more
        return line

    def _line(self, prompt: str) -> str | None:
        if self._readline is not None:
            try:
                return input(prompt)
            except EOFError:
                return None
        self._console.prompt(prompt)
        return _plain_line()

    def _remember(self, message: Message) -> None:
        if not message.text.strip():
            return
        entry = recalled(message)
        if self._readline is not None:
            last = self._readline.get_current_history_length()
            if not last or self._readline.get_history_item(last) != entry:
                _add(self._readline, entry)
        if self._file:
            history.append(self._file, entry)


def _readline() -> ModuleType | None:
    _leave_ascii()
    try:
        import readline
    except ImportError:
        return None
    return readline


def _leave_ascii() -> None:
    """Takes C.UTF-8, where there is one, for a locale without characters, or one that is not installed.

    There readline drops what is not ASCII, while Python itself goes on in UTF-8 (PEP 540).
    """
    import locale

    try:
        if locale.setlocale(locale.LC_CTYPE, "") not in ("C", "POSIX"):
            return
    except locale.Error:
        # Not installed, which leaves it at C.
        pass
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return
    # Python takes the locale from here each time it calls readline.
    os.environ["LC_ALL"] = "C.UTF-8"


def _add(readline: ModuleType, entry: str) -> None:
    try:
        readline.add_history(entry)
    except UnicodeError:
        # The locale has no such characters.
        pass


def _is_gnu(readline: ModuleType) -> bool:
    return "libedit" not in (readline.__doc__ or "")


def _bracket_pastes(readline: ModuleType) -> int:
    """Asks the terminal to mark what is pasted → GNU readline's version; 0: it cannot, or the terminal cannot."""
    version: int = getattr(readline, "_READLINE_RUNTIME_VERSION", 0)
    able = _is_gnu(readline) and version >= 0x700 and os.environ.get("TERM", "") not in _PLAIN
    if _is_gnu(readline):
        readline.parse_and_bind(f"set enable-bracketed-paste {'on' if able else 'off'}")
    return version if able else 0


def _set_completer(readline: ModuleType, complete: Callable[[str], list[str]]) -> None:
    found: list[str] = []

    def completer(word: str, state: int) -> str | None:
        if state == 0:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            # readline replaces the word alone.
            found[:] = [whole[len(line) - len(word) :] for whole in complete(line)]
        return found[state] if state < len(found) else None

    readline.set_completer(completer)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete" if _is_gnu(readline) else "bind ^I rl_complete")


def _pending(seconds: float) -> bool:
    """Whether more has been typed, or is within so many seconds."""
    if sys.platform != "win32":
        return bool(select.select([0], [], [], seconds)[0])
    # Windows selects among sockets only.
    import msvcrt

    end = time.monotonic() + seconds
    while not msvcrt.kbhit():
        if time.monotonic() >= end:
            return False
        time.sleep(0.001)
    return True


def _plain_line() -> str | None:
    """A line as the terminal itself edits it; None at the end of input, and where the terminal is gone.

    Read from the descriptor, a line at a time: a buffer would hide from `_pending` that more has come.
    """
    data = bytearray()
    while not data.endswith(b"\n"):
        try:
            piece = os.read(0, 4096)
        except BlockingIOError:
            # Whoever shares the terminal has set O_NONBLOCK.
            select.select([0], [], [])
            continue
        except OSError:
            # EIO: it was hung up, and SIGHUP is ignored. What was typed of a line was not sent.
            return None
        if not piece:
            if not data:
                return None
            break
        data += piece
    return data.decode(sys.stdin.encoding or "utf-8", "replace").rstrip("\n")
