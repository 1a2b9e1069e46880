"""Typed lines made into messages."""

from __future__ import annotations

import pytest

from kaito.terminal.message import Assembler, Message, recalled


def fed(*entries):
    """Return the messages that these entries make, and whether the last one needs more lines."""
    assembler = Assembler()
    messages = [message for message in map(assembler.feed, entries) if message is not None]
    return messages, assembler.open


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        pytest.param(['"""', "a", "b", '"""'], "a\nb", id="marks on lines of their own"),
        pytest.param(['"""a', 'b"""'], "a\nb", id="marks beside the words"),
        pytest.param(['"""a"""'], "a", id="one line"),
        pytest.param(['  """a', 'b"""  '], "a\nb", id="blanks around the marks"),
        pytest.param(['"""', "  a", "", "b", '"""'], "  a\n\nb", id="the inside stays as it is"),
        pytest.param(['"""', '"""doc"""', '"""'], '"""doc"""', id="a docstring inside"),
        pytest.param(['"""', 'say """hi""" to', '"""'], 'say """hi""" to', id="marks in the middle"),
        pytest.param(['"""', "a \\", '"""'], "a \\", id="a backslash inside"),
        pytest.param(['"""', "a\nb", '"""'], "a\nb", id="a paste inside"),
        pytest.param(['"""a\nb"""'], "a\nb", id="pasted between the marks"),
        pytest.param(["a\\", "b"], "a\nb", id="continued"),
        pytest.param(["a\\", "b\\", "/quit"], "a\nb\n/quit", id="continued twice"),
        pytest.param(["a\\", '"""b'], 'a\n"""b', id="a mark in a continued line"),
        pytest.param(["a\nb"], "a\nb", id="a paste"),
        pytest.param(["\na\n\nb\n"], "a\n\nb", id="a paste with blank lines around it"),
        pytest.param(["a\\\nb\\"], "a\\\nb\\", id="a paste with backslashes"),
        pytest.param(['"""Doc."""\nx'], '"""Doc."""\nx', id="a paste that begins with a docstring"),
        pytest.param(['"""Doc.\nx\n"""\ny'], '"""Doc.\nx\n"""\ny', id="one of several lines"),
    ],
)
def test_blocks_continued_lines_and_pastes_are_messages(entries, text):
    assert fed(*entries) == ([Message(text, True)], False)


@pytest.mark.parametrize("line", ["", "  ", "a", "/quit", 'a """b"""', "a\\ b", "\ta"])
def test_any_other_line_is_a_message_as_it_is(line):
    assert fed(line) == ([Message(line, False)], False)


def test_one_pasted_line_with_its_line_feed_is_a_line():
    assert fed("/help\n") == ([Message("/help", False)], False)


@pytest.mark.parametrize("entries", [['"""'], ['"""a', "b"], ["a\\"], ['"""', '"""doc"""']])
def test_an_unfinished_message_needs_more_lines(entries):
    assert fed(*entries) == ([], True)


def test_what_follows_a_message_is_another():
    assert fed('"""a"""', "b", "c\\", "d") == ([Message("a", True), Message("b", False), Message("c\nd", True)], False)


@pytest.mark.parametrize(
    "message",
    [
        Message("a", False),
        Message("/help", False),
        Message("/help", True),
        Message("a\nb", True),
        Message("a\nb\\", True),
        Message("a\\", True),
        Message('"""Doc."""\nx', True),
        Message('a"""b', True),
        Message('a"""b\n"""c', True),
    ],
)
def test_what_is_recalled_gives_the_same_message(message):
    assert Assembler().feed(recalled(message)) == message
