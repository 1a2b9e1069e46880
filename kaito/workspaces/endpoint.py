"""Where a workspace's model answers, and how that was found out.

The ways, in this order: inside the cluster straight to the Service, to the address of a LoadBalancer, through the
API server's service proxy. A direct way is taken only when a model server answers there, which takes 2 s at most.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kaito.errors import KaitoError, NotReadyError, WorkspaceError
from kaito.json_fields import items, part, text
from kaito.kube.api_server import ApiServer
from kaito.model.client import ChatModel, Model
from kaito.model.link import Link
from kaito.net.errors import ProxySettingError
from kaito.net.proxy import proxy_for
from kaito.net.url import Url
from kaito.workspaces.lookup import Lookup, look_up
from kaito.workspaces.routes import DirectLink, ProxyLink
from kaito.workspaces.workspace import Workspace

PROBE_SECONDS = 2.0

# What `get-endpoint` calls the ways; the names are the earlier plugin's.
CLUSTER, BALANCER, PROXY = "ClusterIP", "LoadBalancer", "APIProxy"


class Endpoint(NamedTuple):
    """A place where the model answers. `kind`: one of the three names above; `models`: what it said it serves."""

    kind: str
    url: str
    link: Link
    models: tuple[Model, ...] = ()

    @property
    def encrypted(self) -> bool:
        """False: others on the way can read the conversation."""
        return self.url.startswith("https:")


class Attempt(NamedTuple):
    """A way that was not taken, and why not."""

    kind: str
    url: str
    why: str


class Found(NamedTuple):
    """What discovery came to. `model`: its name, "" while that is not known; `note`: a line for the user, or ""."""

    workspace: Workspace
    endpoint: Endpoint
    model: str
    tried: tuple[Attempt, ...] = ()
    note: str = ""


def find(api: ApiServer, name: str, namespace: str, environ: Mapping[str, str], via: str = "auto") -> Found:
    """Reads the Workspace and its Service and takes the first way on which the model answers.

    `via`: "auto", or "cluster", "loadbalancer", "proxy" for that way alone. Raises ClusterError and WorkspaceError,
    NotReadyError for what may pass.
    """
    lookup = look_up(api, name, namespace)
    tried: list[Attempt] = []
    endpoint = _choose(api, lookup, environ, via, tried)
    model = lookup.workspace.model
    # A replica's model goes by the name of its InferenceSet, which only the server tells.
    if not model or lookup.replica_of:
        model = _served(endpoint) or model
    return Found(lookup.workspace, endpoint, model, tuple(tried), lookup.note)


def ways(lookup: Lookup, server: str) -> list[tuple[str, str]]:
    """Every way there is to the model, as (kind, URL), whether or not it can be gone from here."""
    port = http_port(lookup.service or {})
    name, namespace = lookup.workspace.name, lookup.workspace.namespace
    found = [(BALANCER, str(url)) for url in _balancer_urls(lookup.service or {}, port)]
    found.append((PROXY, server + ProxyLink.path_of(namespace, name, port)))
    found.append((CLUSTER, str(_service_url(name, namespace, port))))
    return found


def http_port(service: Mapping[str, Any]) -> int:
    """The Service's port where the model answers: the one named http, else 80, else its only TCP port.

    KAITO names it http and gives it 80 (pkg/workspace/manifests); a Service made by hand may do otherwise.
    """
    tcp = [
        (text(port, "name"), port["port"])
        for port in items(part(service, "spec"), "ports")
        if port.get("protocol", "TCP") == "TCP" and isinstance(port.get("port"), int)
    ]
    for name, number in tcp:
        if name == "http":
            return int(number)
    return int(tcp[0][1]) if len(tcp) == 1 else 80


def is_own_cluster(api: ApiServer, environ: Mapping[str, str]) -> bool:
    """Whether this process runs in a pod of the very cluster that `api` serves.

    Any other pod could reach a workspace of the same name in its own cluster instead.
    """
    target, server = api.target, api.url
    if target.in_cluster:
        return True
    own = environ.get("KUBERNETES_SERVICE_HOST", "").lower()
    # What an address or a name means behind a proxy, only the proxy knows.
    if not own or proxy_for(server, environ, target.cluster.proxy_url):
        return False
    host = server.host.lower()
    if host == own:
        return str(server.port) == environ.get("KUBERNETES_SERVICE_PORT", "443")
    return _is_own_service(host.rstrip("."))


def _is_own_service(host: str) -> bool:
    """Whether it is the name that every pod knows its API server by: kubernetes.default, .svc and domain or not."""
    if host in ("kubernetes.default", "kubernetes.default.svc"):
        return True
    if not host.startswith("kubernetes.default.svc."):
        return False
    # The cluster's domain stands in a pod's search list (kubelet's DNS configurer); another one is another cluster's.
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
            lists = [line.lower().split() for line in file if line.startswith("search")]
    except OSError:
        lists = []
    services = [f"kubernetes.default.{domain}" for words in lists for domain in words if domain.startswith("svc.")]
    return not services or host in services


def _choose(api: ApiServer, lookup: Lookup, environ: Mapping[str, str], via: str, tried: list[Attempt]) -> Endpoint:
    """The first way that can be gone; those before it are added to `tried`."""
    name, namespace, service = lookup.workspace.name, lookup.workspace.namespace, lookup.service
    port = http_port(service or {})
    if via == "cluster" or (via == "auto" and is_own_cluster(api, environ)):
        # In the cluster nothing stands between, so no proxy is asked.
        endpoint = _probe(CLUSTER, _cluster_urls(name, namespace, service or {}, port), None, api, tried)
        if endpoint:
            return endpoint
    if via in ("auto", "loadbalancer"):
        urls = _balancer_urls(service or {}, port)
        endpoint = _probe(BALANCER, urls, environ, api, tried)
        if endpoint:
            return endpoint
        if via == "loadbalancer" and not urls:
            raise _no_balancer(lookup)
    if via in ("auto", "proxy"):
        link = ProxyLink(api, namespace, name, port)
        return Endpoint(PROXY, api.target.cluster.server + link.path, link)
    why = "; ".join(f"{attempt.url}: {attempt.why}" for attempt in tried)
    raise NotReadyError(
        f'workspace "{name}" does not answer on the way --via {via}: {why}', "leave --via out to try every way"
    )


def _service_url(name: str, namespace: str, port: int) -> Url:
    """The Service's name, which a pod's search list completes whatever the cluster's domain."""
    return Url("http", f"{name}.{namespace}.svc", port, "")


def _cluster_urls(name: str, namespace: str, service: Mapping[str, Any], port: int) -> list[Url]:
    urls = [_service_url(name, namespace, port)]
    address = text(part(service, "spec"), "clusterIP")
    if address not in ("", "None"):
        urls.append(Url("http", address, port, ""))
    return urls


def _balancer_urls(service: Mapping[str, Any], port: int) -> list[Url]:
    if text(part(service, "spec"), "type") != "LoadBalancer":
        return []
    ingress = items(part(part(service, "status"), "loadBalancer"), "ingress")
    addresses = [text(entry, "ip") or text(entry, "hostname") for entry in ingress]
    return [Url("http", address, port, "") for address in addresses if address]


def _probe(
    kind: str, urls: Sequence[Url], environ: Mapping[str, str] | None, api: ApiServer, tried: list[Attempt]
) -> Endpoint | None:
    """The first address at which a model server answers; all of them together take PROBE_SECONDS at most.

    Only a list of models proves one: any web server has a `/health`. `environ`: where a proxy may be set, or None.
    """
    end = time.monotonic() + PROBE_SECONDS
    for place, url in enumerate(urls):
        left = end - time.monotonic()
        # An address that hangs leaves half of the time to the next one.
        seconds = left if place + 1 == len(urls) else left / 2
        try:
            link = DirectLink(url, None if environ is None else proxy_for(url, environ), api.trace)
        except ProxySettingError as error:
            tried.append(Attempt(kind, str(url), str(error)))
            continue
        try:
            models = ChatModel(link).models(seconds)
        except KaitoError as error:
            why = error.message
        else:
            if models:
                return Endpoint(kind, str(url), link, tuple(models))
            why = "what answers there lists no model"
        link.close()
        tried.append(Attempt(kind, str(url), why))
    return None


def _no_balancer(lookup: Lookup) -> WorkspaceError:
    name = lookup.workspace.name
    hint = "leave --via out, or annotate the workspace with kaito.sh/enablelb=true"
    if lookup.service is None:
        return WorkspaceError(f'the Service of workspace "{name}" may not be read, so its address is not known', hint)
    if text(part(lookup.service, "spec"), "type") == "LoadBalancer":
        return NotReadyError(f'the LoadBalancer of workspace "{name}" has no address yet', "wait for it with --wait")
    return WorkspaceError(f'the Service of workspace "{name}" is no LoadBalancer', hint)


def _served(endpoint: Endpoint) -> str:
    """The base model's id, as the server names it; "" where that cannot be known now."""
    models: Sequence[Model] = endpoint.models
    if not models:
        try:
            models = ChatModel(endpoint.link).models()
        except KaitoError:
            return ""
    return models[0].id if models else ""
