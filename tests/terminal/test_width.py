"""How many columns a text takes."""

from __future__ import annotations

import pytest

from kaito.terminal.width import extends, is_wide, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("abc", 3, id="ASCII"),
        pytest.param("né", 2, id="accents"),
        pytest.param("ne\u0301", 2, id="a combining mark"),
        pytest.param("漢字", 4, id="East Asian wide"),
        pytest.param("한국", 4, id="Hangul"),
        pytest.param("\u1112\u1161\u11ab", 2, id="Hangul in parts"),
        pytest.param("ｆ", 2, id="full width"),
        pytest.param("ﾊﾝ", 2, id="half width"),
        pytest.param("— … ’", 5, id="ambiguous ones are narrow"),
        pytest.param("😀", 2, id="emoji"),
        pytest.param("👍\U0001f3fd", 2, id="a skin tone"),
        pytest.param("👩\u200d🚀", 2, id="joined"),
        pytest.param("👩\u200d👩\u200d👧", 2, id="joined twice"),
        pytest.param("🏃\u200d♂\ufe0f", 2, id="joined to a narrow one"),
        pytest.param("⚠\ufe0f", 2, id="emoji style"),
        pytest.param("⚠", 1, id="text style"),
        pytest.param("1\ufe0f\u20e3", 2, id="a keycap"),
        pytest.param("🇩🇪🇫🇷", 4, id="flags"),
        pytest.param("a\u200bb", 2, id="zero width"),
        pytest.param("नि", 2, id="a spacing mark"),
    ],
)
def test_the_columns_of_a_text(text, columns):
    assert width(text) == columns


def test_what_belongs_together():
    assert [is_wide(char) for char in "a漢é😀"] == [False, True, False, True]
    assert [extends(char) for char in "a\u0301\u200d\U0001f3fd漢"] == [False, True, True, True, False]
