"""The file of the messages that the arrow keys bring back."""

from __future__ import annotations

import fcntl
import os
import threading
import time

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


def make_fifo(path):
    os.mkfifo(path)


def link_to_terminal(path):
    os.symlink("/dev/tty", path)


def link_to_zeros(path):
    os.symlink("/dev/zero", path)


@pytest.mark.parametrize("make", [make_fifo, os.mkdir, link_to_terminal, link_to_zeros])
def test_a_file_of_another_kind_is_left_alone_at_once(file, make):
    os.makedirs(os.path.dirname(file))
    make(file)
    began = time.monotonic()
    history.append(file, "a")
    assert history.load(file) == []
    assert time.monotonic() - began < 0.2
    assert not os.path.isfile(file)


def test_a_fifo_that_somebody_reads_gets_nothing(file):
    os.makedirs(os.path.dirname(file))
    os.mkfifo(file)
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        history.append(file, "a secret plan")
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


def test_a_file_that_another_process_keeps_locked_never_holds_up_the_chat(file):
    history.append(file, "before")
    with open(file, "a") as lines:
        lines.writelines(f'"{number}"\n' for number in range(1100))
    with open(file) as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        began = time.monotonic()
        history.append(file, "not written")
        assert history.load(file)[-1] == "1099"
        assert time.monotonic() - began < 2.0
    history.append(file, "after")
    assert history.load(file)[-2:] == ["1099", "after"]


def test_of_a_very_large_file_only_the_end_is_read(file):
    history.append(file, "before")
    os.truncate(file, 1 << 36)
    with open(file, "a") as lines:
        lines.write("\n")
    history.append(file, "after")
    assert history.load(file) == ["after"]
    assert os.stat(file).st_size < 1 << 30, "it is cut to what is read"
