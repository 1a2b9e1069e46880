"""An answer on its way to the terminal."""

from __future__ import annotations

import sys

import pytest

from kaito.chat.answer_view import Shown
from kaito.errors import InferenceError
from kaito.model.events import Content, Finish, Reasoning, Usage
from kaito.terminal.console import Console
from tests.cluster import Terminal
from tests.cluster.process import ROOT


@pytest.fixture
def console():
    made = Console()
    made.answers_seen = True
    return made


def show(console, *events, reasoning=True, failure=None):
    with Shown(console, reasoning=reasoning) as shown:
        for event in events:
            shown.take(event)
        if failure:
            raise failure


def test_words_and_nothing_of_what_else_comes(capfd, console):
    show(console, Content("a"), Finish("stop"), Usage(1, 1, 2))
    assert capfd.readouterr() == ("a\n", "")


def test_reasoning_goes_with_the_notices(capfd, console):
    show(console, Reasoning("hm"), Content("a"))
    assert capfd.readouterr() == ("a\n", "[reasoning]\nhm\n\n")


def test_reasoning_that_nobody_wants_is_not_shown(capfd, console):
    show(console, Reasoning("hm"), Content("a"), reasoning=False)
    assert capfd.readouterr() == ("a\n", "")


@pytest.mark.parametrize(
    ("events", "err"),
    [
        pytest.param([Content("half")], "[broken off, not kept]\n", id="words"),
        pytest.param([], "", id="nothing"),
        pytest.param([Reasoning("hm")], "[reasoning]\nhm\n", id="reasoning alone"),
    ],
)
def test_what_came_of_a_failed_answer_is_marked(capfd, console, events, err):
    with pytest.raises(InferenceError):
        show(console, *events, failure=InferenceError("gone"))
    assert capfd.readouterr().err == err


SCRIPT = """
import sys, termios
sys.path.insert(0, {root!r})
from kaito.chat.answer_view import Shown
from kaito.terminal.console import Console
from kaito.terminal.progress import Ticker

def echoes():
    return bool(termios.tcgetattr(0)[3] & termios.ECHO)

def interrupted(self, text):
    print("meanwhile:", echoes())
    raise KeyboardInterrupt

Ticker.say = interrupted
console = Console()
console.echoes_later = True
try:
    with Shown(console, reasoning=True):
        pass
except KeyboardInterrupt:
    print("echoes:", echoes(), "waits:", console.waiting)
"""


def test_an_interrupt_at_its_very_beginning_gives_the_terminal_back(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=ROOT))
    with Terminal([], command=[sys.executable, script], home=tmp_path) as screen:
        assert screen.wait() == 0
    assert screen.text == "meanwhile: False\nechoes: True waits: None\n"
