"""What `kubectl kaito status` leaves behind."""

from __future__ import annotations

import pytest

from kaito import cli
from kaito.commands import status
from kaito.errors import WorkspaceError
from kaito.flags import parse
from kaito.kube.api_server import ApiServer
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from tests.cluster import workspace


def test_a_watch_that_ends_closes_its_connection(cluster, kubeconfig, monkeypatch):
    target = resolve(Overrides(kubeconfig=kubeconfig), {})
    api = ApiServer(target, {}, Credentials(target))
    cluster.add(workspace("short-lived"))
    monkeypatch.setattr(status, "connect", lambda _: api)
    monkeypatch.setattr(status, "_show", lambda *_, **__: cluster.remove("workspaces", "short-lived"))
    try:
        with pytest.raises(WorkspaceError, match="not found"):
            argv = ["--workspace-name", "short-lived", "--watch"]
            status.run(parse(argv, (*status.FLAGS, *cli.ROOT_FLAGS)))
        (listed,) = [request for request in cluster.requests if "fieldSelector" in request.target]
        assert listed.closed.wait(5)
    finally:
        api.close()
