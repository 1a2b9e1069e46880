"""SelfSubjectAccessReviews, the requests of `kubectl auth can-i`, in JSON or (as kubectl sends them) in protobuf."""

from __future__ import annotations

PATH = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MAGIC = b"k8s\x00"
# Field numbers of k8s.io/api/authorization/v1 ResourceAttributes.
FIELDS = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}


def resource_attributes(request):
    """Return the resource attributes in question, by their JSON names."""
    if request.body.startswith(MAGIC):
        unknown = _fields(request.body[len(MAGIC) :])  # runtime.Unknown: 2 is the object
        spec = _fields(_fields(unknown[2])[2])  # SelfSubjectAccessReview: 2 is its spec
        attributes = _fields(spec.get(1, b""))  # the spec: 1 are the resource attributes
        return {name: attributes.get(number, b"").decode() for number, name in FIELDS.items()}
    return (request.json or {}).get("spec", {}).get("resourceAttributes", {})


def right(attributes):
    """Return the verb, resource (with its subresource) and name in question."""
    resource = "/".join(filter(None, (attributes.get("resource"), attributes.get("subresource"))))
    return attributes.get("verb", ""), resource, attributes.get("name", "")


def answer(attributes, allowed):
    """Return the answered review."""
    made = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
    return {**made, "spec": {"resourceAttributes": attributes}, "status": {"allowed": allowed}}


def _fields(message):
    """Return the length-delimited fields of a protobuf message by number; numbers are skipped."""
    fields, position = {}, 0
    while position < len(message):
        key, position = _varint(message, position)
        value, position = _varint(message, position)
        if key & 7 == 2:
            fields[key >> 3] = message[position : position + value]
            position += value
    return fields


def _varint(message, position):
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
