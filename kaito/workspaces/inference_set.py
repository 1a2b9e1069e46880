"""A KAITO InferenceSet as data: a number of workspaces that serve the same model. Pure.

It has a `spec`, unlike a Workspace. Its condition InferenceSetReady says little: a set of no replicas is "ready"
(api/v1beta1 inferenceset_types.go).
"""

from __future__ import annotations

from kaito.json_fields import count, line, part, text
from kaito.kube.names import is_label, is_subdomain
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class InferenceSet(NamedTuple):
    """The part of an InferenceSet that this program needs; strings that are absent or not valid are "".

    `replicas`: how many workspaces it wants. `ready`: how many have succeeded, as the set counts them; one that serves
    although its benchmark failed is not among them. `deleting`: it is being deleted.
    """

    name: str
    namespace: str
    model: str = ""
    instance: str = ""
    replicas: int = 1
    ready: int = 0
    created: str = ""
    deleting: bool = False


def read_inference_set(document: Mapping[str, Any]) -> InferenceSet:
    """Read an InferenceSet from the JSON of any API version."""
    metadata, spec, status = (part(document, key) for key in ("metadata", "spec", "status"))
    template = part(spec, "template")
    name, namespace = text(metadata, "name"), text(metadata, "namespace")
    return InferenceSet(
        name=name if is_subdomain(name) else "",
        namespace=namespace if is_label(namespace) else "",
        model=line(part(part(template, "inference"), "preset"), "name"),
        instance=line(part(template, "resource"), "instanceType"),
        # The API server sets the default, so it is absent only where it may not be read.
        replicas=count(spec, "replicas") if "replicas" in spec else 1,
        ready=count(status, "readyReplicas"),
        created=line(metadata, "creationTimestamp"),
        deleting=text(metadata, "deletionTimestamp") != "",
    )
