"""What Kubernetes objects can be called (apimachinery's pkg/util/validation). Pure."""

from __future__ import annotations

from kaito.errors import ClusterError
from kaito.lazy_re import pattern
from kaito.text import excerpt

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_IS_SUBDOMAIN = pattern(rf"{_LABEL}(?:\.{_LABEL})*")


def is_label(text: str) -> bool:
    """Return whether a namespace can have this name (an RFC 1123 label)."""
    return len(text) <= 63 and "." not in text and is_subdomain(text)


def is_subdomain(text: str) -> bool:
    """Return whether an object can have this name, or a host (an RFC 1123 subdomain)."""
    return len(text) <= 253 and _IS_SUBDOMAIN.fullmatch(text) is not None


def in_url(name: str) -> str:
    """Return a name for the path or the query of a URL. Raises ClusterError for what cannot be a name."""
    if not is_subdomain(name):
        raise ClusterError(f'"{excerpt(name)}" cannot be the name of an object in the cluster')
    return name
