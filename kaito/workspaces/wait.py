"""`--wait`: attempts to find the endpoint, until the workspace can answer."""

from __future__ import annotations

import time

from kaito.errors import ClusterError, KaitoError, NotReadyError
from kaito.kube.status import is_transient
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.endpoint import find
from kaito.workspaces.objects import ABSENT, fetch, named, replicas_of
from kaito.workspaces.phase import LOADING, UNDECIDED, NotAnsweringError, Phase, in_brief
from kaito.workspaces.probe import MODELS, TOKEN
from kaito.workspaces.reference import WORKSPACES
from kaito.workspaces.routes import UnansweredError
from kaito.workspaces.watch import Changes, pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kaito.kube.api_server import ApiServer
    from kaito.model.link import Link
    from kaito.net.request import Request
    from kaito.net.response import Response
    from kaito.workspaces.endpoint import Found
    from kaito.workspaces.reference import Reference

# A watch of the workspace does not see its Service, so it is ended after this time for another attempt.
_LONGEST_WATCH = 30.0

# KAITO samples a download so often.
_SAMPLE_SECONDS = 2.0

_ERROR_LIMIT = 1 << 20


class Aim(NamedTuple):
    """What is waited for: a workspace, by one way or any, as in `endpoint.find`, for at most `seconds`.

    `before_prompt`: a person is going to type, so that the first question cannot be the test of whether it answers.
    """

    wanted: Reference
    namespace: str
    environ: Mapping[str, str]
    via: str
    seconds: float
    before_prompt: bool = False


def wait(api: ApiServer, aim: Aim, say: Callable[[Phase], None], end_of_wait: Callable[[], object]) -> Found:
    """Find the endpoint as soon as the workspace can answer.

    `say` is called with the phase before each pause, and `end_of_wait` once the model answers.

    Raises NotReadyError after `aim.seconds`; ClusterError and WorkspaceError at once if waiting is no help. An API
    server that is away or busy is waited for only after a first attempt at which it answered. Where the user may not
    ask whether the model answers, the link that is found sends the question itself until it does.
    """
    end = time.monotonic() + aim.seconds
    search = _Search(api, aim)
    try:
        # The first attempt makes no more requests than a run without --wait; the later ones watch for changes.
        outcome = search.attempt()
        while isinstance(outcome, KaitoError):
            left = end - time.monotonic()
            if left <= 0:
                raise _time_is_up(outcome, aim.seconds)
            say(search.phase(outcome))
            search.pause(outcome, left)
            outcome = search.watched_attempt()
    finally:
        search.close()
    if outcome.unasked:
        link = PatientLink(outcome.endpoint.link, aim.seconds, end, lambda error: say(search.phase(error)), end_of_wait)
        return outcome._replace(endpoint=outcome.endpoint._replace(link=link))
    end_of_wait()
    return outcome


class PatientLink:
    """A link that sends a request again until the model answers for the first time, at the latest at `end`.

    That is after `seconds`. `say` is called with the reason before each pause, and `done` before the answer. State:
    `end`, which is 0 once the wait is over.
    """

    def __init__(
        self, link: Link, seconds: float, end: float, say: Callable[[NotReadyError], None], done: Callable[[], object]
    ) -> None:
        self._link = link
        self._seconds = seconds
        self._end = end
        self._say = say
        self._done = done
        self.refusal = link.refusal
        self.is_transient = link.is_transient
        self.move_on = link.move_on
        self.close = link.close

    def request(self, request: Request) -> Response:
        """See Link. Nothing was begun where the way, or KAITO's own server, refuses, so the request is sent again.

        Raises NotReadyError when the time is up.
        """
        if request.method == "GET" or not self._end:
            # The user may not read what the server lists, so that it shows nothing; only a question does.
            return self._link.request(request)
        growing, before = pauses(), ""
        while True:
            response = self._link.request(request)
            left = self._end - time.monotonic()
            refused = None
            if response.status >= 400:
                refused = self.refusal(response.status, response.read(_ERROR_LIMIT))
            if isinstance(refused, NotReadyError) and left <= 0:
                self._end = 0.0
                raise _time_is_up(refused, self._seconds)
            if not isinstance(refused, NotReadyError):
                self._end = 0.0
                self._done()
                return response
            if refused.message != before:
                growing, before = pauses(), refused.message
            self._say(refused)
            time.sleep(min(left, next(growing)))


class _Search:
    """The search for one endpoint. State: the watch, from the second attempt on, the next pause, and the last phase."""

    def __init__(self, api: ApiServer, aim: Aim) -> None:
        self._api = api
        self._aim = aim
        self._changes: Changes | None = None
        self._pauses = pauses()
        self._before = Phase(aim.wanted.name, "")
        self._most = 0.0  # the bytes that were left to download when there were most

    def attempt(self) -> Found | KaitoError:
        """Find the endpoint, or return why it cannot answer yet. Raises KaitoError if waiting is no help."""
        aim = self._aim
        try:
            ask = TOKEN if aim.before_prompt else MODELS
            return find(self._api, aim.wanted, aim.namespace, aim.environ, aim.via, ask)
        except NotReadyError as error:
            return error

    def watched_attempt(self) -> Found | KaitoError:
        """Find the endpoint, and watch for changes from now on. Raises KaitoError if waiting is no help."""
        try:
            if self._changes is None:
                self._changes = Changes(self._api, self._aim.namespace, self._query())
            # Before the attempt, so that no change after it is missed.
            self._changes.mark()
            return self.attempt()
        except ClusterError as error:
            if not is_transient(error):
                raise
            return error

    def phase(self, error: KaitoError) -> Phase:
        """Return the phase that an error stands for, as far as the earlier ones tell more about it."""
        if not isinstance(error, NotAnsweringError):
            why = in_brief(error.why) if isinstance(error, UnansweredError) else error.message
            return Phase(self._aim.wanted.name, why)
        now, before = error.phase, self._before
        now = now._replace(why=now.brief or now.why)
        if now.why == UNDECIDED and (before.bytes_left or before.why == LOADING):
            # The gauges of a download that has begun are 0 again only at its end.
            now = now._replace(why=LOADING)
        elif now.bytes_left:
            self._most = max(self._most, now.bytes_left)
            now = now._replace(done=1 - now.bytes_left / self._most)
        if now.why != before.why:
            self._pauses = pauses()
        self._before = now
        return now

    def pause(self, error: KaitoError, left: float) -> None:
        """Wait for a change, or for the time of the next attempt, at most `left` seconds.

        After the first attempt there is no pause, since a change might have come before the watch.
        """
        if isinstance(error, NotReadyError) and not (isinstance(error, NotAnsweringError) and error.phase.asked):
            # A change of the workspace announces the next phase.
            self._pauses = pauses()
            seconds = min(left, _LONGEST_WATCH)
        else:
            seconds = min(left, _SAMPLE_SECONDS if self._before.bytes_left else next(self._pauses))
        if isinstance(error, ClusterError):
            # The API server is away, so it cannot be watched.
            time.sleep(seconds)
        elif self._changes:
            self._changes.wait(seconds)

    def close(self) -> None:
        """Close the watch's connection."""
        if self._changes:
            self._changes.close()

    def _query(self) -> str:
        wanted, namespace = self._aim.wanted, self._aim.namespace
        is_set = not wanted.may_be(WORKSPACES)
        if not wanted.kind:
            is_set = fetch(self._api, "workspaces", namespace, wanted.name).why == ABSENT
        return replicas_of(wanted.name) if is_set else named(wanted.name)


def _time_is_up(reason: KaitoError, seconds: float) -> KaitoError:
    if isinstance(reason, ClusterError):
        return reason
    return NotReadyError(f"{reason.message} (waited {seconds:g} s)", "wait longer with --wait=1h", reason.details)
