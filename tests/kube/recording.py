"""A server that records who asks, over HTTP, or over TLS with the client's certificate checked."""

from __future__ import annotations

import http.server
import ssl
import threading
from typing import NamedTuple


class Request(NamedTuple):
    """A request as the server sees it. `headers`: names in lower case; `common_name`: of the client's certificate.

    `server_name`: the name that the client sent in the TLS handshake (SNI). Both names are "" if absent.
    """

    scheme: str
    path: str
    headers: list[tuple[str, str]]
    common_name: str
    server_name: str


class RecordingServer(http.server.ThreadingHTTPServer):
    """Answers every GET on 127.0.0.1 with {}. `seen` holds what `record` makes of each request.

    `certificates`: the folder of server.crt, server.key and ca.crt.
    """

    daemon_threads = True

    def __init__(self, scheme, certificates):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = scheme
        self.seen = []
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
            context.load_verify_locations(certificates / "ca.crt")
            context.verify_mode = ssl.CERT_OPTIONAL
            context.sni_callback = lambda connection, name, _: setattr(connection, "asked_name", name or "")
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def record(self, request):
        """Return what `seen` holds of a request."""
        return request

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self):
        return f"{self.scheme}://{self.address}"

    def handle_error(self, *_):
        """Ignore a client that hangs up."""

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RecordingServer

    def do_GET(self):
        connection = self.connection
        certificate = connection.getpeercert() if self.server.scheme == "https" else None
        subject = dict(pair for part in certificate["subject"] for pair in part) if certificate else {}
        request = Request(
            self.server.scheme,
            self.path,
            [(name.lower(), value.encode("latin-1").decode()) for name, value in self.headers.items()],
            subject.get("commonName", ""),
            getattr(connection, "asked_name", ""),
        )
        self.server.seen.append(self.server.record(request))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Print nothing: the tests read `seen`."""
