"""`kubectl kaito status`: what it asks, and its watch. The rest is tested in tests/end_to_end/test_status_verb.py."""

from __future__ import annotations

import pytest

from kaito import cli
from kaito.commands import status
from kaito.commands.status_fetch import fetch_view
from kaito.errors import WorkspaceError
from kaito.flags import parse
from kaito.kube.api_server import ApiServer
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from kaito.workspaces.reference import read_reference
from tests.cluster import Replicas, Workload, workspace


@pytest.fixture
def api(kubeconfig):
    """The cluster's API server."""
    target = resolve(Overrides(kubeconfig=kubeconfig), {})
    made = ApiServer(target, {}, Credentials(target))
    yield made
    made.close()


def watch(api, name, show):
    """Watch the object until it is gone."""
    options = status.read_options(parse(["--workspace-name", name, "--watch"], (*status.FLAGS, *cli.ROOT_FLAGS)))
    view = fetch_view(api, "default", options.wanted)
    show(view)
    with pytest.raises(WorkspaceError, match="not found"):
        status.watch(api, "default", options, view, show)


@pytest.mark.parametrize(
    ("phase", "reason", "pods"),
    [
        pytest.param("new", "", 0, id="nothing is known yet"),
        pytest.param("nodes", "InsufficientCapacity, nodeClaim ws1234", 0, id="the cause comes first"),
        pytest.param("downloading", "downloading, 123 MB/s, 6m52s left", 1, id="downloading"),
        pytest.param("loading", "downloading or loading the weights", 1, id="loading"),
        pytest.param("benchmarking", "KAITO is still measuring w, so it may answer slowly", 0, id="it answers"),
        pytest.param("ready", "", 0, id="ready"),
        pytest.param("benchmark-failed", "", 0, id="the benchmark failed"),
        pytest.param("lost", "no pod of it is running (", 0, id="lost"),
    ],
)
def test_the_reason_is_what_the_model_s_server_says(cluster, api, phase, reason, pods):
    Workload(cluster, "w", phase)
    view = fetch_view(api, "default", read_reference("w"))
    assert view.reason.startswith(reason) and bool(view.reason) == bool(reason)
    assert len(view.pods) == pods


def test_each_workspace_of_a_set_that_is_not_ready_has_a_reason(cluster, api):
    replicas = Replicas(cluster, "phi", 3).children
    replicas[1].enter("downloading")
    view = fetch_view(api, "default", read_reference("phi"))
    assert view.pods[0] == f"workspace {replicas[1].name}: downloading, 123 MB/s, 6m52s left"


@pytest.mark.parametrize(("phase", "as_json"), [("ready", False), ("deleting", False), ("downloading", True)])
def test_the_model_s_server_is_asked_only_in_doubt_and_only_to_show_it(cluster, api, phase, as_json):
    Workload(cluster, "w", phase)
    fetch_view(api, "default", read_reference("w"), as_json=as_json)
    assert not [request for request in cluster.requests if "/proxy" in request.target]


def test_without_the_right_to_ask_the_objects_are_shown(cluster, api):
    Workload(cluster, "w", "nodes")
    cluster.deny("get", "services/proxy")
    cluster.deny("get", "services")
    assert fetch_view(api, "default", read_reference("w")).reason == "InsufficientCapacity, nodeClaim ws1234"


def test_a_watch_shows_the_progress_of_a_download(cluster, api, monkeypatch):
    """No object changes meanwhile, so the model's server is asked again."""
    monkeypatch.setattr("kaito.commands.status._ASK_SECONDS", 0.05)
    loaded = Workload(cluster, "w", "downloading")
    reasons = []

    def show(view):
        reasons.append(view.reason)
        loaded.download.remaining = 100.0
        if len(reasons) == 2:
            loaded.vanish()

    watch(api, "w", show)
    assert reasons == ["downloading, 123 MB/s, 6m52s left", "downloading, 123 MB/s, 100s left"]


def test_a_watch_that_ends_closes_its_connection(cluster, api):
    cluster.add(workspace("short-lived"))
    watch(api, "short-lived", lambda view: cluster.remove("workspaces", "short-lived"))
    (listed,) = [request for request in cluster.requests if "fieldSelector" in request.target]
    assert listed.closed.wait(5)
