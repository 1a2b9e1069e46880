"""A limit on the time of a whole run (`--timeout`)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from kaito.errors import InferenceError


class TimeUp(BaseException):
    """The run's time is up. No Exception, so that nothing that goes on after a failure goes on after this."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.message = f"the run was ended by --timeout after {seconds:g} s"


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Ends what runs within after `seconds` (0: never) with TimeUp, which leaves here as InferenceError.

    Raises InferenceError at once where the system has no timer for it (Windows).
    """
    if not seconds:
        yield
        return
    if not hasattr(signal, "setitimer"):
        raise InferenceError("--timeout is not to be had on this system", "end the run from outside")

    def end(number: int, frame: object) -> None:
        raise TimeUp(seconds)

    earlier = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TimeUp as error:
        raise InferenceError(error.message, "allow it more with a larger --timeout") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
