"""Hiding what a person types while an answer is being written."""

from __future__ import annotations

from kaito.terminal.streams import STDIN
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from kaito.terminal.signals import GuardedTerminal


class Unechoed:
    """A time in which the terminal does not show what is typed. State: the terminal's settings before it.

    It keeps typed words out of the middle of an answer; the line editor shows them at the next prompt. Ctrl-C does
    not show as ^C either. A signal that ends or stops the program first gives the terminal back. `wanted`: false makes
    both methods do nothing.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._before: list[Any] | None = None
        self._guard: GuardedTerminal | None = None

    @property
    def active(self) -> bool:
        """Whether the terminal hides what is typed now."""
        return self._before is not None

    def begin(self) -> None:
        """Hide what is typed from now on, if the system and the terminal can."""
        if not self._wanted:
            return
        try:
            import termios

            from kaito.terminal.signals import GuardedTerminal
        except ImportError:
            return
        try:
            before = termios.tcgetattr(STDIN)
            changed = [*before]
            changed[3] &= ~termios.ECHO
            # Noted before the change, so that an interrupt right after it does not leave the terminal silent.
            self._before = before
            self._guard = GuardedTerminal(before, changed)
            self._guard.begin()
            termios.tcsetattr(STDIN, termios.TCSANOW, changed)
        except termios.error:
            self.end()

    def end(self) -> None:
        """Give the terminal its earlier settings back."""
        before, self._before = self._before, None
        guard, self._guard = self._guard, None
        if before is not None:
            import termios

            try:
                termios.tcsetattr(STDIN, termios.TCSANOW, before)
            except termios.error:
                pass
        if guard is not None:
            guard.end()
