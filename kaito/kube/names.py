"""What Kubernetes objects can be called (apimachinery's pkg/util/validation). Pure."""

from __future__ import annotations

from kaito.errors import ClusterError
from kaito.text import excerpt

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-."


def is_label(text: str) -> bool:
    """Return whether a namespace can have this name (an RFC 1123 label)."""
    return len(text) <= 63 and "." not in text and is_subdomain(text)


def is_subdomain(text: str) -> bool:
    """Return whether an object can have this name, or a host (an RFC 1123 subdomain)."""
    # Every start checks names, and compiling a regular expression would take longer than the rest of the check.
    if len(text) > 253 or text.strip(_CHARACTERS):
        return False
    return all(label and label[0] != "-" and label[-1] != "-" for label in text.split("."))


def in_url(name: str) -> str:
    """Return a name for the path or the query of a URL. Raises ClusterError for what cannot be a name."""
    if not is_subdomain(name):
        raise ClusterError(f'"{excerpt(name)}" cannot be the name of an object in the cluster')
    return name
