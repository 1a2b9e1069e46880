"""A TCP forwarder that puts a server at a distance: every byte takes its time, the handshake included."""

from __future__ import annotations

import queue
import socket
import threading
import time


class Line:
    """One connection through the forwarder; `trips` counts the round trips that the client began.

    The first is the TCP handshake; a new one begins when the client sends after the server has sent.
    """

    def __init__(self):
        self.trips = 1
        self._server_spoke = True
        self._lock = threading.Lock()

    def spoke(self, client):
        with self._lock:
            if client and self._server_spoke:
                self.trips += 1
            self._server_spoke = not client


class Far:
    """A forwarder from a loopback port to `port`, with a round trip of `seconds`; `lines` are its connections.

    Use it in a `with` statement.
    """

    def __init__(self, port, seconds):
        self.lines = []
        self._target = port
        self._seconds = seconds
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for each in (self._listener, *self._sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [near, far]
            line = Line()
            self.lines.append(line)
            # The client's kernel connects at once; over a distance the client would send a round trip later.
            ready = time.monotonic() + self._seconds
            self._pump(near, far, line, ready)
            self._pump(far, near, line)

    def _pump(self, source, sink, line, ready=None):
        """Carry one direction. `ready` is set for the client's: the time when its first byte may leave."""
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        moving = queue.Queue()

        def read():
            data = b"-"
            while data:
                try:
                    data = source.recv(1 << 16)
                except (OSError, ValueError):
                    data = b""
                if data:
                    line.spoke(client=ready is not None)
                moving.put((max(time.monotonic(), ready or 0.0) + self._seconds / 2, data))

        def write():
            while True:
                due, data = moving.get()
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)
                except (OSError, ValueError):
                    return

        for work in (read, write):
            threading.Thread(target=work, daemon=True).start()
