"""Why a workspace does not answer, in the cluster's own words: its conditions, and the state of its pods."""

from __future__ import annotations

from kaito.errors import KaitoError
from kaito.json_fields import count, items, line, part, text
from kaito.kube.duration import age
from kaito.kube.names import in_url, is_subdomain
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING
from kaito.workspaces.objects import fetch
from kaito.workspaces.phase import Download, without_reconcile_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.workspace import Condition, Workspace

# The label of the pods that KAITO creates for a workspace.
POD_LABEL = "kaito.sh/workspace"

# The most characters of a cell; names have 253 at most.
_WIDEST_CELL = 300

# What there is to say about a pod that runs, while its model starts.
_STILL_LOADING = "Running, but not ready: the model is still being loaded"

# The lines that fit on a screen, together with the conditions.
_PODS_SHOWN = 5


def waiting_hint(workspace: Workspace, replica_of: str = "") -> str:
    """Return the next step for a workspace that is not ready; `replica_of`: the InferenceSet that was asked for."""
    where = f"--workspace-name {replica_of or workspace.name} -n {workspace.namespace}"
    return f"wait for it with --wait, or watch it: kubectl kaito status {where} --watch"


def explanation(api: ApiServer, workspace: Workspace) -> list[str]:
    """Return the workspace's conditions, state and pods as lines; pods that the user may not read are left out."""
    state = [f"state: {workspace.state}"] if workspace.state else []
    return [*condition_table(workspace), *state, *pod_lines(api, workspace)]


def pod_trouble(details: Sequence[str]) -> str:
    """Return the first line of an `explanation` that says more of a pod than that it loads, or ""."""
    return next((one for one in details if one.startswith("pod ") and not one.endswith(_STILL_LOADING)), "")


def read_mirror(api: ApiServer, workspace: Workspace) -> Download | None:
    """Return the figures of the ModelMirror that downloads the workspace's model, None if there is none to be read."""
    try:
        listed = fetch(api, "modelmirrors", "")
    except KaitoError:
        return None
    for mirror in items(listed.document, "items"):
        source = text(part(part(mirror, "spec"), "source"), "modelID").lower()
        # A preset goes by the last part of the model's id on Hugging Face (K: pkg/model, NewGenerator).
        names = (source, source.rpartition("/")[2], text(part(mirror, "metadata"), "name"))
        if workspace.model and workspace.model.lower() in names:
            figures = part(part(mirror, "status"), "download")
            left = -1 if figures.get("remainingSeconds") == -1 else count(figures, "remainingSeconds")
            return Download(count(figures, "speedBytesPerSecond"), left)
    return None


def condition_table(workspace: Workspace) -> list[str]:
    """Return the conditions as aligned lines, none if there are no conditions."""
    rows = [
        (one.type, one.status, one.reason or "-", age(one.lastTransitionTime), excerpt(_message(one), 200))
        for one in workspace.conditions
    ]
    return table(("TYPE", "STATUS", "REASON", "AGE", "MESSAGE"), rows) if rows else []


def _message(condition: Condition) -> str:
    """Return the message without what KAITO appends to all of them, which is shown once, as the reason."""
    return without_reconcile_error(condition.message)[0]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines as kubectl prints them: three spaces between columns, none at the end of a line."""
    lines = [head, *([_cell(text) for text in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["   ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip() for line in lines]


def _cell(text: str) -> str:
    return excerpt(text, _WIDEST_CELL) if len(text) > _WIDEST_CELL else " ".join(text.split())


def pod_lines(api: ApiServer, workspace: Workspace) -> list[str]:
    """Return a line for each pod that does not serve or was restarted; none if the user may not read pods."""
    try:
        selector = f"{POD_LABEL}%3D{in_url(workspace.name)}"
        listed = api.get(f"/api/v1/namespaces/{in_url(workspace.namespace)}/pods?labelSelector={selector}")
    except KaitoError:
        return []
    found = [(text(part(pod, "metadata"), "name"), _trouble(pod)) for pod in items(listed, "items")]
    lines = [f"pod {name}: {why}" for name, why in found if why is not None and is_subdomain(name)]
    more = len(lines) - _PODS_SHOWN
    return lines[:_PODS_SHOWN] + ([f"… and {more} more"] if more > 0 else [])


def _trouble(pod: Mapping[str, Any]) -> str | None:
    """Return why the pod does not serve, or did not before a restart; None if it serves."""
    status = part(pod, "status")
    for condition in items(status, "conditions"):
        if text(condition, "type") == "PodScheduled" and text(condition, "status") == "False":
            return _join(text(status, "phase"), text(condition, "reason"), text(condition, "message"))
    containers = items(status, "containerStatuses")
    for container in (*items(status, "initContainerStatuses"), *containers):
        if why := _container_trouble(container):
            return why
    if text(status, "phase") != "Running":
        return _join(text(status, "phase"), text(status, "reason"), text(status, "message"))
    if not all(container.get("ready") for container in containers):
        return _STILL_LOADING
    return None


def _container_trouble(container: Mapping[str, Any]) -> str:
    """Return what the container waits for, how it ended, and how often it was restarted; "" if none of them."""
    state = part(container, "state")
    waiting = part(state, "waiting")
    ended = part(part(container, "lastState"), "terminated") or part(state, "terminated")
    restarts = count(container, "restartCount")
    code = _exit_code(ended)
    if not (waiting or restarts or (ended and code)):
        return ""
    how = f"it ended with {line(ended, 'reason')}" if ended else ""
    how += f" (exit code {code})" if how and code is not None else ""
    restarted = f"restarted {restarts} times" if restarts > 1 else "restarted once" if restarts else ""
    why = _join(text(waiting, "reason"), text(waiting, "message"))
    return "; ".join(filter(None, (why, how, restarted))) or "is starting"


def _exit_code(ended: Mapping[str, Any]) -> int | None:
    """Return an exit code, None if it is not an int32 (v1 ContainerStateTerminated)."""
    code = ended.get("exitCode")
    return code if type(code) is int and -(2**31) <= code < 2**31 else None


def _join(*words: str) -> str:
    return ": ".join(excerpt(word, 300) for word in words if word)
