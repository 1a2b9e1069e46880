"""Writing to the process's own descriptors."""

from __future__ import annotations

import os
import subprocess

import pytest

from kaito.errors import KaitoError
from kaito.terminal.streams import STDERR, STDOUT, ReaderGone, report, write


@pytest.fixture
def put():
    """Make an open descriptor one of the process's streams: put(STDOUT, descriptor)."""
    kept = {stream: os.dup(stream) for stream in (STDOUT, STDERR)}

    def replace(stream, descriptor):
        os.dup2(descriptor, stream)
        os.close(descriptor)

    yield replace
    for stream, descriptor in kept.items():
        os.dup2(descriptor, stream)
        os.close(descriptor)


def gone():
    """Return the end of a pipe whose reader has gone away."""
    read, write = os.pipe()
    os.close(read)
    return write


def test_an_error_is_its_message_then_details_then_the_hint(capfd):
    report(KaitoError("it failed", "do this", ["one", "two\nlines \x1b[2J"]))
    assert capfd.readouterr() == ("", "error: it failed\none\ntwo lines ␛[2J\ndo this\n")


def test_a_lone_surrogate_is_replaced(capfd):
    write(STDOUT, "a\ud800b\n")
    assert capfd.readouterr().out == "a?b\n"


def test_a_reader_of_stdout_that_has_gone_away_ends_the_run(put):
    put(STDOUT, gone())
    with pytest.raises(ReaderGone):
        write(STDOUT, "a")


def test_a_full_disk_is_an_error(put):
    put(STDOUT, os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(KaitoError, match=r"^cannot write to stdout: no space left on device$"):
        write(STDOUT, "a")


@pytest.mark.parametrize("full", [False, True])
def test_an_stderr_that_takes_no_more_is_no_failure(put, full):
    put(STDERR, os.open("/dev/full", os.O_WRONLY) if full else gone())
    write(STDERR, "a")


def test_a_reader_that_is_slow_gets_everything(put):
    """Another process that shares the descriptor may have made it non-blocking."""
    read, end = os.pipe()
    os.set_blocking(end, False)
    put(STDOUT, end)
    reader = subprocess.Popen(["wc", "-c"], stdin=read, stdout=subprocess.PIPE)
    os.close(read)
    write(STDOUT, "x" * (1 << 20))
    put(STDOUT, os.open(os.devnull, os.O_WRONLY))
    assert int(reader.communicate()[0]) == 1 << 20
