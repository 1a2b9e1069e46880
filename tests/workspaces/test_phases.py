"""What a chat does in each phase of a workspace's life, for each kind of user: its line, exit code and requests.

The phases are those of tests/cluster/phases.py. A request is one letter, small if it goes to the pod directly:

    W Workspace   S Service   P pods   M /v1/models   D /metrics   Q the question   A ModelMirrors
"""

from __future__ import annotations

import re

import pytest

from kaito.errors import KaitoError, NotReadyError
from kaito.kube.kubeconfig.model import User
from kaito.model.client import ChatModel, Sampling
from kaito.net.url import Url
from kaito.workspaces import endpoint, probe
from kaito.workspaces.readiness import condition_table
from kaito.workspaces.reference import Reference
from kaito.workspaces.workspace import read_workspace
from tests.cluster import REFUSED, Cluster, Refusal
from tests.cluster.backends import Listener
from tests.cluster.phases import PHASES
from tests.cluster.workload import Workload

from .clients import client, target

PROXY = ("create", "services/proxy")
EVERYTHING, NO_WORKSPACES, QUESTIONS_ALONE, POD = (
    "all rights",
    "no workspaces",
    "questions alone",
    "a pod without rights",
)
BLOCKED_POD = "a pod behind a policy"
USERS = (EVERYTHING, NO_WORKSPACES, QUESTIONS_ALONE, POD)
LETTERS = {
    r"GET /apis/.*/workspaces/phi": "W",
    r"GET /api/v1/.*/services/phi": "S",
    r"GET /api/v1/.*/pods": "P",
    r"GET /apis/kaito.sh/v1alpha1/modelmirrors": "A",
    r"GET .*/v1/models": "M",
    r"GET .*/metrics": "D",
    r"POST .*/v1/chat/completions": "Q",
}


def letters(requests):
    """Return the requests as letters, in alphabetical order for those that are made side by side."""
    lines = [f"{request.method} {request.path}" for request in requests]
    found = [letter for line in lines for path, letter in LETTERS.items() if re.fullmatch(path, line)]
    return "".join(sorted(found[:2], key="WS".find) + found[2:])


@pytest.fixture
def cluster():
    with Cluster() as made:
        yield made


@pytest.fixture
def visit(cluster, monkeypatch):
    """Ask one question as a user: visit(workload, user) -> (exit code, line, requests)."""
    monkeypatch.setattr(probe, "SECONDS", 0.1)
    monkeypatch.setattr(endpoint, "PROBE_SECONDS", 0.1)

    def visit_as(phi, user):
        changes = {"user": User(token=cluster.token)}
        if user == NO_WORKSPACES:
            for verb in ("get", "list", "watch"):
                cluster.deny(verb, "workspaces")
        elif user == QUESTIONS_ALONE:
            cluster.grant(PROXY)
        elif user in (POD, BLOCKED_POD):
            cluster.grant(*([PROXY] if user == BLOCKED_POD else []))
            port = Listener() if user == BLOCKED_POD else phi.listen()
            monkeypatch.setattr(endpoint, "cluster_urls", lambda *_: [Url("http", port.host, port.port, "")])
            changes["in_cluster"] = True
        api = client(target(cluster.url, **changes))
        seen = len(cluster.requests)
        del phi.model.requests[:]
        try:
            code, line = ask(api, phi)
        finally:
            api.close()
        direct = letters(phi.model.requests).lower() if user == POD else ""
        return code, line, letters(cluster.requests[seen:]) + direct

    return visit_as


def ask(api, phi):
    """Find the way and ask one question; return the exit code and the first line that the user sees."""
    try:
        found = endpoint.find(api, Reference(phi.name), "default", {})
        link = found.endpoint.link
        model = ChatModel(link, retry_seconds=0.0, idle_seconds=0.3)
        try:
            words = list(model.stream([{"role": "user", "content": "Say OK"}], Sampling()))
        except NotReadyError as error:
            raise probe.explained(error, api, found.workspace, link) from None
        finally:
            link.close()
    except KaitoError as error:
        return error.exit_code, error.message
    assert words
    return 0, found.note


NO_SERVICE = 'workspace "phi" is not ready: there is no Service "phi" yet'
UNKNOWN = "; the name may be wrong, or the workspace may not be created yet"
NO_ENDPOINTS = 'its Service is missing or has no endpoints (services "phi" not found)'
NO_POD = 'no pod of it is running (no endpoints available for service "phi")'
NOT_SERVED = (
    "its pod is there, but the model is not being served "
    "(error trying to reach service: dial tcp 10.244.0.2:5000: connect: connection refused)"
)
SILENT = "its server accepts connections, but does not answer yet"
DOWNLOADING = "downloading, 123 MB/s, 6m52s left"
UNDECIDED = "downloading or loading the weights"
MEASURED = "note: KAITO is still measuring phi, so it may answer slowly"
DELETED = "note: phi is being deleted, so it may stop answering"


def not_ready(why):
    return f'workspace "phi" is not ready: {why}'


def unanswered(why):
    return f'workspace "phi" does not answer yet: {why}'


def answers(note=""):
    """Return the row of a phase in which the model answers, and who may read the workspace reads a note."""
    return [(0, note, "WSMQ" if note else "WSQ"), (0, "", "WSMQ"), (0, "", "WSMQ"), (0, "", "WSmq")]


# The pod's Service does not exist, which its questions show, or refuses.
IN_POD = (4, unanswered("DIRECT: connection refused"), "WSMQWP")


def without_service(why):
    """Return the row of a phase before there is a Service: only the Workspace says why."""
    unknown = (4, unanswered(NO_ENDPOINTS + UNKNOWN), "WSMQWP")
    return [(4, not_ready(why), "WSP"), (4, NO_SERVICE + UNKNOWN, "WSP"), unknown, IN_POD]


def unreached(why, said=""):
    """Return the row of a phase in which the API server reaches no model and says `said`, and the Workspace `why`."""
    said = said or why
    return [(4, not_ready(why), "WSMP"), (4, not_ready(said), "WSMP"), (4, unanswered(said), "WSMQWP"), IN_POD]


def fetching(why):
    """Return the row of a phase in which KAITO's pre-download server answers."""
    asked = (4, not_ready(why), "WSMDP")
    return [asked, asked, (4, not_ready(UNDECIDED), "WSMQWPD"), (4, not_ready(why), "WSPmd")]


TABLE = {
    "new": without_service('there is no Service "phi" yet'),
    "created": without_service("Ready NodeClaims are not enough"),
    "nodes": without_service("InsufficientCapacity, nodeClaim ws1234"),
    "plugins": without_service("waiting all node plugins to be ready"),
    "streaming": [(4, not_ready(DOWNLOADING), "WSAP"), *without_service("")[1:]],
    "provisioned": [
        (4, not_ready(NO_ENDPOINTS), "WSMP"),
        (4, not_ready(NO_ENDPOINTS + UNKNOWN), "WSMP"),
        (4, unanswered(NO_ENDPOINTS + UNKNOWN), "WSMQWP"),
        IN_POD,
    ],
    "unschedulable": unreached(
        'Unschedulable, pod "phi-0" is unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.', NO_POD
    ),
    "pending": unreached(NO_POD),
    "starting": unreached(NOT_SERVED),
    "downloading": fetching(DOWNLOADING),
    "loading": fetching(UNDECIDED),
    "hand-over": [
        (4, not_ready(SILENT), "WSMP"),
        (4, not_ready(SILENT), "WSMP"),
        # The question is the test, and has the time of --request-timeout.
        (5, "the model gave no answer within 0.3 s", "WSMQ"),
        (4, unanswered("DIRECT: no answer within 0.1 s"), "WSMQWPm"),
    ],
    "benchmarking": answers(MEASURED),
    "ready": answers(),
    "benchmark-failed": answers(),
    "lost": unreached(NO_POD),
    "crash-looping": unreached(
        'ContainerCrashLoopBackOff, container "phi" is in CrashLoopBackOff: back-off 5m0s restarting failed container',
        NOT_SERVED,
    ),
    "deleting": answers(DELETED),
}


def test_every_phase_has_a_row():
    assert set(TABLE) == set(PHASES)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("phase", TABLE)
def test_what_a_chat_does(cluster, visit, phase, user):
    phi = Workload(cluster, "phi", phase)
    code, line, requests = visit(phi, user)
    expected = TABLE[phase][USERS.index(user)]
    assert (code, re.sub(r"http://127\.0\.0\.1:\d+", "DIRECT", line), requests) == expected


def test_a_workspace_that_is_deleted_and_does_not_answer(cluster, visit):
    """Waiting is no help, whatever the conditions say, and they still say that it is ready."""
    phi = Workload(cluster, "phi", "deleting")
    phi.fail(REFUSED)
    assert visit(phi, EVERYTHING) == (4, 'workspace "phi" is being deleted', "WSM")


def test_the_last_reconcile_error_is_the_reason_and_shown_once(cluster, visit, monkeypatch):
    phi = Workload(cluster, "phi")
    phi.enter("created", error="model x/y not found on huggingface.co")
    assert visit(phi, EVERYTHING)[1] == not_ready("model x/y not found on huggingface.co")
    shown = condition_table(read_workspace(cluster.get("workspaces", "phi", "default")))
    assert len(shown) == 6
    assert not any("reconcile" in line for line in shown)


@pytest.mark.parametrize(
    ("speed", "remaining", "words"),
    [
        pytest.param(0.0, 0.0, UNDECIDED, id="before the first sample, or done"),
        pytest.param(0.0, -1.0, "downloading, 0 B/s, time left unknown", id="the total is unknown"),
        pytest.param(9.5e8, 59.9, "downloading, 950 MB/s, 59s left", id="fast"),
        pytest.param(1.5e9, 4000, "downloading, 1.5 GB/s, 66m left", id="faster"),
        pytest.param(512.0, 1e6, "downloading, 512 B/s, 11d left", id="slow"),
    ],
)
def test_the_figures_of_a_download(cluster, visit, speed, remaining, words):
    phi = Workload(cluster, "phi")
    phi.enter("downloading", speed=speed, remaining=remaining)
    assert visit(phi, EVERYTHING)[1] == not_ready(words)


def test_a_server_without_kaito_s_gauges_is_not_downloading(cluster, visit):
    """A server of somebody's own may answer /v1/models with an empty 404, and still chat."""
    phi = Workload(cluster, "phi", "benchmarking")
    phi.model.on("/v1/models", Refusal(404))
    phi.model.on("/metrics", Refusal(404))
    assert visit(phi, EVERYTHING) == (0, MEASURED, "WSMDQ")


def test_a_pod_with_the_right_to_ask_uses_the_api_server_where_the_direct_way_is_blocked(cluster, visit):
    phi = Workload(cluster, "phi")
    assert visit(phi, BLOCKED_POD) == (0, "", "WSMQ")
