"""kubectl's own flags, which every verb takes, and the connection to the API server that they choose."""

from __future__ import annotations

import os

from kaito.errors import ClusterError, UsageError
from kaito.flags import DURATION, SWITCH, TEXT, TEXTS, Flag, whole_number
from kaito.kube.names import is_label
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kaito.flags import Values
    from kaito.kube.api_server import ApiServer
    from kaito.kube.kubeconfig.model import Overrides
    from kaito.workspaces.reference import Reference

NAMESPACE = Flag("namespace", TEXT, "", "Kubernetes namespace", short="n")

WORKSPACE_NAME = Flag("workspace-name", TEXT, "", "Name of the workspace (required)")

# Names, types and meanings are kubectl's; only the default of --request-timeout is not.
KUBECTL_FLAGS = (
    Flag("kubeconfig", TEXT, "", "Path to the kubeconfig file to use"),
    Flag("context", TEXT, "", "The name of the kubeconfig context to use"),
    Flag("cluster", TEXT, "", "The name of the kubeconfig cluster to use"),
    Flag("user", TEXT, "", "The name of the kubeconfig user to use"),
    Flag("server", TEXT, "", "The address and port of the Kubernetes API server", short="s"),
    Flag("token", TEXT, "", "Bearer token for authentication to the API server"),
    Flag("username", TEXT, "", "Username for basic authentication to the API server"),
    Flag("password", TEXT, "", "Password for basic authentication to the API server"),
    Flag("certificate-authority", TEXT, "", "Path to a certificate file of the certificate authority"),
    Flag("client-certificate", TEXT, "", "Path to a client certificate file for TLS"),
    Flag("client-key", TEXT, "", "Path to a client key file for TLS"),
    Flag("tls-server-name", TEXT, "", "Server name to use for server certificate validation"),
    Flag("insecure-skip-tls-verify", SWITCH, False, "Do not check the server's certificate", bare="true"),
    Flag("as", TEXT, "", "Username to impersonate for the operation"),
    Flag("as-group", TEXTS, (), "Group to impersonate, may be repeated", many=True),
    Flag("as-uid", TEXT, "", "UID to impersonate for the operation"),
    Flag(
        "request-timeout",
        DURATION,
        300.0,
        "How long to wait for the next byte of an answer; 0 means no limit",
        shown="5m",
    ),
    Flag("v", whole_number(0), 0, "Number for the log level verbosity; 6 shows requests", short="v"),
)


class KubectlOptions(NamedTuple):
    """What kubectl's flags say.

    `overrides`: cluster, user and namespace. `request_timeout`: seconds to wait for the next byte of an answer, 0 for
    no limit. `verbosity`: kubectl's log level.
    """

    overrides: Overrides
    request_timeout: float
    verbosity: int


def required_name(values: Values, verb: str) -> Reference:
    """Return what --workspace-name names. Raises UsageError if it is missing or not valid."""
    wanted = optional_name(values, verb)
    if wanted is None:
        raise missing_name()
    return wanted


def missing_name(hint: str = "list the workspaces: kubectl kaito status") -> UsageError:
    """Return the error for a missing --workspace-name."""
    return UsageError("--workspace-name is missing", hint)


def optional_name(values: Values, verb: str) -> Reference | None:
    """Return what --workspace-name names, None if it is not given.

    Raises UsageError if the name is not valid, or for an argument, which no verb takes.
    """
    name = values.text("workspace-name")
    if values.arguments:
        word = values.arguments[0]
        # --wait takes its value only after "=", so users easily write "--wait 30s", which makes an argument of "30s".
        if "wait" in values.given and _is_duration(word):
            hint = f"did you mean --wait={word}?"
        else:
            hint = "" if name else f"did you mean --workspace-name {word}?"
        raise UsageError(f'{verb} takes no arguments, but was given "{word}"', hint)
    if not name:
        return None
    from kaito.workspaces.reference import read_reference

    wanted = read_reference(name)
    if wanted is None:
        raise UsageError(
            f'"{name}" cannot be the name of a workspace: names consist of lower case letters, digits, "-" and "."',
            "list the workspaces: kubectl kaito status",
        )
    return wanted


def _is_duration(word: str) -> bool:
    try:
        return DURATION.read(word) is not None
    except ValueError:
        return False


def read_kubectl_flags(values: Values) -> KubectlOptions:
    """Turn kubectl's flags into options."""
    from kaito.kube.kubeconfig.model import Overrides

    overrides = Overrides(
        kubeconfig=values.text("kubeconfig"),
        context=values.text("context"),
        cluster=values.text("cluster"),
        user=values.text("user"),
        namespace=values.text("namespace"),
        server=values.text("server"),
        token=values.text("token"),
        username=values.text("username"),
        password=values.text("password"),
        certificate_authority=values.text("certificate-authority"),
        client_certificate=values.text("client-certificate"),
        client_key=values.text("client-key"),
        tls_server_name=values.text("tls-server-name"),
        insecure_skip_tls_verify=values.switch("insecure-skip-tls-verify"),
        as_user=values.text("as"),
        as_groups=values.texts("as-group"),
        as_uid=values.text("as-uid"),
    )
    return KubectlOptions(overrides, values.real("request-timeout"), values.integer("v"))


def connect(options: KubectlOptions, interactive: bool | None = None) -> ApiServer:
    """Return the API server that the flags, the environment and the kubeconfig choose. Raises ClusterError.

    `interactive`: whether an exec plugin may read stdin; None allows it if stdin is a terminal.
    """
    from kaito.kube.api_server import ApiServer
    from kaito.kube.credentials import Credentials
    from kaito.kube.kubeconfig.resolve import resolve

    target = resolve(options.overrides, os.environ)
    if not is_label(target.namespace):
        from kaito.text import excerpt

        raise ClusterError(f'"{excerpt(target.namespace)}" cannot be the name of a namespace', "give one with -n")
    # A reload keeps the context, even if kubectl has changed the current one meanwhile.
    pinned = options.overrides._replace(context=target.context)
    credentials = Credentials(target, interactive=interactive, reload=lambda: resolve(pinned, os.environ))
    return ApiServer(target, os.environ, credentials, _trace if options.verbosity >= 6 else None)


def _trace(line: str) -> None:
    try:
        os.write(2, (line + "\n").encode("utf-8", "replace"))
    except OSError:
        # A trace that cannot be written must not end the run.
        pass
