"""Where a workspace's model answers, and how that was found out.

The ways, in this order: inside the cluster straight to the Service, to the address of a LoadBalancer, through the
API server's service proxy. A direct way is taken only when a model server answers there, which takes 2 s at most.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kaito import workspace as workspaces
from kaito.errors import ClusterError, InferenceError, KaitoError, NotReadyError, WorkspaceError
from kaito.kube.api import ApiServer, StatusError
from kaito.kube.kubeconfig import Target
from kaito.links import DirectLink, Link, ProxyLink
from kaito.openai import ChatModel, Model
from kaito.proxies import choose
from kaito.transport import Url
from kaito.watching import replicas_of
from kaito.workspace import SET_LABEL, Workspace, items, part, text

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
        """Whether others on the way can read the conversation."""
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


class Lookup(NamedTuple):
    """What the API server says. `service` is None where it may not be read; `replica_of`: an InferenceSet's name."""

    workspace: Workspace
    service: Mapping[str, Any] | None
    replica_of: str = ""
    note: str = ""


def find(
    api: ApiServer, name: str, namespace: str, environ: Mapping[str, str], via: str = "auto"
) -> Found:
    """Reads the Workspace and its Service and takes the first way on which the model answers.

    `via`: "auto", or "cluster", "loadbalancer", "proxy" for that way alone. Raises ClusterError and WorkspaceError,
    NotReadyError for what may pass.
    """
    lookup = look_up(api, name, namespace)
    why = workspaces.not_ready(lookup.workspace)
    if why:
        raise _not_ready(api, lookup.workspace, why)
    endpoint, tried = _choose(api, lookup, environ, via)
    model = lookup.workspace.model
    if not model or lookup.replica_of:
        model = _served(endpoint) or model
    return Found(lookup.workspace, endpoint, model, tried, lookup.note)


def look_up(api: ApiServer, name: str, namespace: str) -> Lookup:
    """Reads the Workspace and its Service side by side.

    Two connections at once, so that a far API server costs two round trips for the handshakes and one for both
    answers. What may not be read is done without. Raises ClusterError and WorkspaceError.
    """
    import threading

    api.prepare()
    beside = api.beside()
    services: list[Mapping[str, Any] | KaitoError] = []

    def fetch_service() -> None:
        try:
            services.append(beside.get(_service_path(name, namespace)))
        except KaitoError as error:
            services.append(error)

    thread = threading.Thread(target=fetch_service, daemon=True)
    thread.start()
    try:
        workspace = _get_workspace(api, name, namespace)
        thread.join()
    finally:
        beside.close()
    if workspace is None:
        return _look_up_set(api, name, namespace)
    if workspace.tuning:
        raise WorkspaceError(
            f'workspace "{name}" tunes a model and serves none', "chat with a workspace that has an inference section"
        )
    return Lookup(workspace, _readable_service(api, services[0], workspace))


def ways(lookup: Lookup, server: str) -> list[tuple[str, str]]:
    """Every way there is to the model, as (kind, URL), whether or not it can be gone from here."""
    port = http_port(lookup.service or {})
    workspace = lookup.workspace
    found = [(BALANCER, str(url)) for url in _balancer_urls(lookup.service or {}, port)]
    found.append((PROXY, f"{server}{ProxyLink.path_of(workspace.namespace, workspace.name, port)}"))
    found.append((CLUSTER, f"http://{workspace.name}.{workspace.namespace}.svc.cluster.local:{port}"))
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
    if len(tcp) == 1:
        return int(tcp[0][1])
    return 80


def is_own_cluster(target: Target, environ: Mapping[str, str]) -> bool:
    """Whether this process runs in a pod of the very cluster that `target` names.

    Any other pod could reach a workspace of the same name in its own cluster instead.
    """
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    if target.in_cluster:
        return True
    if not host or target.cluster.proxy_url:
        return False
    from kaito.transport import parse_url

    server = parse_url(target.cluster.server)
    if server.host.lower() == host.lower():
        return str(server.port) == environ.get("KUBERNETES_SERVICE_PORT", "443")
    labels = server.host.lower().split(".")
    return labels[:2] == ["kubernetes", "default"] and labels[2:3] in ([], ["svc"])


def _choose(
    api: ApiServer, lookup: Lookup, environ: Mapping[str, str], via: str
) -> tuple[Endpoint, tuple[Attempt, ...]]:
    name, namespace, service = lookup.workspace.name, lookup.workspace.namespace, lookup.service
    port = http_port(service or {})
    tried: list[Attempt] = []
    if via == "cluster" or (via == "auto" and is_own_cluster(api.target, environ)):
        # In the cluster nothing stands between, so no proxy is asked.
        links = [(url, DirectLink(url, None, api.trace)) for url in _cluster_urls(name, namespace, service, port)]
        endpoint = _probe(CLUSTER, links, tried)
        if endpoint or via == "cluster":
            return _or_fail(endpoint, tried, name, via), tuple(tried)
    if via in ("auto", "loadbalancer"):
        urls = _balancer_urls(service or {}, port)
        if via == "loadbalancer" and not urls:
            raise _no_balancer(lookup)
        links = [(url, DirectLink(url, choose(url, environ), api.trace)) for url in urls]
        endpoint = _probe(BALANCER, links, tried)
        if endpoint or via == "loadbalancer":
            return _or_fail(endpoint, tried, name, via), tuple(tried)
    link = ProxyLink(api, namespace, name, port)
    return Endpoint(PROXY, api.target.cluster.server + link.path, link), tuple(tried)


def _cluster_urls(name: str, namespace: str, service: Mapping[str, Any] | None, port: int) -> list[Url]:
    """The Service's name, which a pod's search list completes whatever the cluster's domain, and its address."""
    urls = [Url("http", f"{name}.{namespace}.svc", port, "")]
    address = text(part(service or {}, "spec"), "clusterIP")
    if address not in ("", "None"):
        urls.append(Url("http", address, port, ""))
    return urls


def _balancer_urls(service: Mapping[str, Any], port: int) -> list[Url]:
    if text(part(service, "spec"), "type") != "LoadBalancer":
        return []
    ingress = items(part(part(service, "status"), "loadBalancer"), "ingress")
    addresses = [text(entry, "ip") or text(entry, "hostname") for entry in ingress]
    return [Url("http", address, port, "") for address in addresses if address]


def _probe(kind: str, links: Sequence[tuple[Url, DirectLink]], tried: list[Attempt]) -> Endpoint | None:
    """The first address at which a model server answers; all of them together take PROBE_SECONDS at most.

    Only a list of models proves one: any web server has a `/health`.
    """
    end = time.monotonic() + PROBE_SECONDS
    for place, (url, link) in enumerate(links):
        left = end - time.monotonic()
        # An address that hangs leaves half of the time to the next one.
        seconds = left if place + 1 == len(links) else left / 2
        try:
            models = ChatModel(link).models(seconds)
        except KaitoError as error:
            why = error.message
        else:
            if models:
                return Endpoint(kind, str(url), link, tuple(models))
            why = "it lists no model"
        link.close()
        tried.append(Attempt(kind, str(url), why))
    return None


def _or_fail(endpoint: Endpoint | None, tried: Sequence[Attempt], name: str, via: str) -> Endpoint:
    if endpoint:
        return endpoint
    why = "; ".join(f"{attempt.url}: {attempt.why}" for attempt in tried)
    raise NotReadyError(
        f'workspace "{name}" does not answer on the way --via {via}: {why}', "leave --via out to try every way"
    )


def _no_balancer(lookup: Lookup) -> WorkspaceError:
    name = lookup.workspace.name
    if lookup.service is None:
        why = "may not be read"
    elif text(part(lookup.service, "spec"), "type") == "LoadBalancer":
        why = "has no address of its LoadBalancer yet"
    else:
        why = "is no LoadBalancer"
    error = NotReadyError if why.endswith("yet") else WorkspaceError
    return error(
        f'the Service of workspace "{name}" {why}',
        "leave --via out, or annotate the workspace with kaito.sh/enablelb=true",
    )


def _served(endpoint: Endpoint) -> str:
    """The base model's id, as the server names it; "" where that cannot be known now."""
    models: Sequence[Model] = endpoint.models
    if not models:
        try:
            models = ChatModel(endpoint.link).models()
        except (ClusterError, InferenceError, NotReadyError):
            return ""
    return models[0].id if models else ""


def _service_path(name: str, namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/services/{name}"


def _get_workspace(api: ApiServer, name: str, namespace: str) -> Workspace | None:
    """The workspace; one of its name alone where it may not be read; None where there is none of that name."""
    reading = get_object(api, "workspaces", namespace, name)
    if reading.why == FORBIDDEN:
        return Workspace(name, namespace)
    if reading.why == NO_KAITO:
        raise no_kaito(f'workspace "{name}" cannot be there')
    return None if reading.why == ABSENT else workspaces.read(reading.document)


def no_kaito(what: str) -> WorkspaceError:
    """The cluster serves no kind of KAITO's; `what` cannot be for that."""
    return WorkspaceError(
        f"{what}: this cluster does not have KAITO (no API of kaito.sh)", "choose another --context, or install KAITO"
    )


FORBIDDEN, NO_KAITO, ABSENT = "forbidden", "no kaito", "absent"


class Reading(NamedTuple):
    """What came of reading from kaito.sh: the document, or why there is none.

    FORBIDDEN: the user may not; NO_KAITO: the cluster serves no version of the kind; ABSENT: there is no such object.
    """

    document: Mapping[str, Any]
    why: str = ""


def get_object(api: ApiServer, kind: str, namespace: str, name: str, query: str = "") -> Reading:
    """Reads an object, or a list (`name` ""), in the newest version served. Raises ClusterError."""
    for version in workspaces.VERSIONS:
        try:
            return Reading(api.get(workspaces.path(kind, version, namespace, name) + query))
        except StatusError as error:
            if error.status.code == 403:
                return Reading({}, FORBIDDEN)
            if error.status.code != 404:
                raise
            # Without a Status the path itself is unknown: this version is not served.
            if error.status.reason == "NotFound":
                return Reading({}, ABSENT)
    return Reading({}, NO_KAITO)


def _readable_service(
    api: ApiServer, service: Mapping[str, Any] | KaitoError, workspace: Workspace
) -> Mapping[str, Any] | None:
    if not isinstance(service, KaitoError):
        return service
    code = service.status.code if isinstance(service, StatusError) else 0
    if code == 403:
        return None
    if code == 404:
        why = workspaces.not_ready(workspace) or "it has no Service yet"
        raise _not_ready(api, workspace, why)
    raise service


def _not_ready(api: ApiServer, workspace: Workspace, why: str) -> NotReadyError:
    from kaito.readiness import explained

    error = NotReadyError(
        f'workspace "{workspace.name}" is not ready: {why}',
        f"wait for it with --wait, or watch it: kubectl get workspace {workspace.name} "
        f"-n {workspace.namespace} -w",
    )
    return explained(error, api, workspace)


def _look_up_set(api: ApiServer, name: str, namespace: str) -> Lookup:
    """No workspace has the name; an InferenceSet may, and then one of its ready replicas is taken."""
    if get_object(api, "inferencesets", namespace, name).why:
        raise unknown_name(api, name, namespace)
    listed = get_object(api, "workspaces", namespace, "", f"?{replicas_of(name)}")
    if listed.why == FORBIDDEN:
        raise WorkspaceError(
            f'"{name}" is an InferenceSet, and its workspaces may not be listed',
            f"check with: kubectl auth can-i list workspaces.kaito.sh -n {namespace}",
        )
    replicas = sorted(map(workspaces.read, items(listed.document, "items")))
    ready = [one for one in replicas if workspaces.ready(one) == "True"]
    if not ready:
        count = f"none of its {len(replicas)} workspaces is" if replicas else "it has no workspaces yet that could be"
        error = NotReadyError(
            f'InferenceSet "{name}" is not ready: {count} ready',
            f"watch it: kubectl get workspaces -n {namespace} -l {SET_LABEL}={name} -w",
        )
        from kaito.readiness import explained

        raise explained(error, api, replicas[0]) if replicas else error
    chosen = ready[0]
    try:
        service: Mapping[str, Any] | KaitoError = api.get(_service_path(chosen.name, namespace))
    except StatusError as status:
        service = status
    note = f"InferenceSet {name}: its workspace {chosen.name} answers ({len(ready)} of {len(replicas)} ready)"
    return Lookup(chosen, _readable_service(api, service, chosen), name, note)


def unknown_name(api: ApiServer, name: str, namespace: str) -> WorkspaceError:
    """The name is nobody's: the closest ones, and where else it exists, as far as that may be listed."""
    everywhere = get_object(api, "workspaces", "", "")
    if everywhere.why:
        everywhere = get_object(api, "workspaces", namespace, "")
    known = list(map(workspaces.read, items(everywhere.document, "items")))
    elsewhere = sorted(one.namespace for one in known if one.name == name and one.namespace != namespace)
    message = f'workspace "{name}" not found in namespace "{namespace}"'
    if elsewhere:
        return WorkspaceError(message, f"it exists elsewhere: use -n {' or -n '.join(elsewhere[:5])}")
    names = [one.name for one in known if one.namespace == namespace]
    if not names:
        return WorkspaceError(message, "list those there are: kubectl get workspaces -A")
    import difflib

    close = difflib.get_close_matches(name, names, 5, 0.4) or sorted(names)[:5]
    more = f", and {len(names) - len(close)} more" if len(names) > len(close) else ""
    return WorkspaceError(message, f"there is: {', '.join(close)}{more}")
