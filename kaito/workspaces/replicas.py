"""The replicas of an InferenceSet as one link: a chat stays with one of them until it fails."""

from __future__ import annotations

from kaito.errors import NotReadyError
from kaito.kube.status import read_status
from kaito.net.errors import CancelledError, TimedOutError, TransportError
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kaito.errors import KaitoError
    from kaito.model.link import Link
    from kaito.net.request import Request
    from kaito.net.response import Response
    from kaito.workspaces.routes import Endpoint

# The bound of an error's body: the client reads as much of it.
_ERROR_LIMIT = 1 << 20


class Replica(NamedTuple):
    """A replica that can be asked: the name of its workspace, and where its model answers."""

    name: str
    endpoint: Endpoint


class ReplicaLink:
    """A link to one replica after the other. State: the present one, the others, and those that failed.

    It moves on only before an answer: if a replica cannot be reached, is gone, or answers 502 or 503, or if a proxy on
    the way does. A request whose answer has begun is never repeated. `find` returns the replica of a name, and raises
    NotReadyError if nothing leads to it; `relist` returns the names of all, after all known ones have failed.

    `moved` is called with the new replica and the reason once that has answered.
    """

    def __init__(
        self,
        present: Replica,
        others: Sequence[str],
        find: Callable[[str], Replica],
        relist: Callable[[], Sequence[str]],
    ) -> None:
        self.present = present
        self.moved: Callable[[Replica, str], None] = lambda replica, why: None
        self._answered = present.name
        self._others = list(others)
        self._find = find
        self._relist = relist
        self._failed: set[str] = set()
        self._exhausted = False
        self._why = ""

    def request(self, request: Request) -> Response:
        """See Link. A replica that fails is left for another one; if all fail, the last one's failure counts."""
        if self._exhausted:
            # A later attempt, or question: each may have become able to answer.
            self._exhausted = False
            self._failed.clear()
        while True:
            try:
                response = self.present.endpoint.link.request(request)
                why = _why_gone(self.present.endpoint.link, response)
            except TransportError as error:
                # A server that was asked and is silent may be at work on the answer.
                silent = isinstance(error, TimedOutError) and error.stage != "connect"
                if silent or isinstance(error, CancelledError) or not self.move_on(error.message):
                    raise
                continue
            if not why:
                self._settle(response.status)
                return response
            if not self.move_on(why):
                return response

    def move_on(self, why: str) -> bool:
        """See Link. A replica is not tried twice in one request; after all of them have failed, there is none."""
        if self._exhausted:
            return False
        self._why = self._why or why
        self._failed.add(self.present.name)
        if self._take_one() or self._take_one(self._relist()):
            return True
        self._exhausted = True
        return False

    def _take_one(self, names: Sequence[str] | None = None) -> bool:
        """Turn to a replica that has not failed. Return whether there is one."""
        self._others = self._others if names is None else list(names)
        for name in self._others:
            if name in self._failed:
                continue
            try:
                replica = self._find(name)
            except NotReadyError:
                self._failed.add(name)
                continue
            self.present.endpoint.link.close()
            self.present = replica
            return True
        return False

    def _settle(self, status: int) -> None:
        """Note that the present replica has answered."""
        if status == 429:
            return
        if self.present.name != self._answered:
            self._answered = self.present.name
            self.moved(self.present, self._why)
        self._failed.clear()
        self._why = ""

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """See Link."""
        return self.present.endpoint.link.refusal(status, body)

    def is_transient(self, status: int, body: bytes) -> bool:
        """See Link."""
        return self.present.endpoint.link.is_transient(status, body)

    def close(self) -> None:
        """See Link."""
        self.present.endpoint.link.close()


def _why_gone(link: Link, response: Response) -> str:
    """Return why an answer shows that no model stands behind it, "" if one does."""
    if response.status not in (404, 501, 502, 503):
        return ""
    try:
        body = response.read(_ERROR_LIMIT)
    except TransportError:
        body = b""
    own = link.refusal(response.status, body)
    if isinstance(own, NotReadyError):
        return own.message.partition(": ")[2]
    if response.status in (502, 503) or (response.status == 404 and (not body or read_status(body))):
        return f"its server answers {response.status}"
    return ""
