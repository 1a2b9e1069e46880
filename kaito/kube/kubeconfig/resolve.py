"""Flags, environment and files → `Target`: the chosen cluster, user and namespace, as kubectl chooses them.

Nothing is sent and no plugin is run here. This differs from kubectl where kubectl guesses: a context, cluster or user
that is named but does not exist, or a cluster without a server, is an error here; kubectl falls back to
http://localhost:8080 or asks for a password.
"""

from __future__ import annotations

from kaito.errors import ClusterError
from kaito.json_fields import text
from kaito.kube.kubeconfig.decode import decode_cluster, decode_user
from kaito.kube.kubeconfig.files import read_config
from kaito.kube.kubeconfig.model import Entry, Target, User
from kaito.kube.kubeconfig.rules import check_cluster, check_secure_user, check_user, server_url
from kaito.kube.kubeconfig.wording import describe_entry, describe_files, names_hint, quoted, quoted_paths
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kaito.kube.kubeconfig.model import Cluster, Config, Overrides
    from kaito.kube.kubeconfig.pod import Pod

# Where the kubelet mounts it.
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

_ABSENT = Entry({}, "")


def resolve(overrides: Overrides, environ: Mapping[str, str], *, service_account: str = SERVICE_ACCOUNT) -> Target:
    """Return the cluster, user and namespace that kubectl would use with these flags in this environment.

    `service_account` is the folder that holds a pod's token, ca.crt and namespace. Raises ClusterError.
    """
    config = read_config(overrides.kubeconfig, environ)
    context_name = overrides.context or config.current_context
    context = _find(config, "context", context_name)
    cluster = _choose_cluster(config, context, overrides)
    user = _choose_user(config, context, overrides)
    check_user(user, overrides)
    pod = _find_pod(environ, service_account)
    namespace = overrides.namespace or text(context.fields, "namespace") or (pod.namespace if pod else "") or "default"
    flags = overrides.as_flags()
    if pod and not cluster.server and not cluster.name:
        check_cluster(cluster, overrides)
        return Target("", pod.cluster(overrides), pod.user(overrides, user), namespace, in_cluster=True, flags=flags)
    server = cluster.server or environ.get("KUBERNETES_MASTER", "")
    if not server:
        raise _no_server(config, cluster, context_name)
    setting = "--server" if overrides.server else f"{describe_entry(cluster)}: server"
    cluster = cluster._replace(server=server_url(server, setting))
    check_cluster(cluster, overrides)
    return Target(context_name, cluster, _user_for(cluster, user), namespace, flags=flags)


def _find(config: Config, what: str, name: str) -> Entry:
    """Return the context, cluster or user of that name, an empty one if the name is "". Raises ClusterError."""
    entries: Mapping[str, Entry] = getattr(config, what + "s")
    if name in entries:
        return entries[name]
    if not name:
        return _ABSENT
    raise ClusterError(
        f"{what} {quoted(name)} is not in {describe_files(config)}", names_hint(f"{what}s", entries, name)
    )


def _find_pod(environ: Mapping[str, str], service_account: str) -> Pod | None:
    """Return the access of the pod in which this program runs, None outside a pod."""
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    from kaito.kube.kubeconfig.pod import find_pod

    return find_pod(environ, service_account)


def _choose_cluster(config: Config, context: Entry, overrides: Overrides) -> Cluster:
    """Return the chosen cluster with the flags applied, as client-go's getCluster does; its server may be ""."""
    name = overrides.cluster or text(context.fields, "cluster")
    cluster = decode_cluster(name, _find(config, "cluster", name))
    if overrides.server:
        # Another server has another name: --server drops the file's tls-server-name.
        cluster = cluster._replace(server=overrides.server, tls_server_name="")
    if overrides.tls_server_name:
        cluster = cluster._replace(tls_server_name=overrides.tls_server_name)
    if overrides.insecure_skip_tls_verify or overrides.certificate_authority:
        # Either flag replaces all that the file says about certificates.
        cluster = cluster._replace(
            ca_file=overrides.certificate_authority, ca_data=b"", insecure=overrides.insecure_skip_tls_verify
        )
    return cluster


def _choose_user(config: Config, context: Entry, overrides: Overrides) -> User:
    """Return the chosen user with the flags applied field by field, as client-go's getAuthInfo does.

    So a tokenFile in the kubeconfig still wins over --token. --client-certificate and --client-key replace the file's
    data too, as in kubectl since 1.35; older ones refuse them beside it.
    """
    name = overrides.user or text(context.fields, "user")
    user = decode_user(name, _find(config, "user", name))
    impersonation = user.impersonate
    return user._replace(
        token=overrides.token or user.token,
        username=overrides.username or user.username,
        password=overrides.password or user.password,
        certificate_file=overrides.client_certificate or user.certificate_file,
        certificate_data=b"" if overrides.client_certificate else user.certificate_data,
        key_file=overrides.client_key or user.key_file,
        key_data=b"" if overrides.client_key else user.key_data,
        impersonate=impersonation._replace(
            user=overrides.as_user or impersonation.user,
            uid=overrides.as_uid or impersonation.uid,
            groups=overrides.as_groups or impersonation.groups,
        ),
    )


def _user_for(cluster: Cluster, user: User) -> User:
    """Return what of the user's credentials may be sent to the cluster's server. Raises ClusterError."""
    if cluster.server.startswith("http://"):
        # client-go sends no credentials over plain HTTP (ClientConfig's IsConfigTransportTLS).
        return User(name=user.name, impersonate=user.impersonate, file=user.file)
    check_secure_user(user)
    return user


def _no_server(config: Config, cluster: Cluster, context: str) -> ClusterError:
    if cluster.name:
        return ClusterError(
            f"{describe_entry(cluster)} has no server", "add its URL to the kubeconfig, or give --server"
        )
    if context:
        return ClusterError(
            f"context {quoted(context)} in {describe_files(config)} names no cluster",
            "give --cluster; " + names_hint("clusters", config.clusters),
        )
    if config.contexts:
        return ClusterError(
            f"no context is chosen: {describe_files(config)} has no current-context",
            "give --context; " + names_hint("contexts", config.contexts),
        )
    if config.files:
        return ClusterError(
            f"{describe_files(config)} has no contexts", "give --kubeconfig another file, or --server a URL"
        )
    missing = quoted_paths(config.missing)
    return ClusterError(
        f"no kubeconfig: {missing} does not exist" if missing else "no kubeconfig: KUBECONFIG names no file",
        "give --kubeconfig, set KUBECONFIG, or copy your cluster's to ~/.kube/config",
    )
