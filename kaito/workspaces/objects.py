"""KAITO's objects on the API server, read in the newest version that the cluster serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kaito.errors import WorkspaceError
from kaito.kube.api_server import ApiServer
from kaito.kube.status import StatusError

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
        path += (f"/namespaces/{namespace}" if namespace else "") + f"/{kind}" + (f"/{name}" if name else "")
        try:
            return Reading(api.get(path + (f"?{query}" if query else "")), path)
        except StatusError as error:
            if error.status.code == 403:
                return Reading({}, path, FORBIDDEN)
            if error.status.code != 404:
                raise
            # An answer other than a Status means that the path is unknown: this version is not served.
            if error.status.reason == "NotFound":
                return Reading({}, path, ABSENT)
    return Reading({}, path, NO_KAITO)


def named(name: str) -> str:
    """Return the query that selects the object of that name."""
    return f"fieldSelector=metadata.name%3D{name}"


def replicas_of(name: str) -> str:
    """Return the query that selects the workspaces of the InferenceSet of that name."""
    return f"labelSelector={SET_LABEL.replace('/', '%2F')}%3D{name}"


def no_kaito(what: str) -> WorkspaceError:
    """Return the error for a cluster without KAITO; `what`: what fails because of it."""
    return WorkspaceError(
        f"{what}: there is no KAITO in the cluster (its API server does not serve kaito.sh)",
        "choose another --context, or install KAITO",
    )
