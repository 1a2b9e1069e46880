"""How an answer went, in words."""

from __future__ import annotations

import pytest

from kaito.chat.answer import Answer
from kaito.chat.report import speed
from kaito.model.events import Usage


@pytest.mark.parametrize(
    ("tokens", "first", "seconds", "words"),
    [
        pytest.param(101, 0.5, 2.5, "101 tokens, 50.0 tokens/s, first token after 0.50 s, 2.50 s in all", id="slow"),
        pytest.param(1, 0.5, 0.6, "1 token, first token after 0.50 s, 0.60 s in all", id="one token has no speed"),
        pytest.param(5, 0.5, 0.5, "5 tokens, first token after 0.50 s, 0.50 s in all", id="all at once"),
        pytest.param(None, 0.5, 2.5, "first token after 0.50 s, 2.50 s in all", id="stopped: no usage"),
        pytest.param(None, None, 2.5, "2.50 s in all", id="stopped before the first"),
    ],
)
def test_speed(tokens, first, seconds, words):
    usage = None if tokens is None else Usage(10, tokens, 10 + tokens)
    assert speed(Answer("", "", "stop", usage, False, "", first, seconds)) == words
