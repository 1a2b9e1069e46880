"""The file of the messages that the arrow keys bring back."""

from __future__ import annotations

import os
import threading

import pytest

from kaito.terminal import history


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "state" / "kubectl-kaito" / "history")


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HOME": "/home/a"}, "/home/a/.local/state/kubectl-kaito/history"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "/state"}, "/state/kubectl-kaito/history"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": ""}, "/home/a/.local/state/kubectl-kaito/history"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "relative"}, "/home/a/.local/state/kubectl-kaito/history"),
        ({"XDG_STATE_HOME": "/state"}, "/state/kubectl-kaito/history"),
        ({"HOME": ""}, ""),
        ({}, ""),
    ],
)
def test_the_path_of_the_file(environ, path):
    assert history.path(environ) == path


@pytest.mark.parametrize("entry", ["a", "two\nlines", "a\r\ttab \x1b[1m \u2028", "漢字 🙂", '"quoted" \\'])
def test_an_entry_comes_back_whole(file, entry):
    history.append(file, "before")
    history.append(file, entry)
    assert history.load(file) == ["before", entry]


def test_what_readline_cannot_take_is_replaced(file):
    history.append(file, "a\0b \ud800")
    assert history.load(file) == ["ab ?"]


def test_the_last_thousand_are_loaded_and_the_file_is_cut(file):
    for number in range(3):
        history.append(file, str(number))
    with open(file, "a") as lines:
        lines.writelines(f'"{number}"\n' for number in range(3, 1100))
    assert history.load(file) == [str(number) for number in range(100, 1100)]
    with open(file) as lines:
        assert len(lines.readlines()) == 1000
    assert os.stat(file).st_mode & 0o777 == 0o600


def test_only_the_damaged_entries_of_a_damaged_file_are_lost(file):
    history.append(file, "good")
    with open(file, "ab") as lines:
        lines.write(b'no JSON\n[1]\n""\n\xff\xfe\n"cut o\n' + b"[" * 100_000 + b"\n")
    history.append(file, "good too")
    assert history.load(file) == ["good", "good too"]


def test_a_very_long_message_is_left_out(file):
    history.append(file, "x" * 100_000)
    assert history.load(file) == []


@pytest.mark.parametrize("bad", ["/dev/null/history", "/proc/nope/history", "/dev/full"])
def test_a_file_that_cannot_be_written_is_no_failure(bad):
    history.append(bad, "a")
    if bad != "/dev/full":
        assert history.load(bad) == []


def test_sessions_at_the_same_time_lose_nothing(file):
    with_long_file = [f'"{number}"\n' for number in range(1200)]
    history.append(file, "first")
    with open(file, "a") as lines:
        lines.writelines(with_long_file)

    def session(name):
        for number in range(50):
            history.append(file, f"{name}{number}")
            history.load(file)

    sessions = [threading.Thread(target=session, args=(name,)) for name in "abc"]
    for each in sessions:
        each.start()
    for each in sessions:
        each.join()
    loaded = set(history.load(file))
    assert {f"{name}{number}" for name in "abc" for number in range(50)} <= loaded
