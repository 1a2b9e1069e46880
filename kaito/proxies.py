"""Which proxy a URL takes, by Go's rules. Pure.

The reference is golang.org/x/net/http/httpproxy for the environment, and client-go's NewProxierWithNoProxyCIDR and
parseProxyURL for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from kaito.transport import Url


class ProxyError(ValueError):
    """The proxy that is set cannot be used; the text never holds its credentials."""


class Proxy(NamedTuple):
    """A proxy; `scheme` is "http" or "socks5", the rest as strings decoded, "" where absent."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = ""


_PORTS = {"http": 80, "socks5": 1080}


def choose(url: Url, environ: Mapping[str, str], proxy_url: str = "") -> Proxy | None:
    """Give the proxy for `url`: the cluster's own `proxy_url`, else the environment's. Raises ProxyError."""
    if proxy_url:
        return _parse(proxy_url, "proxy-url", ("http", "socks5"))
    name = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    value = environ.get(name) or environ.get(name.lower()) or ""
    if not value or not _is_proxied(url.host, url.port, environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return None
    if "://" not in value:
        value = "http://" + value
    return _parse(value, name, ("http", "socks5", "socks5h"))


def _parse(text: str, name: str, schemes: tuple[str, ...]) -> Proxy:
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ProxyError(f"{name} is not a URL") from None
    if parts.scheme == "https":
        raise ProxyError(f"{name} is an https:// proxy, which is not supported: use its http:// or socks5:// port")
    if parts.scheme not in schemes:
        raise ProxyError(f"{name} must begin with http:// or socks5://")
    if not parts.hostname:
        raise ProxyError(f"{name} names no host")
    scheme = "http" if parts.scheme == "http" else "socks5"
    return Proxy(
        scheme,
        unquote(parts.hostname),
        port or _PORTS[scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _is_proxied(host: str, port: int, no_proxy: str) -> bool:
    if host == "localhost":
        return False
    address = _address(host)
    if address is not None and address.is_loopback:
        return False
    host = host.lower()
    return not any(_matches(entry.strip().lower(), host, port, address) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, port: int, address: IPv4Address | IPv6Address | None) -> bool:
    """Does one entry of NO_PROXY, in lower case, name the host?"""
    if not entry:
        return False
    if entry == "*":
        return True
    if "/" in entry:
        from ipaddress import ip_network

        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            pass
    name, wanted_port = _split_port(entry)
    if not name or (wanted_port and wanted_port != str(port)):
        return False
    wanted = _address(name)
    if wanted is not None:
        return wanted == address
    if name.startswith("*."):
        name = name[1:]
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)


def _split_port(entry: str) -> tuple[str, str]:
    """As net.SplitHostPort, where a bare IPv6 address has no port."""
    host, colon, port = entry.rpartition(":")
    if colon and host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    if colon and ":" not in host and "[" not in host:
        return host, port
    return entry, ""


def _address(host: str) -> IPv4Address | IPv6Address | None:
    # Few hosts are addresses: ipaddress is imported for what looks like one.
    if ":" not in host and not host[-1:].isdigit():
        return None
    from ipaddress import ip_address

    try:
        return ip_address(host)
    except ValueError:
        return None
