"""One kept-alive HTTP(S) connection: timeouts, cancelling, truncation.

The syntax of requests and of answers' heads is `http.client`'s. The socket is ours, so that every wait is bounded
and can be broken off, and so is the framing of bodies, because http.client lets some that were cut pass as whole.
An answer's body ends properly or an error is raised: there is no third way.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from kaito.proxies import Proxy
from kaito.text import excerpt

_READ_SIZE = 256 * 1024
_HEAD_LIMIT = 1024 * 1024  # bytes of an answer before its body; interim answers count
_ONE_SEGMENT = 64 * 1024  # a body up to here is sent together with the headers
_CHUNK_LINE_LIMIT = 4096  # a chunk's size and extensions
_TRAILER_LIMIT = 64 * 1024
_KEEPALIVE = 30  # seconds of silence before the first probe, and between probes


class TransportError(Exception):
    """A request failed. `message`: one line, "host:port: why"; `why` alone is for callers who name the place."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.message = f"{where}: {why}"
        self.why = why


class ConnectError(TransportError):
    """There is no connection: no such host, refused, unreachable, or one of the kinds below."""


class ProxyFailed(ConnectError):
    """The proxy refuses to connect, or does not answer like one."""


class TlsFailed(ConnectError):
    """The TLS handshake failed, and not over the server's certificate."""


class CertificateError(TlsFailed):
    """The server's certificate is not trusted."""


class ClientCertificateError(TlsFailed):
    """The server refuses the client's certificate, or asks for one."""


class TimedOut(TransportError):
    """A bound of `Timeouts` was reached; `stage` is "connect", "headers" or "body"."""

    def __init__(self, where: str, why: str, stage: str) -> None:
        super().__init__(where, why)
        self.stage = stage


class BrokenResponse(TransportError):
    """The answer is not what an answer should be."""


class CutOff(BrokenResponse):
    """The connection ended before the answer did."""


class Redirected(TransportError):
    """The server points elsewhere; nothing is followed. `location`: where to, without credentials and query."""

    def __init__(self, where: str, status: int, location: str) -> None:
        target = f" to {location}" if location else ""
        super().__init__(where, f"the server redirects ({status}){target}, which is not followed")
        self.status = status
        self.location = location


class Cancelled(TransportError):
    """`Connection.close` or `Response.close` was called meanwhile."""


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
        self._wire: _Wire | None = None

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
            if self._proxy is not None and self._plain_proxy and self._proxy.username:
                writer.putheader("Proxy-Authorization", _basic(self._proxy))
            if body is not None:
                writer.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                writer.putheader(name, value.encode())
            writer.endheaders()
        except (http.client.InvalidURL, ValueError):
            # Its words would repeat the value.
            raise TransportError(self._url.authority, f"the request's {name} cannot be sent as it is") from None
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

    def _idle_wire(self) -> _Wire | None:
        """The connection of an earlier request, when it can carry one more."""
        wire = self._wire
        if wire is not None and not (wire.free and wire.is_quiet()):
            wire.kill()
            wire = None
        return wire

    def _dial(self, timeouts: Timeouts, deadline: float | None) -> _Wire:
        started = time.monotonic()
        via = f"proxy {_authority(self._proxy.host, self._proxy.port)}" if self._proxy else self._url.authority
        wire = self._wire = _Wire(via)
        try:
            wire.start("connect", timeouts.connect, None, timeouts.total, deadline)
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

    def _pass_proxy(self, wire: _Wire, proxy: Proxy) -> None:
        if proxy.scheme == "socks5":
            from kaito.socks import SocksError, handshake

            try:
                handshake(
                    wire.send, wire.receive, self._url.host, self._url.port, proxy.username, proxy.password
                )
            except SocksError as error:
                raise ProxyFailed(wire.where, f"the proxy {error}") from None
        elif not self._plain_proxy:
            credentials = f"Proxy-Authorization: {_basic(proxy)}\r\n" if proxy.username else ""
            target = self._url.authority
            wire.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\r\n".encode())
            try:
                answer = wire.head("CONNECT")
            except BrokenResponse as error:
                raise ProxyFailed(wire.where, error.why) from None
            if answer.status != 200 or wire.buffer:
                said = excerpt(f"{answer.status} {answer.reason}")
                raise ProxyFailed(wire.where, f"the proxy does not connect to {target}: {said}")

    def _ask(
        self,
        wire: _Wire,
        method: str,
        message: bytes,
        body: bytes | None,
        timeouts: Timeouts,
        deadline: float | None,
    ) -> Response:
        wire.free = False
        wire.start("headers", None, timeouts.idle, timeouts.total, deadline)
        try:
            try:
                if body is not None and len(body) <= _ONE_SEGMENT:
                    wire.send(message + body)
                else:
                    wire.send(message)
                    if body is not None:
                        wire.send(body)
            except CutOff:
                # A server may refuse a request before it has all of it; then its answer is there to be read.
                pass
            head = wire.head(method)
            response = Response(wire, head)
        except BaseException:
            wire.kill()
            raise
        if 300 <= response.status < 400:
            response.close()
            raise Redirected(wire.where, response.status, _harmless_location(response.header("Location")))
        wire.stage = "body"
        return response


class Response:
    """An answer whose head has come. State: how much of its body has been read."""

    def __init__(self, wire: _Wire, head: http.client.HTTPResponse) -> None:
        self._wire = wire
        self._head = head
        self._body: bytes | None = None
        self._begun = False
        self.status: int = head.status
        self.reason: str = excerpt(head.reason)
        """The status line's words, sanitised."""
        if head.length == 0:
            self._finish()

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

        Leaving it early closes the connection.
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
                yield from _chunked(wire)
            elif self._head.length is None:
                yield from _until_closed(wire)
            else:
                yield from _of_length(wire, self._head.length)
        except BaseException:
            wire.kill()
            raise
        self._finish()

    def hasten(self, seconds: float) -> None:
        """Bound the wait for what is left of the body to `seconds` from now on, in all."""
        self._wire.start("body", seconds, None, None, None)

    def close(self) -> None:
        """Give up what has not been read, and the connection with it; none when the body has been read."""
        if not self._wire.free:
            self._wire.kill()

    def _finish(self) -> None:
        if self._head.will_close or self._wire.buffer:
            self._wire.kill()
        else:
            self._wire.free = True


def _chunked(wire: _Wire) -> Iterator[bytes]:
    decoder = ChunkDecoder()
    while not decoder.done:
        data = wire.take()
        if not data:
            raise CutOff(wire.where, "the answer is cut off")
        try:
            data = decoder.feed(data)
        except ValueError as error:
            raise BrokenResponse(wire.where, f"the answer's chunks are malformed: {error}") from None
        if data:
            yield data
    wire.buffer = decoder.rest


def _of_length(wire: _Wire, length: int) -> Iterator[bytes]:
    left = length
    while left:
        data = wire.take()
        if not data:
            raise CutOff(wire.where, f"the answer is cut off: {length - left:,} of {length:,} bytes came")
        if len(data) > left:
            data, wire.buffer = data[:left], data[left:]
        left -= len(data)
        yield data


def _until_closed(wire: _Wire) -> Iterator[bytes]:
    while True:
        data = wire.take()
        if not data:
            return
        yield data


class ChunkDecoder:
    """The chunked coding (RFC 9112, section 7.1) taken off a stream. Pure; raises ValueError with a reason.

    `done`: the last chunk and the trailers have come; `rest`: what came behind them.
    """

    _HEADER = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._left = 0  # bytes of the current chunk's data that have not come
        self._open = False  # within a chunk: its data or the line end behind it has not all come
        self._trailers = -1  # bytes of trailers so far, -1 before them

    def feed(self, data: bytes) -> bytes:
        """Give the body bytes in `data`, any piece of the stream."""
        if self.rest:
            data = self.rest + data
            self.rest = b""
        pieces = []
        at = 0
        end = len(data)
        match = self._HEADER.match
        while True:
            if self._open:
                if self._left:
                    piece = data[at : at + self._left]
                    pieces.append(piece)
                    at += len(piece)
                    self._left -= len(piece)
                    if self._left:
                        break
                after = _skip_line_end(data, at)
                if after < 0:
                    break
                at = after
                self._open = False
            if self._trailers >= 0:
                at = self._skip_trailers(data, at)
                break
            header = match(data, at)
            if header is None:
                _check_partial_header(data[at : at + _CHUNK_LINE_LIMIT])
                break
            size = int(header[1], 16)
            at = header.end()
            if not size:
                self._trailers = 0
                continue
            stop = at + size
            if data[stop : stop + 2] == b"\r\n":
                pieces.append(data[at:stop])
                at = stop + 2
            else:
                self._left = size
                self._open = True
        if at < end:
            self.rest = data[at:]
        return b"".join(pieces)

    def _skip_trailers(self, data: bytes, at: int) -> int:
        """The place behind those trailers that have come whole."""
        while True:
            end = data.find(b"\n", at)
            if self._trailers + (end if end >= 0 else len(data)) - at > _TRAILER_LIMIT:
                raise ValueError("the trailers have no end")
            if end < 0:
                return at
            line = data[at:end].rstrip(b"\r")
            self._trailers += end + 1 - at
            at = end + 1
            if not line:
                self.done = True
                return at


def _skip_line_end(data: bytes, at: int) -> int:
    """The place behind the line end at `at`; -1 when it has not all come."""
    found = data[at : at + 2]
    if found == b"\r\n":
        return at + 2
    if found[:1] == b"\n":
        return at + 1
    if found in (b"", b"\r"):
        return -1
    raise ValueError(f"a chunk does not end where its size says, but goes on with {excerpt(data[at : at + 200], 40)}")


def _check_partial_header(found: bytes) -> None:
    if b"\n" in found or not re.fullmatch(rb"[0-9A-Fa-f]{0,15}[ \t]*(;[^\r\n]*)?\r?", found):
        raise ValueError(f"no size, but {excerpt(found, 40)}")
    if len(found) >= _CHUNK_LINE_LIMIT:
        raise ValueError("a chunk's size has no end")


class _Sink:
    """Stands where http.client expects a socket, and keeps what it sends."""

    def __init__(self, sent: bytearray) -> None:
        self.sendall = sent.extend


class _Lines:
    """What http.client's parser reads an answer's head from; closing it closes nothing."""

    def __init__(self, wire: _Wire) -> None:
        self.readline = wire.readline

    def close(self) -> None:
        pass

    flush = close


class _Wire:
    """A socket on its way to a server or connected to it; every wait on it is bounded and can be broken off.

    State: the socket, what has been read and not yet used, the bounds in force, and who uses it. `kill` may come
    from another thread at any moment: it shuts the socket down, which ends whatever wait there is, and whoever
    waited closes it. Only the killing closes a socket that nobody is using, so a file descriptor is never closed,
    and perhaps given to another file, in the middle of a system call on it.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.stage = "connect"
        self.free = False  # carries no request
        self.buffer = b""
        self.received = 0  # bytes of the answer to the request in hand
        self._sock: socket.socket | None = None
        self._dead = False
        self._busy = False
        self._doing = "connection"
        self._idle: float | None = None
        self._limit: float | None = None
        self._deadline: float | None = None

    def start(
        self,
        stage: str,
        limit: float | None,
        idle: float | None,
        total: float | None,
        deadline: float | None,
    ) -> None:
        """Put bounds in force: for the stage (`limit`), without a byte (`idle`), and of the request (`total`)."""
        self.stage = stage
        self.received = 0
        self._idle = idle
        self._limit, self._deadline = total, deadline
        if limit is not None:
            end = time.monotonic() + limit
            if deadline is None or end < deadline:
                self._limit, self._deadline = limit, end

    def kill(self) -> None:
        """Close the socket at once; whoever is using it gets Cancelled."""
        self._dead = True
        sock = self._sock
        if sock is not None:
            try:
                # Not SSLSocket's own, which would make later reads give the bytes below TLS.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass
            if not self._busy:
                sock.close()

    def connect(self, host: str, port: int) -> None:
        """Connect to the first address of `host` that can be. Raises ConnectError, TimedOut."""
        self._doing = "name look-up"
        addresses = self._resolve(host, port)
        self._doing = "connection"
        first: OSError | None = None
        for place, (family, kind, protocol, _, address) in enumerate(addresses):
            # An address that swallows packets leaves some of the time to the others, as in Go's net.Dialer.
            patience = self._patience()
            if patience is not None and place + 1 < len(addresses):
                patience = min(patience, max(patience / (len(addresses) - place), 2.0))
            try:
                self._sock = socket.socket(family, kind, protocol)
                self._sock.settimeout(patience)
                self._call(self._sock.connect, address)
                _set_options(self._sock)
                return
            except OSError as error:
                if self._sock is not None:
                    self._sock.close()
                first = first or error
        if isinstance(first, socket.timeout):
            raise self._timed_out(None)
        raise ConnectError(self.where, _reason(first))

    def _resolve(self, host: str, port: int) -> list[Any]:
        """Look the name up in a thread of its own: the system's look-up can be neither bounded nor broken off."""
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            pass
        import _thread

        found: list[Any] = []
        done = _thread.allocate_lock()
        done.acquire()

        def look_up() -> None:
            try:
                found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.append(error)
            done.release()

        _thread.start_new_thread(look_up, ())
        while True:
            patience = self._patience()
            if done.acquire(timeout=0.05 if patience is None else min(0.05, patience)):
                break
            if self._dead:
                raise Cancelled(self.where, "cancelled")
        if not isinstance(found[0], Exception):
            return list(found[0])
        if isinstance(found[0], OSError) and found[0].errno == socket.EAI_AGAIN:
            raise ConnectError(self.where, "the name cannot be looked up at the moment")
        raise ConnectError(self.where, "no such host")

    def wrap(self, context: ssl.SSLContext, server_name: str) -> None:
        """Put TLS on the connection. Raises TlsFailed and its kinds, TimedOut."""
        self._doing = "TLS handshake"
        assert self._sock is not None
        try:
            self._sock = wrapped = context.wrap_socket(
                self._sock, server_hostname=server_name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            wrapped.settimeout(self._patience())
            self._call(wrapped.do_handshake)
        except socket.timeout:
            raise self._timed_out(None) from None
        except ssl.SSLEOFError:
            raise TlsFailed(self.where, "the server closed the connection in the TLS handshake") from None
        except ssl.SSLError as error:
            raise _tls_failure(self.where, error) from None
        except OSError as error:
            raise TlsFailed(self.where, f"{_reason(error)} in the TLS handshake") from None
        except ValueError:
            raise TlsFailed(self.where, "the host cannot be a name in a certificate") from None

    def send(self, data: bytes) -> None:
        """Send all of `data`; a byte that the other side takes counts against idleness. Raises TransportError."""
        assert self._sock is not None
        rest = memoryview(data)
        while rest:
            rest = rest[self._guarded(self._sock.send, rest) :]

    def take(self) -> bytes:
        """What has arrived, waiting for the first byte of it; b"" at the end of the stream. Raises TransportError."""
        if self.buffer:
            data, self.buffer = self.buffer, b""
            return data
        assert self._sock is not None
        arrived: bytes = self._guarded(self._sock.recv, _READ_SIZE)
        self.received += len(arrived)
        return arrived

    def receive(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises TransportError."""
        data = self.take()
        while len(data) < count:
            more = self.take()
            if not more:
                raise CutOff(self.where, "the answer is cut off")
            data += more
        data, self.buffer = data[:count], data[count:]
        return data

    def readline(self, limit: int) -> bytes:
        """A line with its end, or `limit` bytes of it; b"" at the end of the stream before its first byte."""
        pieces = bytearray()
        while True:
            data = self.take()
            if not data:
                if pieces or self.received:
                    raise CutOff(self.where, "the answer is cut off in its headers")
                return b""
            end = data.find(b"\n") + 1 or len(data)
            end = min(end, limit - len(pieces))
            pieces += data[:end]
            self.buffer = data[end:]
            if len(pieces) == limit or pieces.endswith(b"\n"):
                return bytes(pieces)
            if self.received > _HEAD_LIMIT:
                raise BrokenResponse(self.where, f"the answer's headers are larger than {_HEAD_LIMIT >> 20} MiB")

    def head(self, method: str) -> http.client.HTTPResponse:
        """Wait for the head of an answer. Raises TransportError."""
        self._doing = "answer"
        head = http.client.HTTPResponse(_Source(self), method=method)  # type: ignore[arg-type]
        try:
            head.begin()
        except http.client.RemoteDisconnected:
            raise CutOff(self.where, "the server closed the connection without an answer") from None
        except http.client.BadStatusLine as error:
            line = str(error)
            if line[:2] == "\x15\x03":
                raise BrokenResponse(self.where, "the server speaks HTTPS, not plain HTTP") from None
            raise BrokenResponse(self.where, f"the answer is not HTTP: {excerpt(line)}") from None
        except http.client.HTTPException as error:
            raise BrokenResponse(self.where, f"the answer's headers are malformed: {excerpt(str(error))}") from None
        return head

    def is_quiet(self) -> bool:
        """Is the idle connection open, and has the server said nothing unasked?"""
        if self._sock is None or self._dead:
            return False
        try:
            self._sock.settimeout(0)
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def _guarded(self, operation: Callable[[Any], Any], argument: Any) -> Any:
        """One wait on the connected socket, its errors translated."""
        assert self._sock is not None
        patience = self._patience()
        try:
            self._sock.settimeout(patience)
            return self._call(operation, argument)
        except socket.timeout:
            raise self._timed_out(self._idle if patience == self._idle else None) from None
        except (ssl.SSLEOFError, ConnectionError) as error:
            if self.stage == "body":
                why = "the answer is cut off"
                if isinstance(error, ConnectionResetError):
                    why += ": connection reset"
            elif self.received:
                why = "the answer is cut off in its headers"
            else:
                why = "the server closed the connection without an answer"
            raise CutOff(self.where, why) from None
        except ssl.SSLError as error:
            raise _tls_failure(self.where, error) from None
        except OSError as error:
            raise CutOff(self.where, f"the connection broke: {_reason(error)}") from None

    def _call(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        """One system call that may wait, between the two looks at `_dead` that make `kill` safe."""
        self._busy = True
        try:
            if self._dead:
                raise Cancelled(self.where, "cancelled")
            result = operation(*arguments)
        except OSError:
            if self._dead:
                raise Cancelled(self.where, "cancelled") from None
            raise
        finally:
            self._busy = False
            if self._dead and self._sock is not None:
                self._sock.close()
        if self._dead:
            raise Cancelled(self.where, "cancelled")
        return result

    def _patience(self) -> float | None:
        """How long the next wait may be, in seconds. Raises TimedOut when there is no time left."""
        if self._deadline is None:
            return self._idle
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._timed_out(None)
        return left if self._idle is None else min(left, self._idle)

    def _timed_out(self, idle: float | None) -> TimedOut:
        """What to raise for a wait that ended: that for the next byte (`idle` seconds), or the whole."""
        seconds = f"{idle or self._limit or 0:g} s"
        if self.stage == "connect":
            why = f"no {self._doing} within {seconds}"
        elif self.stage == "headers":
            why = f"no answer within {seconds}"
        elif idle:
            why = f"the answer stopped: nothing came for {seconds}"
        else:
            why = f"the answer did not end within {seconds}"
        return TimedOut(self.where, why, self.stage)


class _Source:
    """Stands where HTTPResponse expects a socket."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def makefile(self, mode: str) -> _Lines:
        return _Lines(self._wire)


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL"):  # Linux; macOS; both
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _KEEPALIVE)


def _tls_failure(where: str, error: ssl.SSLError) -> TlsFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(where, f"the certificate is not trusted: {excerpt(error.verify_message)}")
    reason = error.reason or ""
    words = excerpt(reason.replace("_", " ").lower()) or "unknown error"
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return TlsFailed(where, "the server does not speak HTTPS; plain HTTP, perhaps")
    if reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":
        return ClientCertificateError(where, "the server asks for a client certificate")
    if re.search("ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)", reason):
        return ClientCertificateError(where, f"the server refuses the client certificate: {words}")
    return TlsFailed(where, f"TLS failed: {words}")


def _reason(error: OSError | None) -> str:
    return (error.strerror if error and error.strerror else "unknown error").lower()


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
