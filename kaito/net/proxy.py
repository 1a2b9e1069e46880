"""The proxy for a URL, by Go's rules. Pure.

The reference is golang.org/x/net/http/httpproxy for the environment, and client-go's NewProxierWithNoProxyCIDR and
parseProxyURL for the rest.
"""

from __future__ import annotations

import re

from kaito.net.errors import ProxySettingError
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address
    from typing import Union
    from urllib.parse import SplitResult

    from kaito.net.url import Url

    _Address = Union[IPv4Address, IPv6Address]


class Proxy(NamedTuple):
    """A proxy. `scheme`: "http" or "socks5"; `username`, `password`: decoded, "" if absent."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = ""


_PORTS = {"http": 80, "socks5": 1080}


def proxy_for(url: Url, environ: Mapping[str, str], proxy_url: str = "") -> Proxy | None:
    """Return the proxy for `url`, or None for a direct connection. Raises ProxySettingError.

    The cluster's own `proxy_url` wins over the variables in `environ`.
    """
    if proxy_url:
        return _parse(proxy_url, "proxy-url", ("http", "socks5"))
    name = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    value = environ.get(name) or environ.get(name.lower()) or ""
    if value and "://" not in value:
        value = "http://" + value
    if not value or _split(value) is None:
        # Go ignores a variable that is not a URL.
        return None
    if name == "HTTP_PROXY" and environ.get("REQUEST_METHOD"):
        raise ProxySettingError(
            "HTTP_PROXY is not trusted while REQUEST_METHOD is set: in a CGI script, a request's Proxy header sets it"
        )
    if not _is_proxied(url.host, url.port, environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return None
    return _parse(value, name, ("http", "socks5", "socks5h"))


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL, or None if `text` is not a URL."""
    # Imported here, since most runs use no proxy, and the import takes longer than a request.
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    # Any number of digits is a port here. One that is too large is an error later, as it is when Go dials it.
    _, colon, port = parts.netloc.rpartition("@")[2].rpartition(":")
    is_port = not colon or "]" in port or not port or (port.isascii() and port.isdigit())
    return parts if is_port and not re.search(r"[\s\x00-\x1f\x7f]", text) else None


def _parse(text: str, name: str, schemes: tuple[str, ...]) -> Proxy:
    from urllib.parse import unquote

    parts = _split(text)
    if parts is None:
        raise ProxySettingError(f"{name} is not a URL")
    if parts.scheme == "https":
        raise ProxySettingError(
            f"{name} is an https:// proxy, which is not supported: use its http:// or socks5:// port"
        )
    if parts.scheme not in schemes:
        raise ProxySettingError(f"{name} must begin with http:// or socks5://")
    if not parts.hostname:
        raise ProxySettingError(f"{name} names no host")
    scheme = "http" if parts.scheme == "http" else "socks5"
    try:
        port = _PORTS[scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port:
        raise ProxySettingError(f"{name} has no valid port")
    # Bytes that are not UTF-8 are sent unchanged, as by Go.
    username, password = (unquote(part or "", errors="surrogateescape") for part in (parts.username, parts.password))
    return Proxy(scheme, unquote(parts.hostname), port, username, password)


def _is_proxied(host: str, port: int, no_proxy: str) -> bool:
    if host == "localhost":
        return False
    address = _address(host)
    if address is not None and address.is_loopback:
        return False
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return not any(_matches(entry, host.lower(), port, address) for entry in entries)


def _matches(entry: str, host: str, port: int, address: _Address | None) -> bool:
    """Return whether one entry of NO_PROXY, in lower case, names the host."""
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _is_in(address, entry)
    name, wanted_port = _split_port(entry)
    if not name or (wanted_port and wanted_port != str(port)):
        return False
    if address is not None:
        return _address(name) == address
    if name.startswith("*."):
        name = name[1:]
    if not name.isascii():
        name = _to_ascii(name)
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)


def _is_in(address: _Address, network: str) -> bool:
    from ipaddress import ip_network

    # client-go reads leading zeros as decimal (ParseCIDRSloppy), and no Go function reads netmasks.
    if "." in network and ":" not in network:
        network = re.sub(r"\b0+(?=\d)", "", network)
    try:
        return network.rpartition("/")[2].isdigit() and address in ip_network(network, strict=False)
    except ValueError:
        return False


def _to_ascii(name: str) -> str:
    """Return an international name in DNS's ASCII form, or `name` unchanged if it has none."""
    try:
        return ".".join(label.encode("idna").decode("ascii") for label in name.split("."))
    except UnicodeError:
        return name


def _split_port(entry: str) -> tuple[str, str]:
    """Split an entry as Go's net.SplitHostPort does; a bare IPv6 address has no port."""
    host, colon, port = entry.rpartition(":")
    if colon and host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    if colon and ":" not in host and "[" not in host:
        return host, port
    return entry, ""


def _address(host: str) -> _Address | None:
    # Few hosts are addresses, so ipaddress is imported only for a host that looks like one.
    if ":" not in host and not host[-1:].isdigit():
        return None
    from ipaddress import IPv6Address, ip_address

    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
