"""The SOCKS5 handshake on a connected socket: RFC 1928, with names and passwords by RFC 1929."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Callable

_VERSION = 5
_NO_AUTHENTICATION = 0
_USERNAME_PASSWORD = 2
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_SIZES = {_IPV4: 4, _IPV6: 16}

# RFC 1928, section 6.
_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network is unreachable",
    4: "host is unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


class SocksError(ValueError):
    """The proxy refuses, or does not speak SOCKS5. The message completes "the proxy …", without credentials."""


def handshake(
    send: Callable[[bytes], object],
    receive: Callable[[int], bytes],
    host: str,
    port: int,
    username: str = "",
    password: str = "",
) -> None:
    """Ask the proxy, which is connected already, to resolve `host` and to connect to it.

    `receive(n)` returns exactly n bytes. Raises SocksError, and whatever `send` and `receive` raise.
    """
    _authenticate(send, receive, username, password)
    send(bytes([_VERSION, _CONNECT, 0]) + _address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = receive(4)
    if version != _VERSION:
        raise SocksError("does not speak SOCKS5")
    if reply:
        raise SocksError(f"refuses {host}:{port}: {_REPLIES.get(reply, f'reply {reply}')}")
    if kind not in (_IPV4, _IPV6, _NAME):
        raise SocksError("does not speak SOCKS5")
    receive((receive(1)[0] if kind == _NAME else _ADDRESS_SIZES[kind]) + 2)


def _authenticate(
    send: Callable[[bytes], object], receive: Callable[[int], bytes], username: str, password: str
) -> None:
    methods = [_NO_AUTHENTICATION, _USERNAME_PASSWORD] if username else [_NO_AUTHENTICATION]
    name, secret = (text.encode("utf-8", "surrogateescape") for text in (username, password))
    if len(name) > 255 or len(secret) > 255:
        raise SocksError("takes a name and a password of at most 255 bytes each")
    send(bytes([_VERSION, len(methods), *methods]))
    version, method = receive(2)
    if version != _VERSION:
        raise SocksError("does not speak SOCKS5")
    if method == _NO_AUTHENTICATION:
        return
    if method not in methods:
        raise SocksError("asks for a name and password" if not username else "takes no name and password")
    send(bytes([1, len(name)]) + name + bytes([len(secret)]) + secret)
    if receive(2)[1]:
        raise SocksError("refuses the name and password")


def _address(host: str) -> bytes:
    import socket

    for kind, family in ((_IPV4, socket.AF_INET), (_IPV6, socket.AF_INET6)):
        try:
            return bytes([kind]) + socket.inet_pton(family, host)
        except OSError:
            continue
    name = host.encode()
    if len(name) > 255:
        raise SocksError("takes names of at most 255 bytes")
    return bytes([_NAME, len(name)]) + name
