"""`kubectl kaito status --watch`: its connection. The rest is tested in tests/end_to_end/test_status_verb.py."""

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


def test_a_watch_that_ends_closes_its_connection(cluster, kubeconfig):
    target = resolve(Overrides(kubeconfig=kubeconfig), {})
    api = ApiServer(target, {}, Credentials(target))
    cluster.add(workspace("short-lived"))
    argv = ["--workspace-name", "short-lived", "--watch"]
    options = status.read_options(parse(argv, (*status.FLAGS, *cli.ROOT_FLAGS)))
    try:
        view = status.fetch_view(api, "default", "short-lived")
        cluster.remove("workspaces", "short-lived")
        with pytest.raises(WorkspaceError, match="not found"):
            status.watch(api, "default", options, view, lambda changed: None)
        (listed,) = [request for request in cluster.requests if "fieldSelector" in request.target]
        assert listed.closed.wait(5)
    finally:
        api.close()
