"""What the cluster has under a name: a Workspace, or the replicas of an InferenceSet, and the Service in front."""

from __future__ import annotations

from kaito.errors import ClusterError, KaitoError, WorkspaceError
from kaito.json_fields import items
from kaito.kube.names import in_url
from kaito.kube.status import StatusError
from kaito.text import nearest
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.objects import ABSENT, FORBIDDEN, NO_KAITO, check_identity, fetch, no_kaito
from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES
from kaito.workspaces.workspace import Workspace, is_named, read_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.reference import Reference


# Within this time, a server nearby has sent the Workspace: a second connection, with a handshake of its own, would take
# more processor time than it saves.
_NEARBY_SECONDS = 0.005


class Lookup(NamedTuple):
    """A workspace, and what stands in front of it.

    `service`: its v1 Service, None if the user may not read it. `replica_of`: the name of the InferenceSet that was
    looked up, or "". `others`: the set's further replicas to ask; `tally`: how many are ready, in words.
    """

    workspace: Workspace
    service: Mapping[str, Any] | None
    replica_of: str = ""
    others: tuple[Workspace, ...] = ()
    tally: str = ""


def look_up(api: ApiServer, wanted: Reference, namespace: str) -> Lookup:
    """Read the Workspace and its Service; objects that the user may not read are skipped.

    Raises ClusterError; WorkspaceError for a name that does not exist and a workspace that serves no model;
    NotReadyError, with the reasons, for a workspace that nothing leads to yet.
    """
    name = wanted.name
    if not wanted.may_be(WORKSPACES):
        return _look_up_set(api, wanted, namespace)
    workspace, service = _read_both(api, name, namespace)
    if workspace is None:
        if wanted.kind:
            raise unknown_name(api, wanted, namespace)
        return _look_up_set(api, wanted, namespace)
    if workspace.tuning:
        raise WorkspaceError(
            f'workspace "{name}" tunes a model and does not serve one',
            "chat with a workspace that has an inference section; kubectl kaito status lists them",
            _explanation(api, workspace),
        )
    return Lookup(workspace, _usable(api, service, workspace))


def _read_both(api: ApiServer, name: str, namespace: str) -> tuple[Workspace | None, Mapping[str, Any] | KaitoError]:
    """Return the workspace (None if there is none) and the Service of that name, or why the Service cannot be read.

    A server nearby sends one after the other. A distant one is asked for both at the same time, on two connections,
    which takes two round trips for the handshakes and one for both answers.
    """
    # Not threading: its import takes longer than both requests to a nearby server.
    import _thread

    api.prepare()
    beside = api.beside()
    services: list[Mapping[str, Any] | KaitoError] = []
    failures: list[BaseException] = []
    is_near, done = _thread.allocate_lock(), _thread.allocate_lock()
    is_near.acquire()
    done.acquire()

    def read_service() -> None:
        try:
            if not is_near.acquire(timeout=_NEARBY_SECONDS):
                services.append(_get_service(beside, name, namespace))
        except BaseException as error:
            failures.append(error)
        finally:
            done.release()

    _thread.start_new_thread(read_service, ())
    try:
        try:
            workspace = _get_workspace(api, name, namespace)
        finally:
            is_near.release()
        done.acquire()
    finally:
        beside.close()
    if failures:
        raise failures[0]
    return workspace, services[0] if services else _get_service(api, name, namespace)


def _get_workspace(api: ApiServer, name: str, namespace: str) -> Workspace | None:
    """Return the workspace, with its name alone if the user may not read it, None if there is none of that name."""
    reading = fetch(api, "workspaces", namespace, name)
    if reading.why == NO_KAITO:
        raise no_kaito(f'workspace "{name}" cannot be found')
    if reading.why == FORBIDDEN:
        return Workspace(name, namespace, readable=False)
    if reading.why == ABSENT:
        return None
    return read_workspace(reading.document)._replace(name=name, namespace=namespace)


def _get_service(api: ApiServer, name: str, namespace: str) -> Mapping[str, Any] | KaitoError:
    """Return the Service, or why it cannot be read."""
    try:
        document = api.get(f"/api/v1/namespaces/{in_url(namespace)}/services/{in_url(name)}")
        check_identity(document, "services", namespace, name)
        return document
    except KaitoError as error:
        return error


def _usable(
    api: ApiServer, service: Mapping[str, Any] | KaitoError, workspace: Workspace, replica_of: str = ""
) -> Mapping[str, Any] | None:
    """Return the Service, None if the user may not read it. Raises ClusterError, and NotReadyError if there is none."""
    if not isinstance(service, KaitoError):
        return service
    code = service.status.code if isinstance(service, StatusError) else 0
    if code == 403:
        return None
    if code == 404:
        raise _no_service(api, workspace, replica_of)
    raise service


def _no_service(api: ApiServer, workspace: Workspace, replica_of: str) -> WorkspaceError:
    from kaito.workspaces import phase
    from kaito.workspaces.readiness import read_mirror, waiting_hint
    from kaito.workspaces.routes import UNKNOWN_NAME

    if workspace.deleting:
        return phase.ended(workspace)
    why = phase.why_not_ready(workspace)
    now = phase.Phase(workspace.name, why)
    download = read_mirror(api, workspace) if phase.is_mirrored(workspace) else None
    if download:
        now = phase.fetching(workspace.name, download)
    if not why:
        why = f'there is no Service "{workspace.name}" yet'
        why += "" if workspace.readable else UNKNOWN_NAME
        now = now._replace(why=why)
    hint = waiting_hint(workspace, replica_of)
    return phase.NotAnsweringError(now, hint, _explanation(api, workspace), replica_of)


def _explanation(api: ApiServer, workspace: Workspace) -> list[str]:
    from kaito.workspaces.readiness import explanation

    return explanation(api, workspace)


def _look_up_set(api: ApiServer, wanted: Reference, namespace: str) -> Lookup:
    """Choose a replica of the InferenceSet of that name. Raises WorkspaceError if there is none."""
    from kaito.workspaces import sets

    name = wanted.name
    choice = sets.choose(api, wanted, namespace)
    if choice is None:
        raise (None if wanted.kind else sets.other_kind(api, name, namespace)) or unknown_name(api, wanted, namespace)
    for chosen in choice.workspaces:
        service = _get_service(api, chosen.name, namespace)
        if not (isinstance(service, StatusError) and service.status.code == 404):
            break
    others = tuple(one for one in choice.workspaces if one.name != chosen.name)
    return Lookup(chosen, _usable(api, service, chosen, name), name, others, f"{choice.ready} of {choice.wanted} ready")


def at_replica(api: ApiServer, lookup: Lookup, workspace: Workspace) -> Lookup:
    """Return `lookup` for another replica of its InferenceSet. Raises ClusterError, NotReadyError without a Service."""
    if workspace == lookup.workspace:
        return lookup
    service = _get_service(api, workspace.name, workspace.namespace)
    return lookup._replace(workspace=workspace, service=_usable(api, service, workspace, lookup.replica_of))


def unknown_name(api: ApiServer, wanted: Reference, namespace: str) -> WorkspaceError:
    """Return the error for a name that does not exist, with where else it exists, or the names closest to it.

    Names that the user may not list are left out, as are those of a kind that the user does not mean.
    """
    name, kind = wanted.name, wanted.word
    message = f'{kind} "{name}" not found in namespace "{namespace}"'
    known = list(_known(api, wanted, namespace))
    elsewhere = sorted({one.namespace for one in known if one.name == name and one.namespace not in ("", namespace)})
    if elsewhere:
        return WorkspaceError(message, f"it exists in another namespace: use -n {' or -n '.join(elsewhere[:5])}")
    names = sorted({one.name for one in known if one.namespace == namespace})
    if not names:
        return WorkspaceError(message, f"to list all {kind}s: kubectl kaito status -A")
    close = nearest(name, names, 5, 0.4) or names[:5]
    more = f", and {len(names) - len(close)} more" if len(names) > len(close) else ""
    return WorkspaceError(message, f"{kind}s here: {', '.join(close)}{more}")


def _known(api: ApiServer, wanted: Reference, namespace: str) -> Iterator[Workspace]:
    """Yield what the user may mean of all namespaces, or of this one if the user may list no other."""
    for kind in filter(wanted.may_be, (WORKSPACES, INFERENCE_SETS)):
        try:
            listed = fetch(api, kind, "")
            if listed.why == FORBIDDEN:
                listed = fetch(api, kind, namespace)
        except ClusterError:
            # These names are only a hint: the error remains that the name does not exist.
            return
        yield from filter(is_named, map(read_workspace, items(listed.document, "items")))
