"""A line that says what the program waits for, and for how long already.

On a terminal it is one live line, rewritten each second and erased at the end; elsewhere each change is a line.
"""

from __future__ import annotations

import os
import time

from kaito.terminal.streams import STDERR
from kaito.text import harmless, width

# Seconds between two drawings of the live line, which shows whole seconds.
_PERIOD = 1.0

# Ctrl-C makes a terminal write this after the line, in the same row.
_CTRL_C = "^C"


class Progress:
    """A wait that is shown on stderr. State: what is waited for, and the thread that redraws it on a terminal.

    Use it in a `with`, or call `start` and `close`. `delay`: seconds before anything shows on a terminal.
    """

    def __init__(self, delay: float = 0.0, *, shown: bool = True) -> None:
        import threading

        self._quiet = not shown
        self._live = shown and os.isatty(STDERR)
        self._start = time.monotonic()
        self._delay = delay
        self._text = ""
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

    def update(self, text: str) -> None:
        """Show `text`, a few words, as what is being waited for."""
        with self._lock:
            if text == self._text:
                return
            self._text = text
        if self._quiet:
            return
        if not self._live:
            _write(f"{harmless(text)} ({_elapsed(self._start)})\n")
        elif time.monotonic() - self._start >= self._delay:
            self._draw()

    def close(self) -> bool:
        """Erase the live line for good and return whether there was one."""
        self._ended.set()
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
            if self._text and not self._ended.is_set():
                line = _fitted(harmless(self._text), f" ({_elapsed(self._start)})", _room())
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
    try:
        columns = os.get_terminal_size(STDERR).columns or 80
    except OSError:
        columns = 80
    return columns - 1 - len(_CTRL_C)


def _elapsed(start: float) -> str:
    seconds = int(time.monotonic() - start)
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"


def _write(text: str) -> None:
    try:
        os.write(STDERR, text.encode("utf-8", "replace"))
    except OSError:
        pass
