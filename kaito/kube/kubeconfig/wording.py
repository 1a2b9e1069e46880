"""Names and paths from a kubeconfig in messages: on one line, without control characters, of bounded length. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kaito.kube.kubeconfig.model import Cluster, Config, User
from kaito.text import nearest

_LONGEST_NAME = 200
_NAMES_SHOWN = 10
_NEAREST_SHOWN = 3
_FILES_SHOWN = 3


def shown(text: str) -> str:
    """Return text from a file in a form that fits on one line of a terminal."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def quoted(text: str) -> str:
    """Return text from a file in quotation marks."""
    return f'"{shown(text)}"'


def describe_entry(entry: Cluster | User) -> str:
    """Return `cluster "name" in "file"`, or `user …`, without the file if the entry comes from none."""
    what = "cluster" if isinstance(entry, Cluster) else "user"
    return f"{what} {quoted(entry.name)}" + (f" in {quoted(entry.file)}" if entry.file else "")


def describe_files(config: Config) -> str:
    """Return `kubeconfig "file", "file"`, the files where something was looked up."""
    if not config.files:
        return "any kubeconfig: none was found"
    more = len(config.files) - _FILES_SHOWN
    return "kubeconfig " + quoted_paths(config.files) + (f" and {more} more" if more > 0 else "")


def quoted_paths(paths: Iterable[str]) -> str:
    """Return the first few of the paths, quoted."""
    return ", ".join(quoted(path) for path in tuple(paths)[:_FILES_SHOWN])


def names_hint(plural: str, names: Iterable[str], wanted: str = "") -> str:
    """Return `available contexts: name, name`; of more than ten names, those that look most like `wanted`."""
    known = sorted(filter(None, names))
    if not known:
        return f"available {plural}: none"
    if len(known) <= _NAMES_SHOWN:
        return f"available {plural}: " + ", ".join(map(shown, known))
    close = nearest(wanted, known, _NEAREST_SHOWN, 0.5) or known[:_NAMES_SHOWN]
    return f"{len(known)} {plural} are available, such as " + ", ".join(map(shown, close))
