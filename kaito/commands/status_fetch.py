"""What `kubectl kaito status` reads: both kinds, as far as the cluster serves them and the user may read them."""

from __future__ import annotations

import os

from kaito.commands.status_view import View
from kaito.errors import KaitoError
from kaito.json_fields import items
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.details import KIND, read_entry
from kaito.workspaces.inference_set import InferenceSet
from kaito.workspaces.objects import ABSENT, FORBIDDEN, NO_KAITO, fetch, named, replicas_of
from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES, Reference
from kaito.workspaces.workspace import Workspace, in_doubt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.details import Entry
    from kaito.workspaces.objects import Reading

# The workspaces of a set that are explained, each with a request for its pods.
_MOST_EXPLAINED = 5


def fetch_view(api: ApiServer, namespace: str, wanted: Reference | None, *, as_json: bool = False) -> View:
    """Fetch the object that the user names, a Workspace before an InferenceSet; None for all of both kinds.

    `namespace`: "" for all. `as_json`: keep the server's documents, which may be large. Raises KaitoError.
    """
    if wanted is None:
        readings = {kind: fetch(api, kind, namespace) for kind in (WORKSPACES, INFERENCE_SETS)}
        return view_of_list(api, namespace, readings, as_json=as_json)
    kinds = [kind for kind in (WORKSPACES, INFERENCE_SETS) if wanted.may_be(kind)]
    failed = []
    for kind in kinds:
        reading = fetch(api, kind, namespace, wanted.name)
        if not reading.why:
            return _view_of_object(api, namespace, kind, reading, wanted.name, as_json)
        failed.append(reading.why)
    # A user who may not read workspaces is told that, whether or not there is a set of that name.
    if not wanted.kind and failed[0] == ABSENT:
        from kaito.workspaces.sets import other_kind

        other = other_kind(api, wanted.name, namespace)
        if other:
            raise other
    raise _refusal(api, kinds[0], failed[0], namespace, wanted)


def view_of_list(api: ApiServer, namespace: str, readings: Mapping[str, Reading], *, as_json: bool = False) -> View:
    """Return the view of both kinds as they were listed. Raises KaitoError if neither could be."""
    failed = {kind: reading.why for kind, reading in readings.items() if reading.why}
    if len(failed) == len(readings):
        raise _refusal(api, WORKSPACES, failed[WORKSPACES], namespace)
    note = "".join(_note(kind, why, namespace) for kind, why in failed.items())
    entries = [entry for kind, reading in readings.items() for entry in _entries(kind, reading)]
    # A set, then its workspaces, whose names begin with its name.
    entries.sort(key=lambda entry: (entry.object.namespace, entry.object.name, entry.kind))
    document: dict[str, Any] = {}
    if as_json:
        documents = [
            _complete(kind, reading.path, one)
            for kind, reading in readings.items()
            for one in items(reading.document, "items")
        ]
        # As kubectl prints several objects.
        document = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": documents}
    return View(tuple(entries), document=document, note=note)


def queries(view: View) -> list[tuple[str, str]]:
    """Return the kinds and queries whose changes may change the view."""
    if not view.single:
        return [(WORKSPACES, ""), (INFERENCE_SETS, "")]
    shown = view.entries[0]
    own = (shown.kind, named(shown.object.name))
    return [own, (WORKSPACES, replicas_of(shown.object.name))] if shown.kind == INFERENCE_SETS else [own]


def _view_of_object(api: ApiServer, namespace: str, kind: str, reading: Reading, name: str, as_json: bool) -> View:
    entry = read_entry(kind, reading.document)
    if as_json:
        return View((entry,), True, document=_complete(kind, reading.path, reading.document))
    entry = entry._replace(object=entry.object._replace(name=name, namespace=namespace))
    if isinstance(entry.object, Workspace):
        state = _state(api, entry.object)
        return View((entry,), True, state.pods, reason=state.reason, asked=state.asked)
    listed = fetch(api, WORKSPACES, namespace, query=replicas_of(name))
    note = _note(WORKSPACES, listed.why, namespace) if listed.why else ""
    children = sorted(_entries(WORKSPACES, listed), key=lambda one: one.object.name)
    lines = _scaling_hint(entry)
    asked = False
    for child in [one for one in children if one.ready != "True"][:_MOST_EXPLAINED]:
        if isinstance(child.object, Workspace):
            state = _state(api, child.object._replace(namespace=namespace))
            lines += [f"workspace {child.object.name}: {state.reason}"] if state.reason else []
            lines += state.pods
            asked = asked or state.asked
    return View((entry, *children), True, tuple(lines), note=note, asked=asked)


class _State(NamedTuple):
    """Why a workspace is not ready, and what its pods say. `asked`: its server was asked, and changes no object."""

    reason: str = ""
    pods: tuple[str, ...] = ()
    asked: bool = False


def _state(api: ApiServer, workspace: Workspace) -> _State:
    """Ask the model's server about a workspace that KAITO does not call ready, since it may answer long before."""
    from kaito.workspaces.phase import NotAnsweringError, why_not_ready
    from kaito.workspaces.readiness import pod_lines

    reason, asked = why_not_ready(workspace), False
    if in_doubt(workspace) and not (workspace.tuning or workspace.deleting):
        from kaito.workspaces.endpoint import find

        try:
            found = find(api, Reference(workspace.name, WORKSPACES), workspace.namespace, os.environ)
        except NotAnsweringError as error:
            reason, asked = error.phase.words, error.phase.asked
        except KaitoError:
            # Whatever keeps this user from asking, the objects are shown.
            pass
        else:
            if not found.unasked:
                # What its pods report is older than its answer.
                return _State(found.note.partition("note: ")[2], asked=True)
    return _State(reason, tuple(pod_lines(api, workspace)), asked)


def _scaling_hint(entry: Entry) -> list[str]:
    """Return what starts an InferenceSet without replicas, which KAITO calls ready."""
    found = entry.object
    if not isinstance(found, InferenceSet) or found.replicas or found.deleting:
        return []
    return [f"it is scaled to zero: kubectl scale {entry.reference} --replicas=1 -n {found.namespace}"]


def _entries(kind: str, reading: Reading) -> list[Entry]:
    """Return the objects of a list; without a valid name, nothing can be asked about one."""
    found = (read_entry(kind, one) for one in items(reading.document, "items"))
    return [entry for entry in found if entry.object.name]


def _complete(kind: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its apiVersion and kind, which the items of a list may lack. `path`: where it was read."""
    return {"apiVersion": "/".join(path.split("/")[2:4]), "kind": KIND[kind], **document}


def _note(kind: str, why: str, namespace: str) -> str:
    """Return why a kind is not shown."""
    reason = "this cluster's KAITO does not serve them"
    if why == FORBIDDEN:
        reason = f"you may not list {kind}.kaito.sh " + (f"-n {namespace}" if namespace else "-A")
    return f"{KIND[kind]}s are not shown: {reason}\n"


def _refusal(api: ApiServer, kind: str, why: str, namespace: str, wanted: Reference | None = None) -> KaitoError:
    """Return the error for what could not be read: a WorkspaceError for what does not exist, else a ClusterError."""
    from kaito.errors import ClusterError
    from kaito.kube.hints import kubectl_hint
    from kaito.workspaces.lookup import unknown_name
    from kaito.workspaces.objects import no_kaito

    if why == NO_KAITO:
        return no_kaito(f'{wanted.word} "{wanted.name}" cannot be found' if wanted else "there are no workspaces")
    if why == ABSENT and wanted:
        return unknown_name(api, wanted, namespace)
    verb = "get" if wanted else "list"
    flag = f"-n {namespace}" if namespace else "-A"
    return ClusterError(
        f"you may not {verb} {kind} " + (f'in namespace "{namespace}"' if namespace else "in all namespaces"),
        kubectl_hint(f"auth can-i {verb} {kind}.kaito.sh {flag}", api.target),
    )
