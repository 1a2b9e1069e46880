"""The signals that end a run."""

from __future__ import annotations

import signal

import pytest

from kaito.chat.interrupts import Interrupts
from kaito.timelimit import TimeUp

pytestmark = pytest.mark.usefixtures("handlers")


@pytest.fixture
def interrupts():
    made = Interrupts()
    made.catch()
    return made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_is_a_keyboard_interrupt(interrupts, number):
    assert not interrupts.came
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert interrupts.came


def test_signals_that_come_together_are_one(interrupts):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)


def test_an_ignored_signal_stays_ignored():
    """`nohup`, and the background of a shell."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Interrupts().catch()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_signal_during_a_write_waits_for_its_end(interrupts):
    done = []

    def write():
        signal.raise_signal(signal.SIGINT)
        done.append("written")

    with pytest.raises(KeyboardInterrupt):
        interrupts.hold_during(write)
    assert done == ["written"]
    interrupts.hold_during(lambda: done.append("again"))
    assert done == ["written", "again"]


@pytest.mark.parametrize(("alarms", "done"), [(1, ["written"]), (2, [])])
def test_the_time_limit_waits_for_a_write_once(interrupts, alarms, done):
    def end(number, frame):
        raise TimeUp(1.0)

    signal.signal(signal.SIGALRM, end)
    written = []

    def write():
        for _ in range(alarms):
            signal.raise_signal(signal.SIGALRM)
        written.append("written")

    with pytest.raises(TimeUp):
        interrupts.hold_during(write)
    assert written == done
    assert signal.getsignal(signal.SIGALRM) is end
