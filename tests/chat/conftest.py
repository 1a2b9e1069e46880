"""What the tests of a chat share."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture
def handlers():
    """Give the tests' own signal handlers back at the end."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    kept = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
