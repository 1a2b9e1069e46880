"""A limit on the time of a whole run (`--timeout`)."""

from __future__ import annotations

from kaito.errors import InferenceError, KaitoError
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

# After the limit, TimeUp is raised again at this interval: cleaning up after the first one may block, for example on
# a write to a reader that has stopped reading. An exec plugin's grace (kube/plugin_process.py) is shorter.
_REPEAT_SECONDS = 3.0
_AT_ONCE = 0.001

# Seconds (three years) that the timer of every system accepts; a longer limit counts as no limit.
_LONGEST = 1e8


class TimeUp(BaseException):
    """The end of the time limit. Not an Exception, so that code that handles failures does not swallow it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.message = f"the run was ended by --timeout after {seconds:g} s"


class TimeLimit:
    """A context that ends its body after `seconds` (0: never). State: the timer, and whether it has gone off.

    `doing`: set it to what tells, in a few words, what the body was doing when it was ended.

    The timer raises TimeUp inside the body, and again every `repeat` seconds until the body ends; the context turns it
    into an InferenceError. Entering raises InferenceError on a system without interval timers (Windows). This is a
    class because importing contextlib takes longer than everything here.
    """

    def __init__(self, seconds: float, repeat: float = _REPEAT_SECONDS) -> None:
        self._seconds = seconds if seconds < _LONGEST else 0.0
        self._repeat = repeat
        self._armed = False  # whether the timer may raise TimeUp now
        self._due = False  # whether the timer has gone off
        self.doing: Callable[[], str] = str

    def __enter__(self) -> TimeLimit:
        if not self._seconds:
            return self
        import signal

        if not hasattr(signal, "setitimer"):
            raise InferenceError(
                "--timeout is not supported on this system", "leave --timeout out, and limit the run from outside"
            )
        self._previous_handler = signal.signal(signal.SIGALRM, self._end)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._repeat)
        self._armed = True
        if self._due:
            # The time was up before the body began. An exception raised here would not reach __exit__.
            signal.setitimer(signal.ITIMER_REAL, _AT_ONCE, self._repeat)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._armed = False
        if not self._seconds:
            return
        import signal

        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._previous_handler)
        # Python turns a TimeUp that is raised while C code imports a module into an ImportError, without a cause.
        converted = self._due and isinstance(error, Exception) and not isinstance(error, KaitoError)
        # It drops one that is raised in a finalizer, and then the body goes on to its end.
        dropped = self._due and error is None
        if converted or dropped or isinstance(error, TimeUp):
            doing = self.doing()
            message = TimeUp(self._seconds).message + (f" while {doing}" if doing else "")
            raise InferenceError(message, "allow more time with a larger --timeout") from None

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._due = True
        if self._armed:
            raise TimeUp(self._seconds)
