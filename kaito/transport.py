"""One kept-alive HTTP(S) connection: timeouts, cancelling, truncation.

The syntax of requests and of answers' heads is `http.client`'s. The socket is ours, so that every wait is bounded
and can be broken off, and so is the framing of bodies, because http.client lets some that were cut pass as whole.
An answer's body ends properly or an error is raised: there is no third way.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from kaito import __version__
from kaito.chunked import ChunkDecoder
from kaito.proxies import Proxy
from kaito.text import excerpt
from kaito.wire import (
    BrokenResponse,
    Cancelled,
    CertificateError,
    ClientCertificateError,
    ConnectError,
    CutOff,
    ProxyFailed,
    TimedOut,
    TlsFailed,
    TransportError,
    Wire,
)

_ONE_SEGMENT = 64 * 1024  # a body up to here is sent together with the headers
_DEFECTS = ("MissingHeaderBodySeparatorDefect", "FirstHeaderLineIsContinuationDefect", "MalformedHeaderDefect")

__all__ = [
    "BrokenResponse",
    "Cancelled",
    "CertificateError",
    "ClientCertificateError",
    "ConnectError",
    "Connection",
    "CutOff",
    "ProxyFailed",
    "Redirected",
    "Response",
    "TimedOut",
    "Timeouts",
    "TlsFailed",
    "TransportError",
    "Url",
    "parse_url",
]


class Redirected(TransportError):
    """The server points elsewhere; nothing is followed. `location`: where to, without credentials and query."""

    def __init__(self, where: str, status: int, location: str) -> None:
        target = f" to {location}" if location else ""
        super().__init__(where, f"the server redirects ({status}){target}, which is not followed")
        self.status = status
        self.location = location


class Url(NamedTuple):
    """A server. `host`: a name or an address, without brackets; `path`: the prefix, no "/" behind it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """host:port, an IPv6 address in brackets."""
        return _authority(self.host, self.port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(text: str) -> Url:
    """Read the URL of a server, http or https. Raises ValueError, whose text never repeats credentials.

    A query and a fragment are dropped, as client-go does.
    """
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("the URL holds white space or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("the URL's host or port is not valid") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL must begin with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("the URL holds a user name or password, which belong elsewhere")
    if not parts.hostname or port == 0:
        raise ValueError("the URL's host or port is not valid")
    host = unquote(parts.hostname)
    if re.search(r"[\s\x00-\x20\x7f/?#@\\]", host):
        raise ValueError("the URL's host is not valid")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("the URL's host is not valid") from None
    return Url(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"))


class Timeouts(NamedTuple):
    """Bounds in seconds, None for never.

    `connect`: until the connection is ready, name look-up, proxy and TLS handshake included. `idle`: without a byte
    of the answer. `total`: the whole request, from its start to the last byte of the answer.
    """

    connect: float | None = 10.0
    idle: float | None = 300.0
    total: float | None = None


_DEFAULT_TIMEOUTS = Timeouts()


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
        """`server_name`: the name that the certificate must bear, when it is not the URL's host.

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

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        timeouts: Timeouts = _DEFAULT_TIMEOUTS,
    ) -> Response:
        """Send a request for `path`, which is put behind the URL's own, and wait for the answer's head.

        An answer of an earlier request that was not read to its end is given up. Raises TransportError.
        """
        started = time.monotonic()
        deadline = None if timeouts.total is None else started + timeouts.total
        message = self._message(method, path, headers, body)
        try:
            response = self._exchange(method, message, body, timeouts, deadline)
        except TransportError as error:
            self._say(method, path, f"failed in {_milliseconds(started)}: {error.message}")
            raise
        self._say(method, path, f"{response.status} {response.reason} in {_milliseconds(started)}")
        return response

    def close(self) -> None:
        """Close the connection at once, whatever it is doing; who waits for it gets Cancelled."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.kill()

    def _say(self, method: str, path: str, what: str) -> None:
        if self._trace is not None:
            self._trace(f"{method} {excerpt(f'{self._url}{path}', 2000)} {what}")

    def _message(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None
    ) -> bytes:
        """The request up to its body, by http.client, which checks what it is given."""
        target = self._url.path + path
        if self._plain_proxy:
            target = f"http://{self._url.authority}{target}"
        sent = bytearray()
        writer = http.client.HTTPConnection(self._url.host, self._url.port)
        writer.sock = _Sink(sent)
        name = "request line"
        try:
            writer.putrequest(method, target, skip_host=True)
            default = 443 if self._tls is not None else 80
            host = self._url._replace(host=self._url.host.partition("%")[0])
            name = "Host"
            writer.putheader(name, host.authority if host.port != default else host.authority.rpartition(":")[0])
            if self._proxy is not None and self._plain_proxy and (self._proxy.username or self._proxy.password):
                writer.putheader("Proxy-Authorization", _basic(self._proxy))
            writer.putheader("User-Agent", f"kubectl-kaito/{__version__}")
            if body is not None:
                writer.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                writer.putheader(name, value.encode())
            writer.endheaders()
        except (http.client.InvalidURL, ValueError):
            # Its own words would repeat the value.
            why = f"the request's {excerpt(name)} cannot be sent as it is"
            raise TransportError(self._url.authority, why) from None
        return bytes(sent)

    @property
    def _plain_proxy(self) -> bool:
        """Does a proxy get the whole request, the URL's host included?"""
        return self._proxy is not None and self._proxy.scheme == "http" and self._tls is None

    def _exchange(
        self, method: str, message: bytes, body: bytes | None, timeouts: Timeouts, deadline: float | None
    ) -> Response:
        wire = self._idle_wire()
        if wire is not None:
            try:
                return self._ask(wire, method, message, body, timeouts, deadline)
            except CutOff:
                # The server closed the idle connection just then: nobody saw the request, as far as one can tell.
                if wire.received:
                    raise
        wire = self._dial(timeouts, deadline)
        return self._ask(wire, method, message, body, timeouts, deadline)

    def _idle_wire(self) -> Wire | None:
        """The connection of an earlier request, when it can carry one more."""
        wire = self._wire
        if wire is not None and not (wire.free and wire.is_quiet()):
            wire.kill()
            wire = None
        return wire

    def _dial(self, timeouts: Timeouts, deadline: float | None) -> Wire:
        started = time.monotonic()
        via = f"proxy {_authority(self._proxy.host, self._proxy.port)}" if self._proxy else self._url.authority
        wire = self._wire = Wire(via)
        limit = timeouts.total
        if timeouts.connect is not None and (deadline is None or started + timeouts.connect < deadline):
            limit, deadline = timeouts.connect, started + timeouts.connect
        try:
            wire.bound("connect", None, limit, deadline)
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
        """Have the proxy connect to the server, unless it is to get the requests themselves."""
        if self._plain_proxy:
            return
        wire.doing = "answer"
        try:
            if proxy.scheme == "socks5":
                from kaito.socks import handshake

                handshake(
                    wire.send, wire.receive, self._url.host, self._url.port, proxy.username, proxy.password
                )
            else:
                _tunnel(wire, proxy, self._url.authority)
        except BrokenResponse as error:
            raise ProxyFailed(wire.where, error.why) from None
        except ValueError as error:
            raise ProxyFailed(wire.where, f"the proxy {error}") from None

    def _ask(
        self,
        wire: Wire,
        method: str,
        message: bytes,
        body: bytes | None,
        timeouts: Timeouts,
        deadline: float | None,
    ) -> Response:
        wire.free = False
        wire.bound("headers", timeouts.idle, timeouts.total, deadline)
        try:
            try:
                if body is not None and len(body) <= _ONE_SEGMENT:
                    wire.send(message + body)
                else:
                    wire.send(message)
                    wire.send(body or b"")
            except CutOff:
                # A server may refuse a request before it has all of it; then its answer is there to be read.
                pass
            head = _read_head(wire, method)
            wire.stage = "body"
            response = Response(wire, head)
        except BaseException:
            wire.kill()
            raise
        if 300 <= response.status < 400:
            response.close()
            raise Redirected(wire.where, response.status, _harmless_location(response.header("Location")))
        return response


class Response:
    """An answer whose head has come. State: how much of its body has been read."""

    def __init__(self, wire: Wire, head: http.client.HTTPResponse) -> None:
        self._wire = wire
        self._head = head
        self._body: bytes | None = None
        self._begun = False
        self._finished = False
        self.status: int = head.status
        self.reason: str = excerpt(head.reason)
        """The status line's words, sanitised."""
        if head.length == 0:
            self._finish(b"")

    def header(self, name: str) -> str:
        """The value of a header, as it came, or ""; the first of several."""
        value = self._head.headers.get(name)
        return str(value) if value else ""

    def read(self, limit: int) -> bytes:
        """The whole body; again after that, the same. Raises TransportError, also past `limit` bytes."""
        if self._body is None:
            pieces, size = [], 0
            for piece in self.chunks():
                size += len(piece)
                if size > limit:
                    self.close()
                    raise BrokenResponse(self._wire.where, f"the answer is larger than {limit:,} bytes")
                pieces.append(piece)
            self._body = b"".join(pieces)
        return self._body

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives, once; ends only where the body properly ends. Raises TransportError.

        Leaving it before its last byte closes the connection.
        """
        if self._begun:
            raise RuntimeError("the body has been read")
        self._begun = True
        wire = self._wire
        try:
            encoding = self.header("Content-Encoding")
            if encoding.lower() not in ("", "identity"):
                raise BrokenResponse(
                    wire.where, f"the answer is compressed ({excerpt(encoding, 40)}), which was not asked for"
                )
            if self._head.chunked:
                yield from self._chunked()
            elif self._head.length is None:
                yield from self._until_closed()
            else:
                yield from self._of_length(self._head.length)
        except BaseException:
            if not self._finished:
                wire.kill()
            raise

    def hasten(self, seconds: float) -> None:
        """Bound the wait for what is left of the body to `seconds` from now on, in all."""
        if not self._finished:
            self._wire.bound("body", None, seconds, time.monotonic() + seconds)

    def close(self) -> None:
        """Give up what has not been read, and the connection with it; nothing happens when all has been read."""
        if not self._finished:
            self._wire.kill()

    # Each of these calls `_finish` before it gives the last bytes away, so that a reader who sees the end in them, as
    # in an event stream's last event, may stop there and have the connection kept.

    def _chunked(self) -> Iterator[bytes]:
        wire, decoder = self._wire, ChunkDecoder()
        while not decoder.done:
            data = wire.take()
            if not data:
                raise CutOff(wire.where, "the answer is cut off")
            data = decoder.feed(data)
            if decoder.done:
                self._finish(decoder.rest)
            if data:
                yield data
            if decoder.failure:
                raise BrokenResponse(wire.where, f"the answer's chunks are malformed: {decoder.failure}")

    def _of_length(self, length: int) -> Iterator[bytes]:
        wire, left = self._wire, length
        while left:
            data = wire.take()
            if not data:
                raise CutOff(wire.where, f"the answer is cut off: {length - left:,} of {length:,} bytes came")
            data, rest = data[:left], data[left:]
            left -= len(data)
            if not left:
                self._finish(rest)
            yield data

    def _until_closed(self) -> Iterator[bytes]:
        while True:
            data = self._wire.take()
            if not data:
                self._finish(b"")
                return
            yield data

    def _finish(self, rest: bytes) -> None:
        """The answer has ended; `rest` is what came behind it, which nobody asked for."""
        self._finished = True
        if self._head.will_close or rest or self._wire.buffer:
            self._wire.kill()
        else:
            self._wire.free = True


def _read_head(wire: Wire, method: str) -> http.client.HTTPResponse:
    """Wait for an answer's head, and check what http.client lets pass. Raises TransportError."""
    try:
        while True:
            head = http.client.HTTPResponse(_Source(wire), method=method)  # type: ignore[arg-type]
            head.begin()
            # An interim answer (RFC 9110, section 15.2), 103 for one; http.client skips 100 alone.
            if not 101 < head.status < 200:
                break
    except http.client.RemoteDisconnected:
        raise CutOff(wire.where, "the connection was closed without an answer") from None
    except http.client.BadStatusLine as error:
        line = str(error)
        if line.startswith("\x15\x03"):  # a TLS alert
            raise BrokenResponse(wire.where, "the server speaks HTTPS, not plain HTTP") from None
        words = f": {excerpt(line)}" if line.strip() else ""
        raise BrokenResponse(wire.where, f"the answer is not HTTP{words}") from None
    except http.client.HTTPException as error:
        raise BrokenResponse(wire.where, f"the answer's headers are malformed: {excerpt(str(error))}") from None
    lengths = {length.strip() for length in head.headers.get_all("Content-Length", [])}
    coding = str(head.headers.get("Transfer-Encoding", ""))
    why = ""
    if any(type(defect).__name__ in _DEFECTS for defect in head.headers.defects):
        why = "the answer's headers are malformed"
    elif head.status < 200:
        why = f"the answer is {head.status} {excerpt(head.reason, 40)}, which was not asked for"
    elif coding and not head.chunked:
        why = f"the answer is encoded ({excerpt(coding, 40)}), which was not asked for"
    elif not head.chunked and (len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,18}", text) for text in lengths)):
        why = f"the answer's Content-Length is wrong: {excerpt(', '.join(sorted(lengths)), 40)}"
    if why:
        raise BrokenResponse(wire.where, why)
    return head


def _tunnel(wire: Wire, proxy: Proxy, target: str) -> None:
    """Ask an HTTP proxy for a connection to `target`. Raises ValueError, TransportError."""
    credentials = f"Proxy-Authorization: {_basic(proxy)}\r\n" if proxy.username or proxy.password else ""
    wire.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\r\n".encode())
    answer = _read_head(wire, "CONNECT")
    if answer.status != 200:
        raise ValueError(f"does not connect to {target}: {excerpt(f'{answer.status} {answer.reason}')}")
    if wire.buffer:
        raise ValueError("speaks before it is asked")


class _Sink:
    """Stands where http.client expects a socket, and keeps what it sends."""

    def __init__(self, sent: bytearray) -> None:
        self.sendall = sent.extend


class _Source:
    """Stands where http.client expects a socket to read a head from; closing it closes nothing."""

    def __init__(self, wire: Wire) -> None:
        self.readline = wire.readline

    def makefile(self, mode: str) -> _Source:
        return self

    def close(self) -> None:
        pass

    flush = close


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _basic(proxy: Proxy) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()


def _harmless_location(location: str) -> str:
    """Where a redirect points, without what could be a credential: user information, query and fragment."""
    bare = re.sub(r"[?#].*", "", location, flags=re.DOTALL)
    return excerpt(re.sub(r"^([A-Za-z][\w+.-]*:)?//[^/]*@", r"\1//", bare), 300)


def _milliseconds(started: float) -> str:
    return f"{round((time.monotonic() - started) * 1000)} milliseconds"
