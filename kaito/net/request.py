"""A request, as a value that is passed along from whoever asks to the socket."""

from __future__ import annotations

from kaito.values import NamedTuple


class Timeouts(NamedTuple):
    """Bounds in seconds, None for never.

    `connect`: until the connection is ready, name look-up, proxy and TLS handshake included. `idle`: without a byte
    of the answer. `total`: the whole request, from its start to the last byte of the answer.
    """

    connect: float | None = 10.0
    idle: float | None = 300.0
    total: float | None = None


_DEFAULT_TIMEOUTS = Timeouts()


class Request(NamedTuple):
    """A request to a server. `path` begins with "/" and may carry a query; each layer on the way may prefix it.

    `headers`: (name, value) pairs, sent in this order. `body`: None for a request without one.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeouts: Timeouts = _DEFAULT_TIMEOUTS


def basic_authorization(username: str, password: str) -> str:
    """Return the value of an Authorization header by RFC 7617.

    Bytes that a command line cannot hold as text are sent as they came (PEP 383), as Go does.
    """
    from binascii import b2a_base64

    login = f"{username}:{password}".encode("utf-8", "surrogateescape")
    return "Basic " + b2a_base64(login, newline=False).decode()
