"""The URL of a server. Pure."""

from __future__ import annotations

import re

from kaito.values import NamedTuple

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = "abcdefghijklmnopqrstuvwxyz0123456789.-"


class Url(NamedTuple):
    """A server. `host`: a name or an address, without brackets; `path`: a prefix without a trailing "/", or ""."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return "host:port", with an IPv6 address in brackets."""
        return authority(self.host, self.port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(text: str) -> Url:
    """Read the http or https URL of a server. Raises ValueError, whose text never repeats credentials.

    A query and a fragment are dropped, as client-go does.
    """
    return _parse_usual(text) or _parse_unusual(text)


def _parse_usual(text: str) -> Url | None:
    """Read what almost every server's URL looks like; None for all others, such as those with an IPv6 address.

    urllib reads those; importing it takes longer than a request.
    """
    scheme, _, rest = text.partition("://")
    place, slash, path = rest.partition("/")
    host, colon, port = place.partition(":")
    path = (slash + path).rstrip("/")
    if scheme not in _DEFAULT_PORTS or not host or host.strip(_HOST) or (colon and not _is_port(port)):
        return None
    if not (path.isascii() and path.isprintable()) or any(mark in path for mark in (" ", "?", "#", "//")):
        return None
    return Url(scheme, host, int(port) if colon else _DEFAULT_PORTS[scheme], path)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535


def _parse_unusual(text: str) -> Url:
    from urllib.parse import unquote, urlsplit

    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("the URL holds white space or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("the URL's host or port is not valid") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL must begin with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("the URL holds a user name or password, which belong elsewhere")
    if not parts.hostname or port == 0:
        raise ValueError("the URL's host or port is not valid")
    host = unquote(parts.hostname).lower()
    if re.search(r"[\s\x00-\x20\x7f/?#@\\]", host):
        raise ValueError("the URL's host is not valid")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("the URL's host is not valid") from None
    return Url(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], parts.path.rstrip("/"))


def authority(host: str, port: int) -> str:
    """Return "host:port", with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
