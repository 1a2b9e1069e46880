"""Where a workspace's model answers, and how that was found out.

A way to the model is a `Link`: it sends a request to the model's server and knows whose failure an answer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from kaito import workspace as workspaces
from kaito.errors import ClusterError, KaitoError, WorkspaceError
from kaito.kube.api import ApiServer, StatusError, forbidden, read_status
from kaito.transport import Response, Timeouts
from kaito.workspace import Workspace


class Link(Protocol):
    """A way to the model's server."""

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeouts: Timeouts,
    ) -> Response:
        """Sends a request for `path` ("/v1/…").

        Raises KaitoError when the way itself is closed, TransportError when the answer breaks or stays out.
        """

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """What an answer of 400 or above means when it is the way's own; None: the model's server said it."""

    def transient(self, status: int, body: bytes) -> bool:
        """Whether an answer of 429 or 503 may be another one soon."""

    def close(self) -> None:
        """Closes the connection; a later request opens a new one."""


class Endpoint(NamedTuple):
    """A place where the model answers. `kind` is what the field calls it: "APIProxy"."""

    kind: str
    url: str
    link: Link


class Found(NamedTuple):
    """What discovery came to: the workspace, and where its model answers."""

    workspace: Workspace
    endpoint: Endpoint


class ProxyLink:
    """The API server's service proxy: works wherever kubectl works, with kubectl's credentials."""

    def __init__(self, api: ApiServer, namespace: str, service: str, port: int) -> None:
        self._api = api
        self._namespace = namespace
        self._service = service
        # RBAC's resourceNames see the Service as it is written here.
        self.path = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeouts: Timeouts,
    ) -> Response:
        """See Link."""
        return self._api.request(method, self.path + path, headers=headers, body=body, timeouts=timeouts)

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """A Status is the API server's own: the user may not, or nothing is behind the Service."""
        said = read_status(body)
        if said is None:
            return None
        if status == 403:
            return forbidden(said.message)
        if status in (404, 503):
            return WorkspaceError(
                f'workspace "{self._service}" does not answer yet: {_unreachable_words(said.message)}',
                f"look at its pods: kubectl get pods -n {self._namespace} "
                f"-l kaito.sh/workspace={self._service}",
            )
        return ClusterError(f"the API server's service proxy answers {status}: {said.message}")

    def transient(self, status: int, body: bytes) -> bool:
        """A Service without such a port stays without; a pod may be there soon, and a busy server free."""
        said = read_status(body)
        return said is None or not said.message.startswith("no service port")

    def close(self) -> None:
        """See Link."""
        self._api.close()


def _unreachable_words(message: str) -> str:
    """The service proxy's answers in terms of the workspace (k8s.io/apiserver's proxy, service REST)."""
    if "connection refused" in message:
        return f"its pod is there, but the model is not being served ({message})"
    if message.startswith("no endpoints available"):
        return f"no pod of it is running ({message})"
    if message.startswith("no service port"):
        return f"its Service has no such port ({message})"
    if message.endswith("not found"):
        return f"its Service is missing or has no endpoints ({message})"
    return message


def find(api: ApiServer, name: str, namespace: str) -> Found:
    """Reads the Workspace and its Service side by side and picks the way to the model.

    Two connections at once, so that a far API server costs two round trips for the handshakes and one for
    both answers. Raises ClusterError and WorkspaceError.
    """
    import threading

    api.prepare()
    beside = api.beside()
    outcome: list[dict[str, Any] | KaitoError] = []

    def fetch_service() -> None:
        try:
            outcome.append(beside.get(f"/api/v1/namespaces/{namespace}/services/{name}"))
        except KaitoError as error:
            outcome.append(error)
        finally:
            beside.close()

    thread = threading.Thread(target=fetch_service, daemon=True)
    thread.start()
    try:
        workspace = _get_workspace(api, name, namespace)
        thread.join()
    finally:
        beside.close()
    service = outcome[0]
    if isinstance(service, KaitoError):
        raise _no_service(service, workspace)
    link = ProxyLink(api, namespace, name, http_port(service))
    return Found(workspace, Endpoint("APIProxy", api.target.cluster.server + link.path, link))


def http_port(service: Mapping[str, Any]) -> int:
    """The Service's port where the model answers: the one named http, else 80, else its only TCP port.

    KAITO names it http and gives it 80 (pkg/workspace/manifests); a Service made by hand may do otherwise.
    """
    spec = service.get("spec")
    ports = spec.get("ports") if isinstance(spec, dict) else None
    tcp = [
        (port.get("name"), port["port"])
        for port in (ports if isinstance(ports, list) else ())
        if isinstance(port, dict) and port.get("protocol", "TCP") == "TCP" and isinstance(port.get("port"), int)
    ]
    for name, number in tcp:
        if name == "http":
            return int(number)
    if len(tcp) == 1 and tcp[0][1] != 80:
        return int(tcp[0][1])
    return 80


def _get_workspace(api: ApiServer, name: str, namespace: str) -> Workspace:
    for version in workspaces.VERSIONS:
        try:
            workspace = workspaces.read(api.get(workspaces.path(version, namespace, name)))
        except StatusError as error:
            if error.status.code != 404:
                raise
            if error.status.reason == "NotFound":
                raise WorkspaceError(
                    f'workspace "{name}" not found in namespace "{namespace}"',
                    f"list those there are: kubectl get workspaces -n {namespace}",
                ) from None
            continue
        return _usable(workspace)
    raise WorkspaceError(
        f'workspace "{name}" cannot be looked up: this cluster does not have KAITO (no kaito.sh API)',
        "see https://kaito-project.github.io/kaito/docs/installation, or choose another --context",
    )


def _usable(workspace: Workspace) -> Workspace:
    if workspace.tuning:
        raise WorkspaceError(
            f'workspace "{workspace.name}" tunes a model and serves none',
            "chat with a workspace that has an inference section",
        )
    why = workspaces.not_ready(workspace)
    if why:
        raise WorkspaceError(
            f'workspace "{workspace.name}" is not ready: {why}',
            f"watch it with: kubectl get workspace {workspace.name} -n {workspace.namespace} -w",
        )
    return workspace


def _no_service(error: KaitoError, workspace: Workspace) -> KaitoError:
    if isinstance(error, StatusError) and error.status.code == 404:
        return WorkspaceError(
            f'workspace "{workspace.name}" has no Service yet',
            f"watch it with: kubectl get workspace {workspace.name} -n {workspace.namespace} -w",
        )
    return error
