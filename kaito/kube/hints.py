"""What to do about an error: the kubectl command that shows more, and where the setting at fault was given. Pure."""

from __future__ import annotations

from kaito.errors import ClusterError
from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.kube.kubeconfig.model import Target

# The authorizer's words about a missing right (k8s.io/apiserver's responsewriters.Forbidden).
_FORBIDDEN = pattern(
    r'cannot (?P<verb>[a-z]+) resource "(?P<resource>[\w.-]+)(?:/(?P<sub>[\w.-]+))?"'
    r'(?: in API group "(?P<group>[\w.-]*)")?(?: in the namespace "(?P<namespace>[\w.-]+)")?'
)


def kubectl_hint(command: str, target: Target, *, context: bool = False) -> str:
    """Return the hint to run a kubectl command, with the given flags, so that it asks the same server as the same user.

    `context`: name the context in use even if no flag names it.
    """
    from shlex import quote

    flags = target.flags
    if context and target.context and not target.given("context"):
        flags = (("context", target.context), *flags)
    words = (f" --{name} {quote(value)}" if value else f" --{name}" for name, value in flags)
    return f"check with: kubectl {command}" + "".join(words)


def forbidden(message: str, target: Target) -> ClusterError:
    """Return the error for a 403, in the API server's words, with the command that checks the missing right."""
    right = _FORBIDDEN.search(message)
    hint = ""
    if right:
        resource = right["resource"] + (f".{right['group']}" if right["group"] else "")
        command = f"auth can-i {right['verb']} {resource}"
        command += f" --subresource={right['sub']}" if right["sub"] else ""
        command += f" -n {right['namespace']}" if right["namespace"] else ""
        hint = kubectl_hint(command, target)
    return ClusterError(message or "the API server forbids this request (403)", hint)


def describe_user(target: Target) -> str:
    """Return who sends the requests, for an error: `user "x" of /path/config`, or `the user given by --token`."""
    flags = _credential_flags(target)
    return "the user given by " + " and ".join(flags) if flags else _describe_entry(target)


def certificate_hint(target: Target) -> str:
    """Return where the client certificate in use was given: by flags, in a kubeconfig, or by the exec plugin."""
    user = target.user
    if user.exec and not (user.certificate_file or user.certificate_data):
        return f'see the exec plugin "{user.exec.command}" of {_describe_entry(target)}, which gave the certificate'
    flags = target.given("client-certificate", "client-key")
    return "see " + " and ".join(flags or (f"the client certificate of {_describe_entry(target)}",))


def cluster_hint(field: str, target: Target) -> str:
    """Return where a field of the cluster was given: by the flag of its name, or in a kubeconfig; "" if by neither."""
    if target.given(field):
        return f"see --{field}"
    cluster = target.cluster
    return f'see {field} of cluster "{cluster.name}" in {cluster.file}' if cluster.file else ""


def trust_hint(field: str, target: Target) -> str:
    """Return where the setting that decides about the server's certificate was given, or how to give it."""
    if field == "tls-server-name" and target.given("server") and not target.given(field):
        # --server drops the file's tls-server-name.
        return "see --server, or give --tls-server-name"
    return cluster_hint(field, target) or f"give --{field}"


def _credential_flags(target: Target) -> tuple[str, ...]:
    """Return the flags that gave the credential in use. The order is that of Credentials: the first kind is sent."""
    user = target.user
    if user.token_file:
        return ()
    if user.token:
        return target.given("token")
    if user.username:
        return target.given("username", "password")
    if (user.certificate_file or user.certificate_data) and not user.auth_provider:
        return target.given("client-certificate", "client-key")
    return ()


def _describe_entry(target: Target) -> str:
    """Return who the user is apart from flags."""
    user = target.user
    if target.in_cluster:
        return "this pod's service account"
    if user.name or user.file:
        return f'user "{user.name}"' + (f" of {user.file}" if user.file else "")
    return "an anonymous user (no credentials are set)"
