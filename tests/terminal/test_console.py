"""Where words go, and how an answer's parts stand on a terminal."""

from __future__ import annotations

import time

import pytest

from kaito.terminal.console import Console


@pytest.fixture
def console():
    return Console()


@pytest.fixture
def seen(console):
    """A console whose answers appear on a terminal, notices too."""
    console.interactive = console.answers_seen = True
    console._notices = 1
    return console


def told(console, *pieces):
    """Gives the console an answer: reasoning in brackets, else content."""
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
        pytest.param([["hm"], "a"], "[reasoning]\nhm\n\na\n", id="reasoning"),
        pytest.param([["\nhm\n"], ["\n"], "\n\na"], "[reasoning]\nhm\n\na\n", id="reasoning in line feeds"),
        pytest.param([["hm"], ["\nso"]], "[reasoning]\nhm\nso\n", id="reasoning alone"),
        pytest.param([["\n"], "a"], "a\n", id="reasoning that says nothing"),
        pytest.param([["hm"], "a", ["again"], "b"], "[reasoning]\nhm\n\na\n\n[reasoning]\nagain\n\nb\n", id="by turns"),
        pytest.param(["\x1b", "[2J\r\x07"], "␛[2J␇\n", id="control characters"),
    ],
)
def test_an_answer_on_a_terminal(capfd, seen, pieces, shown):
    told(seen, *pieces)
    assert capfd.readouterr().out == shown


def test_line_feeds_one_by_one_take_linear_time(capfd, seen):
    started = time.process_time()
    told(seen, "a", *["\n"] * 100_000, "b")
    assert time.process_time() - started < 2
    assert capfd.readouterr().out == "a" + "\n" * 100_000 + "b\n"


@pytest.mark.parametrize("text", ["a", "a\n", "\n\na\n\n", "\x1b[1m\r\x9b\u202e", ""])
def test_elsewhere_it_is_kept_byte_for_byte(capfd, console, text):
    told(console, text)
    assert capfd.readouterr() == (text + "\n", "")


def test_colours_dim_what_stands_beside_the_answer(capfd, seen):
    seen._colour = True
    seen.reasoning("hm")
    seen.answer("a")
    seen.end_answer()
    seen.aside("[stopped]")
    assert capfd.readouterr().out == "\x1b[2m[reasoning]\x1b[0m\n\x1b[2mhm\x1b[0m\n\na\n\x1b[2m[stopped]\x1b[0m\n"


def test_quiet_drops_notices_and_nothing_else(capfd):
    console = Console(quiet=True)
    console.notice("connected")
    console.say("asked for")
    assert capfd.readouterr() == ("", "asked for\n")
