"""A KAITO Workspace or InferenceSet as data: the model that it serves, and whether it is ready. Pure.

A Workspace has no `spec`: `resource`, `inference`, `tuning` and `status` are fields of the object itself (api/v1beta1
workspace_types.go). Any of them may be absent or of another type.
"""

from __future__ import annotations

from kaito.json_fields import items, line, part, text
from kaito.kube.names import is_label, is_subdomain
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


# More conditions or adapters than a workspace ever has.
_MOST_ENTRIES = 100

# The API server refuses longer messages (metav1.Condition).
_LONGEST_MESSAGE = 32768


class Condition(NamedTuple):
    """One entry of `status.conditions` (metav1.Condition); `status` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    lastTransitionTime: str


class Workspace(NamedTuple):
    """The part of a Workspace that this program needs; strings that are absent or not valid are "".

    `model`: the preset's name or a Hugging Face id, "" for a custom template, for tuning, and for a workspace that the
    user may not read. `tuning`: it tunes a model and does not serve one. `created`: an RFC 3339 time. `adapters`: the
    names of its LoRA adapters, which the server lists as further models. `deleting`: it is being deleted, whatever its
    conditions say. `readable`: false if the user may not read it, so that only its name is known.
    """

    name: str
    namespace: str
    model: str = ""
    instance: str = ""
    tuning: bool = False
    state: str = ""
    conditions: tuple[Condition, ...] = ()
    created: str = ""
    adapters: tuple[str, ...] = ()
    deleting: bool = False
    readable: bool = True


def read_workspace(document: Mapping[str, Any]) -> Workspace:
    """Read a Workspace, or an InferenceSet, from the JSON of any API version."""
    metadata, inference, status = (part(document, key) for key in ("metadata", "inference", "status"))
    name, namespace = text(metadata, "name"), text(metadata, "namespace")
    return Workspace(
        name=name if is_subdomain(name) else "",
        namespace=namespace if is_label(namespace) else "",
        model=line(part(inference, "preset"), "name"),
        instance=line(part(document, "resource"), "instanceType"),
        # KAITO refuses a workspace with both sections; if there is one, it serves.
        tuning=isinstance(document.get("tuning"), dict) and not inference,
        state=line(status, "state"),
        conditions=tuple(map(_read_condition, items(status, "conditions")[:_MOST_ENTRIES])),
        created=line(metadata, "creationTimestamp"),
        adapters=tuple(line(part(one, "source"), "name") for one in items(inference, "adapters")[:_MOST_ENTRIES]),
        deleting=text(metadata, "deletionTimestamp") != "",
    )


def _read_condition(entry: Mapping[str, Any]) -> Condition:
    message = text(entry, "message")[:_LONGEST_MESSAGE]
    kind, status, reason, changed = (line(entry, key) for key in ("type", "status", "reason", "lastTransitionTime"))
    return Condition(kind, status, reason, message, changed)


def is_named(workspace: Workspace) -> bool:
    """Return whether the workspace has a valid name, without which nothing can be asked about it."""
    return workspace.name != ""


def ready_status(workspace: Workspace) -> str:
    """Return the status of InferenceReady (WorkspaceSucceeded for tuning): "True", "False" or "Unknown"."""
    wanted = "WorkspaceSucceeded" if workspace.tuning else "InferenceReady"
    statuses = {condition.type: condition.status for condition in workspace.conditions}
    return statuses.get(wanted) or "Unknown"


def in_doubt(workspace: Workspace) -> bool:
    """Return whether the objects say that the workspace may not answer, so that its server is asked before a chat.

    Only an InferenceReady that is "False" says that: a condition that is absent or Unknown is not decided yet. Nothing
    is known of a workspace that the user may not read, and its server has to be asked for the model's name anyway.
    """
    return workspace.deleting or not workspace.readable or ready_status(workspace) == "False"
