"""What listens on a model's port while the model does not: KAITO's pre-download server, a kernel, a sidecar."""

from __future__ import annotations

import threading
import time

from .pki import data
from .server import Server
from .upstream import Refused

GAUGES = """\
# HELP kaito_model_download_speed_bytes_per_second Current model download speed in bytes per second
# TYPE kaito_model_download_speed_bytes_per_second gauge
kaito_model_download_speed_bytes_per_second {speed}
# HELP kaito_model_download_remaining_seconds Estimated remaining time for model download in seconds; -1 when unknown
# TYPE kaito_model_download_remaining_seconds gauge
kaito_model_download_remaining_seconds {remaining}
"""


def metrics(speed=0.0, remaining=0.0):
    """Return the text of /metrics with the download's gauges: bytes per second, and seconds (-1: unknown)."""
    with open(data("recordings/pre-download-metrics.http"), encoding="ascii", newline="") as file:
        body = file.read().partition("\r\n\r\n")[2]
    others = body[: body.index("# HELP kaito_model_download_speed")]
    return others + GAUGES.format(speed=_number(speed), remaining=_number(remaining))


def _number(value):
    """Return a number as prometheus_client writes it: Go's shortest form, with an exponent from a million on."""
    digits = repr(float(value))
    dot = digits.find(".")
    if value <= 0 or dot <= 6:
        return digits
    mantissa = f"{digits[0]}.{digits[1:dot]}{digits[dot + 1 :]}".rstrip("0.")
    return f"{mantissa}e+0{dot - 1}"


class PreDownload:
    """KAITO's pre-download server: GET /metrics, an empty 404 for every other GET, 501 for every other method.

    `speed` is in bytes per second, `remaining` in seconds, -1 if unknown. Both are 0 before the first sample and when
    the download is done. `requests` holds what reached it.
    """

    def __init__(self, requests, speed=1.2345678925e08, remaining=412.73111):
        self.requests = requests
        self.speed = speed
        self.remaining = remaining

    def handle(self, exchange):
        """Answer one exchange as on the pod's own port, or, behind the API server, as Go's proxy passes it on."""
        request = exchange.request
        self.requests.append(request)
        if request.method != "GET":
            self._send(exchange, 501, f"Unsupported method ({request.method!r})", *self._refusal(request.method))
        elif request.path == "/metrics":
            text = metrics(self.speed, self.remaining).encode()
            self._send(exchange, 200, "OK", text, "text/plain; version=1.0.0; charset=utf-8")
        else:
            self._send(exchange, 404, "Not Found", b"", "")

    @staticmethod
    def _refusal(method):
        with open(data("recordings/pre-download-chat-501.http"), "rb") as file:
            body = file.read().partition(b"\r\n\r\n")[2]
        return body.replace(b"('POST')", f"({method!r})".encode()), "text/html;charset=utf-8"

    @staticmethod
    def _send(exchange, code, reason, body, content_type):
        headers = [("Server", "BaseHTTP/0.6 Python/3.11.7")]
        if content_type:
            headers.append(("Content-Type", content_type))
        if exchange.added:
            exchange.respond(code, body, headers, content_type=None)
            return
        headers += [("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())), ("Connection", "close")]
        headers.append(("Content-Length", str(len(body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        shown = b"" if exchange.request.method == "HEAD" else body
        exchange.raw(f"HTTP/1.0 {code} {reason}\r\n{head}\r\n".encode() + shown)
        exchange.close()


class Hanging:
    """A socket that the kernel accepts connections for, and that nobody reads until something else has `port`.

    `requests` holds what hangs, or hung until its client left.
    """

    def __init__(self, port, requests):
        self.over = threading.Event()
        self.requests = requests
        self._port = port

    def handle(self, exchange):
        """Wait, and let what has the port then answer."""
        self.requests.append(exchange.request)
        exchange.wait(self.over)
        self.requests.remove(exchange.request)  # it arrives now
        self._port.handle(exchange)


class Failing:
    """A server that answers every request with the same Refusal or Raw. `requests` holds what was sent."""

    def __init__(self, requests, answer):
        self.requests = requests
        self.answer = answer

    def handle(self, exchange):
        """Answer one exchange."""
        self.requests.append(exchange.request)
        self.answer.answer(exchange)


class Sidecar:
    """The routing sidecar of a decode pod: it answers /health itself, and 502 while nothing is `behind` it."""

    def __init__(self, requests, behind=None):
        self.requests = requests
        self.behind = behind

    def handle(self, exchange):
        """Answer one exchange, or let the server behind it."""
        if exchange.request.path == "/health":
            self.requests.append(exchange.request)
            exchange.respond(200, b"", content_type=None)
        elif self.behind is None:
            self.requests.append(exchange.request)
            exchange.respond(502, b"", content_type=None)
        else:
            self.behind.handle(exchange)


class Port:
    """The port of a model's pod. `listener` is its direct address, if it has one.

    State: what stands behind it (None: nothing), and the exchanges that are under way.
    """

    def __init__(self):
        self.listener = None
        self._backend = None
        self._running = set()

    def lead_to(self, backend):
        """Let something with `handle` answer from now on, also what hangs; None is nothing."""
        before, self._backend = self._backend, backend
        before = getattr(before, "behind", before)
        if isinstance(before, Hanging):
            before.over.set()
        if self.listener is not None and backend is None:
            self.listener.close()
        elif self.listener is not None:
            self.listener.open()

    def abandon(self):
        """Break off every answer that is under way."""
        for exchange in list(self._running):
            exchange.abandon()

    def handle(self, exchange):
        """Let what stands behind the port answer. Raise Refused if that is nothing."""
        backend = self._backend
        if backend is None:
            raise Refused("dial tcp 10.244.0.2:5000: connect: connection refused")
        self._running.add(exchange)
        try:
            backend.handle(exchange)
        finally:
            self._running.discard(exchange)


class Listener:
    """A server at one address that refuses connections until it is opened, and when it is closed again."""

    def __init__(self, application=None, host="127.0.0.1", port=0):
        self.host = host
        self.port = port
        self._application = application
        self._server = None

    def open(self):
        """Listen."""
        if self._server is None:
            self._server = Server(self._handle, self.host, port=self.port)
            self.port = self._server.port

    def close(self):
        """Stop listening."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _handle(self, exchange):
        try:
            self._application(exchange)
        except Refused:  # a connection that was accepted just before
            exchange.close()
