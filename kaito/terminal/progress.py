"""A line that says what the program waits for, and for how long already.

On a terminal it is one live line, rewritten each second and erased at the end; elsewhere each change is a line, and
so is each tenth of something that is measured, or what has come of it in half a minute.
"""

from __future__ import annotations

import os
import time

from kaito.terminal.streams import STDERR, columns
from kaito.terminal.width import width
from kaito.text import harmless

# Seconds between two drawings of the live line, which shows whole seconds.
_PERIOD = 1.0

# Where there is no live line, seconds after which figures are a line although no tenth is done.
_QUIET_SECONDS = 30.0
_COLUMNS = 80
_BAR = 10

# Ctrl-C makes a terminal write this after the line, in the same row.
_CTRL_C = "^C"


class Progress:
    """A wait that is shown on stderr. State: what is waited for, and the thread that redraws it on a terminal.

    Use it in a `with`, or call `start` and `close`. `delay`: seconds before anything shows on a terminal. `text`: the
    words for what is waited for, "" before the first.
    """

    def __init__(self, delay: float = 0.0, *, shown: bool = True) -> None:
        import threading

        self._live = os.isatty(STDERR) if shown else None
        self._start = time.monotonic()
        self._delay = delay
        self.text = ""
        self._end = ""  # figures, after the words
        self._told = (-1, 0.0)  # the tenths that a line has reported, and when
        self._columns = 0  # the width of the live line on the screen
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Progress:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Begin to redraw the live line."""
        if self._live:
            self._thread.start()

    def update(self, text: str, figures: str = "", done: float = -1.0) -> None:
        """Show `text`, a few words, as what is being waited for.

        `figures`: what changes in it; `done`: the part of it that is done, from 0.0 to 1.0, negative if unknown.
        """
        tenths = int(done * 10) if done >= 0 else -1
        bar = f" [{'#' * tenths:-<{_BAR}}] {int(done * 100)}%" if tenths >= 0 else ""
        with self._lock:
            end = bar + (f", {figures}" if figures else "")
            if (text, end) == (self.text, self._end):
                return
            is_new = text != self.text
            self.text, self._end = text, end
        if self._live is None:
            return
        if not self._live:
            now = time.monotonic()
            if is_new or tenths > self._told[0] or now - self._told[1] >= _QUIET_SECONDS:
                self._told = (tenths, now)
                end = f"{f' {int(done * 100)}%' if bar else ''}{', ' if figures else ''}{figures}"
                _write(_fitted(harmless(text), f"{end} ({_elapsed(self._start)})", _COLUMNS) + "\n")
        elif time.monotonic() - self._start >= self._delay:
            self._draw()

    def close(self) -> bool:
        """Erase the live line for good and return whether there was one. Later changes are lines, as elsewhere."""
        self._ended.set()
        if self._live:
            self._live = False
        return self.erase()

    def erase(self) -> bool:
        """Make room for a line that stays, and return whether the live line was there; it is redrawn below."""
        with self._lock:
            erased = self._columns > 0
            if erased:
                _write("\r" + " " * (self._columns + len(_CTRL_C)) + "\r")
                self._columns = 0
            return erased

    def _run(self) -> None:
        if self._ended.wait(self._delay):
            return
        while True:
            self._draw()
            if self._ended.wait(_PERIOD):
                return

    def _draw(self) -> None:
        with self._lock:
            if self.text and not self._ended.is_set():
                line = _fitted(harmless(self.text), f"{self._end} ({_elapsed(self._start)})", _room())
                # Noted before it is written, because Ctrl-C may follow the write at once.
                before, self._columns = self._columns, width(line)
                _write("\r" + line + " " * (before - self._columns))


def _fitted(text: str, end: str, room: int) -> str:
    """Return `text` and `end` in at most `room` columns, with an ellipsis for what is cut off `text`."""
    if width(text + end) <= room:
        return text + end
    room = max(0, room - width("…" + end))
    text = text[:room]
    while width(text) > room:
        text = text[:-1]
    return f"{text}…{end}"


def _room() -> int:
    """Return the columns of the terminal that the live line may fill: a full row would wrap."""
    return columns(STDERR) - 1 - len(_CTRL_C)


def _elapsed(start: float) -> str:
    seconds = int(time.monotonic() - start)
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"


def _write(text: str) -> None:
    try:
        os.write(STDERR, text.encode("utf-8", "replace"))
    except OSError:
        pass
