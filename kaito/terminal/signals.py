"""Signals that end or stop the program while it has changed the terminal: the terminal is given back first.

bash repairs its terminal when a program leaves it changed; dash, and every other program that starts this one, do not.
"""

from __future__ import annotations

import os
import signal

from kaito.terminal.streams import STDIN, STDOUT, write
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

# SIGINT is an exception in Python, and what it ends puts the terminal right on its way. A handler for SIGSEGV and its
# like would be called for ever.
_ENDING = [
    "SIGHUP",
    "SIGQUIT",
    "SIGTERM",
    "SIGALRM",
    "SIGUSR1",
    "SIGUSR2",
    "SIGABRT",
    "SIGXCPU",
    "SIGVTALRM",
    "SIGPROF",
    "SIGPOLL",
    "SIGPWR",
    "SIGSTKFLT",
]
_STOPPING = ["SIGTSTP"]


class GuardedTerminal:
    """A time in which the terminal has other settings. State: those before it, the handlers, whether it is stopped.

    `before` and `changed`: settings as of termios.tcgetattr; None if somebody else, such as readline, changes them.
    `leave` and `enter`: what to write to the terminal before it is given back, and once it is taken again.

    SIGTTIN and SIGTTOU are left alone: they stop a program whose terminal is the shell's already. readline would
    try to set the terminal for ever if a handler took the place of the stop.
    """

    def __init__(
        self, before: list[Any], changed: list[Any] | None = None, *, leave: str = "", enter: str = ""
    ) -> None:
        self._before = before
        self._changed = changed
        self._leave = leave
        self._enter = enter
        self._earlier: dict[int, Any] = {}
        self._stopped = False

    def begin(self) -> None:
        """Handle the signals from now on, except for those that are ignored, or handled already."""
        for names, handler in ((_ENDING, self._end), (_STOPPING, self._stop), (("SIGCONT",), self._continue)):
            for name in names:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                    self._earlier[number] = signal.signal(number, handler)

    def end(self) -> None:
        """Handle them no longer."""
        while self._earlier:
            signal.signal(*self._earlier.popitem())

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._give_back()
        self._default(number)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._changed = self._give_back() or self._changed
        self._stopped = True
        self._default(number)
        # Here the program has been continued. The terminal is taken again only once the next stop is handled, too.
        signal.signal(number, self._stop)
        self._stopped = False
        self._continue(number, frame)

    def _continue(self, number: int, frame: FrameType | None) -> None:
        # In the background the terminal is the shell's. Another SIGCONT comes with the foreground.
        if self._changed is not None and not self._stopped and _in_foreground():
            _set(self._changed)
            _show(self._enter)

    def _give_back(self) -> list[Any] | None:
        """Give the terminal its earlier settings and return those it had; None in the background."""
        import termios

        try:
            now = termios.tcgetattr(STDIN)
        except termios.error:
            return None
        foreground = _in_foreground()
        if not foreground and now != self._changed:
            # A shell in between ended or stopped by the same signal, and the one before it has set the terminal.
            return None
        # In the background, where this process may be from any moment on, SIGTTOU would stop it here.
        earlier = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        _set(self._before)
        if foreground:
            _show(self._leave)
        signal.signal(signal.SIGTTOU, earlier or signal.SIG_DFL)
        return now if foreground else None

    def _default(self, number: int) -> None:
        """Let the signal do what it does without a handler."""
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:
        return False


def _set(settings: list[Any]) -> None:
    import termios

    try:
        termios.tcsetattr(STDIN, termios.TCSANOW, settings)
    except termios.error:
        pass


def _show(text: str) -> None:
    from kaito.errors import KaitoError
    from kaito.terminal.streams import ReaderGone

    try:
        write(STDOUT, text)
    except (KaitoError, ReaderGone):
        pass
