"""`--wait`: until the workspace can answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from kaito.errors import ClusterError, InferenceError, KaitoError, NotReadyError, UnreachableError
from kaito.kube.api_server import ApiServer
from kaito.kube.status import is_transient
from kaito.net.errors import TransportError
from kaito.net.request import Request, Timeouts
from kaito.workspaces.endpoint import Endpoint, Found, find
from kaito.workspaces.objects import ABSENT, fetch, named, replicas_of
from kaito.workspaces.watch import Changes, pauses

# A watch ends after this, to look at what is no change of the workspace: its Service.
_LONGEST_WATCH = 30.0

# A look at what the model's server says.
_LOOK_SECONDS = 10.0
_LOOK_LIMIT = 1 << 20


def wait(
    api: ApiServer,
    name: str,
    namespace: str,
    environ: Mapping[str, str],
    via: str,
    seconds: float,
    say: Callable[[str], None],
) -> Found:
    """Finds the endpoint once the workspace can answer; `say` is told what is waited for, at each change.

    Raises NotReadyError after `seconds`, ClusterError and WorkspaceError at once for what waiting does not mend.
    After a first look that succeeds, that is no longer so for an API server that is away or busy.
    """
    end = time.monotonic() + seconds
    growing = pauses()
    changes: Changes | None = None
    looked = False
    try:
        while True:
            outage: ClusterError | None = None
            try:
                if looked:
                    # What is there at once costs no more than without --wait; only from here on it is watched.
                    changes = changes or Changes(api, namespace, _query(api, name, namespace))
                    # Before the look, so that no change after it is missed.
                    changes.mark()
                found = find(api, name, namespace, environ, via)
                silence = _silence(found.endpoint)
            except NotReadyError as error:
                reason: KaitoError = error
                longest, growing = _LONGEST_WATCH, pauses()
            except ClusterError as error:
                if not looked or not is_transient(error):
                    raise
                reason = outage = error
                longest = next(growing)
            else:
                if silence is None:
                    return found
                reason = silence
                longest = next(growing)
            left = end - time.monotonic()
            if left <= 0:
                if outage:
                    raise outage
                raise NotReadyError(
                    f"{reason.message} (waited {seconds:g} s)", "give it longer with --wait=1h", reason.details
                )
            say(f"waiting: {reason.message}")
            if outage:
                time.sleep(min(left, longest))
            elif changes:
                changes.wait(min(left, longest))
            looked = True
    finally:
        if changes:
            changes.close()


def _query(api: ApiServer, name: str, namespace: str) -> str:
    is_set = fetch(api, "workspaces", namespace, name).why == ABSENT
    return replicas_of(name) if is_set else named(name)


def _silence(endpoint: Endpoint) -> KaitoError | None:
    """Why the model does not answer yet; None: it does, or whether it does may not be asked.

    Raises UnreachableError.
    """
    if endpoint.models:
        return None
    try:
        response = endpoint.link.request(Request("GET", "/v1/models", timeouts=Timeouts(total=_LOOK_SECONDS)))
        body = response.read(_LOOK_LIMIT)
    except UnreachableError:
        raise
    except ClusterError:
        return None
    except TransportError as error:
        return InferenceError(f"the model does not answer yet: {error.message}")
    own = endpoint.link.refusal(response.status, body)
    if own:
        return own if isinstance(own, NotReadyError) else None
    # Any other word of its server shows that it is up: not every one lists its models.
    return InferenceError(f"the model's server answers {response.status}") if response.status >= 500 else None
