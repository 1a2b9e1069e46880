"""The files of a kubeconfig: which ones count, what is in them, and how they are merged (clientcmd/loader.go)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kaito.errors import ClusterError, os_reason
from kaito.json_fields import part, text
from kaito.kube.kubeconfig.model import Config, Entry
from kaito.kube.kubeconfig.schema import problem_in
from kaito.kube.kubeconfig.wording import quoted

# The three lists of a kubeconfig, with the name of the field beside `name` in their items.
_LISTS = {"contexts": "context", "clusters": "cluster", "users": "user"}

_FILE_HINT = "correct the file; kubectl refuses it too"


def read_config(kubeconfig: str, environ: Mapping[str, str]) -> Config:
    """Read and merge the kubeconfig: `kubeconfig` (the flag) if set, else $KUBECONFIG's files, else ~/.kube/config.

    Of files that name the same thing, the first wins. Files that do not exist are skipped, except `kubeconfig`.
    Raises ClusterError for that one and for a file that cannot be read or is not a kubeconfig.
    """
    merged: dict[str, dict[str, Entry]] = {listed: {} for listed in _LISTS}
    current_context = ""
    found = []
    missing = []
    for path in _paths(kubeconfig, environ):
        source = _read_file(path)
        if source is None:
            missing.append(path)
            continue
        found.append(path)
        document = _parse(source, path)
        for listed, entries in merged.items():
            for name, entry in _entries(document, listed, path).items():
                entries.setdefault(name, entry)
        current_context = current_context or text(document, "current-context")
    if kubeconfig and missing:
        raise ClusterError(
            f"kubeconfig {quoted(kubeconfig)} does not exist", "correct the path given with --kubeconfig"
        )
    return Config(**merged, current_context=current_context, files=tuple(found), missing=tuple(missing))


def _paths(kubeconfig: str, environ: Mapping[str, str]) -> list[str]:
    """Return the files that count, in order of precedence, each once (client-go's ClientConfigLoadingRules)."""
    if kubeconfig:
        return [kubeconfig]
    listed = environ.get("KUBECONFIG", "")
    if listed:
        return [path for path in dict.fromkeys(listed.split(os.pathsep)) if path]
    home = environ.get("HOME", "") or (environ.get("USERPROFILE", "") if os.name == "nt" else "")
    return [os.path.join(home, ".kube", "config")]


def _read_file(path: str) -> bytes | None:
    """Return the content of a file, or None if it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ClusterError(
            f"kubeconfig {quoted(path)} cannot be read: {os_reason(error)}", "correct the path, or the rights to it"
        ) from None


def _parse(source: bytes, path: str) -> Mapping[str, Any]:
    """Return the content of a file, in which every field that kubectl knows has its type; {} for an empty file."""
    from kaito.yaml import load as yaml

    try:
        document = yaml.load(source)
    except yaml.YamlError as error:
        raise ClusterError(
            f"kubeconfig {quoted(path)} line {error.line}, column {error.column}: {error.message}", _FILE_HINT
        ) from None
    if document is None:
        return {}
    problem = problem_in(document)
    if problem:
        raise ClusterError(f"kubeconfig {quoted(path)}{problem}", _FILE_HINT)
    assert isinstance(document, dict)
    return document


def _entries(document: Mapping[str, Any], listed: str, path: str) -> dict[str, Entry]:
    """Return the entries of one list by their names, none of which may occur twice in a file."""
    found: dict[str, Entry] = {}
    for item in document.get(listed) or ():
        fields = item or {}
        name = text(fields, "name")
        if name in found:
            raise ClusterError(f"kubeconfig {quoted(path)}: {listed} names {quoted(name)} twice", _FILE_HINT)
        found[name] = Entry(part(fields, _LISTS[listed]), path)
    return found
