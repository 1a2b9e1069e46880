"""Where a workspace's model answers, and how that was found out.

The ways, in this order: inside the cluster directly to the Service, to the address of a LoadBalancer, through the API
server's service proxy. A direct way is taken only if a model's server answers there, within 2 s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kaito.errors import KaitoError, NotReadyError, WorkspaceError
from kaito.kube.api_server import ApiServer
from kaito.model.client import ChatModel, Model
from kaito.model.link import Link
from kaito.net.errors import ProxySettingError
from kaito.net.proxy import proxy_for
from kaito.net.url import Url
from kaito.workspaces.lookup import Lookup, look_up
from kaito.workspaces.own_cluster import is_own_cluster
from kaito.workspaces.routes import DirectLink, ProxyLink
from kaito.workspaces.service import balancer_urls, cluster_urls, http_port, is_load_balancer
from kaito.workspaces.ways import ANY_WAY, API_PROXY, CLUSTER_IP, LOAD_BALANCER, Way
from kaito.workspaces.workspace import Workspace

_PROBE_SECONDS = 2.0


class Endpoint(NamedTuple):
    """A place where the model answers. `models`: what the server lists, empty if it was not asked."""

    way: Way
    url: str
    link: Link
    models: tuple[Model, ...] = ()

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read the conversation."""
        return self.url.startswith("https:")


class Attempt(NamedTuple):
    """A way that was not taken, and why not."""

    way: Way
    url: str
    why: str


class Found(NamedTuple):
    """The result of the search. `model`: its name, "" if unknown; `note`: a line for the user, or ""."""

    workspace: Workspace
    endpoint: Endpoint
    model: str
    tried: tuple[Attempt, ...] = ()
    note: str = ""


def find(api: ApiServer, name: str, namespace: str, environ: Mapping[str, str], via: str = ANY_WAY) -> Found:
    """Read the Workspace and its Service, and take the first way on which the model answers.

    `via`: ANY_WAY, or the `via` of the only way to try. Raises ClusterError, WorkspaceError, and NotReadyError for
    what may pass by itself.
    """
    lookup = look_up(api, name, namespace)
    endpoint, tried = _choose(api, lookup, environ, via)
    model = lookup.workspace.model
    # The model of a replica goes by the name of its InferenceSet, which only the server reports.
    if not model or lookup.replica_of:
        model = _served(endpoint) or model
    return Found(lookup.workspace, endpoint, model, tuple(tried), lookup.note)


def all_urls(lookup: Lookup, server: str) -> list[tuple[Way, str]]:
    """Return the URLs of all ways to the model, whether or not they can be used from here.

    `server`: the URL of the API server.
    """
    service = lookup.service or {}
    name, namespace = lookup.workspace.name, lookup.workspace.namespace
    return [
        *((LOAD_BALANCER, str(url)) for url in balancer_urls(service)),
        (API_PROXY, server + ProxyLink.path_of(namespace, name, http_port(service))),
        (CLUSTER_IP, str(cluster_urls(service, name, namespace)[0])),
    ]


def _choose(api: ApiServer, lookup: Lookup, environ: Mapping[str, str], via: str) -> tuple[Endpoint, Sequence[Attempt]]:
    """Return the first usable way, and the attempts before it. Raises WorkspaceError if `via` is not usable."""
    name, namespace, service = lookup.workspace.name, lookup.workspace.namespace, lookup.service or {}
    tried: list[Attempt] = []
    if via == CLUSTER_IP.via or (via == ANY_WAY and is_own_cluster(api, environ)):
        # Inside the cluster, the environment's proxy does not apply.
        urls = cluster_urls(service, name, namespace)
        endpoint, failed = _probe(CLUSTER_IP, urls, None, api)
        tried += failed
        if endpoint:
            return endpoint, tried
    if via in (ANY_WAY, LOAD_BALANCER.via):
        urls = balancer_urls(service)
        if not urls and via == LOAD_BALANCER.via:
            raise _no_balancer(lookup)
        endpoint, failed = _probe(LOAD_BALANCER, urls, environ, api)
        tried += failed
        if endpoint:
            return endpoint, tried
    if via in (ANY_WAY, API_PROXY.via):
        link = ProxyLink(api, namespace, name, http_port(service))
        return Endpoint(API_PROXY, api.target.cluster.server + link.path, link), tried
    why = "; ".join(f"{attempt.url}: {attempt.why}" for attempt in tried)
    raise NotReadyError(f'workspace "{name}" does not answer with --via {via}: {why}', "omit --via to try every way")


def _probe(
    way: Way, urls: Sequence[Url], environ: Mapping[str, str] | None, api: ApiServer
) -> tuple[Endpoint | None, list[Attempt]]:
    """Return the first address at which a model's server answers, and the attempts before it.

    All addresses together take _PROBE_SECONDS at most. `environ`: where a proxy may be set, None for no proxy.
    """
    end = time.monotonic() + _PROBE_SECONDS
    failed: list[Attempt] = []
    for place, url in enumerate(urls):
        left = end - time.monotonic()
        # An address that hangs leaves half of the time to the next one.
        seconds = left if place + 1 == len(urls) else left / 2
        try:
            link = DirectLink(url, None if environ is None else proxy_for(url, environ), api.trace)
        except ProxySettingError as error:
            failed.append(Attempt(way, str(url), str(error)))
            continue
        # Only a list of models shows that a model's server answers: any web server has a `/health`.
        try:
            models = ChatModel(link).models(seconds)
        except KaitoError as error:
            why = error.message
        else:
            if models:
                return Endpoint(way, str(url), link, tuple(models)), failed
            why = "the server there does not list any model"
        link.close()
        failed.append(Attempt(way, str(url), why))
    return None, failed


def _no_balancer(lookup: Lookup) -> WorkspaceError:
    name = lookup.workspace.name
    hint = "omit --via, or annotate the workspace with kaito.sh/enablelb=true"
    if lookup.service is None:
        return WorkspaceError(f'you may not read the Service of workspace "{name}", so its address is unknown', hint)
    if is_load_balancer(lookup.service):
        return NotReadyError(f'the LoadBalancer of workspace "{name}" has no address yet', "wait for it with --wait")
    return WorkspaceError(f'the Service of workspace "{name}" is not a LoadBalancer', hint)


def _served(endpoint: Endpoint) -> str:
    """Return the id of the base model, as the server names it, "" if the server does not answer."""
    models: Sequence[Model] = endpoint.models
    if not models:
        try:
            models = ChatModel(endpoint.link).models()
        except KaitoError:
            return ""
    return models[0].id if models else ""
