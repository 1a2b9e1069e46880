"""Watching workspaces: the API server tells of a change, nobody asks over and over."""

from __future__ import annotations

import math
import time

from kaito import workspace as workspaces
from kaito.errors import ClusterError
from kaito.kube.api import ApiServer
from kaito.transport import Timeouts, TransportError
from kaito.workspace import SET_LABEL

# Where a watch is refused or breaks at once, this long between two looks.
POLL_SECONDS = 5.0


def named(name: str) -> str:
    """The query that selects the workspace of that name."""
    return f"fieldSelector=metadata.name%3D{name}"


def replicas_of(name: str) -> str:
    """The query that selects the workspaces of the InferenceSet of that name."""
    return f"labelSelector={SET_LABEL.replace('/', '%2F')}%3D{name}"


def wait_for_change(api: ApiServer, namespace: str, query: str, revision: str, seconds: float) -> bool:
    """Waits until what `query` selects ("": everything) changes after `revision`; True: it did.

    `namespace` "": all of them. `revision`: a list's or an object's resourceVersion; "": there is nothing to watch.
    After `seconds`, and where a watch is not to be had after POLL_SECONDS, False.
    """
    end = time.monotonic() + seconds
    if revision and _watch(api, namespace, query, revision, seconds):
        return True
    pause = min(end - time.monotonic(), POLL_SECONDS)
    if pause > 0:
        time.sleep(pause)
    return False


def _watch(api: ApiServer, namespace: str, query: str, revision: str, seconds: float) -> bool:
    path = workspaces.path("workspaces", workspaces.VERSIONS[0], namespace)
    query = f"?watch=true&{query}&resourceVersion={revision}&timeoutSeconds={math.ceil(seconds)}"
    try:
        response = api.request("GET", path + query, timeouts=Timeouts(idle=None, total=seconds))
        try:
            # The first event, be it a change or the news that the revision is too old, is reason to look again.
            return response.status == 200 and any(data.strip() for data in response.chunks())
        finally:
            response.close()
    except (TransportError, ClusterError):
        return False
