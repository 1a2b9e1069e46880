"""When a busy server is asked again, and when to give up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from kaito.errors import InferenceError, KaitoError
from kaito.net.response import Response

# Statuses of a server that is busy, or of a pod that is still loading its model.
BUSY = (429, 503)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0


class Clock(NamedTuple):
    """The client's source of time.

    `now`: seconds that only grow; `date`: seconds since 1970; `sleep`: wait for some seconds.
    """

    now: Callable[[], float] = time.monotonic
    date: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Retries:
    """The attempts of one question at a busy server. State: their number, and when the time is up.

    `seconds`: how long to go on, in all; `notice` receives one line before the first pause.
    """

    def __init__(self, seconds: float, notice: Callable[[str], None], clock: Clock) -> None:
        self._seconds = seconds
        self._notice = notice
        self._clock = clock
        self._end = clock.now() + seconds
        self._tries = 0

    def pause(self, response: Response, failure: KaitoError) -> None:
        """Sleep until the next attempt is due. Raises `failure`, which `response` means, if the time is too short."""
        asked = retry_after(response, self._clock.date)
        left = self._end - self._clock.now()
        minimum, preferred = pause_bounds(asked, self._tries)
        if minimum > left:
            raise self._give_up(failure, asked)
        if not self._tries:
            self._notice(f"note: {failure.message}; trying again for up to {self._seconds:g} s")
        self._tries += 1
        self._clock.sleep(min(preferred, left))

    def _give_up(self, failure: KaitoError, asked: float | None) -> KaitoError:
        """Return the failure of the last attempt, with the advice to wait longer if the server is only busy."""
        if isinstance(failure, InferenceError) and not failure.hint:
            why = f"the server asks to wait {asked:.0f} s: " if asked is not None and asked > self._seconds else ""
            failure.hint = f"{why}try again later, or wait longer with --retry-timeout"
        return failure


def retry_after(response: Response, date: Callable[[], float]) -> float | None:
    """Return the seconds that the server asks to wait, None if it does not ask.

    `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3).
    """
    asked = response.header("Retry-After").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    from kaito.net.http_date import read_date

    # A date is compared with the server's own clock if the answer shows it.
    then, now = read_date(asked), read_date(response.header("Date"))
    if then is None:
        return None
    return max(0.0, then - (date() if now is None else now))


def pause_bounds(asked: float | None, tries: int) -> tuple[float, float]:
    """Return the (minimum, preferred) seconds to wait after attempt number `tries`, counted from 0.

    The pauses grow, and are random: otherwise all the clients that a server turned away would come back at the same
    moment. A server is not asked again before the time that it names (`asked`).
    """
    import random

    own = min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE) * random.uniform(0.75, 1.25)
    if asked is None:
        return own, own
    spread = asked * random.uniform(1.0, 1.25)
    return asked, max(spread, own) if tries else spread
