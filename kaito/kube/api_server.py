"""The API server's client: requests with the user's credentials, and GETs of JSON objects."""

from __future__ import annotations

import codecs
import time

from kaito.errors import ClusterError, UnreachableError
from kaito.json_document import DocumentError, read_object
from kaito.kube.hints import certificate_hint, cluster_hint, describe_user, forbidden, kubectl_hint, trust_hint
from kaito.kube.status import Status, StatusError, read_status
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
from kaito.net.url import parse_url
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Any

    from kaito.kube.credential import Credential
    from kaito.kube.credentials import Credentials
    from kaito.kube.kubeconfig.model import Target
    from kaito.net.response import Response

# The bound of a GET with all its retries, for a cluster that hangs. Chat requests have no such bound.
_GET_SECONDS = 30.0

# A small answer that only the API server itself gives. Authentication comes before authorization, so any status but 401
# shows that it accepts the credential. Every authenticated user may read this one (the ClusterRole system:discovery),
# and no anonymous one, unlike /version and /healthz (system:public-info-viewer), which are often open to everybody.
_AUTHENTICATED_PATH = "/api"

# How often a GET is sent again (client-go's rest/with_retry.go).
_RETRIES = 10

# A list of a thousand workspaces with their managed fields is about 3 MB.
_ANSWER_LIMIT = 64 << 20
# The bytes that its text takes: a single emoji makes each character of a Python string take four.
_TEXT_LIMIT = 128 << 20
_STATUS_LIMIT = 1 << 20


class _Handshake(NamedTuple):
    """What a connection shows and trusts. `context`: made with the certificate; None over plain HTTP."""

    certificate: tls.Certificate | None
    context: ssl.SSLContext | None


class ApiServer:
    """A cluster's API server, used by one user. State: the credentials in force, and one kept-alive connection.

    `trace`: receives a line for each connection and request. Raises ClusterError for a URL or a proxy that cannot be
    used.
    """

    def __init__(
        self,
        target: Target,
        environ: Mapping[str, str],
        credentials: Credentials,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.target = target
        self.trace = trace
        self._environ = environ
        self._credentials = credentials
        self._handshake: _Handshake | None = None
        self._connection: Connection | None = None
        cluster = target.cluster
        try:
            self.url = parse_url(cluster.server)
        except ValueError as error:
            setting = "--server" if target.given("server") else f'cluster "{cluster.name}"'
            raise ClusterError(f"{setting}: {error}", cluster_hint("server", target)) from None
        try:
            self._proxy = proxy_for(self.url, environ, cluster.proxy_url)
        except ProxySettingError as error:
            # Without a proxy-url, the message names the variable of the environment.
            hint = cluster_hint("proxy-url", target) if cluster.proxy_url else ""
            raise ClusterError(f'cluster "{cluster.name}": {error}', hint) from None

    def beside(self) -> ApiServer:
        """Return a second client with the same credentials, for a request that must not wait for the first one's."""
        other = ApiServer(self.target, self._environ, self._credentials, self.trace)
        other._handshake = self._handshake
        return other

    def prepare(self) -> None:
        """Obtain the credentials, for which an exec plugin may run. Raises ClusterError."""
        self._connect(self._credentials.current())

    def request(self, request: Request, *, proxied: bool = False) -> Response:
        """Send one request below the server's URL and return the head of the answer, whatever its status.

        `proxied`: another server may answer, as through the service proxy. Credentials that the API server does not
        accept are renewed once. Raises ClusterError if the server cannot be reached or trusted or refuses the user,
        TransportError if the answer breaks off or does not come.
        """
        credential = self._credentials.current()
        response = self._send(credential, request)
        if not self._is_refused(credential, response, proxied):
            return response
        if self._credentials.renew(credential):
            credential = self._credentials.current()
            response = self._send(credential, request)
            if not self._is_refused(credential, response, proxied):
                return response
        raise ClusterError(
            f"{self.target.cluster.server} does not accept the credentials of {describe_user(self.target)} (401)",
            kubectl_hint("auth whoami", self.target, context=True),
        )

    def _is_refused(self, credential: Credential, response: Response, proxied: bool) -> bool:
        """Return whether a 401 is the API server's own, which then did not accept the credential.

        A Status alone does not show that: a model can send one, too.
        """
        if response.status != 401 or read_status(response.read(_STATUS_LIMIT)) is None:
            return False
        return not proxied or self._refuses(credential)

    def _refuses(self, credential: Credential) -> bool:
        """Ask the API server itself whether it accepts a credential. Raises UnreachableError if it does not answer."""
        request = Request("GET", _AUTHENTICATED_PATH, timeouts=Timeouts(total=_GET_SECONDS))
        try:
            response = self._send(credential, request)
            response.read(_ANSWER_LIMIT)
        except TransportError as error:
            raise self._unreachable(error) from None
        return response.status == 401

    def get(self, path: str) -> dict[str, Any]:
        """GET a JSON object within 30 s, trying again while a busy server asks for that.

        Raises StatusError for a failure that the server reports, otherwise ClusterError.
        """
        end = time.monotonic() + _GET_SECONDS
        response, text = self._get(path, end)
        for _ in range(_RETRIES):
            pause = _retry_after(response)
            if pause is None or time.monotonic() + pause >= end:
                break
            time.sleep(pause)
            response, text = self._get(path, end)
        if response.status == 200:
            return self._object(text)
        raise self._status_error(response, response.read(_STATUS_LIMIT))

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        if self._connection:
            self._connection.close()

    def _get(self, path: str, end: float) -> tuple[Response, str]:
        """Return an answer whose body has arrived, with the body as text if the status is 200."""
        timeouts = Timeouts(total=max(0.0, end - time.monotonic()))
        try:
            response = self.request(Request("GET", path, (("Accept", "application/json"),), timeouts=timeouts))
            if response.status == 200:
                return response, self._text(response)
            response.read(_STATUS_LIMIT)
            return response, ""
        except TransportError as error:
            raise self._unreachable(error) from None

    def _text(self, response: Response) -> str:
        """Return the body. It is decoded piece by piece, so that it is not in memory as bytes, too."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        pieces: list[str] = []
        size, characters, width = 0, 0, 1
        for data in response.chunks():
            pieces.append(decoder.decode(data))
            size += len(data)
            characters += len(pieces[-1])
            width = max(width, _character_size(data))
            if size > _ANSWER_LIMIT or characters * width > _TEXT_LIMIT:
                response.close()
                raise ClusterError(f"the answer of {self._origin()} is too large: {size >> 20} MiB, and not its end")
        pieces.append(decoder.decode(b"", True))
        return "".join(pieces)

    def _object(self, text: str) -> dict[str, Any]:
        try:
            return read_object(text)
        except DocumentError as error:
            raise ClusterError(f"the answer of {self._origin()} cannot be used: {error}") from None
        except ValueError:
            raise ClusterError(f"{self._origin()} does not answer like an API server: {excerpt(text)}") from None

    def _status_error(self, response: Response, body: bytes) -> StatusError:
        status = read_status(body) or Status(0, "", excerpt(body) or response.reason)
        status = status if status.code else status._replace(code=response.status)
        if response.status == 403:
            missing = forbidden(status.message, self.target)
            return StatusError(missing.message, missing.hint, status)
        return StatusError(f"{self._origin()} answers {response.status}: {status.message}", "", status)

    def _send(self, credential: Credential, request: Request) -> Response:
        connection = self._connect(credential)
        try:
            return connection.request(request._replace(headers=(*request.headers, *credential.headers)))
        except TransportError as error:
            if isinstance(error, ConnectError) or _is_connect_timeout(error):
                raise self._unreachable(error) from None
            raise

    def _connect(self, credential: Credential) -> Connection:
        """Return the connection for `credential`: its certificate is part of the TLS handshake."""
        certificate = credential.certificate
        if self._handshake is None or certificate != self._handshake.certificate:
            try:
                handshake = self._make_handshake(certificate)
            except ClientCertificateSettingError as error:
                if self._connection and certificate and certificate.written:
                    # The files are being replaced: until both are complete, the connection with the old pair serves.
                    return self._connection
                raise ClusterError(str(error), certificate_hint(self.target)) from None
            except TlsSettingError as error:
                raise ClusterError(str(error), cluster_hint("certificate-authority", self.target)) from None
            self.close()
            self._handshake, self._connection = handshake, None
        if self._connection is None:
            self._connection = Connection(
                self.url,
                tls=self._handshake.context,
                server_name=self.target.cluster.tls_server_name,
                proxy=self._proxy,
                trace=self.trace,
            )
        return self._connection

    def _make_handshake(self, certificate: tls.Certificate | None) -> _Handshake:
        """Return the handshake that shows `certificate`. Raises TlsSettingError."""
        if self.url.scheme != "https":
            return _Handshake(certificate, None)
        cluster = self.target.cluster
        trust = tls.Trust(cluster.ca_file, cluster.ca_data, cluster.insecure, cluster.tls_server_name)
        return _Handshake(certificate, tls.context(trust, certificate))

    def _unreachable(self, error: TransportError) -> ClusterError:
        """Return the error for a failed connection, transient unless someone has to change something."""
        # A message about another place than the server is about a proxy, and stays whole.
        why = error.message.removeprefix(f"{self.url.authority}: ")
        is_lasting = isinstance(error, (CertificateError, ClientCertificateError, RedirectError))
        kind = ClusterError if is_lasting else UnreachableError
        return kind(f"cannot reach the API server {self._origin()}: {why}", self._unreachable_hint(error))

    def _unreachable_hint(self, error: TransportError) -> str:
        if isinstance(error, CertificateError):
            is_other_name = "not valid for" in error.why
            return trust_hint("tls-server-name" if is_other_name else "certificate-authority", self.target)
        if isinstance(error, ClientCertificateError):
            return certificate_hint(self.target)
        return kubectl_hint("version", self.target, context=True)

    def _origin(self) -> str:
        return f"{self.url.scheme}://{self.url.authority}"


def _character_size(data: bytes) -> int:
    """Return how many bytes a character of a string takes that contains this UTF-8."""
    if data.isascii():
        return 1
    return 4 if any(bytes((lead,)) in data for lead in range(0xF0, 0xF5)) else 2


def _is_connect_timeout(error: TransportError) -> bool:
    return isinstance(error, TimedOutError) and error.stage == "connect"


def _retry_after(response: Response) -> int | None:
    """Return in how many seconds a busy server wants the request again, None if it does not say so."""
    asked = response.header("Retry-After")
    return int(asked) if response.status in (429, 503) and asked.isdecimal() and len(asked) < 9 else None
