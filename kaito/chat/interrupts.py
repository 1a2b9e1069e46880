"""The signals that end a run, as KeyboardInterrupt, but never in the middle of a write that must be whole."""

from __future__ import annotations

import time

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Seconds within which several signals count as one: systemd sends SIGTERM and SIGHUP together, and people press
# Ctrl-C twice.
_TOGETHER = 0.5


class Interrupts:
    """SIGINT, SIGTERM and SIGHUP. State: when the last one came (monotonic), and whether one waits for a write.

    SIGTERM is how a CI system cancels a job; the run then ends as by Ctrl-C.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._writing = False
        self._pending = False

    def catch(self) -> None:
        """Turn the signals into KeyboardInterrupt from now on. A signal that is ignored (nohup) stays ignored."""
        import signal

        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._handle)

    @property
    def came(self) -> bool:
        """Whether a signal has come, even if its KeyboardInterrupt was lost."""
        return self._last is not None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        before, now = self._last, time.monotonic()
        if before is not None and now - before < _TOGETHER:
            return
        self._last = now
        # The first signal waits for the write. A second one does not: the reader may have stopped reading.
        if before is None and self._writing:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def hold_during(self, write: Callable[[], None]) -> None:
        """Call `write`; a signal or the end of --timeout (SIGALRM) takes effect after it, but a second one at once."""
        import signal

        alarm = getattr(signal, "SIGALRM", None)
        time_up = signal.getsignal(alarm) if alarm else None
        late: list[int] = []

        def hold(number: int, frame: FrameType | None) -> None:
            if late and callable(time_up):
                time_up(number, frame)
            late.append(number)

        try:
            self._writing = True
            if alarm and callable(time_up):
                signal.signal(alarm, hold)
            write()
        finally:
            if alarm and callable(time_up):
                signal.signal(alarm, time_up)
            self._writing = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt
        if late and callable(time_up):
            time_up(late[0], None)
