"""Exec plugins: runs a user's credential program, as client-go's plugin/pkg/client/auth/exec does.

The program's own words go to our stderr as they come; only what it prints on stdout is read. There is no time
limit: a login in a browser takes as long as it takes, and Ctrl-C ends it.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
from typing import IO, Any, NamedTuple

from kaito.errors import ClusterError
from kaito.kube.kubeconfig import Cluster, ExecConfig, User
from kaito.lazy_re import pattern
from kaito.net.tls import Certificate
from kaito.text import harmless

NEVER = float("inf")

_GROUP = "client.authentication.k8s.io/"
_VERSIONS = (_GROUP + "v1", _GROUP + "v1beta1")

# A token and a chain of certificates are a few KiB.
_OUTPUT_LIMIT = 1 << 20

# Between SIGTERM and SIGKILL for a program that is given up, in seconds.
_GRACE = 2.0

_TIME = pattern(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)

# Go's zero time, 0001-01-01T00:00:00Z: a plugin written in Go prints it for "no expiry".
_GO_ZERO = -62135596800.0


class Issued(NamedTuple):
    """What a plugin gives: a bearer token ("" for none), a client certificate, when both run out (Unix time)."""

    token: str
    certificate: Certificate | None
    expires: float

    def __repr__(self) -> str:
        return f"Issued(expires={self.expires})"


def run(user: User, cluster: Cluster, *, terminal: bool) -> Issued:
    """Runs the user's plugin to its end. `terminal`: our stdin is one, and may be handed over.

    Raises ClusterError when it is missing, fails, or prints something else than credentials; lets
    KeyboardInterrupt through after the plugin is gone.
    """
    plugin = user.exec
    assert plugin is not None
    name = f'the exec plugin "{plugin.command}" of user "{user.name}"'
    where = f'user "{user.name}" is in {user.file}' if user.file else ""
    if plugin.interactive_mode == "Always" and not terminal:
        raise ClusterError(
            f"{name} must ask for input (interactiveMode: Always), and standard input is not a terminal",
            "run this in a terminal, without a pipe into it",
        )
    interactive = terminal and plugin.interactive_mode != "Never"
    environ = {
        **os.environ,
        **dict(plugin.env),
        "KUBERNETES_EXEC_INFO": json.dumps(_request(plugin, cluster, interactive), separators=(",", ":")),
    }
    executable = _look_up(plugin.command)
    if not executable:
        missing = "does not exist" if os.path.dirname(plugin.command) else "is not on PATH"
        hint = harmless(plugin.install_hint.strip()) or "install it: kubectl needs it too" + (where and f"; {where}")
        raise ClusterError(f"{name} {missing}", hint)
    try:
        code, output = _output([plugin.command, *plugin.args], executable, environ, interactive)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in an argument, "=" in the name of a variable.
        reason = getattr(error, "strerror", None) or str(error)
        raise ClusterError(f"{name} cannot be run: {reason.lower()}", where) from None
    if code:
        failure = f"failed with exit code {code}" if code > 0 else f"was ended by {_signal_name(-code)}"
        raise ClusterError(f"{name} {failure}", "what it says is above" + (where and f"; {where}"))
    if len(output) > _OUTPUT_LIMIT:
        raise ClusterError(f"{name} prints more than {_OUTPUT_LIMIT >> 20} MiB", where)
    try:
        return parse(output, plugin.api_version)
    except ValueError as error:
        raise ClusterError(f"{name} {error}", where) from None


def parse(output: bytes, api_version: str) -> Issued:
    """Reads an ExecCredential, with client-go's verdict. Raises ValueError, a predicate without any content.

    Like client-go it takes YAML when the text does not start with a brace, and a missing kind.
    """
    credential = _decode(output)
    if credential.get("kind") not in (None, "", "ExecCredential"):
        raise ValueError("prints something else than an ExecCredential")
    version = credential.get("apiVersion")
    if version != api_version:
        known = f"apiVersion {version}" if version in _VERSIONS else "no such apiVersion"
        raise ValueError(f"is configured for apiVersion {api_version} and prints {known}")
    status = credential.get("status")
    if not isinstance(status, dict):
        raise ValueError("prints an ExecCredential without a status")
    token, certificate, key, expires = (
        _text(status, field) for field in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    )
    if bool(certificate) != bool(key):
        raise ValueError("gives only one of certificate and key")
    if not token and not certificate:
        raise ValueError("gives neither a token nor a certificate")
    if certificate and not ("-----BEGIN " in certificate and "-----BEGIN " in key):
        raise ValueError("gives a certificate or key that is not PEM")
    return Issued(
        token,
        Certificate(data=certificate.encode(), key_data=key.encode()) if certificate else None,
        NEVER if status.get("expirationTimestamp") is None else _unix_time(expires),
    )


def _decode(output: bytes) -> dict[str, Any]:
    try:
        text = output.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            document = json.loads(text, parse_constant=_refuse_constant)
        else:
            from kaito.yaml import load as yaml

            document = yaml.load(text)
    except (ValueError, RecursionError):
        # Their messages may quote the text, and the text may be a token.
        raise ValueError("prints neither JSON nor YAML") from None
    if not isinstance(document, dict):
        raise ValueError("prints something else than an ExecCredential")
    return document


def _refuse_constant(_: str) -> float:
    raise ValueError


def _text(status: dict[str, Any], field: str) -> str:
    value = status.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"gives a {field} that is no string")
    return value


def _unix_time(text: str) -> float:
    """RFC 3339 as Go reads it (upper-case T and Z, any number of digits behind the seconds) → Unix time."""
    match = _TIME.fullmatch(text)
    try:
        if not match:
            raise ValueError
        fields = [int(field) for field in match.groups()[:6]]
        moment = datetime.datetime(*fields, tzinfo=datetime.timezone.utc).timestamp()  # type: ignore[arg-type,misc]
    except ValueError:
        raise ValueError("gives an expirationTimestamp that is no RFC 3339 time") from None
    if moment == _GO_ZERO:
        return NEVER
    sign, hours, minutes = match.groups()[6:]
    offset = int(hours) * 3600 + int(minutes) * 60 if sign else 0
    return moment - offset if sign == "+" else moment + offset


def _request(plugin: ExecConfig, cluster: Cluster, interactive: bool) -> dict[str, Any]:
    """What the plugin is told: an ExecCredential with a spec (clientauthentication.ExecCredentialSpec)."""
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(cluster)
    return {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}


def _cluster_info(cluster: Cluster) -> dict[str, Any]:
    """The cluster as rest.ConfigToExecCluster gives it: the authority always as data, empty settings left out."""
    import base64

    authority = cluster.ca_data
    if not authority and cluster.ca_file:
        try:
            with open(cluster.ca_file, "rb") as file:
                authority = file.read()
        except OSError as error:
            raise ClusterError(
                f'cannot read the certificate authority {cluster.ca_file} of cluster "{cluster.name}":'
                f" {(error.strerror or type(error).__name__).lower()}"
            ) from None
    settings = {
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure,
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    present = {name: value for name, value in settings.items() if value}
    return {"server": cluster.server, **present, "config": cluster.exec_extension}


def _look_up(command: str) -> str:
    """The program's file, looked up on our own PATH as Go's exec.LookPath does, or "".

    Never one in the current directory for a bare name, even with "." on PATH (Go's exec.ErrDot). A path is
    taken as it stands: the loader has made it absolute.
    """
    if os.path.dirname(command):
        return command if os.path.exists(command) else ""
    found = shutil.which(command) or ""
    return found if os.path.isabs(found) else ""


def _output(arguments: list[str], executable: str, environ: dict[str, str], interactive: bool) -> tuple[int, bytes]:
    """Runs a program without a shell → its exit code (negative: the signal) and at most a limit of its stdout."""
    with subprocess.Popen(
        arguments,
        executable=executable,
        env=environ,
        stdin=None if interactive else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        try:
            output = _read(process.stdout)
            return 0 if len(output) > _OUTPUT_LIMIT else process.wait(), output
        finally:
            # Reached with the program still alive after Ctrl-C, or when it prints without end.
            if process.poll() is None:
                _end(process)


def _read(pipe: IO[bytes]) -> bytes:
    """All that comes from an unbuffered pipe, until it is more than the limit.

    A buffered reader would not see Ctrl-C between the reads that it makes on its own. And this loop must not stand
    in its caller's `try`: CPython 3.12 and 3.13 raise KeyboardInterrupt at a loop's jump back past that `try`.
    """
    output = b""
    while len(output) <= _OUTPUT_LIMIT:
        chunk = pipe.read(1 << 16)
        if not chunk:
            break
        output += chunk
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
