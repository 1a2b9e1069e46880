"""Kubernetes `Status` answers in the exact words of an API server (see tests/data/cluster/recordings)."""

from __future__ import annotations


def status(code, reason, message, details=None):
    """Return a Status; empty `details` are left out."""
    made = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    made["reason"] = reason
    if details:
        made["details"] = details
    return {**made, "code": code}


def unauthorized():
    """Return the answer to a request without a credential, or with an unknown one."""
    return status(401, "Unauthorized", "Unauthorized")


def bad_request(message):
    """Return the answer to a malformed request."""
    return status(400, "BadRequest", message)


def unavailable(message):
    """Return the service proxy's answer for a service that it cannot reach."""
    return status(503, "ServiceUnavailable", message)


def not_found(name, kind, group=""):
    """Return the answer for an object that does not exist; `kind` is the resource's plural name."""
    return status(404, "NotFound", f'{_qualified(kind, group)} "{name}" not found', _details(name, kind, group))


def forbidden(user, verb, resource, *, name="", group="", namespace=""):
    """Return RBAC's answer.

    `resource` may have a subresource ("services/proxy"); `name` is as written in the path.
    """
    kind = resource.partition("/")[0]
    what = _qualified(kind, group) + (f' "{name}"' if name else "")
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = f'{what} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {where}'
    return status(403, "Forbidden", message, _details(name, kind, group))


def forbidden_path(user, verb, path):
    """Return RBAC's answer for a path that is no object's."""
    return status(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"')


def _qualified(kind, group):
    return f"{kind}.{group}" if group else kind


def _details(name, kind, group):
    details = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in details.items() if value}
