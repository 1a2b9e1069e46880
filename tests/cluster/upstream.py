"""Any OpenAI-compatible server instead of the scripted model."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.parse

from .server import POLL, Requests

HOP_BY_HOP = {"date", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}


class Refused(Exception):
    """Nothing listens there; the message is Go's."""


class Upstream:
    """A model server elsewhere; `requests` is what was forwarded. `url` is its base, with or without a final /v1."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https URL: {url}")
        self.requests = Requests()
        self._host = parts.hostname
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        path = parts.path.rstrip("/")
        self._prefix = path[: -len("/v1")] if path.endswith("/v1") else path

    def name(self, timeout=5.0):
        """Return the name of its first model. Raise OSError or ValueError if it does not answer."""
        connection = self._connect(timeout)
        try:
            connection.request("GET", f"{self._prefix}/v1/models")
            return json.loads(connection.getresponse().read())["data"][0]["id"]
        except (http.client.HTTPException, LookupError, TypeError) as error:
            raise ValueError(f"it does not list its models: {error!r}") from None
        finally:
            connection.close()

    def _connect(self, timeout=None):
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=timeout)

    def handle(self, exchange):
        """Forward one exchange, chunk by chunk. Raise Refused if nothing listens; nothing is answered then."""
        request = exchange.request
        self.requests.append(request)
        connection = self._connect()
        try:
            connection.connect()
        except OSError as error:
            raise Refused(f"dial tcp {self._host}:{self._port}: connect: {_words(error)}") from None
        over = threading.Event()
        threading.Thread(target=_watch, args=(exchange, connection.sock, over), daemon=True).start()
        try:
            self._forward(exchange, connection)
        except (OSError, http.client.HTTPException):
            exchange.close()  # as the API server does: no last chunk
        finally:
            over.set()
            connection.close()

    def _forward(self, exchange, connection):
        request = exchange.request
        connection.putrequest(request.method, self._prefix + request.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", f"{self._host}:{self._port}")
        for name, value in request.headers.pairs:
            if name.lower() not in HOP_BY_HOP | {"host", "expect"}:
                connection.putheader(name, value)
        if request.body or request.method == "POST":
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        if answer.length is not None:
            exchange.respond(answer.status, answer.read(), headers, content_type=None)
            return
        exchange.start(answer.status, headers)
        while data := answer.read1(1 << 16):
            exchange.chunk(data)
        exchange.end()


def _watch(exchange, upstream, over):
    """Close the connection to the model, which stops generating, once the client is gone."""
    while not over.wait(POLL):
        if exchange.gone():
            try:
                upstream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            return


def _words(error):
    return "connection refused" if isinstance(error, ConnectionRefusedError) else str(error.strerror or error)
