"""`--wait` watches until the workspace can answer, and then chats."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.cluster import (
    NO_ENDPOINTS,
    NO_OBJECT,
    REFUSED,
    Cluster,
    Raw,
    Refusal,
    condition,
    inference_set,
    replica_of,
    service,
    workspace,
)
from tests.tools.watches import wait_for_watch, watches

from . import CHAT, CONNECTED, NAME

WAITING = f"{NAME}: ".encode()


def pending(why="creating a machine", name=NAME, **changes):
    return workspace(name, conditions=[condition("InferenceReady", False, "Pending", why)], ready=False, **changes)


def not_yet(cluster, *args, **changes):
    """Let the workspace wait for its machine: KAITO makes its Service only then."""
    if cluster.get("services", NAME, "default"):
        cluster.remove("services", NAME)
    cluster.add(pending(*args, **changes))


def ready(cluster, **changes):
    cluster.add(service(NAME), workspace(NAME, **changes))


@pytest.fixture
def wait(start_chat):
    """Start a chat that waits: wait("--wait=1m") -> Popen, once it has said what it waits for."""

    def start_it(*flags, **options):
        process = start_chat(*(flags or ("--wait",)), **options)
        assert process.stderr.readline().startswith(WAITING)
        return process

    return start_it


def result_of(process, question=b"Say OK\n"):
    """Return exit code, stdout and stderr, without the elapsed times."""
    out, err = process.communicate(question, 20)
    return process.returncode, out, re.sub(r" \(\d+s\)\n", "\n", err.decode())


def test_what_is_ready_costs_nothing_more(cluster, chat):
    assert chat("Say OK\n", "--wait") == (0, "OK\n", CONNECTED)
    assert len(cluster.requests) == 4, "Workspace, Service, the served models, the question"


def test_it_goes_on_into_the_chat(cluster, wait):
    not_yet(cluster)
    process = wait()
    wait_for_watch(cluster)
    ready(cluster)
    assert result_of(process) == (0, b"OK\n", CONNECTED)


def test_each_change_is_a_line(cluster, wait):
    """Without a terminal there is one line per change: what the program waits for, and since when."""
    not_yet(cluster, "one")
    process = wait()
    for number, why in enumerate(("two", "two", "three")):
        wait_for_watch(cluster, number + 1)
        not_yet(cluster, why)
    wait_for_watch(cluster, 4)
    ready(cluster)
    assert result_of(process)[2] == f"{NAME}: two\n{NAME}: three\n{CONNECTED}"


def test_it_watches_and_does_not_poll(cluster, wait):
    """In two seconds without a change, not one request."""
    not_yet(cluster)
    wait()
    wait_for_watch(cluster)
    before = list(cluster.requests)
    time.sleep(2)
    assert cluster.requests == before
    assert len(before) <= 10
    (watch,) = watches(cluster)
    assert f"fieldSelector=metadata.name%3D{NAME}" in watch.target
    assert re.search(r"resourceVersion=[1-9]", watch.target)


def test_a_change_before_the_watch_is_not_missed(cluster, start_chat):
    """The workspace becomes ready after it was read and before it is watched: the watch begins at the version read."""
    not_yet(cluster)
    process = start_chat("--wait")
    cluster.requests.wait(2)
    ready(cluster)
    assert result_of(process)[:2] == (0, b"OK\n")


def test_the_time_is_up(cluster, chat):
    """Exit code 4, explained as without --wait."""
    not_yet(cluster)
    start = time.monotonic()
    result = chat("Say OK\n", "--wait=1s")
    assert (result.code, result.out) == (4, "")
    assert 1 < time.monotonic() - start < 3
    error = result.err.splitlines()[1:]
    assert error[0] == (f'error: workspace "{NAME}" is not ready: creating a machine (waited 1 s)')
    assert error[1].startswith("TYPE ")
    assert error[-1] == "wait longer with --wait=1h"
    assert not cluster.model.requests


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        pytest.param(REFUSED, "its pod is there, but the model is not being served", id="the pod still loads"),
        pytest.param(NO_ENDPOINTS, "no pod of it is running", id="no pod yet"),
        pytest.param(NO_OBJECT, "its Service is missing or has no endpoints", id="no endpoints object"),
    ],
)
def test_a_workspace_that_is_ready_before_its_model(cluster, wait, backend, why):
    """Nothing announces that a model is loaded, so its server is asked, with growing pauses."""
    not_yet(cluster)
    cluster.route(NAME, backend)
    process = wait()
    wait_for_watch(cluster)
    ready(cluster)
    line = process.stderr.readline().decode()
    assert line.startswith(f"{NAME}: {why}")
    cluster.route(NAME, cluster.model)
    assert result_of(process) == (0, b"OK\n", CONNECTED)
    assert len(cluster.model.chats) == 1


def test_a_model_that_is_loading_is_not_asked_all_the_time(cluster, start_chat):
    cluster.route(NAME, REFUSED)
    process = start_chat("--wait=3s")
    assert result_of(process)[0] == 4
    requests = [request for request in cluster.requests if request.target.endswith("/v1/models")]
    assert 2 <= len(requests) <= 5


def test_a_server_without_a_list_of_models_is_up(cluster, chat):
    """The server of a custom template may not list its models; any answer shows that it is there."""
    cluster.add(workspace(NAME, preset=None, template={}))
    cluster.model.on("/v1/models", Refusal(404, {"detail": "Not Found"}))
    assert chat("Say OK\n", "--wait=20s")[:2] == (0, "OK\n")


def test_an_inference_set(cluster, start_kaito):
    cluster.add(inference_set("phi-set"), pending(name="phi-set-0", labels=replica_of("phi-set")))
    process = start_kaito("chat", "--workspace-name", "phi-set", "--wait")
    assert process.stderr.readline().startswith(b"phi-set-0: creating a machine ")
    wait_for_watch(cluster)
    assert "labelSelector=inferenceset.kaito.sh%2Fcreated-by%3Dphi-set" in watches(cluster)[0].target
    cluster.add(service("phi-set-0"), workspace("phi-set-0", labels=replica_of("phi-set")))
    assert result_of(process)[:2] == (0, b"OK\n")


def test_an_old_cluster_is_watched_in_its_own_version(start_kaito, tmp_path):
    with Cluster(versions=("v1alpha1",)) as cluster:
        not_yet(cluster, version="v1alpha1")
        env = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "old")}
        process = start_kaito(*CHAT, "--wait", env=env)
        wait_for_watch(cluster)
        assert watches(cluster)[0].path == "/apis/kaito.sh/v1alpha1/namespaces/default/workspaces"
        ready(cluster, version="v1alpha1")
        assert result_of(process)[:2] == (0, b"OK\n")


class TestWithoutAWatch:
    """The workspace is read again every few seconds."""

    def test_what_may_not_be_watched(self, cluster, wait):
        cluster.deny("watch", "workspaces")
        not_yet(cluster)
        process = wait()
        time.sleep(1)
        before = len(cluster.requests)
        assert before <= 10
        ready(cluster)
        assert result_of(process)[:2] == (0, b"OK\n")
        assert len(cluster.requests) <= before + 6

    def test_what_may_not_even_be_listed(self, cluster, wait):
        cluster.deny("list", "workspaces")
        not_yet(cluster)
        wait()
        time.sleep(1)
        assert len(cluster.requests) <= 10

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param({"code": 410, "reason": "Expired", "message": "too old resource version: 1 (99)"}, id="410"),
            pytest.param({"code": 500, "reason": "InternalError", "message": "etcd"}, id="500"),
        ],
    )
    def test_an_error_as_the_first_event(self, cluster, wait, answer):
        """A watch from a revision that the server no longer has says so, and is not begun over and over."""
        event = json.dumps({"type": "ERROR", "object": {"kind": "Status", "status": "Failure", **answer}}) + "\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(event)}\r\n\r\n"
        cluster.on("watch=true", Raw((head + event).encode(), then=None))
        not_yet(cluster)
        wait()
        wait_for_watch(cluster)
        time.sleep(1)
        assert len(watches(cluster)) == 1

    def test_a_watch_that_ends_at_once(self, cluster, wait):
        cluster.on("watch=true", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", then=None))
        not_yet(cluster)
        wait()
        wait_for_watch(cluster)
        time.sleep(1)
        assert len(watches(cluster)) == 1


class TestAnApiServerThatIsAway:
    """A server that has answered is waited for like the workspace; what waiting cannot mend still ends the run."""

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            pytest.param(Refusal(503), b" answers 503: ", id="503"),
            pytest.param(Refusal(429), b" answers 429: ", id="429"),
            pytest.param(Raw(b""), b"cannot reach the API server ", id="no answer"),
        ],
    )
    def test_it_is_waited_for(self, cluster, wait, answer, why):
        not_yet(cluster)
        process = wait()
        wait_for_watch(cluster)
        cluster.on("/apis/kaito.sh/", answer, times=2)
        ready(cluster)
        line = process.stderr.readline()
        assert line.startswith(WAITING) and why in line, line
        assert result_of(process)[:2] == (0, b"OK\n")

    def test_before_its_first_answer_the_run_ends_at_once(self, cluster, chat):
        cluster.on("/apis/kaito.sh/", Refusal(503))
        assert chat("Say OK\n", "--wait").code == 3

    def test_the_time_is_up(self, cluster, start_chat):
        not_yet(cluster)
        process = start_chat("--wait=2s")
        wait_for_watch(cluster)
        cluster.on("/apis/kaito.sh/", Refusal(503))
        code, _, err = result_of(process)
        assert code == 3
        assert " answers 503: " in err.splitlines()[-1]

    def test_a_right_that_is_taken_away_ends_it(self, cluster, wait):
        not_yet(cluster)
        process = wait()
        wait_for_watch(cluster)
        cluster.on("/apis/kaito.sh/", Refusal(401, {"kind": "Status", "code": 401}))
        ready(cluster)
        assert result_of(process)[0] == 3


@pytest.mark.parametrize(
    ("made", "argv", "code"),
    [
        pytest.param(workspace(NAME, tuning={"method": "lora"}), CHAT, 4, id="it tunes"),
        pytest.param(workspace(NAME), ("chat", "--workspace-name", "nope"), 4, id="a wrong name"),
    ],
)
def test_what_waiting_does_not_mend_ends_at_once(cluster, run_kaito, made, argv, code):
    cluster.add(made)
    start = time.monotonic()
    assert run_kaito(*argv, "--wait", stdin="Say OK\n").code == code
    assert time.monotonic() - start < 3
    assert not watches(cluster)


class TestTerminal:
    def test_one_live_line(self, cluster, terminal):
        """The line shows what the program waits for and for how long, and disappears when the chat begins."""
        not_yet(cluster)
        screen = terminal(*CHAT, "--wait")
        screen.expect(re.compile(rf"{NAME}: creating a machine \(0s\)"))
        wait_for_watch(cluster)
        before = screen.raw
        assert b"\n" not in before
        ready(cluster)
        screen.expect("Connected to workspace")
        shown = screen.raw[len(before) :].partition(b"Connected")[0]
        assert re.search(rb"\r +\r$", shown), "the line is wiped"
        screen.expect("> ")
        screen.line("/quit")
        assert screen.wait() == 0

    def test_a_question_that_is_sent_until_it_is_answered(self, cluster, terminal):
        """With the right to ask alone. The wait and the question share a line, and Ctrl-C takes it away."""
        cluster.grant(("create", "services/proxy"))
        cluster.route(NAME, REFUSED)
        with terminal(*CHAT, "--wait", "-m", "Hi") as screen:
            screen.expect("the model is not being served (2s)")
            screen.interrupt()
            assert screen.wait() == 130
        assert not re.search(r"waiting for the model \([1-9]s\)", screen.text)
        assert not re.split(r"[\r\n]", screen.raw.decode())[-1].strip()

    def test_the_elapsed_time(self, cluster, terminal):
        not_yet(cluster, "x")
        screen = terminal(*CHAT, "--wait", columns=120)
        screen.expect(re.compile(r"phi-3-5-mini: x \(0s\)"))
        screen.expect(re.compile(r"phi-3-5-mini: x \(1s\)"))
        screen.expect(re.compile(r"phi-3-5-mini: x \(2s\)"))

    def test_ctrl_c_leaves_at_once(self, cluster, terminal):
        not_yet(cluster)
        screen = terminal(*CHAT, "--wait")
        screen.expect(f"{NAME}: ")
        watch = wait_for_watch(cluster)
        pressed = time.monotonic()
        screen.interrupt()
        assert screen.wait() == 130
        assert time.monotonic() - pressed < 0.7
        assert watch.closed.wait(5)
        assert "Traceback" not in screen.text
        assert not cluster.model.requests

    def test_ctrl_c_while_nothing_may_be_watched(self, cluster, terminal):
        cluster.deny("watch", "workspaces")
        not_yet(cluster)
        screen = terminal(*CHAT, "--wait")
        screen.expect(f"{NAME}: ")
        cluster.requests.wait(7)
        pressed = time.monotonic()
        screen.interrupt()
        assert screen.wait() == 130
        assert time.monotonic() - pressed < 0.7


@pytest.mark.parametrize("flag", ["--wait=soon", "--wait=-1s", "--wait=1.5"])
def test_what_is_no_duration(run_kaito, flag):
    result = run_kaito(*CHAT, flag)
    assert result.code == 2
    assert "--wait: it takes a duration" in result.err
