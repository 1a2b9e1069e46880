"""Clients of an API server, as `ApiServer` values that have not connected yet."""

from __future__ import annotations

from kaito.kube.api_server import ApiServer
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Cluster, Target, User


def target(server="https://127.0.0.1:1", **changes):
    """Return a cluster at that URL, with a user without credentials."""
    made = Target("c", Cluster(name="c", server=server, insecure=True), User(), "default")
    return made._replace(**changes)


def client(of, environ=None):
    """Return a client for that target."""
    return ApiServer(of, environ or {}, Credentials(of))
