"""A chat with an InferenceSet: which replica is asked, and what happens when it fails."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from kaito.errors import ClusterError, InferenceError, KaitoError, NotReadyError, WorkspaceError
from kaito.kube.kubeconfig.model import User
from kaito.model.client import ChatModel, Sampling
from kaito.model.events import Content
from kaito.workspaces.endpoint import find
from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES, Reference
from tests.cluster import CLOSE, HANG, NO_ENDPOINTS, NO_OBJECT, REFUSED, Cluster, Refusal, too_many_requests
from tests.cluster.kinds import rag_engine
from tests.cluster.replicas import MultiRole, Replicas
from tests.cluster.workload import Workload

from .clients import client, target

PHI = Reference("phi")


@pytest.fixture
def cluster():
    with Cluster() as made:
        yield made


@pytest.fixture
def phi(cluster):
    """An InferenceSet of three ready replicas."""
    return Replicas(cluster, "phi", 3)


class Chat:
    """A chat with an InferenceSet. `moves`: the replicas that it moved to, each with the reason."""

    def __init__(self, api, wanted=PHI, retry_seconds=0.0, idle_seconds=300.0):
        self.found = find(api, wanted, "default", {})
        self.moves = []
        self.found.replicas.moved = lambda replica, why: self.moves.append((replica.name, why))
        self._model = ChatModel(self.found.endpoint.link, retry_seconds=retry_seconds, idle_seconds=idle_seconds)

    def ask(self, question="Say OK", seen=lambda text: None):
        answer = ""
        for event in self._model.stream([{"role": "user", "content": question}], Sampling()):
            if isinstance(event, Content):
                answer += event.text
                seen(answer)
        return answer

    @property
    def present(self):
        return self.found.replicas.present.name

    def close(self):
        self.found.endpoint.link.close()


@pytest.fixture
def api(cluster):
    made = client(target(cluster.url, user=User(token=cluster.token)))
    yield made
    made.close()


@pytest.fixture
def chat(api):
    made = []

    def begin(*args, **options):
        made.append(Chat(api, *args, **options))
        return made[-1]

    yield begin
    for each in made:
        each.close()


def present(phi, chat):
    """Return the replica that a chat asks, and the others."""
    (one,) = (child for child in phi.children if child.name == chat.present)
    return one, [child for child in phi.children if child is not one]


def test_users_spread_over_the_replicas(phi, chat):
    spread = Counter(chat().present for _ in range(60))
    assert set(spread) == {child.name for child in phi.children}
    assert min(spread.values()) >= 5


def test_a_chat_stays_with_one(phi, chat):
    """So that its beginning stays in the model's prefix cache."""
    asked = chat()
    for _ in range(5):
        assert asked.ask() == "OK"
    one, others = present(phi, asked)
    assert (len(one.asked), [len(other.asked) for other in others], asked.moves) == (5, [0, 0], [])
    assert asked.found.note == f"InferenceSet phi: its workspace {one.name} answers (3 of 3 ready)"
    assert asked.found.model == "phi", "vLLM serves a replica's model under the name of its set"
    assert [model.id for model in asked.found.endpoint.models] == ["phi"], "nobody has to ask for them again"


def test_one_replica_that_is_not_ready_is_not_asked(phi, chat):
    phi.children[0].enter("downloading")
    phi.children[1].enter("deleting")
    assert chat().found.note == f"InferenceSet phi: its workspace {phi.children[2].name} answers (1 of 3 ready)"


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        pytest.param(REFUSED, "its pod is there, but the model is not being served", id="refused"),
        pytest.param(NO_ENDPOINTS, "no pod of it is running", id="no pod"),
        pytest.param(NO_OBJECT, "its Service is missing or has no endpoints", id="gone"),
        pytest.param(Refusal(502), "its server answers 502", id="502"),
        pytest.param(Refusal(503), "its server answers 503", id="503"),
        pytest.param(Refusal(404), "its server answers 404", id="an empty 404"),
        pytest.param("downloading", "its weights are still being", id="501 of a pod that restarted"),
    ],
)
def test_a_replica_that_fails_before_its_answer_is_left(phi, chat, failure, why):
    asked = chat()
    asked.ask()
    one, _ = present(phi, asked)
    one.enter(failure) if isinstance(failure, str) else one.fail(failure)
    assert [asked.ask(), asked.ask()] == ["OK", "OK"]
    ((name, reason),) = asked.moves
    assert name == asked.present != one.name
    assert reason.startswith(why)


@pytest.mark.parametrize("code", [400, 401, 404, 500])
def test_an_error_of_the_model_s_is_not_a_reason_to_leave(phi, chat, code):
    asked = chat()
    one, others = present(phi, asked)
    one.model.always(Refusal(code, {"error": {"message": "no"}}))
    with pytest.raises(InferenceError):
        asked.ask()
    assert not [other for other in others if other.asked]


def test_a_replica_that_dies_before_the_first_word(phi, chat):
    """The question was sent, but nothing of an answer has come."""
    asked = chat()
    one, others = present(phi, asked)
    one.model.reply("never", before=HANG)
    thread = threading.Thread(target=lambda: (one.model.requests.wait(2), one.kill()))
    thread.start()
    assert asked.ask() == "OK"
    thread.join()
    assert len(one.asked) == 1
    assert sum(len(other.asked) for other in others) == 1


def test_an_answer_that_breaks_off_after_its_head_but_before_its_first_word(phi, chat):
    asked = chat()
    one, _ = present(phi, asked)
    one.model.reply([CLOSE])
    assert asked.ask() == "OK"
    assert len(asked.moves) == 1


@pytest.mark.parametrize("stage", ["headers", "body"])
def test_a_replica_that_is_silent_is_not_left(phi, chat, stage):
    """It may be at work on the answer, whether or not it has sent the head of it."""
    asked = chat(idle_seconds=0.3)
    one, others = present(phi, asked)
    one.model.reply(*([[HANG]] if stage == "body" else ["never"]), before=HANG if stage == "headers" else None)
    with pytest.raises(InferenceError, match=r"within 0\.3 s|for 0\.3 s"):
        asked.ask()
    assert not [other for other in others if other.asked]


def test_an_answer_that_breaks_off_is_not_repeated(phi, chat):
    """The person has seen its beginning, and another replica would answer in other words."""
    asked = chat()
    one, others = present(phi, asked)
    one.model.reply(["half ", HANG])
    with pytest.raises(InferenceError, match="the model's answer is cut off"):
        asked.ask(seen=lambda text: one.kill())
    assert not [other for other in others if other.asked]
    assert asked.ask() == "OK"
    assert [name for name, _ in asked.moves] == [asked.present]


def test_a_rollout(phi, chat):
    """All known replicas are gone, and the set has others, with other names."""
    asked = chat()
    asked.ask()
    phi.roll_out()
    assert asked.ask() == "OK"
    assert asked.present in {child.name for child in phi.children}
    assert len(asked.moves) == 1


def test_all_of_them_fail(phi, chat):
    """Each is asked once; then the chat tries again as with a single workspace."""
    asked = chat()
    for child in phi.children:
        child.fail(REFUSED)
    with pytest.raises(NotReadyError, match="does not answer yet"):
        asked.ask()
    assert [len(child.asked) for child in phi.children] == [1, 1, 1]
    assert not asked.moves
    phi.children[0].fail(None)
    assert asked.ask() == "OK"


def test_a_busy_replica_is_left_after_the_retries(phi, chat):
    asked = chat(retry_seconds=1.2)
    one, others = present(phi, asked)
    one.model.always(too_many_requests())
    assert asked.ask() == "OK"
    assert len(one.asked) >= 2
    assert sum(len(other.asked) for other in others) == 1


def test_all_are_busy(phi, chat):
    for child in phi.children:
        child.model.always(too_many_requests())
    with pytest.raises(InferenceError, match="429"):
        chat().ask()
    assert [len(child.asked) for child in phi.children] == [1, 1, 1]


class TestNoneIsReady:
    def test_one_answers_already(self, cluster, chat):
        phi = Replicas(cluster, "phi", 2, "pending")
        phi.children[1].enter("benchmarking")
        asked = chat()
        name = phi.children[1].name
        assert asked.found.note.splitlines() == [
            f"InferenceSet phi: its workspace {name} answers (0 of 2 ready)",
            f"note: KAITO is still measuring {name}, so it may answer slowly",
        ]
        assert asked.ask() == "OK"

    def test_nobody_may_ask_which_one_answers(self, cluster, chat):
        phi = Replicas(cluster, "phi", 1, "starting")
        cluster.deny("get", "services/proxy")
        name = phi.children[0].name
        assert chat().found.note.startswith(f"InferenceSet phi: its workspace {name} is asked (0 of 1 ready)\n")

    def test_the_one_that_has_come_furthest_is_the_reason(self, cluster, chat):
        phi = Replicas(cluster, "phi", 3, "nodes")
        phi.children[1].enter("downloading")
        phi.children[2].enter("starting")
        with pytest.raises(NotReadyError) as caught:
            chat()
        name = phi.children[1].name
        assert caught.value.message == (f'InferenceSet "phi" is not ready: {name}: downloading, 123 MB/s, 6m52s left')
        assert "--workspace-name phi " in caught.value.hint

    def test_there_is_no_replica_yet(self, cluster, chat):
        phi = Replicas(cluster, "phi", 1)
        phi.children.pop().vanish()
        with pytest.raises(NotReadyError, match='InferenceSet "phi" is not ready: it has no workspace yet'):
            chat()


def test_zero_replicas(cluster, chat):
    """KAITO calls it ready. Waiting is no help, so that this is no NotReadyError."""
    Replicas(cluster, "phi", 0)
    with pytest.raises(WorkspaceError) as caught:
        chat()
    assert type(caught.value) is WorkspaceError
    assert caught.value.message == 'InferenceSet "phi" is scaled to zero'
    assert caught.value.hint == "scale it up: kubectl scale inferenceset/phi --replicas=1 -n default"


def test_a_set_that_is_being_deleted(cluster, chat):
    phi = Replicas(cluster, "phi", 1)
    phi.children[0].enter("deleting")
    phi.delete()
    with pytest.raises(WorkspaceError, match='InferenceSet "phi" is being deleted'):
        chat()


def test_its_workspaces_may_not_be_listed(cluster, phi, chat):
    cluster.deny("list", "workspaces")
    with pytest.raises(ClusterError, match='"phi" is an InferenceSet, and you may not list its workspaces'):
        chat()


@pytest.mark.parametrize(
    ("kind", "is_set"), [("", False), (WORKSPACES, False), (INFERENCE_SETS, True)], ids=["a name", "workspace", "set"]
)
def test_a_workspace_and_a_set_of_one_name(cluster, api, phi, kind, is_set):
    Workload(cluster, "phi")
    found = find(api, Reference("phi", kind), "default", {})
    assert (found.replicas is not None) is is_set


@pytest.mark.parametrize(("kind", "name"), [(WORKSPACES, "phi"), (INFERENCE_SETS, "single")])
def test_a_name_of_the_other_kind_is_not_found(cluster, api, phi, kind, name):
    Workload(cluster, "single")
    with pytest.raises(WorkspaceError, match="not found"):
        find(api, Reference(name, kind), "default", {})


class TestOtherKinds:
    def test_a_multi_role_inference(self, cluster, api):
        ds = MultiRole(cluster, "ds", decode=2)
        with pytest.raises(WorkspaceError) as caught:
            find(api, Reference("ds"), "default", {})
        assert caught.value.message.startswith('"ds" is a MultiRoleInference')
        names = ", ".join(sorted(child.name for child in ds.decode.children))
        assert caught.value.hint == f"chat with one of its decode workspaces: {names}"

    def test_a_rag_engine(self, cluster, api):
        cluster.add(rag_engine("rag"))
        with pytest.raises(WorkspaceError, match='"rag" is a RAGEngine'):
            find(api, Reference("rag"), "default", {})

    def test_those_that_may_not_be_read_are_not_found(self, cluster, api):
        cluster.add(rag_engine("rag"))
        cluster.deny("get", "ragengines")
        with pytest.raises(KaitoError, match='workspace "rag" not found'):
            find(api, Reference("rag"), "default", {})
