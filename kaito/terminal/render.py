"""An answer as it is written to a terminal: rows of styled text, of which only the last one is ever rewritten. Pure."""

from __future__ import annotations

import time

from kaito.terminal.markdown import Reader
from kaito.terminal.styles import DIM, paint
from kaito.terminal.wrap import Page
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a table is held until it ends.
_PATIENCE = 2.0


class Renderer:
    """Makes what is written to a terminal of the pieces of a text. Each piece ends in the terminal's own style.

    `columns` returns the terminal's width. `styled`: read Markdown, and use colours; otherwise only words are wrapped.
    `base`: a style for all of the text. `erases`: the terminal can erase a row. State: what has been read, since when a
    table is held, and the sign of life or the number at the end of the last row, which is not the page's.
    """

    def __init__(
        self,
        columns: Callable[[], int],
        *,
        styled: bool,
        base: int = 0,
        erases: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._columns = columns
        self._page = Page(columns)
        self._reader = Reader(self._page, styled=styled)
        self._base = base
        self._erases = erases
        self._clock = clock
        self._held: float | None = None
        self._sign = ""

    def feed(self, text: str) -> str:
        """Return what to write for a piece of text, which holds no control characters but line feeds and tabs."""
        self._rewrite_sign()
        self._reader.feed(text)
        now = self._clock()
        if not self._reader.holds:
            self._held = None
        elif self._held is None:
            self._held = now
        elif now - self._held >= _PATIENCE:
            self._held = None
            self._reader.release()
        return self._drawn(final=False)

    def finish(self) -> str:
        """Return what to write at the end of the text."""
        self._rewrite_sign()
        self._reader.finish()
        return self._drawn(final=True)

    def _rewrite_sign(self) -> None:
        if self._sign:
            self._page.change()

    def _drawn(self, *, final: bool) -> str:
        width = self._page.width
        held = 0 if final else self._reader.holds
        sign = "" if final else self._reader.number
        if held:
            sign = f"… {held} row{'s' if held > 1 else ''} of a table"[: width - 1]
        if self._sign == sign and held:
            return ""
        self._sign = sign
        taken, rows = self._page.take()
        drawn = self._erased(width) if taken < 0 else ""
        drawn += paint(rows[0][max(taken, 0) :], self._base)
        for row in rows[1:]:
            drawn += "\n" + paint(row, self._base)
        return drawn + paint([(sign, DIM if held else 0, "")], self._base)

    def _erased(self, width: int) -> str:
        """Return what erases the last row of this width, or leaves it alone if the terminal has become narrower.

        Then it may take several rows of the screen, of which only the last could be erased.
        """
        columns = self._columns()
        if columns < width:
            return "\n"
        return "\r\033[K" if self._erases else f"\r{' ' * (columns - 1)}\r"
