"""Whether this process runs in a pod of the cluster that it talks to.

In any other pod, a Service's name could lead to a workspace of the same name in another cluster.
"""

from __future__ import annotations

from collections.abc import Mapping

from kaito.kube.api_server import ApiServer
from kaito.net.proxy import proxy_for


def is_own_cluster(api: ApiServer, environ: Mapping[str, str]) -> bool:
    """Return whether `api` serves the cluster of the pod in which this process runs; False outside of pods."""
    target, server = api.target, api.url
    if target.in_cluster:
        return True
    own = environ.get("KUBERNETES_SERVICE_HOST", "").lower()
    # Behind a proxy, an address or a name may mean anything.
    if not own or proxy_for(server, environ, target.cluster.proxy_url):
        return False
    host = server.host.lower()
    if host == own:
        return str(server.port) == environ.get("KUBERNETES_SERVICE_PORT", "443")
    return _is_own_service(host.rstrip("."))


def _is_own_service(host: str) -> bool:
    """Return whether `host` is the name by which every pod knows its API server.

    That is kubernetes.default, with or without .svc and the cluster's domain.
    """
    if host in ("kubernetes.default", "kubernetes.default.svc"):
        return True
    if not host.startswith("kubernetes.default.svc."):
        return False
    # The cluster's domain is in the pod's search list (kubelet's DNS configurer). Another domain is another cluster's.
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
            lists = [line.lower().split() for line in file if line.startswith("search")]
    except OSError:
        lists = []
    services = [f"kubernetes.default.{domain}" for words in lists for domain in words if domain.startswith("svc.")]
    return not services or host in services
