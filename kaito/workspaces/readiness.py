"""Why a workspace does not answer, in the cluster's own words: its conditions, and what its pods say."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kaito.errors import KaitoError, NotReadyError
from kaito.json_fields import items, part, text
from kaito.kube.api_server import ApiServer
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


def age(moment: str, now: float | None = None) -> str:
    """How long ago an RFC 3339 moment was, as kubectl shows it (apimachinery's duration.HumanDuration)."""
    import calendar

    try:
        then = calendar.timegm(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return "-"
    seconds = max(0, int((time.time() if now is None else now) - then))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 2 * 365:
        return f"{days}d"
    return f"{days // 365}y{days % 365}d" if days % 365 and days < 8 * 365 else f"{days // 365}y"


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
