"""Exec plugins: run a user's credential program, as client-go's plugin/pkg/client/auth/exec does.

The program's stderr goes to our stderr as it comes; only its stdout is read. There is no time limit: a login in a
browser takes as long as it takes, and Ctrl-C or --timeout ends it, with all that it has started.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal

from kaito.errors import ClusterError, os_reason
from kaito.kube.credential import NEVER
from kaito.kube.kubeconfig.model import EXEC_VERSIONS
from kaito.kube.plugin_process import OUTPUT_LIMIT, read_output
from kaito.lazy_re import pattern
from kaito.net.errors import TlsSettingError
from kaito.net.tls import Certificate, check_certificate
from kaito.text import harmless
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

    from kaito.kube.kubeconfig.model import Cluster, ExecConfig, User

_TIME = pattern(r"(?a)(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|([+-])(\d\d):(\d\d))")

# Go's zero time, 0001-01-01T00:00:00Z: a plugin written in Go prints it if the credential does not expire.
_GO_ZERO = -62135596800.0

_NOT_A_CREDENTIAL = "prints something other than an ExecCredential"


class Issued(NamedTuple):
    """What a plugin gives: a bearer token ("" if none), a client certificate, and when both expire (Unix time)."""

    token: str
    certificate: Certificate | None
    expires: float

    def __repr__(self) -> str:
        return f"Issued(expires={self.expires})"


def run(user: User, cluster: Cluster, *, terminal: bool) -> Issued:
    """Run the user's plugin to its end and return what it gives.

    `terminal`: our stdin is a terminal, and the plugin may read it. Raises ClusterError if the plugin is missing,
    fails, or prints something other than a credential, and KeyboardInterrupt after the plugin has ended.
    """
    plugin = user.exec
    assert plugin is not None
    if plugin.interactive_mode == "Always" and not terminal:
        raise _failure(
            user,
            "must ask for input (interactiveMode: Always), but standard input is not a terminal",
            "run this in a terminal, without a pipe into it",
        )
    interactive = terminal and plugin.interactive_mode != "Never"
    environ = {
        **os.environ,
        **dict(plugin.env),
        "KUBERNETES_EXEC_INFO": json.dumps(_exec_info(plugin, cluster, interactive), separators=(",", ":")),
    }
    executable = _find_program(plugin.command)
    if not executable:
        raise _missing(user, plugin)
    try:
        command = (plugin.command, *plugin.args)
        code, output = read_output(command, executable, environ, interactive=interactive)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in an argument, or "=" in the name of a variable.
        raise _failure(user, f"cannot be run: {os_reason(error)}", _where(user)) from None
    if code:
        end = f"failed with exit code {code}" if code > 0 else f"was ended by {_signal_name(-code)}"
        raise _failure(user, end, _where(user, "its own words are above"))
    try:
        issued = parse(output, plugin.api_version)
        if issued.certificate:
            check_certificate(issued.certificate)
    except TlsSettingError as error:
        problem = f"gives a client certificate that cannot be used: {error.message}"
        raise _failure(user, problem, _where(user)) from None
    except ValueError as error:
        raise _failure(user, str(error), _where(user)) from None
    return issued


def parse(output: bytes, api_version: str) -> Issued:
    """Read an ExecCredential, accepting what client-go accepts: also YAML, and one without a kind.

    Raises ValueError, whose text is a predicate of the plugin and never holds any of the output.
    """
    if len(output) > OUTPUT_LIMIT:
        raise ValueError(f"prints more than {OUTPUT_LIMIT >> 20} MiB")
    credential = _decode(output)
    if credential.get("kind") not in (None, "", "ExecCredential"):
        raise ValueError(_NOT_A_CREDENTIAL)
    version = credential.get("apiVersion")
    if version != api_version:
        printed = f"apiVersion {version}" if version in EXEC_VERSIONS else "an unknown apiVersion or none"
        raise ValueError(f"is configured for apiVersion {api_version} but prints {printed}")
    status = credential.get("status")
    if not isinstance(status, dict):
        raise ValueError("prints an ExecCredential without a status")
    return _read_status(status)


def _read_status(status: dict[str, Any]) -> Issued:
    """Read an ExecCredentialStatus. Raises ValueError."""
    token, certificate, key, expires = (
        _string(status, field) for field in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    )
    if bool(certificate) != bool(key):
        raise ValueError("gives only one of certificate and key")
    if not token and not certificate:
        raise ValueError("gives neither a token nor a certificate")
    if certificate and not ("-----BEGIN " in certificate and "-----BEGIN " in key):
        raise ValueError("gives a certificate or key that is not PEM")
    return Issued(
        token,
        _certificate(certificate, key) if certificate else None,
        NEVER if status.get("expirationTimestamp") is None else _unix_time(expires),
    )


def _certificate(certificate: str, key: str) -> Certificate:
    return Certificate(
        data=certificate.encode(),
        key_data=key.encode(),
        data_name="clientCertificateData",
        key_data_name="clientKeyData",
    )


def _decode(output: bytes) -> dict[str, Any]:
    """Read JSON or, if the text does not start with a brace, YAML."""
    try:
        text = output.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            document = json.loads(text, parse_constant=_refuse_constant)
        else:
            from kaito.yaml import load as yaml

            document = yaml.load(text)
    except (ValueError, RecursionError):
        # Their messages may quote the text, which may be a token.
        raise ValueError("prints neither JSON nor YAML") from None
    if not isinstance(document, dict):
        raise ValueError(_NOT_A_CREDENTIAL)
    return document


def _refuse_constant(_: str) -> float:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError


def _string(status: dict[str, Any], field: str) -> str:
    value = status.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"gives a {field} that is not a string")
    return value


def _unix_time(text: str) -> float:
    """Return the Unix time of an RFC 3339 time as Go reads it: upper-case T and Z, any number of decimals."""
    match = _TIME.fullmatch(text)
    try:
        if not match:
            raise ValueError
        fields = [int(field) for field in match.groups()[:6]]
        moment = datetime.datetime(*fields, tzinfo=datetime.timezone.utc).timestamp()  # type: ignore[arg-type,misc]
    except ValueError:
        raise ValueError("gives an expirationTimestamp that is not an RFC 3339 time") from None
    if moment == _GO_ZERO:
        return NEVER
    sign, hours, minutes = match.groups()[6:]
    offset = int(hours) * 3600 + int(minutes) * 60 if sign else 0
    return moment - offset if sign == "+" else moment + offset


def _exec_info(plugin: ExecConfig, cluster: Cluster, interactive: bool) -> dict[str, Any]:
    """Return what the plugin gets to know: an ExecCredential with a spec (clientauthentication.ExecCredentialSpec)."""
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(cluster)
    return {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}


def _cluster_info(cluster: Cluster) -> dict[str, Any]:
    """Return the cluster as rest.ConfigToExecCluster does: the authority always as data, empty settings left out."""
    from base64 import b64encode

    settings = {
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure,
        "certificate-authority-data": b64encode(_authority(cluster)).decode(),
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    given = {name: value for name, value in settings.items() if value}
    return {"server": cluster.server, **given, "config": cluster.exec_extension}


def _authority(cluster: Cluster) -> bytes:
    """Return the certificates of the cluster's authority, b"" if it has none."""
    if cluster.ca_data or not cluster.ca_file:
        return cluster.ca_data
    try:
        with open(cluster.ca_file, "rb") as file:
            return file.read()
    except OSError as error:
        raise ClusterError(
            f'cannot read the certificate authority {cluster.ca_file} of cluster "{cluster.name}": {os_reason(error)}'
        ) from None


def _find_program(command: str) -> str:
    """Return the program's file, looked up on our own PATH as Go's exec.LookPath does, or "".

    A bare name never means a file in the current directory, even with "." on PATH (Go's exec.ErrDot). A path is used
    as it is: `kubeconfig.decode` has made it absolute.
    """
    if os.path.dirname(command):
        return command if os.path.exists(command) else ""
    found = shutil.which(command) or ""
    return found if os.path.isabs(found) else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _missing(user: User, plugin: ExecConfig) -> ClusterError:
    problem = "does not exist" if os.path.dirname(plugin.command) else "is not on PATH"
    own_hint = harmless(plugin.install_hint.strip())
    return _failure(user, problem, own_hint or _where(user, "install it: kubectl needs it too"))


def _failure(user: User, problem: str, hint: str) -> ClusterError:
    """Return the error about the user's plugin. `problem`: a predicate."""
    command = user.exec.command if user.exec else ""
    return ClusterError(f'the exec plugin "{command}" of user "{user.name}" {problem}', hint)


def _where(user: User, advice: str = "") -> str:
    """Return the hint that names the kubeconfig in which the plugin is set, after the advice."""
    where = f'user "{user.name}" is in {user.file}' if user.file else ""
    return "; ".join(filter(None, (advice, where)))
