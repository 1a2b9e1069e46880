"""An answer as a person sees it."""

from __future__ import annotations

import sys

import pytest

from kaito.chat.answer_view import AnswerView
from kaito.errors import InferenceError
from kaito.model.events import Content, Finish, Reasoning, Usage
from kaito.terminal.console import Console
from kaito.terminal.streams import Streams
from tests.cluster import Terminal
from tests.cluster.process import ROOT


@pytest.fixture
def console():
    """A console whose answers appear on a terminal; its notices go to stderr."""
    return Console(Streams(stdout_is_terminal=True))


def show(console, *events, reasoning=True, failure=None):
    with AnswerView(console, reasoning=reasoning) as view:
        for event in events:
            view.show(event)
        if failure:
            raise failure


def test_only_the_words_of_an_answer_are_shown(capfd, console):
    show(console, Content("a"), Finish("stop"), Usage(1, 1, 2))
    assert capfd.readouterr() == ("a\n", "")


def test_reasoning_goes_with_the_notices(capfd, console):
    show(console, Reasoning("hm"), Content("a"))
    assert capfd.readouterr() == ("a\n", "[reasoning]\nhm\n\n")


def test_reasoning_is_not_shown_where_it_is_unwanted(capfd, console):
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
def test_the_words_of_a_failed_answer_are_marked(capfd, console, events, err):
    with pytest.raises(InferenceError):
        show(console, *events, failure=InferenceError("gone"))
    assert capfd.readouterr().err == err


SCRIPT = """
import sys, termios
sys.path.insert(0, {root!r})
from kaito.chat.answer_view import AnswerView
from kaito.terminal.console import Console
from kaito.terminal.progress import Progress
from kaito.terminal.streams import Streams

def echoes():
    return bool(termios.tcgetattr(0)[3] & termios.ECHO)

def interrupted(self, text):
    print("meanwhile:", echoes())
    raise KeyboardInterrupt

Progress.update = interrupted
console = Console(Streams.of_process())
try:
    with AnswerView(console, reasoning=True, hide_typing=True):
        pass
except KeyboardInterrupt:
    print("echoes:", echoes(), "waits:", console.end_wait())
"""


def test_an_interrupt_at_the_very_beginning_restores_the_terminal(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=ROOT))
    with Terminal([], command=[sys.executable, script], home=tmp_path) as screen:
        assert screen.wait() == 0
    assert screen.text == "meanwhile: False\nechoes: True waits: False\n"
