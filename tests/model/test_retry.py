"""How long a busy server is asked again, with a clock that nobody waits for."""

from __future__ import annotations

import pytest

from kaito.errors import InferenceError, KaitoError, WorkspaceError
from kaito.model.client import ChatModel, Sampling
from kaito.model.retry import Clock

from .answers import HI, Answer, Link, as_json

NOW = 1_795_380_387.0  # Sun, 22 Nov 2026 20:46:27 GMT

# Python's own reader accepts these dates, and cannot calculate with them.
ABSURD_DATES = ("Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT")


class Time:
    """A clock that moves only when somebody sleeps; `slept` is every wait."""

    def __init__(self):
        self.seconds = 1000.0
        self.slept = []
        self.clock = Clock(lambda: self.seconds, lambda: NOW, self.sleep)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds


def busy(answer, seconds=60.0, **options):
    """Ask a server that stays busy; return (the error, the waits, the notices)."""
    time, notices = Time(), []
    link = Link(answer, **options)
    model = ChatModel(link, retry_seconds=seconds, notice=notices.append, clock=time.clock)
    with pytest.raises(KaitoError) as caught:
        list(model.stream(HI, Sampling()))
    assert len(link.asked) == len(time.slept) + 1
    return caught.value, time.slept, notices


def test_pauses_grow_and_are_bounded_in_all():
    error, slept, notices = busy(as_json({"error": {"message": "busy"}}, 429))
    assert isinstance(error, InferenceError)
    for pause, middle in zip(slept[:-1], (0.5, 1, 2, 4, 8, 10, 10, 10, 10, 10)):
        assert middle * 0.75 <= pause <= middle * 1.25
    assert len(slept) >= 7
    assert sum(slept) <= 60.0 + 1e-9  # a sum of many
    assert notices == ["note: the model's server answers 429 Whatever: busy; trying again for up to 60 s"]


def test_pauses_are_random():
    first = {busy(Answer(429), 1.0)[1][0] for _ in range(10)}
    assert len(first) > 1


@pytest.mark.parametrize(
    ("headers", "minimum"),
    [
        pytest.param({"retry_after": "7"}, 7, id="seconds"),
        pytest.param({"retry_after": "Sun, 22 Nov 2026 20:46:37 GMT"}, 10, id="a date"),
        pytest.param(
            {"retry_after": "Sun, 22 Nov 2026 10:00:05 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"},
            5,
            id="a date by the server's own clock",
        ),
        pytest.param({"retry_after": "Sunday, 22-Nov-26 20:46:37 GMT"}, 10, id="an obsolete date"),
    ],
)
def test_a_server_is_not_asked_before_the_time_that_it_names(headers, minimum):
    _, slept, _ = busy(Answer(503, **headers))
    assert len(slept) > 1
    assert all(pause >= minimum for pause in slept[:-1])
    assert slept[0] <= minimum * 1.25
    assert sum(slept) <= 60.0 + 1e-9  # a sum of many


def test_a_time_that_just_fits_is_waited_for():
    assert busy(Answer(429, retry_after="60"))[1] == [60.0]


def test_a_time_that_does_not_fit_is_reported_at_once():
    error, slept, notices = busy(Answer(429, retry_after="61"))
    assert (slept, notices) == ([], [])
    assert error.hint == "the server asks to wait 61 s: try again later, or wait longer with --retry-timeout"


@pytest.mark.parametrize("value", ["soon", "-5", "1.5", "²", "", *ABSURD_DATES])
def test_nonsense_counts_as_nothing(value):
    _, slept, _ = busy(Answer(429, retry_after=value))
    assert 0.375 <= slept[0] <= 0.625


def test_without_any_time_there_is_one_attempt():
    assert busy(Answer(429), 0.0)[1:] == ([], [])


def test_a_refusal_of_the_way_itself_is_the_error_in_the_end():
    own = WorkspaceError("not there", "look")
    error, slept, _ = busy(Answer(503), 1.0, own=own)
    assert error is own and error.hint == "look" and slept


def test_a_lasting_failure_is_not_tried_again():
    assert busy(Answer(503), own=WorkspaceError("no port"), lasting=(503,))[1] == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 500, 502, 504])
def test_no_other_status_is_tried_again(status):
    assert busy(Answer(status))[1] == []
