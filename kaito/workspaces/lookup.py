"""What the cluster says of a name: its Workspace, or a replica of its InferenceSet, and the Service in front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kaito.errors import ClusterError, KaitoError, NotReadyError, WorkspaceError
from kaito.json_fields import items
from kaito.kube.api_server import ApiServer
from kaito.kube.hints import kubectl_hint
from kaito.kube.status import StatusError
from kaito.workspaces import workspace as workspaces
from kaito.workspaces.objects import ABSENT, FORBIDDEN, NO_KAITO, fetch, no_kaito, replicas_of
from kaito.workspaces.workspace import Workspace


class Lookup(NamedTuple):
    """A workspace that nothing speaks against asking.

    `service` is None where it may not be read. `replica_of`: the InferenceSet that was asked for, or "". `note`: a
    line for the user, or "".
    """

    workspace: Workspace
    service: Mapping[str, Any] | None
    replica_of: str = ""
    note: str = ""


def look_up(api: ApiServer, name: str, namespace: str) -> Lookup:
    """Reads the Workspace and its Service; what may not be read is done without.

    Raises ClusterError; WorkspaceError for a name that is nobody's and a workspace that serves nothing;
    NotReadyError, which explains why.
    """
    workspace, service = _read_both(api, name, namespace)
    if workspace is None:
        return _look_up_replica(api, name, namespace)
    if workspace.tuning:
        from kaito.workspaces.readiness import explanation

        raise WorkspaceError(
            f'workspace "{name}" tunes a model and serves none',
            "chat with a workspace that has an inference section; kubectl kaito status lists them",
            explanation(api, workspace),
        )
    why = workspaces.not_ready(workspace)
    if why:
        raise _not_ready(api, workspace, why)
    return Lookup(workspace, _usable(api, service, workspace))


def _read_both(api: ApiServer, name: str, namespace: str) -> tuple[Workspace | None, Mapping[str, Any] | KaitoError]:
    """The workspace (None: no such one) and the Service of its name, or why that could not be read.

    They are fetched on two connections at once, so that a far API server costs two round trips for the handshakes
    and one for both answers.
    """
    # Not threading, whose import takes longer than both requests to a near server.
    import _thread

    api.prepare()
    beside = api.beside()
    services: list[Mapping[str, Any] | KaitoError] = []
    done = _thread.allocate_lock()
    done.acquire()

    def read_service() -> None:
        try:
            services.append(_get_service(beside, name, namespace))
        finally:
            done.release()

    _thread.start_new_thread(read_service, ())
    try:
        workspace = _get_workspace(api, name, namespace)
        done.acquire()
    finally:
        beside.close()
    return workspace, services[0]


def _get_workspace(api: ApiServer, name: str, namespace: str) -> Workspace | None:
    """The workspace; one of its name alone where it may not be read; None where there is none of that name."""
    reading = fetch(api, "workspaces", namespace, name)
    if reading.why == NO_KAITO:
        raise no_kaito(f'workspace "{name}" cannot be found')
    if reading.why == FORBIDDEN:
        return Workspace(name, namespace)
    return None if reading.why == ABSENT else workspaces.read(reading.document)


def _get_service(api: ApiServer, name: str, namespace: str) -> Mapping[str, Any] | KaitoError:
    try:
        return api.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    except KaitoError as error:
        return error


def _usable(api: ApiServer, service: Mapping[str, Any] | KaitoError, workspace: Workspace) -> Mapping[str, Any] | None:
    """The Service, None where it may not be read. Raises ClusterError, and NotReadyError where there is none."""
    if not isinstance(service, KaitoError):
        return service
    code = service.status.code if isinstance(service, StatusError) else 0
    if code == 403:
        return None
    if code == 404:
        raise _not_ready(api, workspace, f'there is no Service "{workspace.name}" yet')
    raise service


def _not_ready(api: ApiServer, workspace: Workspace, why: str) -> NotReadyError:
    from kaito.workspaces.readiness import explanation

    return NotReadyError(
        f'workspace "{workspace.name}" is not ready: {why}',
        _waiting_hint(workspace.name, workspace.namespace),
        explanation(api, workspace),
    )


def _waiting_hint(name: str, namespace: str) -> str:
    return f"wait for it with --wait, or watch it: kubectl kaito status --workspace-name {name} -n {namespace} --watch"


def _look_up_replica(api: ApiServer, name: str, namespace: str) -> Lookup:
    """No workspace has the name; an InferenceSet may, and then one of its ready replicas is taken."""
    if fetch(api, "inferencesets", namespace, name).why:
        raise unknown_name(api, name, namespace)
    replicas = replicas_that_are(api, name, namespace)
    ready = [one for one in replicas if workspaces.ready(one) == "True"]
    if not ready:
        count = f"none of its {len(replicas)} workspaces is ready" if replicas else "it has no workspace yet"
        from kaito.workspaces.readiness import explanation

        raise NotReadyError(
            f'InferenceSet "{name}" is not ready: {count}',
            _waiting_hint(name, namespace),
            explanation(api, replicas[0]) if replicas else (),
        )
    chosen = ready[0]
    service = _usable(api, _get_service(api, chosen.name, namespace), chosen)
    note = f"InferenceSet {name}: its workspace {chosen.name} answers ({len(ready)} of {len(replicas)} ready)"
    return Lookup(chosen, service, name, note)


def replicas_that_are(api: ApiServer, name: str, namespace: str) -> list[Workspace]:
    """The workspaces of an InferenceSet, by name. Raises ClusterError, also where they may not be listed."""
    listed = fetch(api, "workspaces", namespace, query=replicas_of(name))
    if listed.why == FORBIDDEN:
        raise ClusterError(
            f'"{name}" is an InferenceSet, and you may not list its workspaces',
            kubectl_hint(f"auth can-i list workspaces.kaito.sh -n {namespace}", api.target),
        )
    return sorted(map(workspaces.read, items(listed.document, "items")))


def unknown_name(api: ApiServer, name: str, namespace: str) -> WorkspaceError:
    """The name is nobody's: the closest ones, and where else it exists, as far as that may be listed."""
    message = f'workspace "{name}" not found in namespace "{namespace}"'
    known = list(_known(api, namespace))
    elsewhere = sorted({one.namespace for one in known if one.name == name and one.namespace != namespace})
    if elsewhere:
        return WorkspaceError(message, f"it exists elsewhere: use -n {' or -n '.join(elsewhere[:5])}")
    names = sorted({one.name for one in known if one.namespace == namespace})
    if not names:
        return WorkspaceError(message, "list those there are: kubectl kaito status -A")
    import difflib

    close = difflib.get_close_matches(name, names, 5, 0.4) or names[:5]
    more = f", and {len(names) - len(close)} more" if len(names) > len(close) else ""
    return WorkspaceError(message, f"there is: {', '.join(close)}{more}")


def _known(api: ApiServer, namespace: str) -> Iterator[Workspace]:
    """Everything that could have been meant: in all namespaces, or in this one where only that may be listed."""
    for kind in ("workspaces", "inferencesets"):
        try:
            listed = fetch(api, kind, "")
            if listed.why == FORBIDDEN:
                listed = fetch(api, kind, namespace)
        except ClusterError:
            # The name that was not found is the news, not that its neighbours cannot be named.
            return
        yield from map(workspaces.read, items(listed.document, "items"))
