"""The replicas of an InferenceSet, and which of them to ask; and KAITO's other kinds, which a chat cannot ask.

A set is judged by its workspaces: its own condition is True if it has no replica at all, its `status.replicas` is the
number that it wants, and a replica whose benchmark failed serves without being counted (K: pkg/inferenceset).
"""

from __future__ import annotations

import os

from kaito.errors import ClusterError, WorkspaceError
from kaito.json_fields import items
from kaito.kube.hints import kubectl_hint
from kaito.kube.names import in_url
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.inference_set import read_inference_set
from kaito.workspaces.objects import FORBIDDEN, fetch, replicas_of
from kaito.workspaces.reference import INFERENCE_SETS
from kaito.workspaces.workspace import read_workspace, ready_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.inference_set import InferenceSet
    from kaito.workspaces.reference import Reference
    from kaito.workspaces.workspace import Workspace

# So many replicas are asked whether they answer although none of them is ready.
_MOST_ASKED = 5

_OF_MULTI_ROLE = "multiroleinference.kaito.sh%2Fcreated-by%3D{name},kaito.sh%2Finference-role%3Ddecode"


class Choice(NamedTuple):
    """The replicas to ask, the first one first: the ready ones in random order; if none is ready, those that may be.

    `ready`: how many are ready; `wanted`: how many the set wants, or has if those are more.
    """

    workspaces: tuple[Workspace, ...]
    ready: int
    wanted: int


def choose(api: ApiServer, wanted: Reference, namespace: str) -> Choice | None:
    """Return the replicas to ask, None if there is no InferenceSet of that name.

    Raises ClusterError, also if listing is forbidden, or reading what the user calls a set; NotReadyError if there is
    no replica yet; WorkspaceError if there will be none.
    """
    name = wanted.name
    reading = fetch(api, INFERENCE_SETS, namespace, name)
    if reading.why == FORBIDDEN and wanted.kind:
        raise ClusterError(
            f'you may not get {INFERENCE_SETS} in namespace "{namespace}"',
            kubectl_hint(f"auth can-i get {INFERENCE_SETS}.kaito.sh -n {namespace}", api.target),
        )
    if reading.why:
        return None
    replicas = read_inference_set(reading.document)
    if not replicas.replicas and not replicas.deleting:
        raise WorkspaceError(
            f'InferenceSet "{name}" is scaled to zero',
            f"scale it up: kubectl scale inferenceset/{name} --replicas=1 -n {namespace}",
        )
    return _choice(replicas, list_replicas(api, name, namespace), name, namespace)


def _choice(replicas: InferenceSet, found: Sequence[Workspace], name: str, namespace: str) -> Choice:
    """Return the replicas to ask out of all that were found. Raises WorkspaceError, NotReadyError."""
    # Randomly, so that users spread; who chats stays with one, which keeps the beginning of the chat in its cache.
    shuffled = sorted(found, key=lambda _: os.urandom(8))
    alive = [one for one in shuffled if not one.deleting]
    ready = [one for one in alive if ready_status(one) == "True"]
    if not (alive or replicas.deleting):
        from kaito.workspaces.phase import NotAnsweringError, Phase

        hint = f"wait for it with --wait, or watch it: kubectl get inferenceset {name} -n {namespace} --watch"
        raise NotAnsweringError(Phase(name, "it has no workspace yet"), hint, replica_of=name)
    if replicas.deleting and not ready:
        raise WorkspaceError(f'InferenceSet "{name}" is being deleted', "to list the others: kubectl kaito status")
    # Those that have come furthest first.
    may_be = sorted(alive, key=lambda one: sum(condition.status == "False" for condition in one.conditions))
    return Choice(tuple(ready or may_be[:_MOST_ASKED]), len(ready), max(replicas.replicas, len(alive)))


def list_replicas(api: ApiServer, name: str, namespace: str) -> list[Workspace]:
    """Return the workspaces of an InferenceSet. Raises ClusterError, also if listing is forbidden."""
    listed = fetch(api, "workspaces", namespace, query=replicas_of(name))
    if listed.why == FORBIDDEN:
        raise ClusterError(
            f'"{name}" is an InferenceSet, and you may not list its workspaces',
            kubectl_hint(f"auth can-i list workspaces.kaito.sh -n {namespace}", api.target),
        )
    found = map(read_workspace, items(listed.document, "items"))
    return [one._replace(namespace=namespace) for one in found if one.name and one.namespace in ("", namespace)]


def other_kind(api: ApiServer, name: str, namespace: str) -> WorkspaceError | None:
    """Return the error for a name of KAITO's other kinds, None if none of them has it or the user may not read them."""
    try:
        if not fetch(api, "multiroleinferences", namespace, name).why:
            query = "labelSelector=" + _OF_MULTI_ROLE.format(name=in_url(name))
            found = items(fetch(api, "workspaces", namespace, query=query).document, "items")
            names = sorted(one.name for one in map(read_workspace, found) if one.name)
            hint = f"chat with one of its decode workspaces: {', '.join(names[:5]) or 'there is none yet'}"
            return WorkspaceError(f'"{name}" is a MultiRoleInference, which no Service leads to as a whole', hint)
        if not fetch(api, "ragengines", namespace, name).why:
            hint = f"chat with the workspace that it asks: kubectl get ragengine {name} -n {namespace} -o yaml"
            return WorkspaceError(f'"{name}" is a RAGEngine, which searches documents and serves no model', hint)
    except ClusterError:
        # Only the hint is lost: the name is that of no workspace.
        pass
    return None
