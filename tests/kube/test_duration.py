"""Ages as kubectl shows them."""

from __future__ import annotations

import calendar
import time

import pytest

from kaito.kube.duration import age

MINUTE, HOUR, DAY = 60, 3600, 86400


MOMENT = "2026-11-22T20:00:00Z"


NOW = calendar.timegm(time.strptime(MOMENT, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (-30, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 5, "2m5s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (731 * DAY, "2y1d"),
        (9 * 365 * DAY + DAY, "9y"),
    ],
)
def test_ages_are_written_as_kubectl_writes_them(seconds, shown):
    """apimachinery's duration.HumanDuration."""
    assert age(MOMENT, NOW + seconds) == shown


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-13-45T00:00:00Z"])
def test_text_that_is_not_a_moment_has_no_age(moment):
    assert age(moment) == "-"
