"""A limit on the time of a whole run (`--timeout`)."""

from __future__ import annotations

from types import FrameType, TracebackType

from kaito.errors import InferenceError, KaitoError

# After the limit, what still runs is told so again this often: a write to a reader who has stopped reading can stand
# between it and its end. It is longer than an exec plugin's grace (kube/execplugin.py).
_INSISTENCE = 3.0
_AT_ONCE = 0.001

# The longest time that every system's timer takes, three years; beyond it there is no limit.
_LONGEST = 1e8


class TimeUp(BaseException):
    """The run's time is up. No Exception, so that nothing that goes on after a failure goes on after this."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.message = f"the run was ended by --timeout after {seconds:g} s"


class limit:
    """Ends what runs within after `seconds` (0: never) with TimeUp, which leaves here as InferenceError.

    Raises InferenceError at once where the system has no timer for it (Windows). A class, since contextlib costs
    more to import than all of this.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds if seconds < _LONGEST else 0.0
        self._armed = self._due = False

    def __enter__(self) -> None:
        if not self._seconds:
            return
        import signal

        if not hasattr(signal, "setitimer"):
            raise InferenceError("--timeout is not to be had on this system", "end the run from outside")
        self._earlier = signal.signal(signal.SIGALRM, self._end)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _INSISTENCE)
        self._armed = True
        if self._due:
            # It was over before it began; an exception here would not reach __exit__.
            signal.setitimer(signal.ITIMER_REAL, _AT_ONCE, _INSISTENCE)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._armed = False
        if not self._seconds:
            return
        import signal

        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._earlier)
        # Python makes an ImportError of a TimeUp that hits while C code imports, and drops what it was.
        made_of_it = self._due and isinstance(error, Exception) and not isinstance(error, KaitoError)
        if made_of_it or isinstance(error, TimeUp):
            message = TimeUp(self._seconds).message
            raise InferenceError(message, "give it longer with a larger --timeout") from None

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._due = True
        if self._armed:
            raise TimeUp(self._seconds)
