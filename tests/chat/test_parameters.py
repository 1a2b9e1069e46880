"""Parameters that can be set while a chat goes on."""

from __future__ import annotations

import pytest

from kaito.chat import parameters
from kaito.commands.chat import FLAGS
from kaito.model.client import Sampling


def test_the_flags_of_chat_are_those_of_the_table():
    assert set(parameters.PARAMETERS) <= set(FLAGS)


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("temperature", ("0", "0.5", "2"), ("-1", "2.1", "nan", "inf", "", "a")),
        ("max-tokens", ("1", "2"), ("-1", "0", "0.5", "nan", "", "a")),
        ("top-p", ("0", "0.5", "1"), ("-1", "1.5", "nan", "inf", "", "a")),
    ],
)
def test_ranges(name, accepted, refused):
    for text in accepted:
        parameters.with_value(Sampling(), name, text)
    for text in refused:
        with pytest.raises(ValueError, match=r"^a "):
            parameters.with_value(Sampling(), name, text)


def test_the_defaults_are_those_of_the_client():
    assert dict(parameters.rows(Sampling())) == {flag.name: flag.default for flag in parameters.PARAMETERS}


def test_rows():
    assert parameters.rows(Sampling()) == [("temperature", 0.7), ("max-tokens", 1024), ("top-p", 0.9)]


@pytest.mark.parametrize("typed", ["max-tokens", "max_tokens"])
def test_a_value_is_read_from_text(typed):
    assert parameters.with_value(Sampling(), parameters.flag_name(typed), "5") == Sampling(max_tokens=5)


def test_refusals():
    with pytest.raises(KeyError):
        parameters.with_value(Sampling(), "heat", "1")
    with pytest.raises(ValueError, match=r"a number from 0\.0 to 1\.0"):
        parameters.with_value(Sampling(), "top-p", "1.1")
