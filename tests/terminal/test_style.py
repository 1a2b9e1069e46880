"""When colours are used."""

from __future__ import annotations

import pytest

from kaito.terminal.style import wanted


@pytest.mark.parametrize(
    ("choice", "environ", "colours"),
    [
        ("auto", {"TERM": "xterm"}, True),
        ("auto", {"TERM": "xterm", "NO_COLOR": ""}, True),
        ("auto", {"TERM": "xterm", "NO_COLOR": "0"}, False),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {}, False),
        ("always", {"TERM": "dumb", "NO_COLOR": "1"}, True),
        ("never", {"TERM": "xterm"}, False),
    ],
)
def test_wanted(choice, environ, colours):
    assert wanted(choice, environ) == colours
