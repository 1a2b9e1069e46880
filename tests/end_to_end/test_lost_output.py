"""A stdout that takes no more: silent if nobody reads, an error if output was lost, and never a success."""

from __future__ import annotations

import json
import signal
import subprocess
import threading

import pytest

from tests.cluster import HANG

from . import CONNECTED, NEEDS_FULL, UNMEASURED

FORMS = pytest.mark.parametrize("form", ["text", "json", "jsonl"])

# More than any pipe holds.
LARGE = 2_000_000


@FORMS
class TestLost:
    def test_head(self, cluster, shell, form):
        """The chat's exit code is on stderr, because a pipeline has the exit code of its last command."""
        cluster.model.reply(["0123456789" * 100_000])
        result = shell('{ "$@"; echo $? >&2; } | head -c 10', "-m", "a", "-o", form)
        assert (len(result.out), result.err) == (10, f"{CONNECTED}141\n")

    def test_closed(self, shell, form):
        message = "error: cannot write to stdout: bad file descriptor\n"
        assert shell('"$@" >&-', "-m", "Say OK", "-o", form) == (1, "", CONNECTED + message)

    @NEEDS_FULL
    def test_full(self, shell, form):
        message = "error: cannot write to stdout: no space left on device\n"
        assert shell('"$@" > /dev/full', "-m", "Say OK", "-o", form) == (1, "", CONNECTED + message)

    @NEEDS_FULL
    def test_full_where_only_an_error_is_written(self, shell, form):
        """With text, the first failure is reported; JSON could not be written, and that is reported, too."""
        result = shell('"$@" > /dev/full', "-m", "", "-o", form)
        assert result.code == (2 if form == "text" else 1)
        assert result.err.startswith("error: ")

    def test_stderr_closed_costs_nothing(self, shell, form):
        result = shell('"$@" 2>&-', "-m", "Say OK", "-o", form)
        assert (result.code, result.err) == (0, "")
        assert "OK" in result.out

    def test_everything_closed(self, shell, form):
        assert shell('"$@" <&- >&- 2>&-', "-m", "Say OK", "-o", form).code == 1

    def test_a_slow_reader_loses_nothing(self, cluster, start_chat, form):
        cluster.model.reply(["x" * LARGE])
        process = start_chat("-m", "a", "-q", "-o", form, stdin=subprocess.DEVNULL)
        cluster.model.requests.wait()
        out = bytearray(process.stdout.read(1))
        out += process.stdout.read()
        assert process.wait(10) == 0
        if form != "text":
            parsed = json.loads(out)
            out = ((parsed[0] if form == "json" else parsed)["response"] + "\n").encode()
        assert len(out) == LARGE + 1


def test_a_reader_that_has_stopped_does_not_outlast_the_limit(cluster, start_chat):
    """The reader neither reads nor leaves: only --timeout ends the run, a few seconds late. Both forms run at once."""
    cluster.model.always(["x" * LARGE])
    flags = ("-m", "a", "-q", "--timeout", "700ms")
    for process in [start_chat(*flags, "-o", form, stdin=subprocess.DEVNULL) for form in ("text", "json")]:
        assert process.stderr.read().startswith(b"error: the run was ended by --timeout after 0.7 s while ")
        assert process.wait(10) == 5


@pytest.mark.parametrize("form", ["json", "jsonl"])
class TestInterruptedWhileWriting:
    """Half an object is not JSON: a reader who goes on reading gets all of it."""

    def started(self, cluster, start_chat, form):
        cluster.model.reply(["x" * LARGE])
        cluster.model.reply([HANG])
        process = start_chat("-m", "a", "-m", "b", "-q", "-o", form, stdin=subprocess.DEVNULL)
        begun = process.stdout.read(1000)  # the pipe is full by now, or soon
        process.send_signal(signal.SIGINT)
        return process, begun

    def test_the_object_is_finished(self, cluster, start_chat, form):
        process, begun = self.started(cluster, start_chat, form)
        out = begun + process.stdout.read()
        assert process.wait(10) == 130
        records = json.loads(out) if form == "json" else [json.loads(line) for line in out.splitlines()]
        assert len(records[0]["response"]) == LARGE
        assert records[-1]["error"] == {"message": "interrupted", "exit_code": 130}

    @UNMEASURED
    def test_a_second_interrupt_ends_it_at_once(self, cluster, start_chat, form):
        process, _ = self.started(cluster, start_chat, form)
        ended = threading.Event()

        def insist():
            while not ended.wait(0.05):
                process.send_signal(signal.SIGINT)

        threading.Thread(target=insist, daemon=True).start()
        try:
            assert process.wait(10) == 130
        finally:
            ended.set()
        assert process.stderr.read() == b""
