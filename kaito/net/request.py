"""A request, as a value that passes from the caller through each layer to the socket."""

from __future__ import annotations

from kaito.values import NamedTuple


class Timeouts(NamedTuple):
    """Time limits in seconds; None means no limit.

    `connect`: until the connection is ready, name look-up, proxy and TLS handshake included. `idle`: without a byte
    of the answer. `total`: the whole request, from its start to the last byte of the answer.
    """

    connect: float | None = 10.0
    idle: float | None = 300.0
    total: float | None = None


_DEFAULT_TIMEOUTS = Timeouts()


class Request(NamedTuple):
    """A request to a server. `path` begins with "/" and may have a query; each layer may put a prefix before it.

    `headers`: (name, value) pairs, sent in this order. `body`: None for a request without one.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeouts: Timeouts = _DEFAULT_TIMEOUTS


def basic_authorization(username: str, password: str) -> str:
    """Return the value of an Authorization header for basic authentication (RFC 7617).

    Bytes that came from a command line and are not UTF-8 (PEP 383) are sent unchanged, as by Go.
    """
    from binascii import b2a_base64

    login = f"{username}:{password}".encode("utf-8", "surrogateescape")
    return "Basic " + b2a_base64(login, newline=False).decode()
