"""Why a workspace does not answer, in the cluster's own words: its conditions, and what its pods say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kaito.errors import KaitoError, NotReadyError
from kaito.json_fields import items, part, text
from kaito.kube.api_server import ApiServer
from kaito.kube.duration import age
from kaito.text import excerpt
from kaito.workspaces.objects import fetch
from kaito.workspaces.workspace import Workspace, read

# The label of the pods that a workspace made.
POD_LABEL = "kaito.sh/workspace"

# Enough for every replica of a workspace that somebody reads about on a screen.
_PODS_SHOWN = 5


def explained(error: NotReadyError, api: ApiServer, workspace: Workspace) -> NotReadyError:
    """`error` with why the workspace does not answer, which is read anew: a chat may have gone on for hours."""
    try:
        reading = fetch(api, "workspaces", workspace.namespace, workspace.name)
    except KaitoError:
        return error
    now = workspace if reading.why else read(reading.document)
    return NotReadyError(error.message, error.hint, explanation(api, now))


def explanation(api: ApiServer, workspace: Workspace) -> list[str]:
    """The workspace's conditions, its state and its pods' words, as lines, as far as they may be read."""
    state = [f"state: {workspace.state}"] if workspace.state else []
    return [*condition_table(workspace), *state, *pod_lines(api, workspace)]


def condition_table(workspace: Workspace) -> list[str]:
    """The conditions as aligned lines, none without conditions."""
    rows = [
        (one.type, one.status, one.reason or "-", age(one.lastTransitionTime), excerpt(one.message, 200))
        for one in workspace.conditions
    ]
    return table(("TYPE", "STATUS", "REASON", "AGE", "MESSAGE"), rows) if rows else []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned lines as kubectl prints them: three spaces between columns, none at a line's end."""
    lines = [head, *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["   ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip() for line in lines]


def pod_lines(api: ApiServer, workspace: Workspace) -> list[str]:
    """A line for each pod of the workspace that has something to say; none where pods may not be read."""
    selector = f"{POD_LABEL}%3D{workspace.name}"
    try:
        listed = api.get(f"/api/v1/namespaces/{workspace.namespace}/pods?labelSelector={selector}")
    except KaitoError:
        return []
    pods = items(listed, "items")
    lines = [f"pod {text(part(pod, 'metadata'), 'name')}: {words}" for pod in pods for words in _words(pod)]
    more = len(lines) - _PODS_SHOWN
    return lines[:_PODS_SHOWN] + ([f"… and {more} more"] if more > 0 else [])


def _words(pod: Mapping[str, Any]) -> Iterator[str]:
    """What keeps a pod from serving: why it is not scheduled, what its containers wait for, how they ended."""
    status = part(pod, "status")
    for condition in items(status, "conditions"):
        if text(condition, "type") == "PodScheduled" and text(condition, "status") == "False":
            yield _join(text(status, "phase"), text(condition, "reason"), text(condition, "message"))
            return
    for container in (*items(status, "initContainerStatuses"), *items(status, "containerStatuses")):
        state, last = part(container, "state"), part(container, "lastState")
        count = container.get("restartCount")
        restarts = f"restarted {count} times" if isinstance(count, int) and count > 1 else "restarted once"
        restarted = isinstance(count, int) and count > 0
        ended = part(last, "terminated") or part(state, "terminated")
        waiting = part(state, "waiting")
        if waiting or restarted or (ended and ended.get("exitCode")):
            how = f"it ended with {text(ended, 'reason')} (exit code {ended.get('exitCode')})" if ended else ""
            words = _join(text(waiting, "reason"), text(waiting, "message"))
            yield "; ".join(filter(None, (words, how, restarts if restarted else ""))) or "is starting"
            return
    if text(status, "phase") != "Running":
        yield _join(text(status, "phase"), text(status, "reason"), text(status, "message"))
    elif not all(container.get("ready") for container in items(status, "containerStatuses")):
        yield "Running, but not ready: the model is still being loaded"


def _join(*words: str) -> str:
    return ": ".join(excerpt(word, 300) for word in words if word)
