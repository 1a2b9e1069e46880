"""The URL of a server. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


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
    return Url(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"))


def authority(host: str, port: int) -> str:
    """Return "host:port", with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
