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
from kaito.workspaces.reference import Reference
from tests.cluster import Cluster
from tests.cluster.workload import Workload

from .clients import client, target

PROXY = ("create", "services/proxy")
EVERYTHING, NO_WORKSPACES, QUESTIONS_ALONE, POD = (
    "all rights",
    "no workspaces",
    "questions alone",
    "a pod without rights",
)
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
        elif user == POD:
            cluster.grant()
            port = phi.listen()
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
        model = ChatModel(link, retry_seconds=0.0, idle_seconds=0.5)
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


def test_print(cluster, visit):
    pass


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "phase",
    [
        "new",
        "created",
        "nodes",
        "plugins",
        "streaming",
        "provisioned",
        "unschedulable",
        "pending",
        "starting",
        "downloading",
        "loading",
        "hand-over",
        "benchmarking",
        "ready",
        "benchmark-failed",
        "lost",
        "crash-looping",
        "deleting",
    ],
)
def test_table(cluster, visit, phase, user):
    phi = Workload(cluster, "phi", phase)
    print("ROW", repr((phase, user)), visit(phi, user))
