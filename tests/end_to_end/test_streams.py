"""Signals, closed streams and readers that leave: how a run in a pipe ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading

import pytest

from tests.cluster import HANG, Refusal, Reply
from tests.cluster.process import program

from . import CONNECTED, NEEDS_FULL


class TestInterrupt:
    def test_during_an_answer(self, cluster, start_chat):
        cluster.model.reply(["what ", "came", HANG])
        process = start_chat()
        process.stdin.write(b"a\nb\n")
        process.stdin.flush()
        assert process.stdout.read(9) == b"what came"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == (b"\n", CONNECTED.encode())
        assert process.returncode == 130
        assert cluster.model.requests[0].closed.wait(5)
        assert len(cluster.model.chats) == 1

    @pytest.mark.parametrize(
        "reply", [Reply("never", before=HANG), Reply([HANG])], ids=["before the head", "before the first word"]
    )
    def test_before_the_first_word(self, cluster, start_chat, reply):
        cluster.model.reply(reply)
        process = start_chat()
        process.stdin.write(b"a\n")
        process.stdin.flush()
        cluster.model.requests.wait()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == (b"", CONNECTED.encode())
        assert process.returncode == 130

    def test_while_input_is_awaited(self, start_chat):
        process = start_chat()
        process.stdin.write(b"Say a\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"a\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130, "its stdin is still open"
        assert process.communicate() == (b"", CONNECTED.encode())

    def test_while_the_workspace_is_looked_up(self, cluster, start_chat):
        cluster.on("/namespaces/", Refusal(200, {}, before=HANG))
        process = start_chat()
        cluster.requests.wait(2)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == (b"", b"")
        assert process.returncode == 130


class TestReaderGone:
    def test_it_ends_quietly_as_sigpipe_would_end_it(self, cluster, start_chat):
        """`| head -c 10`."""
        gate = threading.Event()
        cluster.model.reply(["0123456789", gate, *["more "] * 100])
        process = start_chat()
        process.stdin.write(b"a\nb\n")
        process.stdin.close()
        assert process.stdout.read(10) == b"0123456789"
        process.stdout.close()
        gate.set()
        assert process.stderr.read() == CONNECTED.encode()
        assert process.wait(10) == 141
        assert len(cluster.model.chats) == 1


class TestClosedStreams:
    """Without stdin and stderr; a stdout that takes nothing is in test_lost_output.py."""

    def test_stdin(self, shell):
        result = shell('"$@" <&-')
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"{CONNECTED}error: nothing was asked")

    def test_stderr(self, cluster, shell):
        assert shell('"$@" 2>&-', stdin="Say OK\n") == (0, "OK\n", "")
        assert shell('"$@" 2>&-') == (2, "", "")
        assert len(cluster.model.chats) == 1

    def test_all_of_them(self, shell):
        assert shell('"$@" <&- >&- 2>&-').code == 2

    @NEEDS_FULL
    def test_a_stderr_that_is_full(self, shell):
        assert shell('"$@" 2>/dev/full', stdin="Say OK\n") == (0, "OK\n", "")

    @NEEDS_FULL
    @pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
    def test_help_that_cannot_be_written(self, run_kaito, redirection):
        result = run_kaito("--help", command=["/bin/sh", "-c", f'"$@" {redirection}', "sh", *program()])
        assert result.code == 1
        assert re.fullmatch("error: cannot write to stdout: .+\n", result.err)

    def test_stdout_that_does_not_block(self, cluster, start_chat):
        """The other end of the pipe made it non-blocking, as some programs do."""
        text = "x" * 300_000
        cluster.model.reply([text])
        read, write = os.pipe()
        os.set_blocking(write, False)
        process = start_chat(stdout=write)
        os.close(write)
        process.stdin.write(b"a\n")
        process.stdin.close()
        with os.fdopen(read, "rb") as reader:
            assert reader.read().decode() == text + "\n"
        assert process.wait(10) == 0

    def test_nothing_is_left_running(self, cluster, start_chat):
        process = start_chat(stdin=subprocess.DEVNULL)
        assert process.wait(10) == 2
        assert all(connection.closed.wait(5) for connection in cluster.connections)
