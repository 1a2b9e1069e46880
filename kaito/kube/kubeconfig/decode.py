"""The entries of a kubeconfig's files, decoded into clusters and users: defaults, base64, paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kaito.json_fields import items, part, text
from kaito.kube.kubeconfig.model import EXEC_GROUP, AuthProvider, Cluster, Entry, ExecConfig, Impersonation, User

_EXEC_EXTENSION = EXEC_GROUP + "exec"

# Where interactiveMode may be left out (SetDefaults_ExecConfig in clientcmd/api/v1/defaults.go); v1 requires it.
_DEFAULT_MODE_VERSIONS = (EXEC_GROUP + "v1beta1", EXEC_GROUP + "v1alpha1")


def decode_cluster(name: str, entry: Entry) -> Cluster:
    """Return the cluster as its file describes it, the server still as it is written there."""
    fields = entry.fields
    extensions = {text(item, "name"): item.get("extension") for item in items(fields, "extensions")}
    return Cluster(
        name=name,
        server=text(fields, "server"),
        ca_file=_path(entry, "certificate-authority"),
        ca_data=_data(fields, "certificate-authority-data"),
        insecure=bool(fields.get("insecure-skip-tls-verify")),
        tls_server_name=text(fields, "tls-server-name"),
        proxy_url=text(fields, "proxy-url"),
        disable_compression=bool(fields.get("disable-compression")),
        exec_extension=extensions.get(_EXEC_EXTENSION),
        file=entry.file,
    )


def decode_user(name: str, entry: Entry) -> User:
    """Return the user as its file describes it."""
    fields = entry.fields
    return User(
        name=name,
        token=text(fields, "token"),
        token_file=_path(entry, "tokenFile"),
        username=text(fields, "username"),
        password=text(fields, "password"),
        certificate_file=_path(entry, "client-certificate"),
        certificate_data=_data(fields, "client-certificate-data"),
        key_file=_path(entry, "client-key"),
        key_data=_data(fields, "client-key-data"),
        impersonate=Impersonation(
            user=text(fields, "as"),
            uid=text(fields, "as-uid"),
            groups=_strings(fields.get("as-groups")),
            extra=tuple((key, _strings(values)) for key, values in part(fields, "as-user-extra").items()),
        ),
        exec=_exec(entry),
        auth_provider=_auth_provider(fields),
        file=entry.file,
    )


def _exec(entry: Entry) -> ExecConfig | None:
    fields = entry.fields.get("exec")
    if fields is None:
        return None
    command = text(fields, "command")
    api_version = text(fields, "apiVersion")
    default_mode = "IfAvailable" if api_version in _DEFAULT_MODE_VERSIONS else ""
    # An item that is null stays, without a name: client-go refuses it.
    variables = [item or {} for item in fields.get("env") or ()]
    return ExecConfig(
        api_version=api_version,
        # A bare name is looked up on PATH; anything with a separator is a path.
        command=_absolute(entry, command) if os.sep in command else command,
        args=_strings(fields.get("args")),
        env=tuple((text(item, "name"), text(item, "value")) for item in variables),
        install_hint=text(fields, "installHint"),
        provide_cluster_info=bool(fields.get("provideClusterInfo")),
        interactive_mode=text(fields, "interactiveMode") or default_mode,
    )


def _auth_provider(fields: Mapping[str, Any]) -> AuthProvider | None:
    provider = fields.get("auth-provider")
    if provider is None:
        return None
    config = part(provider, "config")
    return AuthProvider(text(provider, "name"), {key: text(config, key) for key in config})


def _strings(values: Any) -> tuple[str, ...]:
    return tuple(value or "" for value in values or ())


def _data(fields: Mapping[str, Any], name: str) -> bytes:
    value = fields.get(name) or ""
    if isinstance(value, list):
        return bytes(int(item or 0) for item in value)
    from binascii import a2b_base64

    return a2b_base64(value)


def _path(entry: Entry, name: str) -> str:
    """Return the path in a field, or ""; a relative one starts at the folder of the entry's kubeconfig."""
    value = text(entry.fields, name)
    return _absolute(entry, value) if value else ""


def _absolute(entry: Entry, path: str) -> str:
    if os.path.isabs(path):
        return path
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(entry.file)), path))
