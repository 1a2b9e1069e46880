"""KAITO's objects on the API server, read in the newest version that the cluster serves."""

from __future__ import annotations

from kaito.errors import ClusterError, WorkspaceError
from kaito.json_fields import part, text
from kaito.kube.names import in_url
from kaito.kube.status import StatusError
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kaito.kube.api_server import ApiServer

# The versions of kaito.sh, newest first. Older clusters serve only the second.
VERSIONS = ("v1beta1", "v1alpha1")

# The label of a workspace that an InferenceSet created.
SET_LABEL = "inferenceset.kaito.sh/created-by"

# Why there is no document: the user may not read it, the cluster serves no version of the kind, or no such object.
FORBIDDEN, NO_KAITO, ABSENT = "forbidden", "no kaito", "absent"


class Reading(NamedTuple):
    """The result of reading: the document, or an empty one and in `why` (one of the three above) the reason.

    `path`: the path that was read, in the version that the cluster serves, without the query.
    """

    document: Mapping[str, Any]
    path: str
    why: str = ""


def fetch(api: ApiServer, kind: str, namespace: str, name: str = "", query: str = "") -> Reading:
    """Read an object, or a list if `name` is "".

    `kind`: the plural, such as "workspaces". `namespace`: "" for all namespaces. `query`: a selector from one of the
    functions below, or "". Raises ClusterError.
    """
    path = ""
    for version in VERSIONS:
        path = f"/apis/kaito.sh/{version}"
        path += f"/namespaces/{in_url(namespace)}" if namespace else ""
        path += f"/{kind}/{in_url(name)}" if name else f"/{kind}"
        try:
            document = api.get(path + (f"?{query}" if query else ""))
            if name:
                check_identity(document, kind, namespace, name)
            return Reading(document, path)
        except StatusError as error:
            if error.status.code == 403:
                return Reading({}, path, FORBIDDEN)
            if error.status.code != 404:
                raise
            # An answer other than a Status means that the path is unknown: this version is not served.
            if error.status.reason == "NotFound":
                if not name:
                    raise
                return Reading({}, path, ABSENT)
    return Reading({}, path, NO_KAITO)


def check_identity(document: Mapping[str, Any], kind: str, namespace: str, name: str) -> None:
    """Raise ClusterError if a document is another object's: its name and namespace lead to further requests."""
    for field, asked in (("name", name), ("namespace", namespace)):
        found = text(part(document, "metadata"), field)
        if found not in ("", asked):
            was = f'its metadata.{field} is "{excerpt(found, 80)}"'
            raise ClusterError(f'the API server sent another object for {kind} "{name}": {was}')


def named(name: str) -> str:
    """Return the query that selects the object of that name."""
    return f"fieldSelector=metadata.name%3D{in_url(name)}"


def replicas_of(name: str) -> str:
    """Return the query that selects the workspaces of the InferenceSet of that name."""
    return f"labelSelector={SET_LABEL.replace('/', '%2F')}%3D{in_url(name)}"


def no_kaito(what: str) -> WorkspaceError:
    """Return the error for a cluster without KAITO; `what`: what fails because of it."""
    return WorkspaceError(
        f"{what}: there is no KAITO in the cluster (its API server does not serve kaito.sh)",
        "choose another --context, or install KAITO",
    )
