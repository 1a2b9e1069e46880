"""`--wait` through the phases of a start. The whole program: end_to_end/test_wait.py."""

from __future__ import annotations

import pytest

from kaito.errors import ClusterError, NotReadyError, WorkspaceError
from kaito.kube.kubeconfig.model import User
from kaito.model.client import ChatModel, Sampling
from kaito.net.url import Url
from kaito.workspaces import endpoint, probe, watch
from kaito.workspaces import wait as waiting
from kaito.workspaces.reference import Reference
from tests.cluster import Cluster
from tests.cluster.phases import LIFE
from tests.cluster.replicas import Replicas
from tests.cluster.workload import Workload

from .clients import client, target

PROXY = ("create", "services/proxy")
NO_SERVICE = "its Service is missing or has no endpoints"
NO_POD = "no pod of it is running"
OUT_OF_MEMORY = 'ContainerOOMKilled, container "phi" was OOMKilled (exit code 137); reduce memory usage (or the window)'
NOT_SERVED = "its pod is there, but the model is not being served"
UNKNOWN = "; the name may be wrong, or the workspace may not be created yet"


@pytest.fixture
def cluster():
    with Cluster() as made:
        yield made


class Wait:
    """A wait. `shown`: the phases that were shown; after each of them, the next of `steps` is taken."""

    def __init__(self, cluster, *, before_prompt=False, in_pod=False, steps=()):
        self.api = client(target(cluster.url, user=User(token=cluster.token), in_cluster=in_pod))
        self.shown = []
        self.ended = 0
        self._before_prompt = before_prompt
        self._steps = list(steps)

    def run(self, wanted="phi", seconds=20.0):
        aim = waiting.Aim(Reference(wanted), "default", {}, "auto", seconds, self._before_prompt)
        return waiting.wait(self.api, aim, self._say, self._end)

    def ask(self, found):
        """Ask a question as the chat does."""
        model = ChatModel(found.endpoint.link, retry_seconds=0.0)
        return list(model.stream([{"role": "user", "content": "Say OK"}], Sampling()))

    def _say(self, phase):
        self.shown.append(phase)
        if self._steps:
            self._steps.pop(0)()

    def _end(self):
        self.ended += 1

    @property
    def words(self):
        return [phase.why for phase in self.shown]


@pytest.fixture
def wait(cluster, monkeypatch):
    monkeypatch.setattr(probe, "SECONDS", 0.1)
    monkeypatch.setattr(endpoint, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.0)
    # Nothing is waited for but the server.
    monkeypatch.setattr(waiting.Changes, "wait", lambda *_: None)
    monkeypatch.setattr(waiting, "pauses", lambda: iter(lambda: 0.01, None))
    made = []

    def begin(**options):
        made.append(Wait(cluster, **options))
        return made[-1]

    yield begin
    for each in made:
        each.api.close()


def through_life(phi):
    """Return the steps through a whole start."""
    return [lambda phase=phase: phi.enter(phase) for phase in LIFE[1:]]


def without_address(text):
    return text.partition(" (error")[0]


def test_a_whole_start(cluster, wait):
    """The chat begins as soon as the model answers, while KAITO still measures it."""
    phi = Workload(cluster, "phi", "new")
    run = wait(steps=through_life(phi))
    found = run.run()
    assert list(map(without_address, run.words)) == [
        'there is no Service "phi" yet',
        "Ready NodeClaims are not enough",
        "InsufficientCapacity, nodeClaim ws1234",
        "waiting all node plugins to be ready",
        NO_SERVICE,
        "pod phi-0: ContainerCreating",
        NOT_SERVED,
        "downloading",
        "loading the weights",
        "its server accepts connections, but does not answer yet",
    ]
    assert phi.phase == "benchmarking"
    assert found.note == "note: KAITO is still measuring phi, so it may answer slowly"
    assert run.ended == 1
    found.endpoint.link.close()


@pytest.mark.parametrize(
    ("phase", "reason", "words"),
    [
        pytest.param("pending", "ImagePullBackOff", "pod phi-0: ImagePullBackOff", id="its image"),
        pytest.param(
            "unschedulable",
            None,
            'Unschedulable, pod "phi-0" is unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.',
            id="the Workspace says it",
        ),
        pytest.param("crash-looping", None, OUT_OF_MEMORY, id="in words with parentheses"),
        pytest.param("starting", None, NOT_SERVED, id="it runs"),
    ],
)
def test_what_keeps_a_pod_from_running(cluster, wait, phase, reason, words):
    phi = Workload(cluster, "phi")
    changes = {"reason": "ContainerOOMKilled", "message": OUT_OF_MEMORY.partition(", ")[2]}
    phi.enter(phase, waiting=reason, **(changes if phase == "crash-looping" else {}))
    run = wait(steps=[lambda: phi.enter("ready")])
    run.run()
    assert run.words == [words]


def test_pods_that_may_not_be_read(cluster, wait):
    cluster.deny("list", "pods")
    phi = Workload(cluster, "phi", "pending")
    run = wait(steps=[lambda: phi.enter("ready")])
    run.run()
    assert run.words == [NO_POD]


def test_a_download_is_measured_by_what_was_left_when_it_was_first_seen(cluster, wait):
    phi = Workload(cluster, "phi")
    phi.enter("downloading", speed=1e8, remaining=100)
    slower = lambda: phi.enter("downloading", speed=5e7, remaining=100)  # noqa: E731
    run = wait(steps=[slower, lambda: phi.enter("downloading", speed=0, remaining=-1), lambda: phi.enter("ready")])
    run.run()
    assert [(phase.figures, phase.done) for phase in run.shown] == [
        ("100 MB/s, 100s left", 0.0),
        ("50 MB/s, 100s left", 0.5),
        ("0 B/s, time left unknown", -1.0),
    ]


def test_zeros_before_a_download_s_first_sample_do_not_mean_that_it_is_done(cluster, wait):
    phi = Workload(cluster, "phi", "loading")
    run = wait(steps=[lambda: phi.enter("downloading"), lambda: phi.enter("loading"), lambda: phi.enter("ready")])
    run.run()
    assert run.words == ["downloading or loading the weights", "downloading", "loading the weights"]


def test_streamed_weights_are_measured_by_their_mirror(cluster, wait):
    phi = Workload(cluster, "phi")
    phi.enter("streaming", speed=1e8, remaining=60)
    run = wait(steps=[lambda: phi.enter("ready")])
    run.run()
    assert [(phase.why, phase.figures) for phase in run.shown] == [("downloading", "100 MB/s, 60s left")]


class TestQuestionsAlone:
    """With nothing but `create` on services/proxy, only a question shows whether the model answers."""

    @pytest.fixture(autouse=True)
    def rights(self, cluster):
        cluster.grant(PROXY)

    def test_in_a_pipe_the_question_is_sent_until_the_model_answers(self, cluster, wait):
        phi = Workload(cluster, "phi", "nodes")
        phases = ("pending", "starting", "downloading", "ready")
        run = wait(steps=[lambda phase=phase: phi.enter(phase) for phase in phases])
        found = run.run()
        assert (run.shown, run.ended) == ([], 0)
        assert run.ask(found)
        words = [NO_SERVICE + UNKNOWN, NO_POD, NOT_SERVED, "its weights are still being downloaded or loaded"]
        assert (list(map(without_address, run.words)), run.ended) == (words, 1)
        phi.enter("lost")
        with pytest.raises(NotReadyError):
            run.ask(found)
        assert len(run.shown) == 4, "the wait is over"

    def test_before_a_prompt_one_token_is_asked_for(self, cluster, wait):
        phi = Workload(cluster, "phi", "downloading")
        run = wait(before_prompt=True, steps=[lambda: phi.enter("ready")])
        run.run()
        assert run.words == ["downloading or loading the weights"]
        assert [request.json["max_tokens"] for request in phi.model.chats] == [1, 1]

    def test_a_list_that_is_forbidden_does_not_end_the_wait(self, cluster, wait):
        """--model asks for the list before the question."""
        phi = Workload(cluster, "phi", "starting")
        run = wait(steps=[lambda: phi.enter("ready")])
        found = run.run()
        with pytest.raises(ClusterError):
            ChatModel(found.endpoint.link).models()
        assert run.ended == 0
        assert run.ask(found)
        assert (len(run.shown), run.ended) == (1, 1)

    def test_the_time_is_up(self, cluster, wait):
        Workload(cluster, "phi", "starting")
        run = wait()
        found = run.run(seconds=0.05)
        with pytest.raises(NotReadyError, match=r"does not answer yet: .* \(waited 0\.05 s\)") as caught:
            run.ask(found)
        assert caught.value.hint == "wait longer with --wait=1h"


class TestPodWithoutRights:
    """The direct way needs none, and a right that is missing for the other one does not end the wait."""

    def test_it_waits_for_the_direct_way(self, cluster, wait, monkeypatch):
        cluster.grant()
        phi = Workload(cluster, "phi", "starting")
        port = phi.listen()
        monkeypatch.setattr(endpoint, "cluster_urls", lambda *_: [Url("http", "127.0.0.1", port.port or 1, "")])
        run = wait(in_pod=True, steps=[lambda phase=phase: phi.enter(phase) for phase in ("downloading", "ready")])
        found = run.run()
        assert run.words[0].startswith("http://127.0.0.1:1: connection refused")
        assert (run.words[1], run.shown[1].figures) == ("downloading", "123 MB/s, 6m52s left")
        assert found.endpoint.way.name == "ClusterIP"
        found.endpoint.link.close()

    def test_the_right_to_ask_is_missing_outside_of_a_pod(self, cluster, wait):
        cluster.grant()
        Workload(cluster, "phi")
        with pytest.raises(ClusterError):
            run = wait()
            run.ask(run.run())


class TestWhatWaitingDoesNotMend:
    def test_a_set_that_is_scaled_to_zero(self, cluster, wait):
        Replicas(cluster, "phi", 0)
        run = wait()
        with pytest.raises(WorkspaceError, match="is scaled to zero"):
            run.run()
        assert not run.shown

    def test_a_workspace_that_is_being_deleted(self, cluster, wait):
        phi = Workload(cluster, "phi", "starting")
        run = wait(steps=[lambda: (phi.enter("deleting"), phi.kill())])
        with pytest.raises(WorkspaceError, match="is being deleted"):
            run.run()


def test_an_inference_set_is_ready_with_its_first_replica(cluster, wait):
    phi = Replicas(cluster, "phi", 2, "starting")
    run = wait(steps=[lambda: phi.children[1].enter("downloading"), lambda: phi.children[1].enter("ready")])
    found = run.run()
    assert run.shown[1].name == phi.children[1].name
    assert found.workspace.name == phi.children[1].name
    assert found.note == f"InferenceSet phi: its workspace {phi.children[1].name} answers (1 of 2 ready)"
    found.endpoint.link.close()
