"""A socket on its way to a server or connected to it: every wait bounded, every failure in plain words."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

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

_READ_SIZE = 64 * 1024
_KEEPALIVE = 30  # seconds of silence before the first probe, and between probes
# Seconds. A signal that comes right before a wait is noticed right behind it, so long waits are made of short ones.
_SLICE = 0.1

# Linux, else None. A server that sends head and body apart and leaves Nagle's algorithm on (http.server, many small
# gateways) holds the body back until the head is acknowledged, which the kernel puts off for 40 ms in the hope of
# something to send along.
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)

# How OpenSSL names what is no TLS record at all: which of them depends on its version and on the first bytes.
_NOT_TLS = frozenset(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"))
_ABOUT_CLIENT_CERTIFICATE = pattern("ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)")


class Wire:
    """One socket. State: the socket, what has been read and not yet used, the bounds in force, and its use.

    `kill` may come from another thread at any moment. It shuts the socket down, which ends whatever wait there is,
    and who waited closes it; `kill` itself closes a socket only when nobody waits on it. So no file descriptor is
    closed, and perhaps given to another file, in the middle of a system call on it.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        """Who is at the other end, for errors: "host:port"."""
        self.doing = "connection"
        """What is awaited before there is a connection, for errors."""
        self.stage = "connect"
        self.free = False
        """Open, and no request on it."""
        self.buffer = b""
        """What has been read and not yet used."""
        self.received = 0
        """Bytes that came since `bound` began the stage."""
        self._sock: socket.socket | None = None
        self._dead = False
        self._busy = False
        self._idle: float | None = None
        self._limit: float | None = None
        self._deadline: float | None = None

    def bound(self, stage: str, idle: float | None, limit: float | None, deadline: float | None) -> None:
        """Begin a stage: `idle` seconds without a byte, and all of it before `deadline` (monotonic).

        `limit` is what the deadline was made of, in seconds, for errors.
        """
        self.stage = stage
        self.received = 0
        self._idle, self._limit, self._deadline = idle, limit, deadline

    def kill(self) -> None:
        """Close the socket at once; whoever waits on it gets CancelledError."""
        self._dead = True
        self.free = False
        sock = self._sock
        if sock is None:
            return
        try:
            # Not SSLSocket.shutdown, after which reads would give the bytes below TLS as if they were the answer.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            pass
        if not self._busy:
            sock.close()

    def connect(self, host: str, port: int) -> None:
        """Connect to the first address of `host` that lets itself be connected to. Raises TransportError."""
        self.doing = "name look-up"
        addresses = self._resolve(host, port)
        self.doing = "connection"
        failure: OSError | None = None
        for place, (family, kind, protocol, _, address) in enumerate(addresses):
            patience = self._patience()
            if patience is not None and place + 1 < len(addresses):
                # An address that swallows packets leaves some time to the others, as in Go's net.Dialer.
                patience = min(patience, max(patience / (len(addresses) - place), 2.0))
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
        raise ConnectError(self.where, _reason(failure))

    def _resolve(self, host: str, port: int) -> list[Any]:
        """The addresses of a host, looked up in a thread: the system's look-up has no bound and cannot be ended."""
        # As bytes, which are taken as they are: a text would have the codec for international names imported.
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
            except (OSError, UnicodeError) as error:
                found.append(error)
            finally:
                done.release()

        _thread.start_new_thread(look_up, ())
        patience = self._patience()
        while not done.acquire(timeout=_SLICE if patience is None else min(_SLICE, patience)):
            patience = self._patience()
            if self._dead:
                raise self._cancelled()
        if not isinstance(found[0], Exception):
            return list(found[0])
        if isinstance(found[0], OSError) and found[0].errno == socket.EAI_AGAIN:
            raise ConnectError(self.where, "the name cannot be looked up at the moment")
        raise ConnectError(self.where, "no such host")

    def wrap(self, context: ssl.SSLContext, server_name: str) -> None:
        """Put TLS on the connection. Raises TransportError."""
        assert self._sock is not None
        self.doing = "TLS handshake"
        try:
            self._sock = wrapped = context.wrap_socket(
                self._sock, server_hostname=server_name, do_handshake_on_connect=False, suppress_ragged_eofs=False
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
            raise TlsError(self.where, f"no certificate can be for {excerpt(server_name)}") from None

    def send(self, data: bytes) -> None:
        """Send all of `data`; what the other side takes counts against idleness. Raises TransportError."""
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
        """What has arrived, waiting for its first byte; b"" at the end of the stream. Raises TransportError."""
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
        """Exactly `count` bytes. Raises TransportError."""
        data = b""
        while len(data) < count:
            more = self.take()
            if not more:
                raise self.truncated()
            data += more
        data, self.buffer = data[:count], data[count:]
        return data

    def is_quiet(self) -> bool:
        """Is the idle connection still open, with nothing said unasked?"""
        if self._sock is None or self._dead:
            return False
        try:
            self._sock.settimeout(0)
            # A read, not a look at the descriptor: TLS has messages of its own, which mean nothing here.
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def _wait(self, operation: Callable[[Any], Any], argument: Any) -> Any:
        """One wait on the connected socket, its errors translated."""
        patience = self._patience()
        try:
            return self._call_patiently(patience, operation, argument)
        except OSError as error:
            if self._dead:
                raise self._cancelled() from None
            if _is_timeout(error):
                raise self._timed_out(self._idle if patience == self._idle else None) from None
            if _is_end(error):
                raise self.truncated() from None
            if isinstance(error, ssl.SSLError):
                raise _tls_failure(self.where, error) from None
            raise TruncatedError(self.where, f"the connection broke: {_reason(error)}") from None

    def _call_patiently(self, patience: float | None, operation: Callable[..., Any], *arguments: Any) -> Any:
        """A call on the socket that may wait for `patience` seconds in all; then, the socket's own timeout error."""
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
        """One system call that may wait, between the two looks at `_dead` that make `kill` safe."""
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
        """How long the next wait may be, in seconds. Raises TimedOutError when no time is left."""
        if self._deadline is None:
            return self._idle
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._timed_out(None)
        return left if self._idle is None else min(left, self._idle)

    def _timed_out(self, idle: float | None) -> TimedOutError:
        """The error for a wait that was too long: that for one byte (`idle` seconds), or the whole."""
        seconds = f"{(self._limit if idle is None else idle) or 0:g} s"
        if self.stage == "connect":
            why = f"no {self.doing} within {seconds}"
        elif self.stage == "headers":
            why = f"no answer within {seconds}"
        elif idle is None:
            why = f"the answer did not end within {seconds}"
        else:
            why = f"the answer stopped: nothing came for {seconds}"
        return TimedOutError(self.where, why, self.stage)

    def truncated(self) -> TruncatedError:
        """Return the error for a stream that ended too soon, in the words of the stage."""
        if self.stage == "body":
            return TruncatedError(self.where, "the answer is cut off")
        if self.received:
            return TruncatedError(self.where, "the answer is cut off in its headers")
        return TruncatedError(self.where, "the connection was closed without an answer")

    def _cancelled(self) -> CancelledError:
        return CancelledError(self.where, "cancelled")


def _connect(sock: socket.socket, address: Any, patience: float | None) -> None:
    """Connect within `patience` seconds. Raises OSError, of them socket.timeout."""
    end = None if patience is None else time.monotonic() + patience
    sock.setblocking(False)
    code = sock.connect_ex(address)
    while code in (errno.EINPROGRESS, errno.EWOULDBLOCK):
        left = _SLICE if end is None else min(_SLICE, end - time.monotonic())
        if left <= 0:
            raise socket.timeout("timed out")
        # Windows tells of a failed connection apart from a writable one.
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
    # The kernel's own ETIMEDOUT is of the same type from Python 3.10 on, and has a number.
    return isinstance(error, socket.timeout) and error.errno is None


def _is_end(error: OSError) -> bool:
    """Did the other side end the connection, by whatever name Python or OpenSSL knows it?"""
    if isinstance(error, ssl.SSLError):
        return (
            isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
            or error.reason == "UNEXPECTED_EOF_WHILE_READING"  # Python 3.9 with OpenSSL 3
        )
    return isinstance(error, ConnectionError)


def _tls_failure(where: str, error: OSError) -> TlsError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(where, f"the certificate is not trusted: {excerpt(error.verify_message.rstrip('.'))}")
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if reason in _NOT_TLS:
        return TlsError(where, "the server does not speak HTTPS; plain HTTP, perhaps")
    if reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":
        return ClientCertificateError(where, "the server asks for a client certificate")
    words = excerpt(reason.replace("_", " ").lower()) or _reason(error)
    if _ABOUT_CLIENT_CERTIFICATE.search(reason):
        return ClientCertificateError(where, f"the server refuses the client certificate: {words}")
    return TlsError(where, f"TLS failed: {words}")


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()
