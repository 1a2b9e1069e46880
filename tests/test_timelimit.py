"""`--timeout`: a limit on the time of the whole run, whatever the run is doing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from kaito.errors import InferenceError
from kaito.timelimit import TimeLimit, TimeUp
from tests.cluster import HANG, REFUSED, Refusal, too_many_requests, workspace

CHAT = ("chat", "--workspace-name", "phi-3-5-mini")
MESSAGE = "the run was ended by --timeout after 0.05 s"


class TestTimeLimit:
    def test_it_ends_its_body(self):
        start = time.monotonic()
        with pytest.raises(InferenceError) as caught, TimeLimit(0.05):
            threading.Event().wait(10)
        assert time.monotonic() - start < 5
        assert caught.value.message == MESSAGE
        assert caught.value.exit_code == 5

    def test_code_that_handles_failures_does_not_swallow_it(self):
        with pytest.raises(InferenceError), TimeLimit(0.05):
            while True:
                try:
                    threading.Event().wait(10)
                except Exception:
                    continue

    def test_it_repeats(self):
        """Cleaning up after the first TimeUp may block, for example on a write to a reader that has stopped."""
        with pytest.raises(InferenceError), TimeLimit(0.05, repeat=0.05):
            try:
                threading.Event().wait(10)
            finally:
                threading.Event().wait(10)

    @pytest.mark.parametrize("seconds", [0.0, 60.0, 1e9, float("inf")])
    def test_a_body_that_ends_in_time_is_not_disturbed(self, seconds):
        earlier = signal.getsignal(signal.SIGALRM)
        with TimeLimit(seconds):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) == earlier

    def test_other_errors_pass_through(self):
        with pytest.raises(KeyError), TimeLimit(60):
            raise KeyError

    def test_an_import_that_converts_it_to_another_error(self):
        with pytest.raises(InferenceError, match="ended by --timeout"), TimeLimit(0.01):
            try:
                time.sleep(60)
            except TimeUp:
                raise ImportError from None

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_one_that_python_drops_in_a_finalizer_still_counts(self):
        class Slow:
            def __del__(self):
                threading.Event().wait(10)

        with pytest.raises(InferenceError, match="ended by --timeout"), TimeLimit(0.05):
            Slow()

    def test_time_up_is_not_an_exception(self):
        assert not issubclass(TimeUp, Exception)


@pytest.fixture
def timed(run_kaito):
    """Run a chat with a limit of 0.7 s -> its stderr without the banner and the lines about waiting."""

    def run_timed(*flags, **options):
        start = time.monotonic()
        result = run_kaito(*CHAT, "-m", "a", "-q", "--timeout", "700ms", *flags, **options)
        assert time.monotonic() - start < 5
        assert (result.code, result.out) == (5, "")
        assert "Traceback" not in result.err
        return result.err

    return run_timed


def error(doing, seconds="0.7"):
    """Return what the run prints if --timeout ends it while it does that."""
    message = f"error: the run was ended by --timeout after {seconds} s while {doing}\n"
    return message + "allow more time with a larger --timeout\n"


class TestWholeRun:
    def test_a_connection_that_is_not_established(self, timed):
        """Linux drops the handshakes of connections beyond the backlog."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            address = server.getsockname()
            held = [socket.socket() for _ in range(3)]
            for each in held:
                each.setblocking(False)
                each.connect_ex(address)
            assert timed("--server", f"https://127.0.0.1:{address[1]}") == error("connecting")
            for each in held:
                each.close()

    def test_a_server_that_sends_nothing(self, timed):
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert timed("--server", f"https://127.0.0.1:{server.getsockname()[1]}") == error("connecting")

    def test_a_service_whose_answer_does_not_come(self, cluster, timed):
        """It is looked up in a thread of its own, at the same time as the workspace."""
        cluster.on("/services/", Refusal(200, {}, before=HANG))
        assert timed() == error("connecting")

    def test_an_answer_that_does_not_begin(self, cluster, timed):
        cluster.model.reply("never", before=HANG)
        assert timed() == error("waiting for the answer")

    def test_a_busy_server(self, cluster, timed):
        cluster.model.always(too_many_requests(retry_after=30))
        assert timed() == error("waiting for the answer")

    def test_a_workspace_that_is_waited_for(self, cluster, timed):
        cluster.add(workspace("phi-3-5-mini", ready=False))
        cluster.route("phi-3-5-mini", REFUSED)
        assert timed("--wait") == error("waiting for phi-3-5-mini: InsufficientCapacity, nodeClaim ws1234")

    def test_an_exec_plugin(self, cluster, timed, tmp_path):
        """The plugin ends with the run."""
        script = f'echo $$ > "{tmp_path}/pid"; exec sleep 60'
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}
        plugin["interactiveMode"] = "Never"
        path = cluster.write_kubeconfig(tmp_path, credentials={"token": None, "exec": plugin}, filename="plugin")
        assert timed("--kubeconfig", path) == error("connecting")
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)

    @pytest.mark.parametrize(
        "script",
        [
            pytest.param("sleep 60 & sleep 60", id="a child that holds stderr"),
            pytest.param("sleep 60 & exit", id="a child that holds stdout, too"),
            pytest.param("trap '' TERM; sleep 60 & while :; do sleep 0.1; done", id="neither obeys SIGTERM"),
        ],
    )
    def test_what_an_exec_plugin_has_started(self, cluster, timed, tmp_path, script):
        """Whoever waits for the end of our stderr, as a CI system does, waits for every process that holds it."""
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}
        plugin["interactiveMode"] = "Never"
        path = cluster.write_kubeconfig(tmp_path, credentials={"token": None, "exec": plugin}, filename="plugin")
        start = time.monotonic()
        assert timed("--kubeconfig", path) == error("connecting")
        assert time.monotonic() - start < 2.5, "SIGKILL comes 0.5 s after SIGTERM"

    def test_a_stdin_that_does_not_end(self, start_kaito):
        process = start_kaito(*CHAT, "-f", "-", "--timeout", "500ms")
        assert process.stderr.read().startswith(
            b"error: the run was ended by --timeout after 0.5 s while reading the questions\n"
        )
        assert (process.wait(10), process.stdout.read()) == (5, b"")

    def test_the_part_of_the_answer_that_came_is_shown(self, cluster, start_kaito):
        cluster.model.reply(["half ", HANG])
        process = start_kaito(*CHAT, "-m", "a", "-q", "--timeout", "1s", stdin=subprocess.DEVNULL)
        assert process.communicate(timeout=10) == (b"half \n", error("receiving the answer", 1).encode())
        assert process.returncode == 5

    def test_an_expectation_that_takes_endless_time(self, cluster, run_kaito):
        cluster.model.reply(["a" * 64])
        result = run_kaito(*CHAT, "-m", "a", "-q", "--timeout", "1s", "--expect", "^(a+)+$b")
        assert (result.code, result.err) == (5, error("between two questions", 1))

    def test_a_run_in_time(self, run_kaito):
        assert run_kaito(*CHAT, "-m", "Say OK", "-q", "--timeout", "1h30m") == (0, "OK\n", "")


@pytest.mark.parametrize("timeout", ["1us", "100us", "1ms", "2ms", "5ms"])
@pytest.mark.parametrize("output", ["text", "json", "jsonl"])
def test_a_limit_that_ends_before_anything_begins(run_kaito, timeout, output):
    result = run_kaito("chat", "--workspace-name", "phi-3-5-mini", "-m", "Hi", "--timeout", timeout, "-o", output)
    assert result.code == 5
    assert "Traceback" not in result.err
    assert f"after {float(timeout[:-2]) / (1e6 if timeout.endswith('us') else 1e3):g} s" in result.err
    if output != "text":
        objects = json.loads(result.out) if output == "json" else [json.loads(line) for line in result.out.splitlines()]
        assert objects[-1]["error"]["exit_code"] == 5
