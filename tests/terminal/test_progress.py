"""A wait that is shown: one live line on a terminal, a line per change elsewhere."""

from __future__ import annotations

import re
import sys

import pytest

from kaito.terminal.width import width
from tests.cluster import Terminal
from tests.cluster.process import ROOT


@pytest.fixture
def show(tmp_path):
    """Run Python with a Progress on a terminal: show("…", columns=40) -> Terminal. A line of input goes on."""
    opened = []

    def run(code, columns=40, **streams):
        script = tmp_path / "script.py"
        head = f"import sys; sys.path.insert(0, {ROOT!r})\nfrom kaito.terminal.progress import Progress\n"
        script.write_text(head + code)
        words = [sys.executable, "-X", "utf8", script]
        opened.append(Terminal([], command=words, columns=columns, home=tmp_path, **streams))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


def test_without_a_terminal_each_change_is_a_line(show, tmp_path):
    code = "with Progress() as progress:\n    for text in ('a', 'a', 'b', 'b', 'a'):\n        progress.update(text)\n"
    assert show(code, stderr=tmp_path / "err").wait() == 0
    assert re.sub(r"\(\d+s\)", "(0s)", (tmp_path / "err").read_text()) == "a (0s)\nb (0s)\na (0s)\n"


def test_on_a_terminal_there_is_one_line_that_goes_away(show):
    screen = show("with Progress() as progress:\n    progress.update('a long text')\n    input()\nprint('done')\n")
    screen.expect("a long text (0s)")
    screen.expect("a long text (1s)")
    screen.send("\r")
    assert screen.wait() == 0
    written = screen.raw.decode()
    assert written.replace("\r\n", "\n").rpartition("\r")[2] == "done\n"
    assert re.search(r"\r {16,}\rdone", written)


def test_a_shorter_text_leaves_nothing_of_the_longer_one(show):
    screen = show(
        "with Progress() as progress:\n    progress.update('long text')\n    progress.update('x')\n    input()\n"
    )
    screen.expect(re.compile(r"x \(0s\) {8}"))
    screen.send("\r")


def test_the_line_fits_the_terminal(show):
    screen = show("with Progress() as progress:\n    progress.update('word ' * 40)\n    input()\n", columns=30)
    screen.expect("…")
    screen.send("\r")
    assert screen.wait() == 0
    assert all(len(part.rstrip("\n")) <= 29 for part in screen.raw.decode().split("\r"))


def test_a_server_s_text_cannot_control_the_terminal(show):
    screen = show("with Progress() as progress:\n    progress.update('\\x1b[2J')\n    input()\n")
    screen.expect("␛[2J (0s)")
    screen.send("\r")
    screen.wait()
    assert b"\x1b" not in screen.raw


def test_a_wait_shorter_than_the_delay_never_shows(show):
    screen = show("with Progress(60.0) as progress:\n    progress.update('waiting')\nprint('done')\n")
    assert screen.wait() == 0
    assert screen.text == "done\n"


def test_the_line_goes_away_when_an_interrupt_follows_its_first_writing(show):
    code = (
        "import os\nwrite = os.write\n"
        "def interrupted(descriptor, data):\n"
        "    os.write = write\n    write(descriptor, data)\n    raise KeyboardInterrupt\n"
        "os.write = interrupted\n"
        "try:\n    with Progress() as progress:\n        progress.update('text')\n"
        "except KeyboardInterrupt:\n    print('done')\n"
    )
    screen = show(code)
    assert screen.wait() == 0
    assert re.search(r"\rtext \(0s\)\r {9,}\rdone", screen.raw.decode())


@pytest.mark.parametrize("columns", [30, 31, 12])
def test_wide_characters_count_twice(show, columns):
    """A line that is longer than the terminal could not be erased."""
    screen = show(
        "with Progress() as progress:\n    progress.update('工作区还没有准备好' * 4)\n    input()\n", columns=columns
    )
    screen.expect("… (0s)")
    screen.send("\r")
    assert screen.wait() == 0
    line = re.search("\r([^\r]*… \\(0s\\))", screen.raw.decode()).group(1)
    assert columns - 5 <= width(line) <= columns - 3


def test_what_is_measured_is_a_bar_on_a_terminal(show):
    screen = show(
        "with Progress() as progress:\n    progress.update('phi: downloading', '5 MB/s, 9s left', 0.52)\n    input()\n",
        columns=80,
    )
    screen.expect("phi: downloading [#####-----] 52%, 5 MB/s, 9s left (0s)")
    screen.send("\r")


def test_a_narrow_terminal_keeps_the_bar_and_cuts_the_words(show):
    screen = show(
        "with Progress() as progress:\n    progress.update('words ' * 9, '5 MB/s', 1.0)\n    input()\n", columns=50
    )
    screen.expect(re.compile(r"words .*… \[##########\] 100%, 5 MB/s \(0s\)"))
    screen.send("\r")


def test_without_a_terminal_each_tenth_of_what_is_measured_is_a_line(show, tmp_path):
    """Or what has come of it in half a minute; other figures alone are no line."""
    code = (
        "with Progress() as progress:\n"
        "    for done in (-1, 0.0, 0.05, 0.1, 0.19, 0.31, 0.3, 1.0):\n"
        "        progress.update('a', f'{done}', done)\n"
    )
    assert show(code, stderr=tmp_path / "err").wait() == 0
    lines = re.sub(r" \(\d+s\)", "", (tmp_path / "err").read_text()).splitlines()
    assert lines == ["a, -1", "a 0%, 0.0", "a 10%, 0.1", "a 31%, 0.31", "a 100%, 1.0"]


def test_without_a_terminal_a_line_fits_80_columns(show, tmp_path):
    code = "with Progress() as progress:\n    progress.update('word ' * 40, '5 MB/s', 0.5)\n"
    assert show(code, stderr=tmp_path / "err").wait() == 0
    (line,) = (tmp_path / "err").read_text().splitlines()
    assert len(line) == 80
    assert line.endswith("… 50%, 5 MB/s (0s)")
