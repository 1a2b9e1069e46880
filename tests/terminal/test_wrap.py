"""Words set in rows, whatever the pieces in which they come."""

from __future__ import annotations

import pytest

from kaito.terminal.wrap import Page, wrapped


def rows(pieces, columns):
    page = Page(lambda: columns)
    page.line([], [])
    for piece in pieces:
        page.text(piece, 0)
    return ["".join(atom[0] for atom in row) for row in page.take()[1]]


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        pytest.param("", 10, [""], id="nothing"),
        pytest.param("one two", 10, ["one two"], id="a row"),
        pytest.param("one two three", 10, ["one two ", "three"], id="a word moves"),
        pytest.param("0123456789", 10, ["0123456789"], id="a word that just fits"),
        pytest.param("0123456789 a", 10, ["0123456789", "a"], id="a space at the end takes no room"),
        pytest.param("0123456789   ", 10, ["0123456789"], id="nor do several"),
        pytest.param("a 0123456789 b", 10, ["a ", "0123456789", "b"], id="a word of a whole row"),
        pytest.param("a 0123456789abc b", 10, ["a ", "0123456789", "abc b"], id="a word that fits on no row"),
        pytest.param("a  b   c d", 8, ["a  b   c", "d"], id="spaces stay"),
        pytest.param("  indented words", 10, ["  indented", "words"], id="spaces at the beginning"),
        pytest.param("Grüße an alle", 10, ["Grüße an ", "alle"], id="letters that are not ASCII"),
        pytest.param("世界你好世界", 8, ["世界你好", "世界"], id="CJK breaks between characters"),
        pytest.param("世界你好，世界", 8, ["世界你", "好，世界"], id="but not before punctuation"),
        pytest.param("世界你「好」", 8, ["世界你", "「好」"], id="nor after an opening bracket"),
        pytest.param("ab世界cd你好", 8, ["ab世界cd", "你好"], id="CJK and Latin"),
        pytest.param(
            "a👩\u200d🚀👩\u200d🚀👩\u200d🚀👩\u200d🚀", 8, ["a" + "👩\u200d🚀" * 3, "👩\u200d🚀"], id="emoji sequences"
        ),
        pytest.param("1234567e\u0301\u0301 x", 8, ["1234567e\u0301\u0301", "x"], id="combining marks take no room"),
        pytest.param("a\tb\tc", 12, ["a\tb", "c"], id="tabs"),
    ],
)
def test_rows(text, columns, lines):
    for pieces in ([text], list(text), [text[:3], text[3:]]):
        assert [row.rstrip() for row in rows(pieces, columns)] == [line.rstrip() for line in lines]


def test_a_change_of_the_width_applies_from_the_next_row_on():
    widths = iter([20, 10, 10, 10])
    page = Page(lambda: next(widths))
    page.line([], [])
    page.text("one two three four five six seven", 0)
    lines = ["".join(atom[0] for atom in row).rstrip() for row in page.take()[1]]
    assert lines == ["one two three four", "five six", "seven"]


@pytest.mark.parametrize(
    ("hang", "lines"),
    [
        (0, "  error: it\nfailed\nnext"),
        (4, "  error: it\n    failed\nnext"),
        (-1, "  error: it\n  failed\nnext"),
        (9, "  error: it\nfailed\nnext"),
    ],
)
def test_wrapped_lines(hang, lines):
    assert wrapped("  error: it failed\nnext", 12, hang) == lines


def test_a_word_that_fits_on_no_row_stays_where_it_is():
    line = "Endpoint:  http://127.0.0.1/abc and more"
    assert wrapped(line, 24, 11) == "Endpoint:  http://127.0.0.1/abc\n           and more"


def test_marks_without_width_take_bounded_time():
    page = Page(lambda: 80)
    page.line([], [])
    for _ in range(20_000):
        page.text("\u0301", 0)
    assert sum(len(atom[0]) for row in page.take()[1] for atom in row) == 20_000
