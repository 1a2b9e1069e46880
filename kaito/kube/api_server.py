"""The API server's client: requests with the user's credentials, GETs as JSON, what a Status means."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kaito.errors import ClusterError, UnreachableError
from kaito.kube.credentials import Credential, Credentials, certificate_hint, describe
from kaito.kube.kubeconfig import Target
from kaito.lazy_re import pattern
from kaito.net import tls
from kaito.net.connection import Connection
from kaito.net.errors import (
    CertificateError,
    ClientCertificateError,
    ClientCertificateSettingError,
    ConnectError,
    ProxySettingError,
    RedirectError,
    TimedOutError,
    TlsSettingError,
    TransportError,
)
from kaito.net.proxy import proxy_for
from kaito.net.request import Request, Timeouts
from kaito.net.response import Response
from kaito.net.url import parse_url
from kaito.text import excerpt

# One GET in all, as kubectl's users expect of a cluster that hangs; a chat has no such end.
_GET_SECONDS = 30.0

# As often a GET is sent again (client-go's rest/with_retry.go).
_RETRIES = 10

# A list of a thousand workspaces with their managed fields is about 3 MB.
_ANSWER_LIMIT = 64 << 20
_STATUS_LIMIT = 1 << 20

_FORBIDDEN = pattern(
    r'cannot (?P<verb>[a-z]+) resource "(?P<resource>[\w.-]+)(?:/(?P<sub>[\w.-]+))?"'
    r'(?: in API group "(?P<group>[\w.-]*)")?(?: in the namespace "(?P<namespace>[\w.-]+)")?'
)


class Status(NamedTuple):
    """The API server's own words about a failure (metav1.Status): HTTP code, reason, message."""

    code: int
    reason: str
    message: str


class StatusError(ClusterError):
    """The API server answered a GET with a failure; `status` says which."""

    def __init__(self, message: str, hint: str, status: Status) -> None:
        super().__init__(message, hint)
        self.status = status


def read_status(body: bytes) -> Status | None:
    """The Status in an answer's body; None when it is something else, such as a proxied server's own."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("kind") != "Status":
        return None
    code, reason, message = (document.get(key) for key in ("code", "reason", "message"))
    return Status(
        code if isinstance(code, int) else 0,
        reason if isinstance(reason, str) else "",
        excerpt(message, 500) if isinstance(message, str) else "",
    )


def check_with(command: str, target: Target, *, context: bool = False) -> str:
    """The hint to run a kubectl command with the flags that were given, so that it asks whom we asked, as whom we did.

    `context`: name the context in use even where no flag does.
    """
    from shlex import quote

    flags = target.flags
    if context and target.context and not target.given("context"):
        flags = (("context", target.context), *flags)
    words = (f" --{name} {quote(value)}" if value else f" --{name}" for name, value in flags)
    return f"check with: kubectl {command}" + "".join(words)


def forbidden(message: str, target: Target) -> ClusterError:
    """A 403 in the API server's words, with the line that checks the right that is missing."""
    right = _FORBIDDEN.search(message)
    hint = ""
    if right:
        resource = right["resource"] + (f".{right['group']}" if right["group"] else "")
        command = f"auth can-i {right['verb']} {resource}"
        command += f" --subresource={right['sub']}" if right["sub"] else ""
        command += f" -n {right['namespace']}" if right["namespace"] else ""
        hint = check_with(command, target)
    return ClusterError(message or "the API server forbids it (403)", hint)


def is_transient(error: ClusterError) -> bool:
    """Whether the failure may pass by itself: the network's, the server's own, or too many requests."""
    if isinstance(error, StatusError):
        return error.status.code == 429 or error.status.code >= 500
    return isinstance(error, UnreachableError)


class ApiServer:
    """A cluster's API server, as one user. State: the credentials in force and one kept-alive connection."""

    def __init__(
        self,
        target: Target,
        environ: Mapping[str, str],
        credentials: Credentials,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.target = target
        self._environ = environ
        self._credentials = credentials
        self.trace = trace
        self._certificate: tls.Certificate | None = None
        self._context: Any = None
        self._connection: Connection | None = None
        try:
            self.url = parse_url(target.cluster.server)
        except ValueError as error:
            origin = "--server" if target.given("server") else f'cluster "{target.cluster.name}"'
            raise ClusterError(f"{origin}: {error}", self._see("server")) from None
        try:
            self._proxy = proxy_for(self.url, environ, target.cluster.proxy_url)
        except ProxySettingError as error:
            # Without a proxy-url it is a variable of the environment, which the message names.
            hint = self._see("proxy-url") if target.cluster.proxy_url else ""
            raise ClusterError(f'cluster "{target.cluster.name}": {error}', hint) from None

    def beside(self) -> ApiServer:
        """A second client with the same credentials, for a request that must not wait for the first's."""
        other = ApiServer(self.target, self._environ, self._credentials, self.trace)
        other._certificate, other._context = self._certificate, self._context
        return other

    def prepare(self) -> None:
        """Has the credentials ready (an exec plugin may run); raises ClusterError."""
        self._connect(self._credentials.current())

    def request(self, request: Request) -> Response:
        """Sends one request below the server's URL and returns the answer's head, whatever its status.

        Credentials that the server no longer takes are renewed once. Raises ClusterError when the server
        cannot be reached or trusted or refuses the user, TransportError when the answer breaks or stays out.
        """
        credential = self._credentials.current()
        response = self._send(credential, request)
        if not self._unauthorized(response):
            return response
        if self._credentials.renew(credential):
            response = self._send(self._credentials.current(), request)
            if not self._unauthorized(response):
                return response
        raise ClusterError(
            f"{self.target.cluster.server} does not accept the credentials of {describe(self.target)} (401)",
            check_with("auth whoami", self.target, context=True),
        )

    def get(self, path: str) -> dict[str, Any]:
        """GETs a JSON object; 30 s in all, in which a busy server is asked again when it says so.

        Raises StatusError for a failure that the server explains.
        """
        end = time.monotonic() + _GET_SECONDS
        response, body = self._get(path, end)
        for _ in range(_RETRIES):
            pause = _retry_after(response)
            if pause is None or time.monotonic() + pause >= end:
                break
            time.sleep(pause)
            response, body = self._get(path, end)
        if response.status == 200:
            try:
                document = json.loads(body)
            except (ValueError, RecursionError):
                document = None
            if isinstance(document, dict):
                return document
            raise ClusterError(f"{self._host()} does not answer like an API server: {excerpt(body)}")
        status = read_status(body) or Status(response.status, "", excerpt(body) or response.reason)
        if response.status == 403:
            missing = forbidden(status.message, self.target)
            raise StatusError(missing.message, missing.hint, status)
        raise StatusError(f"{self._host()} answers {response.status}: {status.message}", "", status)

    def close(self) -> None:
        """Closes the connection; a later request opens a new one."""
        if self._connection:
            self._connection.close()

    def _get(self, path: str, end: float) -> tuple[Response, bytes]:
        timeouts = Timeouts(total=max(0.0, end - time.monotonic()))
        try:
            response = self.request(Request("GET", path, (("Accept", "application/json"),), timeouts=timeouts))
            return response, response.read(_ANSWER_LIMIT if response.status == 200 else _STATUS_LIMIT)
        except TransportError as error:
            raise self._unreachable(error) from None

    def _send(self, credential: Credential, request: Request) -> Response:
        connection = self._connect(credential)
        try:
            return connection.request(request._replace(headers=(*request.headers, *credential.headers)))
        except TransportError as error:
            if isinstance(error, ConnectError) or _never_connected(error):
                raise self._unreachable(error) from None
            raise

    def _connect(self, credential: Credential) -> Connection:
        """The connection on which `credential` counts: its certificate is part of the TLS handshake."""
        cluster = self.target.cluster
        if self._connection and credential.certificate == self._certificate:
            return self._connection
        renewed = credential.certificate != self._certificate
        if self.url.scheme == "https" and (self._context is None or renewed):
            trust = tls.Trust(cluster.ca_file, cluster.ca_data, cluster.insecure, cluster.tls_server_name)
            try:
                self._context = tls.context(trust, credential.certificate)
            except ClientCertificateSettingError as error:
                if self._connection and credential.certificate and credential.certificate.written:
                    # The files are just being replaced: until both are there, the pair that was is shown.
                    return self._connection
                raise ClusterError(str(error), certificate_hint(self.target)) from None
            except TlsSettingError as error:
                raise ClusterError(str(error), self._see("certificate-authority")) from None
        self.close()
        self._certificate = credential.certificate
        self._connection = Connection(
            self.url,
            tls=self._context,
            server_name=cluster.tls_server_name,
            proxy=self._proxy,
            trace=self.trace,
        )
        return self._connection

    def _unauthorized(self, response: Response) -> bool:
        # A model behind the proxy may answer 401 as well; only the API server's is a Status.
        return response.status == 401 and read_status(response.read(_STATUS_LIMIT)) is not None

    def _host(self) -> str:
        return f"{self.url.scheme}://{self.url.authority}"

    def _unreachable(self, error: TransportError) -> ClusterError:
        if isinstance(error, CertificateError):
            hint = self._trust_hint("tls-server-name" if "not valid for" in error.why else "certificate-authority")
        elif isinstance(error, ClientCertificateError):
            hint = certificate_hint(self.target)
        else:
            hint = check_with("version", self.target, context=True)
        # What failed may be a proxy on the way, which the message then names.
        same = error.message == f"{self.url.authority}: {error.why}"
        why = error.why if same else error.message
        lasting = isinstance(error, (CertificateError, ClientCertificateError, RedirectError))
        kind = ClusterError if lasting else UnreachableError
        return kind(f"cannot reach the API server {self._host()}: {why}", hint)

    def _trust_hint(self, field: str) -> str:
        # With --server the file's tls-server-name does not count.
        if field == "tls-server-name" and self.target.given("server") and not self.target.given(field):
            return "see --server, or give --tls-server-name"
        return self._see(field) or f"give --{field}"

    def _see(self, field: str) -> str:
        """Where that field of the cluster was given: by the flag of its name, or in a kubeconfig; "" for neither."""
        if self.target.given(field):
            return f"see --{field}"
        cluster = self.target.cluster
        return f'see {field} of cluster "{cluster.name}" in {cluster.file}' if cluster.file else ""


def _never_connected(error: TransportError) -> bool:
    return isinstance(error, TimedOutError) and error.stage == "connect"


def _retry_after(response: Response) -> int | None:
    """In how many seconds a busy server wants to be asked again; None: it does not say so."""
    asked = response.header("Retry-After")
    return int(asked) if response.status in (429, 503) and asked.isdecimal() and len(asked) < 9 else None
