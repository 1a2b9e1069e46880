"""Where a workspace's model answers, and how that was found out.

The ways, in this order: inside the cluster directly to the Service, to the address of a LoadBalancer, through the API
server's service proxy. A direct way is taken only if a model's server answers there, within 2 s.
"""

from __future__ import annotations

import time

from kaito.errors import KaitoError, NotReadyError, WorkspaceError
from kaito.model.client import ChatModel
from kaito.net.errors import ProxySettingError
from kaito.net.proxy import proxy_for
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.lookup import at_replica, look_up
from kaito.workspaces.own_cluster import is_own_cluster
from kaito.workspaces.routes import DirectLink, Endpoint, ProxyLink
from kaito.workspaces.service import balancer_urls, cluster_urls, http_port, is_load_balancer
from kaito.workspaces.ways import ANY_WAY, API_PROXY, CLUSTER_IP, LOAD_BALANCER
from kaito.workspaces.workspace import in_doubt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from kaito.kube.api_server import ApiServer
    from kaito.model.client import Model
    from kaito.model.link import Link
    from kaito.net.url import Url
    from kaito.workspaces.lookup import Lookup
    from kaito.workspaces.reference import Reference
    from kaito.workspaces.replicas import Replica, ReplicaLink
    from kaito.workspaces.ways import Way
    from kaito.workspaces.workspace import Workspace

PROBE_SECONDS = 2.0


class Attempt(NamedTuple):
    """A way that was not taken, and why not."""

    way: Way
    url: str
    why: str


class Found(NamedTuple):
    """The result of the search. `model`: its name, "" if unknown; `note`: lines for the user, or "".

    `replicas`: the endpoint's link, if it leads to the replicas of an InferenceSet. `unasked`: the server was to be
    asked whether the model answers, but the user may not. `service`: the v1 Service, None if the user may not read it.
    """

    workspace: Workspace
    endpoint: Endpoint
    model: str
    tried: tuple[Attempt, ...] = ()
    note: str = ""
    replicas: ReplicaLink | None = None
    unasked: bool = False
    service: Mapping[str, Any] | None = None

    def at(self, replica: Replica) -> Found:
        """Return the same for another replica, to which the link has moved."""
        endpoint = self.endpoint._replace(way=replica.endpoint.way, url=replica.endpoint.url)
        return self._replace(workspace=self.workspace._replace(name=replica.name), endpoint=endpoint)


def find(
    api: ApiServer,
    wanted: Reference,
    namespace: str,
    environ: Mapping[str, str],
    via: str = ANY_WAY,
    ask: str = "",
) -> Found:
    """Read the Workspace and its Service, and take the first way on which the model answers.

    `via`: ANY_WAY, or the `via` of the only way to try. `ask`: MODELS or TOKEN (workspaces/probe.py) asks the server
    whether the model answers even if the objects leave no doubt. Raises ClusterError, WorkspaceError, and NotReadyError
    for what may pass by itself.
    """
    lookup = look_up(api, wanted, namespace)
    if not (lookup.others and (ask or in_doubt(lookup.workspace))):
        return _find(api, lookup, environ, via, ask)
    # If no replica is ready, one may answer nevertheless.
    failures: list[NotReadyError] = []
    for workspace in (lookup.workspace, *lookup.others):
        try:
            return _find(api, at_replica(api, lookup, workspace), environ, via, ask)
        except NotReadyError as error:
            failures.append(error)
    raise max(failures, key=lambda error: error.progress)


def _find(api: ApiServer, lookup: Lookup, environ: Mapping[str, str], via: str, ask: str) -> Found:
    """Take the first way to a workspace. Raises as `find`."""
    endpoint, tried = _choose(api, lookup, environ, via)
    found = Found(lookup.workspace, endpoint, lookup.workspace.model, tuple(tried), service=lookup.service)
    if ask or in_doubt(lookup.workspace):
        found = _asked(api, lookup, found, ask)
    if lookup.replica_of:
        found = _of_replicas(api, lookup, found, environ, via)
    # The model of a replica goes by the name of its InferenceSet, except on the transformers runtime.
    if not (found.model or found.unasked) or lookup.replica_of:
        found = _listed(found)
        models = found.endpoint.models
        found = found._replace(model=models[0].id if models else lookup.replica_of or found.model)
    if found.replicas:
        found = found.at(found.replicas.present)
        verb = "is asked" if found.unasked else "answers"
        said = f"InferenceSet {lookup.replica_of}: its workspace {found.workspace.name} {verb} ({lookup.tally})"
        found = found._replace(note="\n".join(filter(None, (said, found.note))))
    return found


def _asked(api: ApiServer, lookup: Lookup, found: Found, ask: str) -> Found:
    """Ask the server whether the model answers, and return what it lists. Raises NotReadyError, ClusterError."""
    from kaito.workspaces.phase import NOT_ASKED
    from kaito.workspaces.probe import MODELS, TOKEN, answering

    models = found.endpoint.models
    # In a pod, the direct way needs no rights: where it fails, only the model itself shows that the other one works.
    may_be_direct = bool(ask and found.tried)
    probe, note = answering(api, lookup, found.endpoint, TOKEN if may_be_direct else ask or MODELS)
    endpoint = found.endpoint._replace(models=models or probe.models)
    return found._replace(endpoint=endpoint, note=note, unasked=probe.state == NOT_ASKED)


def _of_replicas(api: ApiServer, lookup: Lookup, found: Found, environ: Mapping[str, str], via: str) -> Found:
    """Return what was found, with a link that can move on to the other replicas of the InferenceSet."""
    from kaito.workspaces.reference import Reference
    from kaito.workspaces.replicas import Replica, ReplicaLink
    from kaito.workspaces.sets import choose

    name, namespace = lookup.replica_of, lookup.workspace.namespace

    def open_replica(other: str) -> Replica:
        other_one = at_replica(api, lookup, lookup.workspace._replace(name=other))
        return Replica(other, _choose(api, other_one, environ, via)[0])

    def relist() -> Sequence[str]:
        try:
            choice = choose(api, Reference(name), namespace)
        except KaitoError:
            # What the last replica said counts.
            return ()
        return [one.name for one in choice.workspaces] if choice else ()

    others = [one.name for one in lookup.others]
    replicas = ReplicaLink(Replica(lookup.workspace.name, found.endpoint), others, open_replica, relist)
    return found._replace(endpoint=found.endpoint._replace(link=replicas), replicas=replicas)


def all_urls(found: Found, server: str) -> list[tuple[Way, str]]:
    """Return the URLs of all ways to the model, whether or not they can be used from here.

    `server`: the URL of the API server.
    """
    service = found.service or {}
    name, namespace = found.workspace.name, found.workspace.namespace
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
        endpoint, failed = _probe(CLUSTER_IP, urls, None, api, lookup.workspace)
        tried += failed
        if endpoint:
            return endpoint, tried
    if via in (ANY_WAY, LOAD_BALANCER.via):
        urls = balancer_urls(service)
        if not urls and via == LOAD_BALANCER.via:
            raise _no_balancer(lookup)
        endpoint, failed = _probe(LOAD_BALANCER, urls, environ, api, lookup.workspace)
        tried += failed
        if endpoint:
            return endpoint, tried
    if via in (ANY_WAY, API_PROXY.via):
        direct = "; ".join(
            f"{attempt.url}: {attempt.why.rpartition(': ')[2]}" for attempt in tried if attempt.way is CLUSTER_IP
        )
        link = ProxyLink(api, lookup.workspace, http_port(service), direct)
        return Endpoint(API_PROXY, api.target.cluster.server + link.path, link), tried
    why = "; ".join(f"{attempt.url}: {attempt.why}" for attempt in tried)
    raise NotReadyError(f'workspace "{name}" does not answer with --via {via}: {why}', "omit --via to try every way")


def _probe(
    way: Way, urls: Sequence[Url], environ: Mapping[str, str] | None, api: ApiServer, workspace: Workspace
) -> tuple[Endpoint | None, list[Attempt]]:
    """Return the first address at which a model's server answers, and the attempts before it.

    All addresses together take PROBE_SECONDS at most. `environ`: where a proxy may be set, None for no proxy.
    """
    end = time.monotonic() + PROBE_SECONDS
    failed: list[Attempt] = []
    for place, url in enumerate(urls):
        left = end - time.monotonic()
        # An address that hangs leaves half of the time to the next one.
        seconds = left if place + 1 == len(urls) else left / 2
        try:
            link = DirectLink(url, None if environ is None else proxy_for(url, environ), api.trace, workspace.name)
        except ProxySettingError as error:
            failed.append(Attempt(way, str(url), str(error)))
            continue
        # Only a list of models shows that a model's server answers: any web server has a `/health`.
        try:
            models = ChatModel(link).models(round(seconds, 2))
        except KaitoError as error:
            why = error.message
            # KAITO's pre-download server adds no word to it.
            if why.endswith(" 404 Not Found"):
                _check_not_fetching(api, workspace, link)
        else:
            if models:
                return Endpoint(way, str(url), link, tuple(models)), failed
            why = "the server there does not list any model"
        link.close()
        failed.append(Attempt(way, str(url), why))
    return None, failed


def _check_not_fetching(api: ApiServer, workspace: Workspace, link: Link) -> None:
    """Raise NotReadyError if KAITO's pre-download server answers, on whatever way."""
    from kaito.workspaces.phase import NotAnsweringError, fetching
    from kaito.workspaces.probe import read_download
    from kaito.workspaces.readiness import explanation, waiting_hint

    download = read_download(link)
    link.close()
    if download:
        now = fetching(workspace.name, download)
        raise NotAnsweringError(now, waiting_hint(workspace), explanation(api, workspace))


def _no_balancer(lookup: Lookup) -> WorkspaceError:
    name = lookup.workspace.name
    namespace = lookup.workspace.namespace
    patch = f"""kubectl patch service {name} -n {namespace} -p '{{"spec":{{"type":"LoadBalancer"}}}}'"""
    # KAITO reads kaito.sh/enablelb only while there is no Service (pkg/workspace/controllers, ensureService).
    hint = f"omit --via, or make it one: {patch}"
    if lookup.service is None:
        hint = "omit --via"
        return WorkspaceError(f'you may not read the Service of workspace "{name}", so its address is unknown', hint)
    if is_load_balancer(lookup.service):
        return NotReadyError(f'the LoadBalancer of workspace "{name}" has no address yet', "wait for it with --wait")
    return WorkspaceError(f'the Service of workspace "{name}" is not a LoadBalancer', hint)


def _listed(found: Found) -> Found:
    """Return what was found, with the models that the server lists, none if it does not answer."""
    models: Sequence[Model] = found.endpoint.models
    if not models:
        try:
            models = ChatModel(found.endpoint.link).models()
        except KaitoError:
            pass
    return found._replace(endpoint=found.endpoint._replace(models=tuple(models)))
