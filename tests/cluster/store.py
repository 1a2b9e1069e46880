"""The objects of a cluster, and all their changes for those who watch."""

from __future__ import annotations

import copy
import threading
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of object: its API group ("" is the core), plural name, kind, and whether it belongs to a namespace.

    `versions` are the versions that serve it; () is every version of the group.
    """

    group: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple = ()
    versions: tuple = ()

    def served(self, version):
        """Return whether a version serves it."""
        return not self.versions or version in self.versions


KINDS = {
    kind.plural: kind
    for kind in (
        Kind("kaito.sh", "workspaces", "Workspace", short=("wk", "wks")),
        Kind("kaito.sh", "inferencesets", "InferenceSet", short=("is", "isets")),
        Kind("kaito.sh", "multiroleinferences", "MultiRoleInference", short=("mri",), versions=("v1alpha1",)),
        Kind("kaito.sh", "ragengines", "RAGEngine", short=("rag",)),
        Kind("kaito.sh", "modelmirrors", "ModelMirror", namespaced=False, versions=("v1alpha1",)),
        Kind("", "services", "Service", short=("svc",)),
        Kind("", "pods", "Pod", short=("po",)),
        Kind("", "endpoints", "Endpoints", short=("ep",)),
        Kind("", "events", "Event", short=("ev",)),
        Kind("", "namespaces", "Namespace", namespaced=False, short=("ns",)),
    )
}
_BY_KIND = {kind.kind: kind for kind in KINDS.values()}


class Change(NamedTuple):
    """One change, as a watch reports it; `event` is ADDED, MODIFIED or DELETED."""

    version: int
    event: str
    plural: str
    made: dict


class Selection(NamedTuple):
    """A selection of objects. `namespace` "" is all of them; the selectors are lists of (name, value)."""

    plural: str
    namespace: str
    labels: list
    fields: list

    def covers(self, plural, made):
        """Return whether the selection contains an object."""
        meta = made["metadata"]
        if plural != self.plural or self.namespace not in ("", meta.get("namespace", "")):
            return False
        labels = meta.get("labels", {})
        labelled = all(labels.get(name) == value for name, value in self.labels)
        return labelled and all(_at(made, path) == value for path, value in self.fields)


def _at(made, path):
    """Return the value at a path such as metadata.name, or None."""
    for name in path.split("."):
        made = made.get(name) if isinstance(made, dict) else None
    return made


def equalities(selector):
    """Return a label or field selector of equalities as (name, value) pairs."""
    parts = (part.replace("==", "=").partition("=") for part in selector.split(",") if part)
    return [(name, value) for name, _, value in parts]


class Store:
    """Objects by plural name, namespace and name. `version` is the cluster's resourceVersion."""

    def __init__(self):
        self.version = 1
        self._objects = {}
        self._changes = []
        self._changed = threading.Condition()

    def add(self, made):
        """Add an object; it replaces the one with its name."""
        plural = _BY_KIND[made["kind"]].plural
        key = plural, made["metadata"].get("namespace", ""), made["metadata"]["name"]
        with self._changed:
            self._change("MODIFIED" if key in self._objects else "ADDED", plural, made)
            self._objects[key] = made

    def remove(self, plural, name, namespace):
        """Remove an object."""
        with self._changed:
            self._change("DELETED", plural, self._objects.pop((plural, namespace, name)))

    def _change(self, event, plural, made):
        self.version += 1
        made["metadata"]["resourceVersion"] = str(self.version)
        self._changes.append(Change(self.version, event, plural, copy.deepcopy(made)))
        self._changed.notify_all()

    def get(self, plural, namespace, name):
        """Return an object, or None."""
        return self._objects.get((plural, namespace, name))

    def list(self, selection):
        """Return the objects of a selection, sorted by namespace and name, and the version of that list."""
        with self._changed:
            found = [made for key, made in sorted(self._objects.items()) if selection.covers(key[0], made)]
            return found, self.version

    def changes(self, selection, since, seconds):
        """Wait up to `seconds` for changes after the version `since`; return the selected ones and the new version."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > since, seconds)
            # Each change has made one version.
            later = self._changes[len(self._changes) - (self.version - since) :] if self.version > since else []
            return [change for change in later if selection.covers(change.plural, change.made)], self.version
