"""Untrusted text made harmless, the nearest name."""

from __future__ import annotations

import pytest

from kaito.text import excerpt, harmless, nearest


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(b"plain words", "plain words", id="bytes"),
        pytest.param("Grüße, 世界 😀", "Grüße, 世界 😀", id="letters of any script"),
        pytest.param("  a\r\n\tb \n\n c ", "a b c", id="white space is folded"),
        pytest.param(b"a\xff\xc3", "a\ufffd\ufffd", id="invalid UTF-8"),
        pytest.param("\x1b[2J\x07\x00\x7f\x9b1m", "\ufffd[2J\ufffd\ufffd\ufffd\ufffd1m", id="control characters"),
        pytest.param("a\u202eb\u2066c\u200fd", "a\ufffdb\ufffdc\ufffdd", id="bidirectional overrides"),
        pytest.param("a\u200bb\ufeffc\u00add", "a\ufffdb\ufffdc\ufffdd", id="invisible characters"),
        pytest.param("a\ud800b", "a\ufffdb", id="a lone surrogate"),
        pytest.param("a\u2028b\u2029c\x85d", "a b c d", id="other line separators"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_excerpt(text, line):
    assert excerpt(text) == line


def test_an_excerpt_is_bounded():
    assert excerpt("x" * 120) == "x" * 120
    assert excerpt("x" * 121) == "x" * 119 + "…"
    assert excerpt("abc def", 5) == "abc…"
    assert excerpt(b" " * 10_000 + b"x", 10) == "…"
    assert len(excerpt("é" * 10_000_000)) == 120


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain\n\twords", "plain\n\twords", id="line feeds and tabs stay"),
        pytest.param("\x1b[2J\x07\x00\x7f", "\u241b[2J\u2407\u2400\u2421", id="controls become their pictures"),
        pytest.param("a\r\nb\rc", "a\nbc", id="carriage returns are dropped"),
        pytest.param("a\x85\x9bb", "a\ufffd\ufffdb", id="C1 controls"),
        pytest.param("a\u202eb\u2066c", "a\ufffdb\ufffdc", id="bidirectional overrides"),
        pytest.param(
            "\U0001f468\u200d\U0001f469 \u200fא", "\U0001f468\u200d\U0001f469 \u200fא", id="joiners and marks stay"
        ),
    ],
)
def test_text_for_a_terminal(text, shown):
    assert harmless(text) == shown


def test_the_nearest_names():
    names = ["status", "chat", "version"]
    assert nearest("sttaus", names) == ["status"]
    assert nearest("zzz", names) == []
    assert nearest("a", ["ab", "ac", "b"], most=2) == ["ac", "ab"]
    assert nearest("ab", ["abcd"], cutoff=0.9) == []
