"""Flags, environment and files → `Target`: the chosen cluster, user and namespace, as kubectl chooses them.

Three steps, each on its own below: `read_config` reads and merges the files that count (client-go's
tools/clientcmd/loader.go); a table of checks refuses what kubectl's decoder refuses (its api/v1/types.go);
`resolve` picks context, cluster and user, lays kubectl's flags over them and refuses what client-go refuses
(client_config.go, validation.go). Nothing is sent and no plugin is run here.

Where this departs from kubectl, kubectl guesses: a context, cluster or user that is named but missing, or a
cluster without a server, is an error here; kubectl turns to http://localhost:8080 or asks for a password.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from kaito.errors import ClusterError

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

_EXEC_EXTENSION = "client.authentication.k8s.io/exec"
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EXEC_VERSIONS_WITH_DEFAULT_MODE = (
    "client.authentication.k8s.io/v1beta1",
    "client.authentication.k8s.io/v1alpha1",
)
_INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")
_PROXY_SCHEMES = ("http", "https", "socks5")
_NAMES_SHOWN = 10


class ExecConfig(NamedTuple):
    """A credential plugin (client-go's ExecConfig). `command` is absolute if it was written as a path."""

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"


class AuthProvider(NamedTuple):
    """One of client-go's old built-in plugins, such as `oidc`, and its settings."""

    name: str
    config: Mapping[str, str]


class Impersonation(NamedTuple):
    """Whom to act as; `user` is never "" when one of the others is set. `extra`: (key, values) pairs."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Cluster(NamedTuple):
    """Where the API server is and how it is trusted.

    `server`: http:// or https://, host, perhaps port and path; no slash at its end, no query. `ca_file` and
    `ca_data` are never both set, nor is either beside `insecure`. `disable_compression` is for credential plugins
    to know; we never ask for any. `exec_extension`: what the cluster holds for them, any JSON value or None.
    `file`: the kubeconfig it is from, or "".
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
    """Who the user is: all that the kubeconfig and the flags say, not yet read from files or plugins.

    Several ways can be set at once. `token_file` wins over `token` while it can be read; a certificate goes
    beside any of them; `exec` and `auth_provider` count only without token, basic login and certificate.
    `file`: the kubeconfig it is from, or "".
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
    """What to talk to. `context`: "" if none is in use. `in_cluster`: by the pod's service account.

    `flags`: kubectl's flags as they were given, (name, value) with "" for a switch; without the namespace, and with a
    placeholder for a secret.
    """

    context: str
    cluster: Cluster
    user: User
    namespace: str
    in_cluster: bool = False
    flags: tuple[tuple[str, str], ...] = ()

    def given(self, *names: str) -> tuple[str, ...]:
        """Those of the flags that were given, such as ("--token",)."""
        known = dict(self.flags)
        return tuple(f"--{name}" for name in names if name in known)


class Overrides(NamedTuple):
    """kubectl's flags; as with kubectl, an empty one counts as not given."""

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


class Entry(NamedTuple):
    """One named cluster, user or context as it stands in a file: its fields, checked but not yet decoded."""

    fields: Mapping[str, Any]
    file: str


class Config(NamedTuple):
    """The merged files. `files`: those that were read, in order of precedence; `missing`: those not there."""

    contexts: Mapping[str, Entry]
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    current_context: str
    files: tuple[str, ...]
    missing: tuple[str, ...]


def resolve(overrides: Overrides, environ: Mapping[str, str], *, service_account: str = SERVICE_ACCOUNT) -> Target:
    """The cluster, user and namespace that kubectl would use with these flags in this environment.

    `service_account` is the folder that holds a pod's token, ca.crt and namespace. Raises ClusterError.
    """
    config = read_config(overrides.kubeconfig, environ)
    context_name = overrides.context or config.current_context
    context = _chosen(config, "context", context_name)
    pod = _in_pod(environ, service_account)
    namespace = overrides.namespace or _string(context.fields, "namespace")
    if not namespace:
        namespace = (_pod_namespace(environ, service_account) if pod else "") or "default"
    cluster = _cluster(config, context, overrides)
    user = _user(config, context, overrides)
    _check_user(user, overrides)
    if not cluster.server and not cluster.name and pod:
        _check_cluster(cluster, overrides)
        cluster, user = _pod_access(overrides, user, environ, service_account)
        return Target("", cluster, user, namespace, in_cluster=True, flags=_given(overrides))
    server = cluster.server or environ.get("KUBERNETES_MASTER", "")
    if not server:
        raise _no_server(config, cluster, context_name)
    origin = "--server" if overrides.server else f"cluster {_quoted(cluster.name)}{_in_file(cluster.file)}: server"
    cluster = cluster._replace(server=_server_url(server, origin))
    _check_cluster(cluster, overrides)
    if cluster.server.startswith("http://"):
        # client-go sends no credentials over plain HTTP (ClientConfig's IsConfigTransportTLS).
        user = User(name=user.name, impersonate=user.impersonate, file=user.file)
    else:
        _check_secure_user(user)
    return Target(context_name, cluster, user, namespace, flags=_given(overrides))


def _given(overrides: Overrides) -> tuple[tuple[str, str], ...]:
    """Target.flags, in the order of the Overrides."""
    names = {"as_user": "as", "as_groups": "as-group"}
    flags = []
    for field, value in overrides._asdict().items():
        name = names.get(field, field.replace("_", "-"))
        if name in ("token", "password") and value:
            value = name.upper()
        if value is True:
            flags.append((name, ""))
        elif name != "namespace":
            flags += [(name, one) for one in (value if isinstance(value, tuple) else (value,)) if one]
    return tuple(flags)


# --- Files -------------------------------------------------------------------------------------------------


def read_config(kubeconfig: str, environ: Mapping[str, str]) -> Config:
    """The merged kubeconfig: `kubeconfig` (the flag) if set, else $KUBECONFIG's files, else ~/.kube/config.

    Of files that name the same thing, the first wins. Raises ClusterError for a file that cannot be read or
    is no kubeconfig, and for a `kubeconfig` that is missing; other missing files are skipped.
    """
    contexts: dict[str, Entry] = {}
    clusters: dict[str, Entry] = {}
    users: dict[str, Entry] = {}
    current_context = ""
    found = []
    missing = []
    for path in _paths(kubeconfig, environ):
        try:
            with open(path, "rb") as file:
                source = file.read()
        except FileNotFoundError:
            if kubeconfig:
                raise ClusterError(
                    f"kubeconfig {_quoted(path)} does not exist", "correct the path given with --kubeconfig"
                ) from None
            missing.append(path)
            continue
        except OSError as error:
            raise ClusterError(
                f"kubeconfig {_quoted(path)} cannot be read: {_reason(error)}",
                "correct the path, or the rights to it",
            ) from None
        document = _document(source, path)
        found.append(path)
        for merged, listed, inner in (
            (contexts, "contexts", "context"),
            (clusters, "clusters", "cluster"),
            (users, "users", "user"),
        ):
            for name, entry in _entries(document, listed, inner, path).items():
                merged.setdefault(name, entry)
        current_context = current_context or _string(document, "current-context")
    return Config(contexts, clusters, users, current_context, tuple(found), tuple(missing))


def _paths(kubeconfig: str, environ: Mapping[str, str]) -> list[str]:
    """The files that count, in order of precedence, each once (client-go's ClientConfigLoadingRules)."""
    if kubeconfig:
        return [kubeconfig]
    listed = environ.get("KUBECONFIG", "")
    if listed:
        return [path for path in dict.fromkeys(listed.split(os.pathsep)) if path]
    home = environ.get("HOME", "") or (environ.get("USERPROFILE", "") if os.name == "nt" else "")
    return [os.path.join(home, ".kube", "config")]


def _reason(error: OSError | ValueError) -> str:
    """Why a file cannot be opened; ValueError is what open() raises for a NUL in its name."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def _document(source: bytes, path: str) -> Mapping[str, Any]:
    """One file's content, every field that kubectl knows being of its type; a file without content is {}."""
    from kaito.yaml import load as yaml

    try:
        document = yaml.load(source)
    except yaml.YamlError as error:
        raise ClusterError(
            f"kubeconfig {_quoted(path)} line {error.line}, column {error.column}: {error.message}",
            "correct the file; kubectl refuses it too",
        ) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _invalid_file(path, f" holds {_kind_of(document)} where a kubeconfig's fields belong")
    problem = _check_version(document) or _CONFIG(document)
    if problem:
        raise _invalid_file(path, problem)
    return document


def _check_version(document: Mapping[str, Any]) -> str:
    """What is wrong with apiVersion and kind, or "". Both may be absent; their names match in any case."""
    for name, allowed in (("apiVersion", ("", "v1", "/v1")), ("kind", ("", "Config"))):
        value: object = ""
        for key in sorted(document):
            if key.casefold() == name.casefold():
                value = value if document[key] is None else document[key]
        if not isinstance(value, str):
            return f": {name}: {_kind_of(value)} where a string belongs"
        if value not in allowed:
            return f": {name} is {_quoted(value)}, not {_quoted(allowed[1])}"
    return ""


def _entries(document: Mapping[str, Any], listed: str, inner: str, path: str) -> dict[str, Entry]:
    """The entries of one list by name; `path` must not list a name twice."""
    found: dict[str, Entry] = {}
    for item in document.get(listed) or ():
        item = item or {}
        name = item.get("name") or ""
        if name in found:
            raise _invalid_file(path, f": {listed} names {_quoted(name)} twice")
        found[name] = Entry(item.get(inner) or {}, path)
    return found


# --- Checks: the Go types that kubectl decodes a kubeconfig into -------------------------------------------
#
# A check takes a value and returns what is wrong with it, beginning with the way to it, or "". null is always
# right: it leaves the field at its zero value. Fields that are not named are not looked at.

_Check = Callable[[Any], str]

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _kind_of(value: object) -> str:
    """What a value is, in words; never the value, which can be a secret."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a map" if isinstance(value, dict) else "a list"


def _is_text(value: Any) -> str:
    if value is None or type(value) is str:
        return ""
    quotes = " (put it in quotes)" if isinstance(value, (bool, int, float)) else ""
    return f": {_kind_of(value)} where a string belongs{quotes}"


def _is_flag(value: Any) -> str:
    if value is None or type(value) is bool:
        return ""
    return f": {_kind_of(value)} where true or false belongs"


def _is_data(value: Any) -> str:
    """Base64 as Go reads it: standard alphabet, padded, line ends anywhere; or a list of bytes."""
    if type(value) is str:
        try:
            rest = value.encode("ascii").translate(None, _BASE64)
            if b"\n" in rest or b"\r" in rest:
                value = value.replace("\r", "").replace("\n", "")
                rest = rest.translate(None, b"\r\n")
        except UnicodeEncodeError:
            rest = b"?"
        padded = rest in (b"", b"=", b"==") and value.endswith(rest.decode()) and len(value) % 4 == 0
        return "" if padded else ": not valid base64"
    if value is None or (isinstance(value, list) and all(_is_byte(item) for item in value)):
        return ""
    return f": {_kind_of(value)} where base64 text belongs"


def _is_byte(value: object) -> bool:
    return value is None or (type(value) in (int, float) and value in range(256))


def _is_anything(value: Any) -> str:
    return ""


def _list_of(check: _Check) -> _Check:
    def checked(value: Any) -> str:
        if value is None:
            return ""
        if type(value) is not list:
            return f": {_kind_of(value)} where a list belongs"
        for index, item in enumerate(value):
            problem = check(item)
            if problem:
                name = item.get("name") if isinstance(item, dict) else None
                return f"[{_quoted(name) if isinstance(name, str) else index}]{problem}"
        return ""

    return checked


def _map_of(check: _Check) -> _Check:
    def checked(value: Any) -> str:
        if value is None:
            return ""
        if type(value) is not dict:
            return f": {_kind_of(value)} where a map belongs"
        for key, item in value.items():
            problem = check(item)
            if problem:
                return f".{_shown(key)}{problem}"
        return ""

    return checked


def _struct(fields: Mapping[str, _Check]) -> _Check:
    get = fields.get

    def checked(value: Any) -> str:
        if value is None:
            return ""
        if type(value) is not dict:
            return f": {_kind_of(value)} where a map belongs"
        for key, item in value.items():
            check = get(key)
            if check is not None:
                problem = check(item)
                if problem:
                    return f".{key}{problem}"
        return ""

    return checked


def _extensions(value: Any) -> str:
    """A list of named values of any kind; a name that already has a value may not come again."""
    problem = _EXTENSION_LIST(value)
    if problem or not value:
        return problem
    filled = set()
    for item in value:
        name = (item or {}).get("name") or ""
        if name in filled:
            return f": names {_quoted(name)} twice"
        if (item or {}).get("extension") is not None:
            filled.add(name)
    return ""


def _named(inner: str, fields: Mapping[str, _Check]) -> _Check:
    return _list_of(_struct({"name": _is_text, inner: _struct(fields)}))


_EXTENSION_LIST = _list_of(_struct({"name": _is_text, "extension": _is_anything}))
_CONFIG = _struct(
    {
        "kind": _is_text,
        "apiVersion": _is_text,
        "preferences": _struct({"colors": _is_flag, "extensions": _extensions}),
        "clusters": _named(
            "cluster",
            {
                "server": _is_text,
                "tls-server-name": _is_text,
                "insecure-skip-tls-verify": _is_flag,
                "certificate-authority": _is_text,
                "certificate-authority-data": _is_data,
                "proxy-url": _is_text,
                "disable-compression": _is_flag,
                "extensions": _extensions,
            },
        ),
        "users": _named(
            "user",
            {
                "client-certificate": _is_text,
                "client-certificate-data": _is_data,
                "client-key": _is_text,
                "client-key-data": _is_data,
                "token": _is_text,
                "tokenFile": _is_text,
                "as": _is_text,
                "as-uid": _is_text,
                "as-groups": _list_of(_is_text),
                "as-user-extra": _map_of(_list_of(_is_text)),
                "username": _is_text,
                "password": _is_text,
                "auth-provider": _struct({"name": _is_text, "config": _map_of(_is_text)}),
                "exec": _struct(
                    {
                        "command": _is_text,
                        "args": _list_of(_is_text),
                        "env": _list_of(_struct({"name": _is_text, "value": _is_text})),
                        "apiVersion": _is_text,
                        "installHint": _is_text,
                        "provideClusterInfo": _is_flag,
                        "interactiveMode": _is_text,
                    }
                ),
                "extensions": _extensions,
            },
        ),
        "contexts": _named(
            "context",
            {"cluster": _is_text, "user": _is_text, "namespace": _is_text, "extensions": _extensions},
        ),
        "current-context": _is_text,
        "extensions": _extensions,
    }
)


# --- Fields, decoded ---------------------------------------------------------------------------------------


def decode_cluster(name: str, entry: Entry) -> Cluster:
    """A cluster as its file says, its server as it is written there."""
    fields = entry.fields
    extensions = [item for item in fields.get("extensions") or () if item]
    return Cluster(
        name=name,
        server=_string(fields, "server"),
        ca_file=_path(entry, "certificate-authority"),
        ca_data=_data(fields, "certificate-authority-data"),
        insecure=bool(fields.get("insecure-skip-tls-verify")),
        tls_server_name=_string(fields, "tls-server-name"),
        proxy_url=_string(fields, "proxy-url"),
        disable_compression=bool(fields.get("disable-compression")),
        exec_extension=next(
            (item.get("extension") for item in reversed(extensions) if item.get("name") == _EXEC_EXTENSION),
            None,
        ),
        file=entry.file,
    )


def decode_user(name: str, entry: Entry) -> User:
    """A user as its file says."""
    fields = entry.fields
    extra = fields.get("as-user-extra") or {}
    return User(
        name=name,
        token=_string(fields, "token"),
        token_file=_path(entry, "tokenFile"),
        username=_string(fields, "username"),
        password=_string(fields, "password"),
        certificate_file=_path(entry, "client-certificate"),
        certificate_data=_data(fields, "client-certificate-data"),
        key_file=_path(entry, "client-key"),
        key_data=_data(fields, "client-key-data"),
        impersonate=Impersonation(
            user=_string(fields, "as"),
            uid=_string(fields, "as-uid"),
            groups=_strings(fields.get("as-groups")),
            extra=tuple((key, _strings(values)) for key, values in extra.items()),
        ),
        exec=_exec(entry),
        auth_provider=_auth_provider(fields),
        file=entry.file,
    )


def _exec(entry: Entry) -> ExecConfig | None:
    fields = entry.fields.get("exec")
    if fields is None:
        return None
    command = _string(fields, "command")
    variables = [item or {} for item in fields.get("env") or ()]
    api_version = _string(fields, "apiVersion")
    mode = _string(fields, "interactiveMode")
    if not mode and api_version in _EXEC_VERSIONS_WITH_DEFAULT_MODE:
        mode = "IfAvailable"
    return ExecConfig(
        api_version=api_version,
        # A bare name is looked up on PATH; anything with a separator is a path.
        command=_absolute(entry, command) if os.sep in command else command,
        args=_strings(fields.get("args")),
        env=tuple((_string(item, "name"), _string(item, "value")) for item in variables),
        install_hint=_string(fields, "installHint"),
        provide_cluster_info=bool(fields.get("provideClusterInfo")),
        interactive_mode=mode,
    )


def _auth_provider(fields: Mapping[str, Any]) -> AuthProvider | None:
    provider = fields.get("auth-provider")
    if provider is None:
        return None
    config = provider.get("config") or {}
    return AuthProvider(_string(provider, "name"), {key: value or "" for key, value in config.items()})


def _string(fields: Mapping[str, Any], name: str) -> str:
    value: str = fields.get(name) or ""
    return value


def _strings(values: Any) -> tuple[str, ...]:
    return tuple(value or "" for value in values or ())


def _data(fields: Mapping[str, Any], name: str) -> bytes:
    value = fields.get(name) or ""
    if isinstance(value, list):
        return bytes(int(item or 0) for item in value)
    from binascii import a2b_base64

    return a2b_base64(value)


def _path(entry: Entry, name: str) -> str:
    """A file that the entry names; a relative one is relative to the folder of the entry's kubeconfig."""
    value = _string(entry.fields, name)
    return _absolute(entry, value) if value else ""


def _absolute(entry: Entry, path: str) -> str:
    if os.path.isabs(path):
        return path
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(entry.file)), path))


# --- The choice --------------------------------------------------------------------------------------------

_ABSENT = Entry({}, "")


def _chosen(config: Config, what: str, name: str) -> Entry:
    """The context, cluster or user of that name; an empty one without a name. Raises ClusterError."""
    entries: Mapping[str, Entry] = getattr(config, what + "s")
    if name in entries:
        return entries[name]
    if not name:
        return _ABSENT
    raise ClusterError(
        f"{what} {_quoted(name)} is not in {_where(config)}", _names_hint(f"{what}s there", name, entries)
    )


def _cluster(config: Config, context: Entry, overrides: Overrides) -> Cluster:
    """The chosen cluster with the flags laid over it, as client-go's getCluster does; server may be ""."""
    name = overrides.cluster or _string(context.fields, "cluster")
    cluster = decode_cluster(name, _chosen(config, "cluster", name))
    if overrides.server:
        # Another server has another name: --server drops the file's tls-server-name.
        cluster = cluster._replace(server=overrides.server, tls_server_name="")
    if overrides.tls_server_name:
        cluster = cluster._replace(tls_server_name=overrides.tls_server_name)
    if overrides.insecure_skip_tls_verify or overrides.certificate_authority:
        # Each of the two flags takes the place of all that the file says about whom to trust.
        cluster = cluster._replace(
            ca_file=overrides.certificate_authority, ca_data=b"", insecure=overrides.insecure_skip_tls_verify
        )
    return cluster


def _user(config: Config, context: Entry, overrides: Overrides) -> User:
    """The chosen user with the flags laid over it field by field, as client-go's getAuthInfo does.

    So --token leaves a tokenFile in force, which then wins, and --client-certificate stands beside
    client-certificate-data, which is refused.
    """
    name = overrides.user or _string(context.fields, "user")
    user = decode_user(name, _chosen(config, "user", name))
    acting = user.impersonate
    return user._replace(
        token=overrides.token or user.token,
        username=overrides.username or user.username,
        password=overrides.password or user.password,
        certificate_file=overrides.client_certificate or user.certificate_file,
        key_file=overrides.client_key or user.key_file,
        impersonate=acting._replace(
            user=overrides.as_user or acting.user,
            uid=overrides.as_uid or acting.uid,
            groups=overrides.as_groups or acting.groups,
        ),
    )


# --- What client-go refuses to use (validation.go) ---------------------------------------------------------


def _check_user(user: User, overrides: Overrides) -> None:
    if user.token and (user.username or user.password):
        hint = _keep_one(overrides, "token", "username", "password")
        raise _invalid_user(user, "has both a token and a username or password", hint)
    if user.certificate_file or user.certificate_data:
        if user.certificate_file and user.certificate_data:
            hint = _keep_one(overrides, "client-certificate")
            raise _invalid_user(user, "has both client-certificate and client-certificate-data", hint)
        if user.key_file and user.key_data:
            hint = _keep_one(overrides, "client-key")
            raise _invalid_user(user, "has both client-key and client-key-data", hint)
        if not user.key_file and not user.key_data:
            hint = "give --client-key" if overrides.client_certificate else "add client-key-data or client-key"
            raise _invalid_user(user, "has a client certificate without a key", hint)
        _check_readable(user.certificate_file, "client-certificate", user, overrides.client_certificate)
        _check_readable(user.key_file, "client-key", user, overrides.client_key)
    if user.exec:
        _check_exec(user, user.exec)
    acting = user.impersonate
    if (acting.uid or acting.groups or acting.extra) and not acting.user:
        raise _invalid_user(user, "acts as a uid, groups or extra without acting as a user", "add --as")


def _keep_one(overrides: Overrides, *names: str) -> str:
    """What to do about two ways that exclude each other: a flag is left out more easily than a file is changed."""
    given = dict(_given(overrides))
    flags = " or ".join(f"--{name}" for name in names if name in given)
    return f"leave out {flags}" if flags else "keep one of the two"


def _check_secure_user(user: User) -> None:
    """What is refused only over HTTPS, because client-go sends no credentials otherwise."""
    if user.token_file and not user.token:
        _check_readable(user.token_file, "tokenFile", user)
    if user.username and user.token_file:
        raise _invalid_user(user, "has both tokenFile and username", "keep one of the two")
    if user.exec and user.exec.api_version not in _EXEC_VERSIONS:
        raise _invalid_user(
            user,
            f"has exec.apiVersion {_quoted(user.exec.api_version)}",
            "supported: " + ", ".join(_EXEC_VERSIONS),
        )


def _check_exec(user: User, plugin: ExecConfig) -> None:
    if user.auth_provider:
        raise _invalid_user(user, "has both exec and auth-provider", "keep one of the two")
    if not plugin.command:
        raise _invalid_user(user, "has exec without a command", "add the plugin's program as exec.command")
    if not plugin.api_version:
        raise _invalid_user(user, "has exec without apiVersion", "supported: " + ", ".join(_EXEC_VERSIONS))
    if any(not name for name, _ in plugin.env):
        raise _invalid_user(user, "has an exec.env item without a name", "name it or remove it")
    if plugin.interactive_mode not in _INTERACTIVE_MODES:
        shown = _quoted(plugin.interactive_mode) if plugin.interactive_mode else "missing"
        raise _invalid_user(user, f"has exec.interactiveMode {shown}", "one of " + ", ".join(_INTERACTIVE_MODES))


def _check_cluster(cluster: Cluster, overrides: Overrides) -> None:
    where = _in_file(cluster.file)
    if cluster.proxy_url:
        scheme = cluster.proxy_url.partition(":")[0].lower()
        if scheme not in _PROXY_SCHEMES:
            raise ClusterError(
                f"cluster {_quoted(cluster.name)}{where}: proxy-url is no {', '.join(_PROXY_SCHEMES)} URL",
                "write it as http://host:port",
            )
    if cluster.ca_file and cluster.ca_data:
        raise ClusterError(
            f"cluster {_quoted(cluster.name)}{where} has both certificate-authority and certificate-authority-data",
            "keep one of the two",
        )
    _check_readable(cluster.ca_file, "certificate-authority", cluster, overrides.certificate_authority)
    if cluster.insecure and (cluster.ca_file or cluster.ca_data) and cluster.server.startswith("https://"):
        if overrides.certificate_authority:
            # The flag has taken the place of all that the file says of trust, so the other is a flag as well.
            raise ClusterError(
                "--certificate-authority and --insecure-skip-tls-verify exclude each other",
                "leave out --insecure-skip-tls-verify, so that the server is verified",
            )
        raise ClusterError(
            f"cluster {_quoted(cluster.name)}{where} has both a certificate authority and insecure-skip-tls-verify",
            "remove insecure-skip-tls-verify, so that the server is verified",
        )


def _check_readable(path: str, field: str, owner: Cluster | User, flag: str = "") -> None:
    """`flag`: the value of the flag that stands above the field, or ""."""
    if not path:
        return
    try:
        with open(path, "rb"):
            return
    except (OSError, ValueError) as error:
        what = "cluster" if isinstance(owner, Cluster) else "user"
        entry = f"{what} {_quoted(owner.name)}{_in_file(owner.file)}: "
        raise ClusterError(
            f"{'--' if flag else entry}{field} {_quoted(path)} cannot be read: {_reason(error)}",
            "correct the path, or the rights to it",
        ) from None


def _server_url(server: str, origin: str) -> str:
    """The server as a URL without query and without slash at its end; without a scheme it is plain HTTP.

    That is client-go's rule (rest/url_utils.go, DefaultServerURL), odd as it is. `origin`: what says it, for the
    error. Raises ClusterError.
    """
    text = server.partition("#")[0].partition("?")[0]
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    host, _, path = rest.partition("/")
    usable = scheme.lower() in ("http", "https") and host and (separator or not path)
    problem = "is no http or https URL"
    if "@" in host:
        usable, problem = False, "holds a user name; give the user username and password instead"
    if not usable or not text.isprintable() or " " in host:
        raise ClusterError(f"{origin} {problem}", "write it as https://host:port")
    parts = [part for part in path.split("/") if part]
    if not path.isascii() or " " in path:
        from urllib.parse import quote

        parts = [quote(part, safe="%:@!$&'()*+,;=~") for part in parts]
    return "/".join([f"{scheme.lower()}://{host}", *parts])


# --- In a pod ----------------------------------------------------------------------------------------------


def _in_pod(environ: Mapping[str, str], service_account: str) -> bool:
    """Whether this is a pod with a service account (client-go's inClusterClientConfig.Possible)."""
    return bool(
        environ.get("KUBERNETES_SERVICE_HOST")
        and environ.get("KUBERNETES_SERVICE_PORT")
        and os.path.exists(os.path.join(service_account, "token"))
        and not os.path.isdir(os.path.join(service_account, "token"))
    )


def _pod_namespace(environ: Mapping[str, str], service_account: str) -> str:
    if environ.get("POD_NAMESPACE"):
        return environ["POD_NAMESPACE"]
    try:
        with open(os.path.join(service_account, "namespace"), encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""


def _pod_access(
    overrides: Overrides, user: User, environ: Mapping[str, str], service_account: str
) -> tuple[Cluster, User]:
    """The pod's own API server and service account; of the flags, a token, an authority and --as count."""
    host = environ["KUBERNETES_SERVICE_HOST"]
    if ":" in host:
        host = f"[{host}]"
    authority = os.path.join(service_account, "ca.crt")
    return (
        Cluster(
            server=f"https://{host}:{environ['KUBERNETES_SERVICE_PORT']}",
            ca_file=overrides.certificate_authority or (authority if os.path.isfile(authority) else ""),
        ),
        User(
            token=overrides.token,
            token_file="" if overrides.token else os.path.join(service_account, "token"),
            impersonate=user.impersonate,
        ),
    )


# --- Errors ------------------------------------------------------------------------------------------------


def _shown(text: str) -> str:
    """Text from a file, fit for one line of a terminal."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 200 else text[:199] + "…"


def _quoted(text: str) -> str:
    return f'"{_shown(text)}"'


def _in_file(file: str) -> str:
    return f" in {_quoted(file)}" if file else ""


def _where(config: Config) -> str:
    if not config.files:
        return "any kubeconfig: there is none"
    return (
        "kubeconfig "
        + ", ".join(_quoted(path) for path in config.files[:3])
        + (f" and {len(config.files) - 3} more" if len(config.files) > 3 else "")
    )


def _names_hint(title: str, wanted: str, entries: Mapping[str, Entry]) -> str:
    """The names there are; of more than ten, those that look most like the one that was wanted."""
    names = sorted(name for name in entries if name)
    if not names:
        return f"{title}: none"
    if len(names) <= _NAMES_SHOWN:
        return f"{title}: " + ", ".join(_shown(name) for name in names)
    from difflib import get_close_matches

    close = get_close_matches(wanted, names, n=3, cutoff=0.5) or names[:_NAMES_SHOWN]
    return f"{len(names)} {title}, such as " + ", ".join(_shown(name) for name in close)


def _invalid_file(path: str, problem: str) -> ClusterError:
    # A check's answer begins with "." for a field of the file and with ":" or " " for the file itself.
    text = f": {problem[1:]}" if problem.startswith(".") else problem
    return ClusterError(f"kubeconfig {_quoted(path)}{text}", "correct the file; kubectl refuses it too")


def _invalid_user(user: User, problem: str, hint: str) -> ClusterError:
    name = f"user {_quoted(user.name)}{_in_file(user.file)}" if user.name else "the user given by flags"
    return ClusterError(f"{name} {problem}", hint)


def _no_server(config: Config, cluster: Cluster, context: str) -> ClusterError:
    if cluster.name:
        return ClusterError(
            f"cluster {_quoted(cluster.name)}{_in_file(cluster.file)} has no server",
            "add its URL to the kubeconfig, or give --server",
        )
    if context:
        return ClusterError(
            f"context {_quoted(context)} in {_where(config)} names no cluster",
            _names_hint("give --cluster; clusters there", "", config.clusters),
        )
    if config.contexts:
        return ClusterError(
            f"no context is chosen: {_where(config)} has no current-context",
            _names_hint("give --context; contexts there", "", config.contexts),
        )
    if config.files:
        return ClusterError(f"{_where(config)} has no contexts", "give --kubeconfig another file, or --server a URL")
    missing = ", ".join(_quoted(path) for path in config.missing[:3])
    return ClusterError(
        f"no kubeconfig: {missing} does not exist" if missing else "no kubeconfig: KUBECONFIG names no file",
        "give --kubeconfig, set KUBECONFIG, or copy your cluster's to ~/.kube/config",
    )
