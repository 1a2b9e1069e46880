"""The links to a model's server: how a request gets there, and whose failure an error is."""

from __future__ import annotations

from kaito.errors import ClusterError, NotReadyError
from kaito.kube.hints import forbidden
from kaito.kube.names import in_url
from kaito.kube.status import read_status
from kaito.net.connection import Connection
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.workspace import ready_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.errors import KaitoError
    from kaito.kube.api_server import ApiServer
    from kaito.model.client import Model
    from kaito.model.link import Link
    from kaito.net.proxy import Proxy
    from kaito.net.request import Request
    from kaito.net.response import Response
    from kaito.net.url import Url
    from kaito.workspaces.ways import Way
    from kaito.workspaces.workspace import Workspace


# KAITO's server on the model's port until the weights are loaded: any method but GET is refused like this.
_PRE_DOWNLOAD = b"Unsupported method ("


UNKNOWN_NAME = "; the name may be wrong, or the workspace may not be created yet"
"""What a user is told who may not read the workspace, and to whom the two look alike."""


class UnansweredError(NotReadyError):
    """Nothing answers for the model yet. `why`: in words; `fetching`: its weights are being downloaded or loaded."""

    def __init__(self, workspace: str, why: str, hint: str = "", *, fetching: bool = False) -> None:
        super().__init__(f'workspace "{workspace}" does not answer yet: {why}', hint)
        self.why = why
        self.fetching = fetching


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


class ProxyLink:
    """The API server's service proxy, with kubectl's credentials. Works wherever kubectl works."""

    def __init__(self, api: ApiServer, workspace: Workspace, port: int, direct: str = "") -> None:
        """`direct`: why the direct ways, which need no rights, do not lead to the model; "" if there were none."""
        self._api = api
        self._workspace = workspace
        self._direct = direct
        self.path = self.path_of(workspace.namespace, workspace.name, port)

    @staticmethod
    def path_of(namespace: str, service: str, port: int) -> str:
        """Return the proxy's path on the API server. RBAC's resourceNames compare the Service as it is written here."""
        return f"/api/v1/namespaces/{in_url(namespace)}/services/{in_url(service)}:{port}/proxy"

    def request(self, request: Request) -> Response:
        """See Link."""
        return self._api.request(request._replace(path=self.path + request.path), proxied=True)

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """Return an error if the API server answers itself, with a Status: a missing right, or no pod to connect to."""
        said, name = read_status(body), self._workspace.name
        if said is None or status == 401:
            # The API server's own 401 is an error of the request.
            return _fetching(name, status, body)
        if status == 403:
            missing = forbidden(said.message, self._api.target)
            if not self._direct:
                return missing
            # A pod needs no right to reach its Service, so that a missing one is not what keeps the model from it.
            why = self._direct + ("" if self._workspace.readable else _or_is_wrong(self._direct))
            return UnansweredError(
                self._workspace.name, why, missing.hint and f"for the API server's way, {missing.hint}"
            )
        if status in (404, 503):
            hint = f"look at its pods: kubectl get pods -n {self._workspace.namespace} -l kaito.sh/workspace={name}"
            why = _unreachable_words(said.message) + ("" if self._workspace.readable else _or_is_wrong(said.message))
            return UnansweredError(name, why, hint)
        return ClusterError(f"the API server's service proxy answers {status}: {said.message}")

    def is_transient(self, status: int, body: bytes) -> bool:
        """Return False for a Service without such a port. A pod may exist soon, and a server may soon be less busy.

        But if the workspace itself says that it is not ready, soon is not soon enough.
        """
        said = read_status(body)
        expected = ready_status(self._workspace) != "False"
        return said is None or (expected and not said.message.startswith("no service port"))

    def move_on(self, why: str) -> bool:
        """See Link."""
        return False

    def close(self) -> None:
        """See Link."""
        self._api.close()


class DirectLink:
    """A direct connection to the model's server. Only the conversation is sent there, and no credentials."""

    def __init__(self, url: Url, proxy: Proxy | None, trace: Callable[[str], None] | None, workspace: str = "") -> None:
        """`workspace`: its name, for messages; "" for the URL's host."""
        self._workspace = workspace or url.host
        self._connection = Connection(url, proxy=proxy, trace=trace)

    def request(self, request: Request) -> Response:
        """See Link."""
        return self._connection.request(request)

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """Return None unless KAITO's own server answers in the model's place."""
        return _fetching(self._workspace, status, body)

    def is_transient(self, status: int, body: bytes) -> bool:
        """See Link."""
        return True

    def move_on(self, why: str) -> bool:
        """See Link."""
        return False

    def close(self) -> None:
        """See Link."""
        self._connection.close()


def _or_is_wrong(message: str) -> str:
    """Return what else a missing Service may mean, or a host that DNS does not know."""
    return UNKNOWN_NAME if message.endswith(("not found", "no such host")) else ""


def _fetching(workspace: str, status: int, body: bytes) -> UnansweredError | None:
    """Return the error for a refusal of KAITO's pre-download server, None if another server answers."""
    if status != 501 or _PRE_DOWNLOAD not in body:
        return None
    return UnansweredError(workspace, "its weights are still being downloaded or loaded", fetching=True)


def _unreachable_words(message: str) -> str:
    """Explain an error of the service proxy in terms of the workspace.

    The words are those of k8s.io/apiserver's proxy handler and of the Service's REST storage.
    """
    if "connection refused" in message:
        return f"its pod is there, but the model is not being served ({message})"
    if message.startswith("no endpoints available"):
        return f"no pod of it is running ({message})"
    if message.startswith("no service port"):
        return f"its Service has no such port ({message})"
    if message.endswith("not found"):
        return f"its Service is missing or has no endpoints ({message})"
    return message
