"""One kept-alive HTTP(S) connection: timeouts, cancelling, proxies.

It reads and writes its socket itself, so that every wait is bounded and can be cancelled.
"""

from __future__ import annotations

import re
import time

from kaito import __version__
from kaito.net.errors import ProxyError, RedirectError, ResponseError, TransportError, TruncatedError
from kaito.net.head import HeadError, write_request
from kaito.net.request import basic_authorization
from kaito.net.response import Response, receive_head
from kaito.net.url import authority
from kaito.net.wire import Bounds, Wire
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from kaito.net.proxy import Proxy
    from kaito.net.request import Request, Timeouts
    from kaito.net.url import Url

_SEND_AT_ONCE = 64 * 1024  # bytes of the largest body that is sent in one call with the head


class Connection:
    """A connection to one server, kept alive between requests. State: the socket; one request at a time.

    `close` may be called from any thread and in any state; the next request opens a new connection.
    """

    def __init__(
        self,
        url: Url,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        proxy: Proxy | None = None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        """`tls`: required for https. `server_name`: the name that the certificate must carry, "" for the URL's host.

        `trace` gets a line for each connection and each request: method, URL, status, milliseconds.
        """
        if url.scheme == "https" and tls is None:
            raise ValueError("an https URL needs a TLS context")
        self._url = url
        self._tls = tls if url.scheme == "https" else None
        self._server_name = server_name or url.host.partition("%")[0].rstrip(".")
        self._proxy = proxy
        self._trace = trace
        self._wire: Wire | None = None

    def request(self, request: Request) -> Response:
        """Send a request, its path appended to the URL's, and wait for the answer's head.

        The answer to an earlier request is abandoned if it was not read to its end. Raises TransportError.
        """
        started = time.monotonic()
        try:
            response = self._exchange(request, self._head(request), started)
        except TransportError as error:
            self._trace_request(request, f"failed in {_milliseconds(started)}: {error.message}")
            raise
        self._trace_request(request, f"{response.status} {response.reason} in {_milliseconds(started)}")
        return response

    def close(self) -> None:
        """Close the connection at once; a thread that waits on it gets CancelledError."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.kill()

    def _trace_request(self, request: Request, what: str) -> None:
        if self._trace is not None:
            self._trace(f"{request.method} {excerpt(f'{self._url}{request.path}', 2000)} {what}")

    def _head(self, request: Request) -> bytes:
        """Return the head of the request. Raises TransportError if a part of it cannot be sent."""
        target = self._url.path + request.path
        headers = [("Accept-Encoding", "identity"), ("Host", _host(self._url))]
        if self._plain_proxy:
            target = f"http://{self._url.authority}{target}"
            headers += _proxy_credentials(self._proxy)
        headers.append(("User-Agent", f"kubectl-kaito/{__version__}"))
        if request.body is not None:
            headers.append(("Content-Length", str(len(request.body))))
        try:
            return write_request(request.method, target, (*headers, *request.headers))
        except HeadError as error:
            raise TransportError(self._url.authority, f"the request's {error}") from None

    @property
    def _plain_proxy(self) -> bool:
        """Return whether the requests go to a proxy (RFC 9112, section 3.2.2), not through a tunnel to the server."""
        return self._proxy is not None and self._proxy.scheme == "http" and self._tls is None

    def _exchange(self, request: Request, head: bytes, started: float) -> Response:
        """Send the request over the kept connection or, if that cannot carry it, over a new one."""
        total = request.timeouts.total
        deadline = None if total is None else started + total
        wire = self._idle_wire()
        if wire is not None:
            try:
                return self._ask(wire, request, head, deadline)
            except TruncatedError:
                # The server closed the idle connection at this moment. If it has sent nothing, it has most probably not
                # seen the request.
                if wire.received:
                    raise
        wire = self._dial(request.timeouts, deadline)
        return self._ask(wire, request, head, deadline)

    def _idle_wire(self) -> Wire | None:
        """Return the connection of an earlier request if it can carry another."""
        wire = self._wire
        if wire is not None and not (wire.free and wire.is_quiet()):
            wire.kill()
            wire = None
        return wire

    def _dial(self, timeouts: Timeouts, deadline: float | None) -> Wire:
        """Open a connection, through the proxy and with TLS, within the connect and total timeouts."""
        started = time.monotonic()
        via = f"proxy {authority(self._proxy.host, self._proxy.port)}" if self._proxy else self._url.authority
        wire = self._wire = Wire(via)
        limit = timeouts.total
        if timeouts.connect is not None and (deadline is None or started + timeouts.connect < deadline):
            limit, deadline = timeouts.connect, started + timeouts.connect
        try:
            wire.begin_stage(Bounds("connect", None, limit, deadline))
            if self._proxy is None:
                wire.connect(self._url.host, self._url.port)
            else:
                wire.connect(self._proxy.host, self._proxy.port)
                self._pass_proxy(wire, self._proxy)
            wire.where = self._url.authority
            if self._tls is not None:
                wire.wrap(self._tls, self._server_name)
        except BaseException:
            wire.kill()
            raise
        if self._trace is not None:
            through = f" through {via}" if self._proxy else ""
            self._trace(f"connected to {self._url.authority}{through} in {_milliseconds(started)}")
        return wire

    def _pass_proxy(self, wire: Wire, proxy: Proxy) -> None:
        """Ask the proxy to connect to the server, unless the proxy gets the requests themselves."""
        if self._plain_proxy:
            return
        wire.doing = "answer"
        try:
            if proxy.scheme == "socks5":
                from kaito.net.socks import handshake

                handshake(wire.send, wire.receive, self._url.host, self._url.port, proxy.username, proxy.password)
            else:
                _tunnel(wire, proxy, self._url.authority)
        except ResponseError as error:
            raise ProxyError(wire.where, error.why) from None
        except ValueError as error:
            raise ProxyError(wire.where, f"the proxy {error}") from None

    def _ask(self, wire: Wire, request: Request, head: bytes, deadline: float | None) -> Response:
        """Send the request and wait for the head of its answer. Raises RedirectError for a status of 3xx."""
        wire.free = False
        wire.begin_stage(Bounds("headers", request.timeouts.idle, request.timeouts.total, deadline))
        body = request.body or b""
        try:
            try:
                if len(body) <= _SEND_AT_ONCE:
                    wire.send(head + body)
                else:
                    wire.send(head)
                    wire.send(body)
            except TruncatedError:
                # A server may refuse a request before it has read all of it; its answer can still be read.
                pass
            answer, framing = receive_head(wire, request.method)
            wire.enter("body")
            response = Response(wire, answer, framing)
        except BaseException:
            wire.kill()
            raise
        if 300 <= response.status < 400:
            response.close()
            raise RedirectError(wire.where, response.status, _harmless_location(response.header("Location")))
        return response


def _tunnel(wire: Wire, proxy: Proxy, target: str) -> None:
    """Ask an HTTP proxy for a connection to `target`. Raises ValueError, TransportError."""
    wire.send(write_request("CONNECT", target, [("Host", target), *_proxy_credentials(proxy)]))
    answer, _ = receive_head(wire, "CONNECT")
    if answer.status != 200:
        raise ValueError(f"does not connect to {target}: {excerpt(f'{answer.status} {answer.reason}')}")
    if wire.buffer:
        raise ValueError("sends data before it is asked")


def _proxy_credentials(proxy: Proxy | None) -> list[tuple[str, str]]:
    if proxy is None or not (proxy.username or proxy.password):
        return []
    return [("Proxy-Authorization", basic_authorization(proxy.username, proxy.password))]


def _host(url: Url) -> str:
    """Return the Host header, without the scheme's default port and without an IPv6 zone, which has a local meaning."""
    host = url._replace(host=url.host.partition("%")[0]).authority
    return host.rpartition(":")[0] if url.port == (443 if url.scheme == "https" else 80) else host


def _harmless_location(location: str) -> str:
    """Return the target of a redirect without the parts that may hold a credential: user, query and fragment."""
    bare = re.sub(r"[?#].*", "", location, flags=re.DOTALL)
    return excerpt(re.sub(r"^([A-Za-z][\w+.-]*:)?//[^/]*@", r"\1//", bare), 300)


def _milliseconds(started: float) -> str:
    return f"{round((time.monotonic() - started) * 1000)} milliseconds"
