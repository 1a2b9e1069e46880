"""Changes of workspaces, as an API server announces them."""

from __future__ import annotations

import time

import pytest

from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from kaito.workspaces.objects import named, replicas_of
from kaito.workspaces.watch import Changes, wait_for_any
from tests.cluster import Raw, Refusal, inference_set, replica_of, workspace
from tests.tools.watches import wait_for_watch, watches

from .clients import client


@pytest.fixture
def changes(kubeconfig, monkeypatch):
    """Watch, with short pauses if there is no watch: changes("default", named("phi")) -> Changes."""
    monkeypatch.setattr("kaito.workspaces.watch.POLL_SECONDS", 0.3)
    target = resolve(Overrides(kubeconfig=kubeconfig), {})
    made = []

    def watch(namespace="default", query="", kind="workspaces"):
        made.append(Changes(client(target), namespace, query, kind))
        return made[-1]

    yield watch
    for each in made:
        each.close()


def seconds(wait, limit=10):
    start = time.monotonic()
    wait(limit)
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("namespace", "query", "changed"),
    [
        pytest.param("default", "", workspace("any"), id="any of a namespace"),
        pytest.param("", "", workspace("any", "models"), id="any of all namespaces"),
        pytest.param("default", named("phi-3-5-mini"), workspace("phi-3-5-mini"), id="one"),
        pytest.param("default", replicas_of("set"), workspace("set-0", labels=replica_of("set")), id="replicas"),
    ],
)
def test_a_change_since_the_mark_ends_the_wait(cluster, changes, namespace, query, changed):
    watched = changes(namespace, query)
    watched.mark()
    cluster.add(changed)
    assert seconds(watched.wait) < 2


def test_a_change_of_another_workspace_does_not(cluster, changes):
    watched = changes("default", named("phi-3-5-mini"))
    watched.mark()
    cluster.add(workspace("another"), workspace("phi-3-5-mini", "models"))
    assert 0.9 < seconds(watched.wait, 1) < 2


def test_the_wait_ends_with_the_time(cluster, changes):
    watched = changes()
    watched.mark()
    assert 0.9 < seconds(watched.wait, 1) < 2
    assert wait_for_watch(cluster).closed.wait(5), "the watch ends with the wait"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Refusal(403, {"kind": "Status", "code": 403, "message": "no"}), id="forbidden"),
        pytest.param(Refusal(410, {"kind": "Status", "code": 410, "reason": "Expired"}), id="too old"),
        pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", then=None), id="over at once"),
        pytest.param(Raw(b'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{"type":"ERROR","object":{}}\n\n'), id="ERROR"),
        pytest.param(Raw(b'HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{"type": "ERROR","object":{}}'), id="spaced"),
        pytest.param(Refusal(200, {"kind": "WorkspaceList", "metadata": {}, "items": []}), id="a list"),
        pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n<p>\nSign in"), id="a page"),
        pytest.param(Raw(b""), id="no answer"),
    ],
)
def test_without_a_watch_the_wait_is_short(cluster, changes, answer):
    cluster.on("watch=true", answer)
    watched = changes()
    watched.mark()
    assert 0.25 < seconds(watched.wait) < 2
    # An idle connection that ends without an answer may have been closed before the request, which is then sent again.
    assert len(watches(cluster)) <= 2


@pytest.mark.parametrize("revision", ["1 HTTP/1.1", "1&watch=false", "1\r\nX: y", "1#", "٣", "1" * 129, 7, None])
def test_a_version_that_cannot_be_in_a_query_is_not_sent(cluster, changes, revision):
    cluster.on("/workspaces", Refusal(200, {"kind": "WorkspaceList", "metadata": {"resourceVersion": revision}}))
    watched = changes()
    watched.mark()
    assert 0.25 < seconds(watched.wait) < 2
    assert not watches(cluster)


def test_constant_changes_end_a_wait_once_a_second(cluster, changes):
    event = b'{"type":"MODIFIED","object":{}}\n'
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(event)}\r\n\r\n"
    cluster.on("watch=true", Raw(head.encode() + event, then=None))
    watched = changes()
    watched.mark()
    assert 0.9 < seconds(watched.wait) < 2
    watched.mark()
    assert seconds(watched.wait, 0.2) < 0.9, "but no wait is longer than asked"


def test_workspaces_that_may_not_be_listed_are_not_watched(cluster, changes):
    cluster.deny("list", "workspaces")
    watched = changes()
    watched.mark()
    assert 0.25 < seconds(watched.wait) < 2
    assert not watches(cluster)


@pytest.mark.parametrize("changed", [workspace("any"), inference_set("any")], ids=["the first", "the second"])
def test_of_several_any_change_ends_the_wait(cluster, changes, changed):
    several = [changes(), changes(kind="inferencesets")]
    for each in several:
        each.mark()
    cluster.add(changed)
    assert seconds(lambda limit: wait_for_any(several, limit)) < 2


def test_of_several_none_changes(cluster, changes):
    several = [changes(), changes(kind="inferencesets")]
    for each in several:
        each.mark()
    assert 0.9 < seconds(lambda limit: wait_for_any(several, limit), 1) < 2
