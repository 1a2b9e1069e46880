"""Parameters that can be set while a chat goes on."""

from __future__ import annotations

import pytest

from kaito.chat import parameters
from kaito.commands.chat import FLAGS
from kaito.model.client import Sampling


def test_they_are_the_flags_with_the_flags_ranges():
    flags = {flag.name: flag.kind for flag in FLAGS}
    for name, kind in parameters.PARAMETERS.items():
        for text in ("-1", "0", "0.5", "1", "1.5", "2", "2.1", "nan", "inf", "", "a"):
            assert _read(kind, text) == _read(flags[name], text), (name, text)


def _read(kind, text):
    try:
        return kind.read(text)
    except ValueError as error:
        return str(error)


def test_rows():
    assert parameters.rows(Sampling()) == [("temperature", 0.7), ("max-tokens", 1024), ("top-p", 0.9)]


@pytest.mark.parametrize("name", ["max-tokens", "max_tokens"])
def test_change(name):
    assert parameters.change(Sampling(), name, "5") == Sampling(max_tokens=5)


def test_refusals():
    with pytest.raises(KeyError):
        parameters.change(Sampling(), "heat", "1")
    with pytest.raises(ValueError, match=r"a number from 0\.0 to 1\.0"):
        parameters.change(Sampling(), "top-p", "1.1")
