"""What client-go refuses to use: contradictions and missing files (tools/clientcmd/validation.go), and odd URLs."""

from __future__ import annotations

from kaito.errors import ClusterError, os_reason
from kaito.kube.kubeconfig.model import EXEC_VERSIONS
from kaito.kube.kubeconfig.wording import describe_entry, quoted
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.kube.kubeconfig.model import Cluster, ExecConfig, Impersonation, Overrides, User

_INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")
_PROXY_SCHEMES = ("http", "https", "socks5")
_KEEP_ONE = "keep one of the two"
_VERSIONS_HINT = "supported: " + ", ".join(EXEC_VERSIONS)


def check_user(user: User, overrides: Overrides) -> None:
    """Refuse what client-go refuses of a user, whatever the server. Raises ClusterError."""
    _check_login(user, overrides)
    if user.certificate_file or user.certificate_data:
        _check_certificate(user, overrides)
    if user.exec:
        _check_exec(user, user.exec)
    _check_impersonation(user, user.impersonate)


def check_secure_user(user: User) -> None:
    """Refuse what client-go refuses only over HTTPS, since it sends no credentials otherwise. Raises ClusterError."""
    if user.token_file and not user.token:
        _check_readable(user.token_file, "tokenFile", user)
    if user.username and user.token_file:
        raise _invalid_user(user, "has both tokenFile and username", _KEEP_ONE)
    if user.exec and user.exec.api_version not in EXEC_VERSIONS:
        raise _invalid_user(user, f"has exec.apiVersion {quoted(user.exec.api_version)}", _VERSIONS_HINT)


def check_cluster(cluster: Cluster, overrides: Overrides) -> None:
    """Refuse what client-go refuses of a cluster, apart from its server. Raises ClusterError."""
    if cluster.proxy_url and cluster.proxy_url.partition(":")[0].lower() not in _PROXY_SCHEMES:
        raise ClusterError(
            f"{describe_entry(cluster)}: proxy-url is not an http, https or socks5 URL", "write it as http://host:port"
        )
    if cluster.ca_file and cluster.ca_data:
        raise ClusterError(
            f"{describe_entry(cluster)} has both certificate-authority and certificate-authority-data", _KEEP_ONE
        )
    _check_readable(cluster.ca_file, "certificate-authority", cluster, overrides.certificate_authority)
    if cluster.insecure and (cluster.ca_file or cluster.ca_data) and cluster.server.startswith("https://"):
        if overrides.certificate_authority:
            # The flag replaces both settings of the file, so the other one is a flag as well.
            raise ClusterError(
                "--certificate-authority and --insecure-skip-tls-verify exclude each other",
                "leave out --insecure-skip-tls-verify, so that the server is verified",
            )
        raise ClusterError(
            f"{describe_entry(cluster)} has both a certificate authority and insecure-skip-tls-verify",
            "remove insecure-skip-tls-verify, so that the server is verified",
        )


def server_url(server: str, setting: str) -> str:
    """Return the server as a URL without a query or a trailing slash; without a scheme it is plain HTTP.

    That is client-go's rule (rest/url_utils.go, DefaultServerURL). `setting`: what sets the server, for the error.
    Raises ClusterError.
    """
    hint = "write it as https://host:port"
    text = server.partition("#")[0].partition("?")[0]
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    host, _, path = rest.partition("/")
    if "@" in host:
        raise ClusterError(f"{setting} contains a user name: set username and password of the user instead", hint)
    is_url = scheme.lower() in ("http", "https") and host and (separator or not path)
    if not is_url or not text.isprintable() or " " in host:
        raise ClusterError(f"{setting} is not an http or https URL", hint)
    parts = [part for part in path.split("/") if part]
    if not path.isascii() or " " in path:
        from urllib.parse import quote

        parts = [quote(part, safe="%:@!$&'()*+,;=~") for part in parts]
    return "/".join([f"{scheme.lower()}://{host}", *parts])


def _check_login(user: User, overrides: Overrides) -> None:
    if user.token and (user.username or user.password):
        hint = _keep_one(overrides, "token", "username", "password")
        raise _invalid_user(user, "has both a token and a username or password", hint)


def _check_certificate(user: User, overrides: Overrides) -> None:
    if user.certificate_file and user.certificate_data:
        raise _invalid_user(user, "has both client-certificate and client-certificate-data", _KEEP_ONE)
    if user.key_file and user.key_data:
        raise _invalid_user(user, "has both client-key and client-key-data", _KEEP_ONE)
    if not user.key_file and not user.key_data:
        hint = "give --client-key" if overrides.client_certificate else "add client-key-data or client-key"
        raise _invalid_user(user, "has a client certificate without a key", hint)
    _check_readable(user.certificate_file, "client-certificate", user, overrides.client_certificate)
    _check_readable(user.key_file, "client-key", user, overrides.client_key)


def _check_exec(user: User, plugin: ExecConfig) -> None:
    if user.auth_provider:
        raise _invalid_user(user, "has both exec and auth-provider", _KEEP_ONE)
    if not plugin.command:
        raise _invalid_user(user, "has exec without a command", "add the plugin's program as exec.command")
    if not plugin.api_version:
        raise _invalid_user(user, "has exec without apiVersion", _VERSIONS_HINT)
    if any(not name for name, _ in plugin.env):
        raise _invalid_user(user, "has an exec.env item without a name", "name it or remove it")
    if plugin.interactive_mode not in _INTERACTIVE_MODES:
        mode = quoted(plugin.interactive_mode) if plugin.interactive_mode else "missing"
        raise _invalid_user(user, f"has exec.interactiveMode {mode}", "one of " + ", ".join(_INTERACTIVE_MODES))


def _check_impersonation(user: User, impersonation: Impersonation) -> None:
    if (impersonation.uid or impersonation.groups or impersonation.extra) and not impersonation.user:
        raise _invalid_user(user, "has as-uid, as-groups or as-user-extra without as", "add as, or give --as")


def _check_readable(path: str, field: str, entry: Cluster | User, flag: str = "") -> None:
    """Refuse a file that cannot be opened. `flag`: the value of the flag that replaces the field, or ""."""
    if not path:
        return
    try:
        with open(path, "rb"):
            return
    except (OSError, ValueError) as error:
        where = f"--{field}" if flag else f"{describe_entry(entry)}: {field}"
        raise ClusterError(
            f"{where} {quoted(path)} cannot be read: {os_reason(error)}", "correct the path, or the rights to it"
        ) from None


def _keep_one(overrides: Overrides, *names: str) -> str:
    """Return what to do about settings that exclude each other: leave out a flag, if there is one, or edit the file."""
    given = dict(overrides.as_flags())
    flags = " or ".join(f"--{name}" for name in names if name in given)
    return f"leave out {flags}" if flags else _KEEP_ONE


def _invalid_user(user: User, problem: str, hint: str) -> ClusterError:
    return ClusterError(f"{describe_entry(user) if user.name else 'the user given by flags'} {problem}", hint)
