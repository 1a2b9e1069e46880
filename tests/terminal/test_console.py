"""What is written where, and how the parts of an answer appear on a terminal."""

from __future__ import annotations

import time

import pytest

from kaito.terminal.console import Console, Look, wants_colour
from kaito.terminal.streams import Streams

NOWHERE = Streams()
EVERYWHERE = Streams(stdin_is_terminal=True, stdout_is_terminal=True, stderr_is_terminal=True)


@pytest.fixture
def piped():
    """A console without a terminal."""
    return Console(NOWHERE)


@pytest.fixture
def seen():
    """A console at which a person types and reads."""
    return Console(EVERYWHERE)


def write(console, *pieces):
    """Write an answer: its reasoning in lists, its content as it is."""
    for piece in pieces:
        if isinstance(piece, list):
            console.reasoning(piece[0])
        else:
            console.answer(piece)
    console.end_answer()


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        pytest.param(["a", "b"], "ab\n", id="words"),
        pytest.param(["a\n"], "a\n", id="its own line feed"),
        pytest.param(["a\n", "\n\n"], "a\n", id="line feeds at the end"),
        pytest.param(["\n", "\na"], "a\n", id="line feeds at the beginning"),
        pytest.param(["- a\n", "\n- b"], "- a\n\n- b\n", id="line feeds between"),
        pytest.param(["  code\n    more"], "  code\n    more\n", id="indentation"),
        pytest.param([], "", id="nothing"),
        pytest.param(["\n"], "", id="a line feed alone"),
        pytest.param([["hm"], "a"], "[reasoning]\nhm\n\n[answer]\na\n", id="reasoning"),
        pytest.param([["\nhm\n"], ["\n"], "\n\na"], "[reasoning]\nhm\n\n[answer]\na\n", id="reasoning in line feeds"),
        pytest.param([["hm"], ["\nso"]], "[reasoning]\nhm\nso\n", id="reasoning alone"),
        pytest.param([["\n"], "a"], "a\n", id="reasoning that says nothing"),
        pytest.param(
            [["hm"], "a", ["again"], "b"],
            "[reasoning]\nhm\n\n[answer]\na\n\n[reasoning]\nagain\n\n[answer]\nb\n",
            id="by turns",
        ),
        pytest.param(["\x1b", "[2J\r\x07"], "␛[2J␇\n", id="control characters"),
    ],
)
def test_an_answer_on_a_terminal(capfd, seen, pieces, shown):
    write(seen, *pieces)
    assert capfd.readouterr().out == shown


def test_line_feeds_one_by_one_take_linear_time(capfd, seen):
    started = time.process_time()
    write(seen, "a", *["\n"] * 100_000, "b")
    assert time.process_time() - started < 2
    assert capfd.readouterr().out == "a" + "\n" * 100_000 + "b\n"


@pytest.mark.parametrize("text", ["a", "a\n", "\n\na\n\n", "\x1b[1m\r\x9b\u202e", ""])
def test_an_answer_elsewhere_is_kept_byte_for_byte(capfd, piped, text):
    write(piped, text)
    assert capfd.readouterr() == (text + "\n", "")


def test_colours_dim_what_is_not_the_answer(capfd):
    console = Console(EVERYWHERE, Look(colour=True))
    write(console, ["hm"], "a")
    console.aside("[stopped]")
    assert capfd.readouterr().out == "\x1b[2m[reasoning]\x1b[0m\n\x1b[2mhm\x1b[0m\n\na\n\x1b[2m[stopped]\x1b[0m\n"


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param(NOWHERE, id="no terminal"),
        pytest.param(EVERYWHERE._replace(stdout_is_terminal=False, stderr_is_terminal=False), id="output in files"),
    ],
)
def test_no_colours_where_no_terminal_shows_them(capfd, streams):
    Console(streams, Look(colour=True)).aside("[stopped]")
    assert capfd.readouterr() == ("", "[stopped]\n")


@pytest.mark.parametrize(
    ("streams", "stdout_is_data", "stream"),
    [
        pytest.param(EVERYWHERE, False, "out", id="a person types and reads"),
        pytest.param(EVERYWHERE, True, "err", id="stdout is for data"),
        pytest.param(EVERYWHERE._replace(stdin_is_terminal=False), False, "err", id="questions are piped in"),
        pytest.param(EVERYWHERE._replace(stdout_is_terminal=False), False, "err", id="answers are piped out"),
        pytest.param(NOWHERE, False, "err", id="no terminal"),
    ],
)
def test_notices_go_to_stdout_only_where_a_person_types_and_reads(capfd, streams, stdout_is_data, stream):
    Console(streams, stdout_is_data=stdout_is_data).notice("connected")
    assert getattr(capfd.readouterr(), stream) == "connected\n"


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
def test_when_colours_are_wanted(choice, environ, colours):
    assert wants_colour(choice, environ) == colours


def test_quiet_drops_notices_and_nothing_else(capfd):
    console = Console(NOWHERE, quiet=True)
    console.notice("connected")
    console.say("asked for")
    assert capfd.readouterr() == ("", "asked for\n")
