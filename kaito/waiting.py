"""`--wait`: until the workspace can answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from kaito.endpoint import ABSENT, Found, find, get_object
from kaito.errors import ClusterError, InferenceError, KaitoError, NotReadyError
from kaito.kube.api import ApiServer
from kaito.openai import ChatModel
from kaito.watching import named, replicas_of, wait_for_change
from kaito.workspace import part, text

# Between two looks at a model that is being loaded, which nothing announces: growing from the one to the other.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0

# A watch ends after this, to look at what is no change of the workspace: its Service.
_LONGEST_WATCH = 30.0


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
    """
    end = time.monotonic() + seconds
    query = revision = ""
    pause = _FIRST_PAUSE
    watcher = api.beside()
    try:
        while True:
            try:
                found = find(api, name, namespace, environ, via)
            except NotReadyError as error:
                reason: KaitoError = error
                longest = _LONGEST_WATCH
            else:
                silence = _silence(found)
                if silence is None:
                    return found
                reason, longest = silence, pause
                pause = min(pause * 2, _LONGEST_PAUSE)
            left = end - time.monotonic()
            if left <= 0:
                raise NotReadyError(f"{reason.message} (waited {seconds:g} s)", reason.hint, reason.details)
            say(f"waiting: {reason.message}")
            if not query:
                # What is there at once costs no more than without --wait; from here on it is watched.
                query = _query(api, name, namespace)
            elif wait_for_change(watcher, namespace, query, revision, min(left, longest)):
                pause = _FIRST_PAUSE
            # Read before the next look, so that no change after it is missed.
            listed = get_object(api, "workspaces", namespace, "", f"?{query}").document
            revision = text(part(listed, "metadata"), "resourceVersion")
    finally:
        watcher.close()


def _query(api: ApiServer, name: str, namespace: str) -> str:
    is_set = get_object(api, "workspaces", namespace, name).why == ABSENT
    return replicas_of(name) if is_set else named(name)


def _silence(found: Found) -> KaitoError | None:
    """Why the model does not answer yet; None: it does, or whether it does may not be asked."""
    if found.endpoint.models:
        return None
    try:
        ChatModel(found.endpoint.link).models()
    except ClusterError:
        return None
    except (NotReadyError, InferenceError) as error:
        return error
    return None
