"""The values of a kubeconfig: what a file says, what kubectl's flags say, and the target that results from both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

EXEC_GROUP = "client.authentication.k8s.io/"

# The versions of ExecCredential that client-go v0.32 speaks; v1alpha1 is gone from it.
EXEC_VERSIONS = (EXEC_GROUP + "v1", EXEC_GROUP + "v1beta1")


class ExecConfig(NamedTuple):
    """A credential plugin (client-go's ExecConfig). `command` is absolute if the file has a path there."""

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"


class AuthProvider(NamedTuple):
    """One of client-go's former built-in plugins, such as `oidc`, and its settings."""

    name: str
    config: Mapping[str, str]


class Impersonation(NamedTuple):
    """The user to act as. `user` is never "" when another field is set. `extra`: (key, values) pairs."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Cluster(NamedTuple):
    """Where the API server is, and which certificates it may have.

    `server`: an http or https URL with a host and optionally a port and a path, without a trailing slash or a query.
    At most one of `ca_file`, `ca_data` and `insecure` is set. `disable_compression` is only passed on to exec plugins:
    this program never asks for compression. `exec_extension`: the cluster's settings for exec plugins, any JSON value
    or None. `file`: the kubeconfig that the cluster comes from, or "".
    """

    name: str = ""
    server: str = ""
    ca_file: str = ""
    ca_data: bytes = b""
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    disable_compression: bool = False
    exec_extension: object = None
    file: str = ""


class User(NamedTuple):
    """The user's credentials as the kubeconfig and the flags give them; no file is read and no plugin run yet.

    Several kinds can be set at once. `token_file` wins over `token` while it can be read; a certificate is sent beside
    any other kind; `exec` and `auth_provider` count only without a token and a login, `exec` also only without a
    certificate. `file`: the kubeconfig that the user comes from, or "".
    """

    name: str = ""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    certificate_file: str = ""
    certificate_data: bytes = b""
    key_file: str = ""
    key_data: bytes = b""
    impersonate: Impersonation = Impersonation()
    exec: ExecConfig | None = None
    auth_provider: AuthProvider | None = None
    file: str = ""


class Target(NamedTuple):
    """The chosen cluster, user and namespace.

    `context`: its name, or "" if none is in use. `in_cluster`: the user is the service account of this pod. `flags`:
    as `Overrides.as_flags` returns them.
    """

    context: str
    cluster: Cluster
    user: User
    namespace: str
    in_cluster: bool = False
    flags: tuple[tuple[str, str], ...] = ()

    def given(self, *names: str) -> tuple[str, ...]:
        """Return those of the flags that were given, such as ("--token",)."""
        return tuple(f"--{name}" for name in names if name in dict(self.flags))


class Overrides(NamedTuple):
    """The values of kubectl's flags. As in kubectl, an empty value counts as a flag that was not given."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    server: str = ""
    token: str = ""
    username: str = ""
    password: str = ""
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""

    def as_flags(self) -> tuple[tuple[str, str], ...]:
        """Return the given flags as (name, value) pairs, in the order of the fields and without the namespace.

        The value of a switch is "". A placeholder stands for a token or password.
        """
        names = {"as_user": "as", "as_groups": "as-group"}
        flags: list[tuple[str, str]] = []
        for field, value in self._asdict().items():
            name = names.get(field, field.replace("_", "-"))
            if value is True:
                flags.append((name, ""))
            elif value and name in ("token", "password"):
                flags.append((name, name.upper()))
            elif name != "namespace":
                flags += [(name, one) for one in (value if isinstance(value, tuple) else (value,)) if one]
        return tuple(flags)


class Entry(NamedTuple):
    """One named cluster, user or context of a file. `fields`: those in the file, checked but not yet decoded."""

    fields: Mapping[str, Any]
    file: str


class Config(NamedTuple):
    """The merged files. `files`: those that were read, in order of precedence; `missing`: those that do not exist."""

    contexts: Mapping[str, Entry]
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    current_context: str
    files: tuple[str, ...]
    missing: tuple[str, ...]
