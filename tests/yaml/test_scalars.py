"""How scalars are written: plain, in quotes, and as literal and folded text."""

from __future__ import annotations

import pytest

from kaito.yaml.load import YamlError, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: b\n  c\n\n  d\n", {"a": "b c\nd"}, id="a plain value over lines"),
        pytest.param("a: 'it''s\n  folded\n\n  twice'\n", {"a": "it's folded\ntwice"}, id="single quotes"),
        pytest.param('a: "b\\tc\\x41\\u00e9\\\n  d"\n', {"a": "b\tcAéd"}, id="double quotes"),
        pytest.param("a: |\n  b\n   c\n\n  d\n\n", {"a": "b\n c\n\nd\n"}, id="a literal"),
        pytest.param("a: |-\n  b\nc: |+\n  d\n\n", {"a": "b", "c": "d\n\n"}, id="chomping"),
        pytest.param("a: |2-\n    b\n", {"a": "  b"}, id="an indentation indicator"),
        pytest.param("a: >\n  b\n  c\n\n  d\n   e\n  f\n", {"a": "b c\nd\n e\nf\n"}, id="a folded scalar"),
    ],
)
def test_what_each_style_means(text, value):
    assert load(text) == value
    assert load(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        pytest.param("a: |\n\tb\n", 2, 1, "tabs cannot indent", id="a tab in a literal's indentation"),
        pytest.param('a: "b\\q"\n', 1, 6, "unknown escape", id="an unknown escape"),
        pytest.param('a: "\\u12"\n', 1, 5, "4 hexadecimal digits", id="an escape that is cut short"),
        pytest.param('a: "\\ud83d"\n', 1, 5, "half of a surrogate pair", id="half of a surrogate pair"),
        pytest.param('a: "\\U00110000"\n', 1, 5, "not a Unicode character", id="a number above Unicode's"),
        pytest.param("a: 'b\n", 1, 4, 'expected a closing "\'"', id="an open quote"),
    ],
)
def test_errors_say_where_and_what_was_expected(text, line, column, expected):
    with pytest.raises(YamlError) as caught:
        load(text.encode())
    assert (caught.value.line, caught.value.column) == (line, column)
    assert expected in caught.value.message
