"""A small threaded HTTP/1.1 server with which tests do to a client whatever a network can do.

`http.server` hides the socket. Here an application gets an `Exchange`: one request and the means to answer it well
(`respond`, `start`/`chunk`/`end`) or badly (`raw`, `close`, `reset`), and to wait for a test's permission while it
watches whether the client is still there. All threads are daemons, and stopping waits for none of them.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import threading
import time
from http import HTTPStatus

POLL = 0.02  # seconds between two checks of the client while a script waits
MAX_HEAD = 1 << 20
MAX_BODY = 256 << 20


class ClientGone(Exception):
    """The client closed its side, or the server is stopping: nobody waits for the answer."""


class Headers(dict):
    """Header values by lower-case name; the values of several headers with one name are joined by ", "."""

    def __init__(self, pairs=()):
        super().__init__()
        self.pairs = tuple(pairs)
        for name, value in self.pairs:
            key = name.lower()
            self[key] = f"{self[key]}, {value}" if key in self else value

    def all(self, name):
        """Return every value of that name, in order."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]


class Request:
    """One request as it arrived; tests compare it.

    `target` is the request line's, `path` and `query` are its parts (still percent-encoded). `connection` is the
    connection's number, `certificate` the client certificate as `ssl.SSLSocket.getpeercert` returns it, or None.
    `closed` is an event: the client's side of the connection is gone; requests on one connection share it. The API
    server fills in `user`, `groups` and `impersonated`.
    """

    def __init__(self, method, target, headers, body, connection):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = body
        self.connection = connection.number
        self.certificate = connection.certificate
        self.closed = connection.closed
        self.time = time.monotonic()
        self.user = None
        self.groups = ()
        self.impersonated = {}

    @property
    def json(self):
        """The body as JSON, None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __repr__(self):
        return f"<{self.method} {self.target} connection={self.connection} user={self.user}>"


class Requests(list):
    """Requests in the order of their arrival. The server's threads append to it, and tests read it."""

    def __init__(self):
        super().__init__()
        self._arrived = threading.Condition()

    def append(self, request):
        with self._arrived:
            super().append(request)
            self._arrived.notify_all()

    def wait(self, count=1, timeout=10.0):
        """Wait until there are `count` requests and return the last of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self) >= count, timeout):
                raise AssertionError(f"{len(self)} of {count} requests came within {timeout} s: {list(self)}")
            return self[count - 1]


class Connection:
    """One accepted connection; `requests` counts its requests. State: the socket, and what was read ahead."""

    def __init__(self, number, sock, server):
        self.number = number
        self.requests = 0
        self.certificate = None
        self.closed = threading.Event()
        self.server = server
        self._sock = sock
        self._tls = False
        self._ours = False
        self._buffer = b""

    def handshake(self, context):
        """Begin TLS."""
        self._sock = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
        self._tls = True
        self._sock.settimeout(10)
        self._sock.do_handshake()
        self._sock.settimeout(None)
        self.certificate = self._sock.getpeercert() or None

    def gone(self):
        """Return whether the client closed its side (even if it sent bytes before) or the server is stopping."""
        if self.closed.is_set() or self._ours:
            return True
        try:
            left = self._left()
        except (OSError, ValueError):
            left = True
        if left:
            self.closed.set()
        return left

    def _left(self):
        if hasattr(select, "POLLRDHUP"):
            poller = select.poll()
            poller.register(self._sock.fileno(), select.POLLRDHUP | select.POLLHUP | select.POLLERR)
            return bool(poller.poll(0))
        # Without POLLRDHUP: a client sends nothing before its answer is complete. So over TLS, where a goodbye looks
        # like data, anything readable is the goodbye.
        readable = bool(select.select([self._sock], [], [], 0)[0])
        return readable and (self._tls or self._sock.recv(1, socket.MSG_PEEK) == b"")

    def send(self, data):
        """Send everything, or raise ClientGone."""
        try:
            self._sock.sendall(data)
        except (OSError, ValueError):
            if not self._ours:
                self.closed.set()
            raise ClientGone from None

    def read_until(self, mark):
        """Return everything up to `mark`, without it; None if the connection ends before it."""
        while mark not in self._buffer:
            if len(self._buffer) > MAX_HEAD or not self._fill():
                return None
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def read(self, size):
        """Return exactly `size` bytes; None if the connection ends before that."""
        pieces = [self._buffer[:size]]
        missing = size - len(pieces[0])
        self._buffer = self._buffer[size:]
        while missing:
            if not self._fill():
                return None
            pieces.append(self._buffer[:missing])
            self._buffer = self._buffer[missing:]
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _fill(self):
        try:
            data = self._sock.recv(1 << 16)
        except (OSError, ValueError):
            data = b""
        self._buffer += data
        if not data and not self._ours:
            self.closed.set()
        return bool(data)

    def shut(self):
        """End the connection from another thread, and wake whoever reads or writes."""
        self._ours = True
        try:
            # Not SSLSocket.shutdown, which removes the TLS object while another thread uses it.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        """Send TLS's close_notify, as Go's server does, and close."""
        self._ours = True
        if self._tls:
            try:
                self._sock.settimeout(0)
                self._sock.unwrap()
            except (OSError, ValueError):
                pass
        self._sock.close()

    def cut(self):
        """Close without TLS's close_notify, as a killed process does."""
        self._ours = True
        self._sock.close()

    def reset(self):
        """Close with a TCP reset."""
        self._ours = True
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self._sock.close()


class Exchange:
    """One request and its answer. An application that returns before the answer's end breaks it off.

    `added` are headers, as pairs, that are sent before the answer's own.
    """

    def __init__(self, request, connection, version):
        self.request = request
        self.status = None
        self.added = ()
        self._connection = connection
        self._version = version
        self._chunked = False
        self.ended = False
        self.abandoned = False
        self.keep_alive = version != "HTTP/1.0" and "close" not in request.headers.get("connection", "").lower()

    def respond(self, status, body=b"", headers=(), content_type="application/json"):
        """Send a whole answer with its length. `body` is bytes, a str, or a value that becomes compact JSON."""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        named = {name.lower() for name, _ in pairs}
        if content_type and "content-type" not in named:
            pairs.append(("Content-Type", content_type))
        if "content-length" not in named and "transfer-encoding" not in named:
            pairs.append(("Content-Length", str(len(body))))
        self._connection.send(self._head(status, pairs) + (b"" if self.request.method == "HEAD" else body))
        self.ended = True

    def start(self, status, headers=()):
        """Send the head of a streamed answer."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        self._chunked = self._version != "HTTP/1.0"
        if self._chunked:
            pairs.append(("Transfer-Encoding", "chunked"))
        else:
            self.keep_alive = False
        self._connection.send(self._head(status, pairs))

    def chunk(self, data):
        """Send one chunk of a streamed answer, at once."""
        if self.gone():
            raise ClientGone
        self._connection.send(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def end(self):
        """Send the last chunk: the answer is complete."""
        if self._chunked:
            self._connection.send(b"0\r\n\r\n")
        self.ended = True

    def raw(self, data):
        """Send bytes as they are."""
        self._connection.send(data)

    def close(self):
        """Close the connection (FIN), wherever the answer is."""
        self._connection.close()

    def cut(self):
        """Close the connection without TLS's close_notify."""
        self._connection.cut()

    def reset(self):
        """Reset the connection (RST)."""
        self._connection.reset()

    def abandon(self):
        """Break the answer off from another thread: whoever sends it finds the client gone, and closes."""
        self.abandoned = True

    def gone(self):
        """Return whether the client is gone, or the answer was abandoned."""
        return self.abandoned or self._connection.gone()

    def wait(self, event=None, seconds=None):
        """Wait for an event, for some time, or (without both) for ever. Raise ClientGone if the client leaves first."""
        event = event or threading.Event()
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            left = POLL if end is None else min(POLL, end - time.monotonic())
            if left <= 0 or event.wait(left):
                return
            if self.gone():
                raise ClientGone

    def _head(self, status, pairs):
        self.status = status
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            reason = "Unknown"
        if not self.keep_alive:
            pairs.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in (*self.added, *pairs)), "", ""]
        return "\r\n".join(lines).encode("latin-1")


class Server:
    """Listens on a loopback port of the system's choice and hands every exchange to `application(exchange)`."""

    def __init__(self, application, host="127.0.0.1", tls=None, port=0):
        self.connections = []
        self._application = application
        self._tls = tls
        self._open = set()
        self._stopped = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(128)
        self.host = host
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="stand-in listener", daemon=True).start()

    @property
    def url(self):
        """Scheme, host and port, without a final slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Stop listening and end every connection; waits for nothing."""
        self._stopped = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.hang_up()

    def hang_up(self):
        """End the connections there are, as a server that restarts or tires of idle ones does."""
        for connection in list(self._open):
            connection.shut()

    def _accept(self):
        while not self._stopped:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(len(self.connections) + 1, sock, self)
            self.connections.append(connection)
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="stand-in", daemon=True).start()

    def _serve(self, connection):
        try:
            if self._tls:
                connection.handshake(self._tls)
            while not self._stopped and self._serve_one(connection):
                pass
        except (ClientGone, OSError):
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def _serve_one(self, connection):
        head = connection.read_until(b"\r\n\r\n")
        if head is None:
            return False
        line, *lines = head.decode("latin-1").lstrip("\r\n").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            connection.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        method, target, version = words
        headers = Headers((name, value.strip()) for name, _, value in (entry.partition(":") for entry in lines))
        if headers.get("expect", "").lower() == "100-continue":
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(connection, headers)
        if body is None:
            return False
        connection.requests += 1
        exchange = Exchange(Request(method, target, headers, body, connection), connection, version)
        self._application(exchange)
        return exchange.ended and exchange.keep_alive

    @staticmethod
    def _body(connection, headers):
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            length = headers.get("content-length", "0")
            return connection.read(int(length)) if length.isdigit() and int(length) <= MAX_BODY else None
        pieces = []
        while True:
            line = connection.read_until(b"\r\n")
            if line is None:
                return None
            size = int(line.split(b";")[0], 16)
            piece = connection.read(size + 2) if size else connection.read_until(b"\r\n")
            if piece is None:
                return None
            if not size:
                return b"".join(pieces)
            pieces.append(piece[:-2])


def server_context(certificate, key, client_authorities):
    """Return the settings of TLS as an API server uses it: it asks for a client certificate and requires none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_OPTIONAL
    for authority in client_authorities:
        context.load_verify_locations(authority)
    context.set_alpn_protocols(["http/1.1"])
    return context
