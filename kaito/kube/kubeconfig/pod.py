"""The service account of the pod that the program runs in (client-go's inClusterClientConfig)."""

from __future__ import annotations

import os

from kaito.kube.kubeconfig.model import Cluster, User
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kaito.kube.kubeconfig.model import Overrides


class Pod(NamedTuple):
    """The access that a pod has to its own API server. `ca_file` and `namespace` are "" where they are missing."""

    server: str
    token_file: str
    ca_file: str
    namespace: str

    def cluster(self, overrides: Overrides) -> Cluster:
        """Return the pod's cluster; of the flags, only the certificate authority counts."""
        return Cluster(server=self.server, ca_file=overrides.certificate_authority or self.ca_file)

    def user(self, overrides: Overrides, user: User) -> User:
        """Return the service account; of the flags, only the token counts, and whom `user` acts as."""
        return User(
            token=overrides.token,
            token_file="" if overrides.token else self.token_file,
            impersonate=user.impersonate,
        )


def find_pod(environ: Mapping[str, str], service_account: str) -> Pod | None:
    """Return the pod's access, or None outside a pod and in one without a service account.

    `service_account`: the folder of token, ca.crt and namespace.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    token, authority = (os.path.join(service_account, name) for name in ("token", "ca.crt"))
    if not host or not port or not os.path.exists(token) or os.path.isdir(token):
        return None
    return Pod(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        token_file=token,
        ca_file=authority if os.path.isfile(authority) else "",
        namespace=environ.get("POD_NAMESPACE") or _read_namespace(service_account),
    )


def _read_namespace(service_account: str) -> str:
    try:
        with open(os.path.join(service_account, "namespace"), encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
