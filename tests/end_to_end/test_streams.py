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

from . import CHAT, CONNECTED

NEEDS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@pytest.fixture
def shell(run_kaito):
    """Run the chat with the shell's redirections: shell("<&-") -> Result. No traceback, whatever is closed."""

    def run_in_shell(redirections, stdin="Say OK\n"):
        script = f'"$@" {redirections}'
        result = run_kaito(*CHAT, stdin=stdin, command=["/bin/sh", "-c", script, "sh", *program()])
        assert "Traceback" not in result.err + result.out
        return result

    return run_in_shell


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

    def test_in_a_pipeline_of_the_shell(self, cluster, shell):
        cluster.model.always("0123456789" * 1000, usage=False)
        result = shell('| head -c 10; echo "[$?]"', stdin="a\n" * 3)
        assert (result.out, result.err) == ("0123456789[0]\n", CONNECTED)

    def test_a_slow_reader_gets_everything(self, cluster, start_chat):
        """More than a pipe holds, read only once the writer must have stopped for it."""
        text = "".join(f"line {number}\n" for number in range(20_000))
        cluster.model.max_model_len = 1 << 20
        cluster.model.reply([text[: 1 << 16], text[1 << 16 :]])
        process = start_chat()
        process.stdin.write(b"a\n")
        process.stdin.close()
        cluster.model.requests.wait()
        assert process.stdout.read().decode() == text + "\n"
        assert process.wait(10) == 0


class TestClosedStreams:
    def test_stdin(self, shell):
        result = shell("<&-")
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"{CONNECTED}error: nothing was asked")

    def test_stdout(self, shell):
        assert shell(">&-") == (1, "", f"{CONNECTED}error: cannot write to stdout: bad file descriptor\n")

    def test_stderr(self, cluster, shell):
        assert shell("2>&-") == (0, "OK\n", "")
        assert shell("2>&-", stdin="") == (2, "", "")
        assert len(cluster.model.chats) == 1

    def test_all_of_them(self, shell):
        assert shell("<&- >&- 2>&-").code == 2

    @NEEDS_FULL
    def test_a_full_disk(self, shell):
        assert shell(">/dev/full") == (1, "", f"{CONNECTED}error: cannot write to stdout: no space left on device\n")
        assert shell("2>/dev/full") == (0, "OK\n", "")

    @NEEDS_FULL
    @pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
    def test_help_that_cannot_be_written(self, run_kaito, redirection):
        result = run_kaito("--help", command=["/bin/sh", "-c", f'"$@" {redirection}', "sh", *program()])
        assert result.code == 1
        assert re.fullmatch("error: cannot write to stdout: .+\n", result.err)

    def test_stdout_that_does_not_block(self, cluster, start_chat):
        """A pipe whose other end made it non-blocking, as some programs leave theirs."""
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
