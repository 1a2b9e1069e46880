"""What a KAITO Workspace or InferenceSet says: the model it serves, and whether it is ready. Pure.

A Workspace has no `spec`: `resource`, `inference`, `tuning` and `status` stand at the top (api/v1beta1
workspace_types.go). All of it is read as data that may be absent or of another shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kaito.json_fields import items, part, text
from kaito.text import excerpt


class Condition(NamedTuple):
    """One entry of `status.conditions` (metav1.Condition); `status` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    lastTransitionTime: str


class Workspace(NamedTuple):
    """What the chat needs to know; absent strings are "".

    `model`: the preset's name or a Hugging Face id; "" for a custom template, for tuning, and for a workspace that
    may not be read. `tuning`: it makes a model and serves none. `created`: RFC 3339.
    `adapters`: LoRA adapters, which the server lists as further models.
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


def read(document: Mapping[str, Any]) -> Workspace:
    """A Workspace from its JSON, of any version that KAITO has had."""
    metadata, inference, status = (part(document, key) for key in ("metadata", "inference", "status"))
    return Workspace(
        name=text(metadata, "name"),
        namespace=text(metadata, "namespace"),
        model=text(part(inference, "preset"), "name"),
        instance=text(part(document, "resource"), "instanceType"),
        # One with both serves: KAITO refuses that, but what serves can be talked to.
        tuning=isinstance(document.get("tuning"), dict) and not inference,
        state=text(status, "state"),
        conditions=tuple(
            Condition(*(text(condition, key) for key in Condition._fields)) for condition in items(status, "conditions")
        ),
        created=text(metadata, "creationTimestamp"),
        adapters=tuple(text(part(one, "source"), "name") for one in items(inference, "adapters")),
    )


def ready(workspace: Workspace) -> str:
    """The status of its InferenceReady (for tuning: WorkspaceSucceeded): "True", "False", "Unknown"."""
    wanted = "WorkspaceSucceeded" if workspace.tuning else "InferenceReady"
    statuses = {condition.type: condition.status for condition in workspace.conditions}
    return statuses.get(wanted) or "Unknown"


def not_ready(workspace: Workspace) -> str:
    """Why the workspace cannot answer, in its own words; "" when nothing speaks against trying.

    Only `InferenceReady` "False" does: a condition that is absent or Unknown has not been decided yet.
    """
    if workspace.tuning or ready(workspace) != "False":
        return ""
    # KAITO reports from the machine upwards, so the first one that failed is the cause.
    cause = next(condition for condition in workspace.conditions if condition.status == "False")
    return f"{cause.type} is False: {excerpt(cause.message or cause.reason, 300) or 'no reason given'}"
