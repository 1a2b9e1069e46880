"""The links to a model's server: how a request gets there, and whose failure an error is."""

from __future__ import annotations

from kaito.errors import ClusterError, NotReadyError
from kaito.kube.hints import forbidden
from kaito.kube.names import in_url
from kaito.kube.status import read_status
from kaito.net.connection import Connection
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.errors import KaitoError
    from kaito.kube.api_server import ApiServer
    from kaito.net.proxy import Proxy
    from kaito.net.request import Request
    from kaito.net.response import Response
    from kaito.net.url import Url


class ProxyLink:
    """The API server's service proxy, with kubectl's credentials. Works wherever kubectl works."""

    def __init__(self, api: ApiServer, namespace: str, service: str, port: int) -> None:
        self._api = api
        self._namespace = namespace
        self._service = service
        self.path = self.path_of(namespace, service, port)

    @staticmethod
    def path_of(namespace: str, service: str, port: int) -> str:
        """Return the proxy's path on the API server. RBAC's resourceNames compare the Service as it is written here."""
        return f"/api/v1/namespaces/{in_url(namespace)}/services/{in_url(service)}:{port}/proxy"

    def request(self, request: Request) -> Response:
        """See Link."""
        return self._api.request(request._replace(path=self.path + request.path), proxied=True)

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """Return an error if the API server answers itself, with a Status: a missing right, or no pod to connect to."""
        said = read_status(body)
        if said is None or status == 401:
            # The API server's own 401 is an error of the request.
            return None
        if status == 403:
            return forbidden(said.message, self._api.target)
        if status in (404, 503):
            return NotReadyError(
                f'workspace "{self._service}" does not answer yet: {_unreachable_words(said.message)}',
                f"look at its pods: kubectl get pods -n {self._namespace} -l kaito.sh/workspace={self._service}",
            )
        return ClusterError(f"the API server's service proxy answers {status}: {said.message}")

    def is_transient(self, status: int, body: bytes) -> bool:
        """Return False for a Service without such a port. A pod may exist soon, and a server may soon be less busy."""
        said = read_status(body)
        return said is None or not said.message.startswith("no service port")

    def close(self) -> None:
        """See Link."""
        self._api.close()


class DirectLink:
    """A direct connection to the model's server. Only the conversation is sent there, and no credentials."""

    def __init__(self, url: Url, proxy: Proxy | None, trace: Callable[[str], None] | None) -> None:
        self._connection = Connection(url, proxy=proxy, trace=trace)

    def request(self, request: Request) -> Response:
        """See Link."""
        return self._connection.request(request)

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """Return None: every answer is the model's server's own."""
        return None

    def is_transient(self, status: int, body: bytes) -> bool:
        """See Link."""
        return True

    def close(self) -> None:
        """See Link."""
        self._connection.close()


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
