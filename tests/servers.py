"""Raw socket servers that do what no honest server does, and proxies that record their requests."""

from __future__ import annotations

import socket
import ssl
import threading


class RawServer:
    """Listens on a free port of 127.0.0.1 and plays `script(connection)` on each connection, in a thread of its own.

    A script that returns closes its connection. `connections` counts them; `requests` holds each head and body that
    `Peer.request` read. With `tls`, scripts begin after the handshake.
    """

    def __init__(self, script, tls=None, family=socket.AF_INET):
        self._script = script
        self._tls = tls
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._listener = socket.create_server((host, 0), family=family)
        self.host = host
        self.port = self._listener.getsockname()[1]
        self.authority = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.connections = 0
        self.requests = []
        self._open = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _close(self._listener)
        self._threads[0].join(10)
        for connection in self._open:
            _close(connection)
        for thread in self._threads:
            thread.join(10)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            self._script(Peer(connection, self))
        except (OSError, ValueError):
            pass
        finally:
            _close(connection)


class Peer:
    """A script's side of one connection."""

    def __init__(self, connection, server):
        self.socket = connection
        self.server = server

    def request(self):
        """Read one request and return its head and body as bytes, b"" if the client closed instead."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.partition(b":")[2]):
                    body += self.socket.recv(65536)
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return head + b"\r\n\r\n" + body

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        """Close the connection so that the client sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def wait_for_end(self):
        """Return once the client has closed the connection."""
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass


def answering(data):
    """Return a script that answers each request on a connection with `data` and leaves the connection open."""

    def script(peer):
        while peer.request():
            peer.send(data)

    return script


def answering_once(data):
    """Return a script that answers one request with `data` and closes the connection."""

    def script(peer):
        peer.request()
        peer.send(data)

    return script


def ok(body=b"hello"):
    """Return a whole answer with a Content-Length."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def http_proxy(answer=b"HTTP/1.1 200 Connection established\r\n\r\n", upstream=None):
    """Return an HTTP proxy's script. Its tunnels lead to `upstream` (a port), whatever target is requested."""

    def script(peer):
        asked = peer.request()
        while asked and not asked.startswith(b"CONNECT"):
            peer.send(ok(b"from the proxy"))
            asked = peer.request()
        if not asked:
            return
        peer.send(answer)
        if upstream is not None:
            _relay(peer.socket, upstream)

    return script


def socks_proxy(asked, username="", password="", reply=0, upstream=None):
    """Return a SOCKS5 proxy's script, which appends each target to `asked` and leads to `upstream` (a port)."""

    def script(peer):
        connection = peer.socket
        _, count = _exactly(connection, 2)
        methods = _exactly(connection, count)
        if username:
            if 2 not in methods:
                peer.send(b"\5\xff")
                return
            peer.send(b"\5\2")
            _, size = _exactly(connection, 2)
            name = _exactly(connection, size)
            word = _exactly(connection, _exactly(connection, 1)[0])
            good = (name, word) == (username.encode(), password.encode())
            peer.send(b"\1\0" if good else b"\1\1")
            if not good:
                return
        else:
            peer.send(b"\5\0")
        _, _, _, kind = _exactly(connection, 4)
        if kind == 3:
            host = _exactly(connection, _exactly(connection, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, _exactly(connection, 4 if kind == 1 else 16))
        asked.append((host, int.from_bytes(_exactly(connection, 2), "big")))
        peer.send(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if not reply and upstream is not None:
            _relay(connection, upstream)

    return script


def server_context(certificate, key, client_authority=None):
    """Return TLS settings for RawServer; with `client_authority`, clients must show a certificate that it issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The client judges the strength of a key.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(certificate, key)
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def _relay(one, port):
    with socket.create_connection(("127.0.0.1", port)) as other:
        back = threading.Thread(target=_pump, args=(other, one), daemon=True)
        back.start()
        _pump(one, other)
        back.join(10)


def _pump(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _close(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
