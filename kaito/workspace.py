"""What a KAITO Workspace says: the model it serves, and whether it is ready. Pure.

A Workspace has no `spec`: `resource`, `inference`, `tuning` and `status` stand at the top (api/v1beta1
workspace_types.go). All of it is read as data that may be absent or of another shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# The API group's versions, newest first; older clusters serve only the second.
VERSIONS = ("v1beta1", "v1alpha1")


class Condition(NamedTuple):
    """One entry of `status.conditions` (metav1.Condition); `status` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str


class Workspace(NamedTuple):
    """What the chat needs to know. `model`: the preset's name, or "" (a custom template, tuning)."""

    name: str
    namespace: str
    model: str
    tuning: bool
    state: str
    conditions: tuple[Condition, ...]


def path(version: str, namespace: str, name: str = "") -> str:
    """The API server's path of a workspace, or of the namespace's list of them."""
    return f"/apis/kaito.sh/{version}/namespaces/{namespace}/workspaces" + (f"/{name}" if name else "")


def read(document: Mapping[str, Any]) -> Workspace:
    """A Workspace from its JSON, of any version that KAITO has had."""
    metadata, inference, status = (_part(document, key) for key in ("metadata", "inference", "status"))
    conditions = status.get("conditions")
    return Workspace(
        name=_text(metadata, "name"),
        namespace=_text(metadata, "namespace"),
        model=_text(_part(inference, "preset"), "name"),
        # One with both serves: KAITO refuses that, but what serves can be talked to.
        tuning=bool(_part(document, "tuning")) and not inference,
        state=_text(status, "state"),
        conditions=tuple(
            Condition(*(_text(condition, key) for key in Condition._fields))
            for condition in (conditions if isinstance(conditions, list) else ())
            if isinstance(condition, dict)
        ),
    )


def not_ready(workspace: Workspace) -> str:
    """Why the workspace cannot answer, in its own words; "" when nothing speaks against trying.

    Only `InferenceReady` "False" does: a condition that is absent or Unknown has not been decided yet.
    """
    for condition in workspace.conditions:
        if condition.type == "InferenceReady" and condition.status == "False":
            unready = [one for one in workspace.conditions if one.status == "False"]
            # KAITO reports from the machine upwards, so the first one that failed is the cause.
            return "; ".join(f"{one.type}: {one.message or one.reason or one.status}" for one in unready)
    return ""


def _part(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""
