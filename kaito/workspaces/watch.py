"""Watches of KAITO's objects: the API server announces changes, so that there is no need to poll."""

from __future__ import annotations

import math
import time

from kaito.errors import ClusterError
from kaito.json_fields import part, text
from kaito.lazy_re import pattern
from kaito.net.errors import TransportError
from kaito.net.request import Request, Timeouts
from kaito.values import TYPE_CHECKING
from kaito.workspaces.objects import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.objects import Reading

# The pause between two readings if a watch is refused or ends early.
POLL_SECONDS = 5.0

# The pauses while something is away that announces nothing: a model that is being loaded, an API server.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0

# The least time between two readings, however often the workspaces change.
_PACE_SECONDS = 1.0

# An event is as large as a workspace. Its type is at the beginning, so the rest need not arrive.
_EVENT_LIMIT = 1 << 20

# What goes into a query as it is. The API server's are decimal numbers; others may use more.
_REVISION = pattern(r"[A-Za-z0-9._-]{1,128}")

# metav1.WatchEvent. An ERROR is not a change: it says that the revision is too old, and would come again at once. A
# list is not a change either: it is the answer of a gateway that does not support watches.
_CHANGE = pattern(rb'\s*\{\s*"type"\s*:\s*"(?:ADDED|MODIFIED|DELETED)"')


def pauses() -> Iterator[float]:
    """Yield the seconds from one attempt to the next at something that announces nothing: they grow up to a bound."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)


class Changes:
    """Changes of the objects of a kind that `query` selects ("" for all), in a namespace ("" for all).

    `kind`: a plural. State: a connection of its own, and the resource version after which changes count.
    """

    def __init__(self, api: ApiServer, namespace: str, query: str = "", kind: str = "workspaces") -> None:
        self._api = api.beside()
        self._namespace = namespace
        self._query = query
        self._kind = kind
        self._path = ""
        self._revision = ""
        self._marked = 0.0

    def mark(self) -> Reading:
        """List the objects; changes after this list count. Raises ClusterError.

        The list has the cluster's latest resourceVersion; that of an object may be too old to watch from.
        """
        self._revision = ""
        self._marked = time.monotonic()
        listed = fetch(self._api, self._kind, self._namespace, query=self._query)
        self._path = listed.path
        revision = text(part(listed.document, "metadata"), "resourceVersion")
        self._revision = revision if _REVISION.fullmatch(revision) else ""
        return listed

    def wait(self, seconds: float) -> None:
        """Wait for a change since `mark`, for at most `seconds`; without a watch, for at most POLL_SECONDS.

        At least a second passes between `mark` and the return, unless `seconds` are over before.
        """
        end = time.monotonic() + seconds
        changed = self._revision and self._watch(seconds)
        pause = self._marked + _PACE_SECONDS - time.monotonic() if changed else POLL_SECONDS
        time.sleep(max(0.0, min(end - time.monotonic(), pause)))

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def _watch(self, seconds: float) -> bool:
        """Return whether there was a change; False if the time is up, or if watching fails."""
        query = "&".join(filter(None, ("watch=true", self._query, f"resourceVersion={self._revision}")))
        # The server's limit is a little longer, so that this side ends the watch.
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


def wait_for_any(several: Sequence[Changes], seconds: float) -> None:
    """Wait as long as the one whose wait is the shortest. The others' waits go on until they are closed."""
    if len(several) == 1:
        several[0].wait(seconds)
        return
    # Not threading, which this run needs for nothing else.
    import _thread

    over = _thread.allocate_lock()
    over.acquire()

    def wait(changes: Changes) -> None:
        try:
            changes.wait(seconds)
        finally:
            try:
                over.release()
            except RuntimeError:  # another one was the first
                pass

    for changes in several:
        _thread.start_new_thread(wait, (changes,))
    over.acquire(timeout=seconds + POLL_SECONDS)
