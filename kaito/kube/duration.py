"""Durations as kubectl prints them. Pure, apart from the clock."""

from __future__ import annotations

import time

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY


def age(moment: str, now: float | None = None) -> str:
    """Return how long ago an RFC 3339 moment in UTC was, "-" if it is not one. `now`: Unix time."""
    import calendar

    try:
        then = calendar.timegm(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return "-"
    return human_duration(max(0, int((time.time() if now is None else now) - then)))


def human_duration(seconds: int) -> str:
    """Return a duration with as much detail as a person needs (apimachinery's duration.HumanDuration)."""
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 10 * _MINUTE:
        return _two_units(seconds, (_MINUTE, "m"), (1, "s"))
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 8 * _HOUR:
        return _two_units(seconds, (_HOUR, "h"), (_MINUTE, "m"))
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 8 * _DAY:
        return _two_units(seconds, (_DAY, "d"), (_HOUR, "h"))
    if seconds < 2 * _YEAR:
        return f"{seconds // _DAY}d"
    if seconds < 8 * _YEAR:
        return _two_units(seconds, (_YEAR, "y"), (_DAY, "d"))
    return f"{seconds // _YEAR}y"


def _two_units(seconds: int, larger: tuple[int, str], smaller: tuple[int, str]) -> str:
    """Return whole larger units and, unless it is 0, what is left in smaller ones."""
    rest = seconds % larger[0] // smaller[0]
    return f"{seconds // larger[0]}{larger[1]}" + (f"{rest}{smaller[1]}" if rest else "")
