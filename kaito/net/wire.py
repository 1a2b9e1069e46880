"""A socket, from connecting to closing: every wait is bounded, every failure is a TransportError in plain words."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import time

from kaito.errors import os_reason
from kaito.lazy_re import pattern
from kaito.net.errors import (
    CancelledError,
    CertificateError,
    ClientCertificateError,
    ConnectError,
    TimedOutError,
    TlsError,
    TruncatedError,
)
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_READ_SIZE = 64 * 1024
_KEEPALIVE = 30  # seconds of silence before the first probe, and between probes
# Seconds. Python handles a signal only after the system call returns, so long waits are split into slices.
_SLICE = 0.1

# On Linux only, else None. A server that sends head and body separately and leaves Nagle's algorithm on (http.server,
# many small gateways) holds the body back until the head is acknowledged. The kernel delays the acknowledgement by 40
# ms, to send it along with data.
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)

# OpenSSL's names for bytes that are not a TLS record; which one appears depends on its version and on the bytes.
_NOT_TLS = frozenset(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"))
_ABOUT_CLIENT_CERTIFICATE = pattern("ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)")


class Bounds(NamedTuple):
    """How long the waits of a stage ("connect", "headers" or "body") may take.

    `idle`: seconds without a byte, None for no bound. `deadline`: when the stage must have ended (time.monotonic), None
    for no bound; `limit`: the seconds from which the deadline was computed, for error messages.
    """

    stage: str
    idle: float | None = None
    limit: float | None = None
    deadline: float | None = None


class Wire:
    """One socket. State: the socket, bytes read but not yet used, the bounds in force, whether a call is in progress.

    Another thread may call `kill` at any moment. It shuts the socket down, which ends a wait in progress, and the
    waiting thread then closes the socket; `kill` itself closes it only when no thread waits. So no file descriptor is
    closed, and perhaps reused for another file, during a system call on it.
    """

    def __init__(self, where: str, sock: socket.socket | None = None) -> None:
        """`sock`: a connected socket; without it, call `connect`."""
        self.where = where
        """The peer as "host:port", for error messages."""
        self.doing = "connection"
        """The step of connecting that is in progress, for error messages."""
        self.free = False
        """Whether the connection is open and no request is in progress on it."""
        self.buffer = b""
        """Bytes read but not yet used."""
        self.received = 0
        """Bytes received since the stage began."""
        self._sock = sock
        self._dead = False
        self._busy = False
        self._bounds = Bounds("connect")

    def begin_stage(self, bounds: Bounds) -> None:
        """Begin a stage under these bounds."""
        self._bounds = bounds
        self.received = 0

    def enter(self, stage: str) -> None:
        """Begin another stage under the same bounds."""
        self._bounds = self._bounds._replace(stage=stage)

    def kill(self) -> None:
        """Close the socket at once; a thread that waits on it gets CancelledError."""
        self._dead = True
        self.free = False
        sock = self._sock
        if sock is None:
            return
        try:
            # Not SSLSocket.shutdown: after it, reads return encrypted bytes as if they were the answer.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            pass
        if not self._busy:
            sock.close()

    def connect(self, host: str, port: int) -> None:
        """Connect to the first address of `host` that accepts a connection. Raises TransportError."""
        self.doing = "name look-up"
        addresses = self._resolve(host, port)
        self.doing = "connection"
        failure: OSError | None = None
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            patience = self._patience()
            if patience is not None and index + 1 < len(addresses):
                # An address that drops packets must leave some time for the others, as in Go's net.Dialer.
                patience = min(patience, max(patience / (len(addresses) - index), 2.0))
            try:
                self._sock = socket.socket(family, kind, protocol)
                self._call(_connect, self._sock, address, patience)
                _set_options(self._sock)
                return
            except OSError as error:
                if self._sock is not None:
                    self._sock.close()
                if failure is None or _is_timeout(failure):
                    failure = error
        if failure is None or _is_timeout(failure):
            raise self._timed_out(None)
        raise ConnectError(self.where, os_reason(failure))

    def _resolve(self, host: str, port: int) -> list[Any]:
        """Return the addresses of a host, as socket.getaddrinfo does. Raises TransportError.

        A thread looks up a name, since the system's look-up has no time limit and cannot be cancelled.
        """
        # As bytes, which are passed on unchanged: a str would import the codec for international names.
        name = host.encode()
        try:
            return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            pass
        import _thread

        found: list[Any] = []
        done = _thread.allocate_lock()
        done.acquire()

        def look_up() -> None:
            try:
                found.append(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
            except Exception as error:
                found.append(error)
            finally:
                done.release()

        _thread.start_new_thread(look_up, ())
        patience = self._patience()
        while not done.acquire(timeout=_SLICE if patience is None else min(_SLICE, patience)):
            patience = self._patience()
            if self._dead:
                raise self._cancelled()
        outcome = found[0]
        if not isinstance(outcome, Exception):
            return list(outcome)
        if not isinstance(outcome, (OSError, UnicodeError)):
            raise outcome
        if isinstance(outcome, OSError) and outcome.errno == socket.EAI_AGAIN:
            raise ConnectError(self.where, "the name cannot be looked up at the moment")
        raise ConnectError(self.where, "no such host")

    def wrap(self, context: ssl.SSLContext, server_name: str) -> None:
        """Start TLS on the connection; the certificate must carry `server_name`. Raises TransportError."""
        assert self._sock is not None
        self.doing = "TLS handshake"
        # As bytes: a str would import the codec for international names, with its tables.
        name = server_name.encode() if server_name.isascii() else server_name
        try:
            self._sock = wrapped = context.wrap_socket(
                self._sock, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            self._call_patiently(self._patience(), wrapped.do_handshake)
        except OSError as error:
            if self._dead:
                raise self._cancelled() from None
            if _is_timeout(error):
                raise self._timed_out(None) from None
            if _is_end(error) or error.errno == errno.ENOTCONN:
                raise TlsError(self.where, "the server closed the connection in the TLS handshake") from None
            raise _tls_failure(self.where, error) from None
        except ValueError:
            why = f'"{excerpt(server_name)}" is not a host name that a certificate can carry'
            raise TlsError(self.where, why) from None

    def send(self, data: bytes) -> None:
        """Send all of `data`; the idle bound applies to each piece that the peer accepts. Raises TransportError."""
        assert self._sock is not None
        rest = memoryview(data)
        while rest:
            rest = rest[self._wait(self._sock.send, rest) :]
        if data and _QUICK_ACK is not None:
            try:
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
            except OSError:
                pass

    def take(self) -> bytes:
        """Return what has arrived, waiting for the first byte; b"" at the end of the stream. Raises TransportError."""
        if self._dead:
            raise self._cancelled()
        if self.buffer:
            data, self.buffer = self.buffer, b""
            return data
        assert self._sock is not None
        arrived: bytes = self._wait(self._sock.recv, _READ_SIZE)
        self.received += len(arrived)
        return arrived

    def receive(self, count: int) -> bytes:
        """Return exactly `count` bytes. Raises TransportError."""
        data = b""
        while len(data) < count:
            more = self.take()
            if not more:
                raise self.truncated()
            data += more
        data, self.buffer = data[:count], data[count:]
        return data

    def is_quiet(self) -> bool:
        """Return whether the idle connection is still open and the peer has sent nothing unasked."""
        if self._sock is None or self._dead:
            return False
        try:
            self._sock.settimeout(0)
            # A read, not a poll of the descriptor: TLS has messages of its own (session tickets), which do not count.
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def _wait(self, operation: Callable[[Any], Any], argument: Any) -> Any:
        """Make one call that waits on the connected socket. Raises TransportError."""
        patience = self._patience()
        try:
            return self._call_patiently(patience, operation, argument)
        except OSError as error:
            if self._dead:
                raise self._cancelled() from None
            if _is_timeout(error):
                raise self._timed_out(self._bounds.idle if patience == self._bounds.idle else None) from None
            if _is_end(error):
                raise self.truncated() from None
            if isinstance(error, ssl.SSLError):
                raise _tls_failure(self.where, error) from None
            raise TruncatedError(self.where, f"the connection broke: {os_reason(error)}") from None

    def _call_patiently(self, patience: float | None, operation: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call that may wait for `patience` seconds in all (None: for ever). Raises socket.timeout then."""
        assert self._sock is not None
        end = None if patience is None else time.monotonic() + patience
        while True:
            left = _SLICE if end is None else min(_SLICE, max(end - time.monotonic(), 0.001))
            self._sock.settimeout(left)
            try:
                return self._call(operation, *arguments)
            except socket.timeout as error:
                if not _is_timeout(error) or (end is not None and time.monotonic() >= end):
                    raise

    def _call(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        """Make one system call that may wait, between the two checks of `_dead` that make `kill` safe."""
        self._busy = True
        try:
            if self._dead:
                raise self._cancelled()
            result = operation(*arguments)
        except OSError:
            if self._dead:
                raise self._cancelled() from None
            raise
        finally:
            self._busy = False
            if self._dead and self._sock is not None:
                self._sock.close()
        if self._dead:
            raise self._cancelled()
        return result

    def _patience(self) -> float | None:
        """Return how many seconds the next wait may take. Raises TimedOutError if no time is left."""
        idle, deadline = self._bounds.idle, self._bounds.deadline
        if deadline is None:
            return idle
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._timed_out(None)
        return left if idle is None else min(left, idle)

    def _timed_out(self, idle: float | None) -> TimedOutError:
        """Return the error for a wait that was too long.

        `idle`: the seconds of the idle bound if that was reached; None if the bound of the stage was.
        """
        stage, limit = self._bounds.stage, self._bounds.limit
        seconds = f"{(limit if idle is None else idle) or 0:g} s"
        if stage == "connect":
            why = f"no {self.doing} within {seconds}"
        elif stage == "headers":
            why = f"no answer within {seconds}"
        elif idle is None:
            why = f"the answer did not end within {seconds}"
        else:
            why = f"the answer stopped: nothing came for {seconds}"
        return TimedOutError(self.where, why, stage)

    def truncated(self) -> TruncatedError:
        """Return the error for a stream that ended too soon, in the words of the stage."""
        if self._bounds.stage == "body":
            return TruncatedError(self.where, "the answer is cut off")
        if self.received:
            return TruncatedError(self.where, "the answer is cut off in its headers")
        return TruncatedError(self.where, "the connection was closed without an answer")

    def _cancelled(self) -> CancelledError:
        return CancelledError(self.where, "cancelled")


def _connect(sock: socket.socket, address: Any, patience: float | None) -> None:
    """Connect within `patience` seconds (None: no limit). Raises OSError; socket.timeout if the time is up."""
    end = None if patience is None else time.monotonic() + patience
    sock.setblocking(False)
    code = sock.connect_ex(address)
    while code in (errno.EINPROGRESS, errno.EWOULDBLOCK):
        left = _SLICE if end is None else min(_SLICE, end - time.monotonic())
        if left <= 0:
            raise socket.timeout("timed out")
        # Windows reports a failed connection among the exceptional sockets, not the writable ones.
        if any(select.select((), (sock,), (sock,), left)):
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL"):  # Linux; macOS; both
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _KEEPALIVE)


def _is_timeout(error: OSError) -> bool:
    # From Python 3.10 on, the kernel's ETIMEDOUT has the same type; unlike Python's own timeouts, it has an errno.
    return isinstance(error, socket.timeout) and error.errno is None


def _is_end(error: OSError) -> bool:
    """Return whether the peer ended the connection, for which Python and OpenSSL have several errors."""
    if isinstance(error, ssl.SSLError):
        return (
            isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
            or error.reason == "UNEXPECTED_EOF_WHILE_READING"  # Python 3.9 with OpenSSL 3
        )
    return isinstance(error, ConnectionError)


def _tls_failure(where: str, error: OSError) -> TlsError:
    """Return the TlsError that explains the error of a TLS operation."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(where, f"the certificate is not trusted: {excerpt(error.verify_message.rstrip('.'))}")
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if reason in _NOT_TLS:
        return TlsError(where, "the server does not speak HTTPS (perhaps plain HTTP)")
    if reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":
        return ClientCertificateError(where, "the server asks for a client certificate")
    words = excerpt(reason.replace("_", " ").lower()) or os_reason(error)
    if _ABOUT_CLIENT_CERTIFICATE.search(reason):
        return ClientCertificateError(where, f"the server refuses the client certificate: {words}")
    return TlsError(where, f"TLS failed: {words}")
