"""Watching workspaces: the API server tells of a change, nobody asks over and over."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from kaito.errors import ClusterError
from kaito.json_fields import part, text
from kaito.kube.api_server import ApiServer
from kaito.lazy_re import pattern
from kaito.net.errors import TransportError
from kaito.net.request import Request, Timeouts
from kaito.workspaces.objects import Reading, fetch

# Where a watch is refused, or ends before its time, this long between two looks.
POLL_SECONDS = 5.0

# Between two looks at what nothing announces: a model that is being loaded, an API server that is away.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0

# However often the workspaces change, this long between two looks.
_PACE_SECONDS = 1.0

# An event is as large as a workspace; what it is stands at its beginning.
_EVENT_LIMIT = 1 << 20

# metav1.WatchEvent. An ERROR is no change: the revision is too old for one, and would be at once again. Nor is a
# list, which a gateway answers that does not know of watching.
_CHANGE = pattern(rb'\s*\{\s*"type"\s*:\s*"(?:ADDED|MODIFIED|DELETED)"')


def pauses() -> Iterator[float]:
    """The seconds between one look and the next at what nothing announces: they grow, to a bound."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)


class Changes:
    """Changes of the workspaces that `query` selects ("": all), in a namespace ("": in all of them).

    State: a connection of its own, and the moment from which changes count.
    """

    def __init__(self, api: ApiServer, namespace: str, query: str = "") -> None:
        self._api = api.beside()
        self._namespace = namespace
        self._query = query
        self._path = ""
        self._revision = ""
        self._marked = 0.0

    def mark(self) -> Reading:
        """Lists the workspaces; from now on changes count. Raises ClusterError.

        A list tells how new the cluster is; an object's own resourceVersion may be too old to watch from.
        """
        self._revision = ""
        self._marked = time.monotonic()
        listed = fetch(self._api, "workspaces", self._namespace, query=self._query)
        self._path = listed.path
        self._revision = text(part(listed.document, "metadata"), "resourceVersion")
        return listed

    def wait(self, seconds: float) -> None:
        """Returns at a change since `mark`, or after `seconds`; without a watch, after POLL_SECONDS at most.

        Not before a second has passed since `mark`, unless `seconds` are over.
        """
        end = time.monotonic() + seconds
        changed = self._revision and self._watch(seconds)
        pause = self._marked + _PACE_SECONDS - time.monotonic() if changed else POLL_SECONDS
        time.sleep(max(0.0, min(end - time.monotonic(), pause)))

    def close(self) -> None:
        """Closes the connection."""
        self._api.close()

    def _watch(self, seconds: float) -> bool:
        """Whether a change came. False: the time is up, or there is no watching."""
        query = "&".join(filter(None, ("watch=true", self._query, f"resourceVersion={self._revision}")))
        # The server ends the watch a moment after this side has stopped listening.
        path = f"{self._path}?{query}&timeoutSeconds={math.ceil(seconds) + 1}"
        event = b""
        try:
            response = self._api.request(Request("GET", path, timeouts=Timeouts(idle=None, total=seconds)))
            try:
                if response.status != 200:
                    return False
                for data in response.chunks():
                    event += data
                    if b"\n" in event or len(event) > _EVENT_LIMIT:
                        break
            finally:
                response.close()
        except (TransportError, ClusterError):
            return False
        return _CHANGE.match(event) is not None
