"""Hiding what a person types while an answer is being written."""

from __future__ import annotations

from kaito.terminal.streams import STDIN
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Unechoed:
    """A time in which the terminal does not show what is typed. State: the terminal's settings before it.

    It keeps typed words out of the middle of an answer; the line editor shows them at the next prompt. Ctrl-C does
    not show as ^C either. `wanted`: false makes both methods do nothing.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._before: list[Any] | None = None

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
        except ImportError:
            return
        try:
            before = termios.tcgetattr(STDIN)
            changed = [*before]
            changed[3] &= ~termios.ECHO
            # Noted before the change, so that an interrupt right after it does not leave the terminal silent.
            self._before = before
            termios.tcsetattr(STDIN, termios.TCSANOW, changed)
        except termios.error:
            self._before = None

    def end(self) -> None:
        """Give the terminal its earlier settings back."""
        before, self._before = self._before, None
        if before is not None:
            import termios

            try:
                termios.tcsetattr(STDIN, termios.TCSANOW, before)
            except termios.error:
                pass
