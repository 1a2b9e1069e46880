"""A line that says what is being waited for, and how long already.

On a terminal it is one live line, rewritten each second and gone without trace; elsewhere each change is a line.
"""

from __future__ import annotations

import os
import time

from kaito.text import harmless, width

_PERIOD = 1.0


class Ticker:
    """A wait that is shown on stderr. State: what is waited for, and the thread that rewrites it on a terminal.

    Use it in a `with`; `say` tells what is waited for now. `delay`: seconds before anything shows.
    """

    def __init__(self, delay: float = 0.0, *, shown: bool = True) -> None:
        import threading

        self._quiet = not shown
        self._live = shown and os.isatty(2)
        self._start = time.monotonic()
        self._delay = delay
        self._text = ""
        self._shown = 0  # columns of the live line
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Ticker:
        if self._live:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, text: str) -> None:
        """Sets what is waited for: a few words."""
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
        """Takes the live line away and says whether there was one; nothing more is shown."""
        self._ended.set()
        return self.erase()

    def erase(self) -> bool:
        """Takes the live line away, for a line that stays; the next second draws it anew below."""
        with self._lock:
            erased = self._shown > 0
            if erased:
                _write("\r" + " " * (self._shown + len("^C")) + "\r")
                self._shown = 0
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
                # A ^C may come to stand behind it, on the same row.
                room = _columns() - 1 - len("^C")
                text, time_so_far = harmless(self._text), f" ({_elapsed(self._start)})"
                if width(text + time_so_far) > room:
                    room = max(0, room - width(time_so_far + "…"))
                    text = text[:room]
                    while width(text) > room:
                        text = text[:-1]
                    text += "…"
                line = text + time_so_far
                # Set before it is written: Ctrl-C may come right behind.
                before, self._shown = self._shown, width(line)
                _write("\r" + line + " " * (before - self._shown))


def _elapsed(start: float) -> str:
    seconds = int(time.monotonic() - start)
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:
        return 80


def _write(text: str) -> None:
    try:
        os.write(2, text.encode("utf-8", "replace"))
    except OSError:
        pass
