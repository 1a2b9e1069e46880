"""Kubeconfig files as kubectl writes them."""

from __future__ import annotations

import json
import os
import re

PLAIN = re.compile(r"[A-Za-z_/][\w./:=+@-]*[\w/=]|[A-Za-z_/]")
WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def document(cluster, user, namespace=None, *, name="stand-in", user_name="stand-in-user"):
    """Return a kubeconfig with one context. Fields whose value is None are left out."""
    context = {"cluster": name, "namespace": namespace, "user": user_name}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": _present(cluster), "name": name}],
        "contexts": [{"context": _present(context), "name": name}],
        "current-context": name,
        "kind": "Config",
        "preferences": {},
        "users": [{"name": user_name, "user": _present(user)}],
    }


def _present(fields):
    return {key: value for key, value in fields.items() if value is not None}


def write(folder, name, contents):
    """Write a document or a text to a file that only its owner may read, and return its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(contents if isinstance(contents, str) else dump(contents))
    return path


def dump(value):
    """Return YAML as kubectl writes it: sorted keys, two spaces, lists as deep as their key."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value):
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _entry(f"{_scalar(key)}:", value[key])
    else:
        for item in value:
            first, *rest = _lines(item) if isinstance(item, (dict, list)) and item else (_scalar(item),)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)


def _entry(key, value):
    if not isinstance(value, (dict, list)) or not value:
        yield f"{key} {_scalar(value)}"
        return
    yield key
    indent = "  " if isinstance(value, dict) else ""
    yield from (indent + line for line in _lines(value))


def _scalar(value):
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    return json.dumps(value)
