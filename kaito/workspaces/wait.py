"""`--wait`: attempts to find the endpoint, until the workspace can answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kaito.errors import ClusterError, InferenceError, KaitoError, NotReadyError, UnreachableError
from kaito.kube.api_server import ApiServer
from kaito.kube.status import is_transient
from kaito.net.errors import TransportError
from kaito.net.request import Request, Timeouts
from kaito.workspaces.endpoint import Endpoint, Found, find
from kaito.workspaces.objects import ABSENT, fetch, named, replicas_of
from kaito.workspaces.watch import Changes, pauses

# A watch of the workspace does not see its Service, so it is ended after this time for another attempt.
_LONGEST_WATCH = 30.0

_MODELS_SECONDS = 10.0
_MODELS_LIMIT = 1 << 20


def wait(
    api: ApiServer,
    name: str,
    namespace: str,
    environ: Mapping[str, str],
    via: str,
    seconds: float,
    say: Callable[[str], None],
) -> Found:
    """Find the endpoint as soon as the workspace can answer; `say` is called with the reason before each pause.

    Raises NotReadyError after `seconds`; ClusterError and WorkspaceError at once if waiting is no help. An API server
    that is away or busy is waited for only after a first attempt at which it answered.
    """
    end = time.monotonic() + seconds
    search = _Search(api, name, namespace, environ, via)
    try:
        # The first attempt makes no more requests than a run without --wait; the later ones watch for changes.
        outcome = search.attempt()
        while isinstance(outcome, _Obstacle):
            left = end - time.monotonic()
            if left <= 0:
                raise _time_is_up(outcome.reason, seconds)
            say(f"waiting: {outcome.reason.message}")
            search.pause(outcome, left)
            outcome = search.watched_attempt()
        return outcome
    finally:
        search.close()


class _Obstacle(NamedTuple):
    """Why the model cannot answer yet. `watchable`: a change of the workspace may announce that it can."""

    reason: KaitoError
    watchable: bool = False


class _Search:
    """The search for one endpoint. State: the watch, from the second attempt on, and the length of the next pause."""

    def __init__(self, api: ApiServer, name: str, namespace: str, environ: Mapping[str, str], via: str) -> None:
        self._api = api
        self._name = name
        self._namespace = namespace
        self._environ = environ
        self._via = via
        self._changes: Changes | None = None
        self._pauses = pauses()

    def attempt(self) -> Found | _Obstacle:
        """Find the endpoint. Raises KaitoError if waiting is no help, and whatever is wrong with the API server."""
        try:
            found = find(self._api, self._name, self._namespace, self._environ, self._via)
            silence = _why_silent(found.endpoint)
        except NotReadyError as error:
            return _Obstacle(error, watchable=True)
        return _Obstacle(silence) if silence else found

    def watched_attempt(self) -> Found | _Obstacle:
        """Find the endpoint, and watch for changes from now on. Raises KaitoError if waiting is no help."""
        try:
            if self._changes is None:
                self._changes = Changes(self._api, self._namespace, self._query())
            # Before the attempt, so that no change after it is missed.
            self._changes.mark()
            return self.attempt()
        except ClusterError as error:
            if not is_transient(error):
                raise
            return _Obstacle(error)

    def pause(self, obstacle: _Obstacle, left: float) -> None:
        """Wait for a change, or for the time of the next attempt, at most `left` seconds.

        After the first attempt there is no pause, since a change might have come before the watch.
        """
        if obstacle.watchable:
            self._pauses = pauses()
            seconds = min(left, _LONGEST_WATCH)
        else:
            seconds = min(left, next(self._pauses))
        if isinstance(obstacle.reason, ClusterError):
            # The API server is away, so it cannot be watched.
            time.sleep(seconds)
        elif self._changes:
            self._changes.wait(seconds)

    def close(self) -> None:
        """Close the watch's connection."""
        if self._changes:
            self._changes.close()

    def _query(self) -> str:
        is_set = fetch(self._api, "workspaces", self._namespace, self._name).why == ABSENT
        return replicas_of(self._name) if is_set else named(self._name)


def _time_is_up(reason: KaitoError, seconds: float) -> KaitoError:
    if isinstance(reason, ClusterError):
        return reason
    return NotReadyError(f"{reason.message} (waited {seconds:g} s)", "wait longer with --wait=1h", reason.details)


def _why_silent(endpoint: Endpoint) -> KaitoError | None:
    """Return why the model does not answer yet, None if it does or if the user may not ask.

    Raises UnreachableError.
    """
    if endpoint.models:
        return None
    try:
        response = endpoint.link.request(Request("GET", "/v1/models", timeouts=Timeouts(total=_MODELS_SECONDS)))
        body = response.read(_MODELS_LIMIT)
    except UnreachableError:
        raise
    except ClusterError:
        return None
    except TransportError as error:
        return InferenceError(f"the model does not answer yet: {error.message}")
    own = endpoint.link.refusal(response.status, body)
    if own:
        return own if isinstance(own, NotReadyError) else None
    # Any other answer shows that the model's server is up: not every server lists its models.
    return InferenceError(f"the model's server answers {response.status}") if response.status >= 500 else None
