"""One request to a recording server, by the real kubectl and with our credentials, to compare who it sees."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from kaito.net import tls
from tests.kube import recording

DATA = Path(__file__).parent.parent / "data" / "credentials"
ALICE = {"client-certificate": str(DATA / "alice.crt"), "client-key": str(DATA / "alice.key")}

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


def encoded(name):
    """Return a file of DATA as a kubeconfig's *-data fields hold it."""
    return base64.b64encode((DATA / name).read_bytes()).decode()


class Seen(NamedTuple):
    """Who asked, as a server sees it: the headers that say so, and the common name of the certificate."""

    headers: list[tuple[str, str]]
    common_name: str = ""


class RecordingServer(recording.RecordingServer):
    """Answers every GET with {}; `seen` holds who asked."""

    def __init__(self, scheme):
        super().__init__(scheme, DATA)

    def record(self, request):
        who = [item for item in request.headers if item[0] == "authorization" or item[0].startswith("impersonate-")]
        return Seen(sorted(who), request.common_name)


def write_kubeconfig(path, user, server="https://127.0.0.1:1", **cluster):
    """Write a kubeconfig, as JSON, with one context: the user "alice" on the cluster "here"."""
    here = {"server": server, "certificate-authority": str(DATA / "ca.crt"), **cluster}
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "here", "cluster": here}],
                "users": [{"name": "alice", "user": user}],
                "contexts": [{"name": "it", "context": {"cluster": "here", "user": "alice"}}],
            }
        )
    )
    return path


def load(config):
    return resolve(Overrides(kubeconfig=str(config)), {})


def target_for(path, user, **cluster):
    return load(write_kubeconfig(path / "config", user, **cluster))


def ask_as_kubectl(config):
    """Run `kubectl get --raw /version` with an empty stdin; it may send several requests."""
    assert KUBECTL
    return subprocess.run(
        [KUBECTL, f"--kubeconfig={config}", f"--cache-dir={config.parent}/cache", "get", "--raw", "/version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def ask_as_we_do(config):
    """Send one request with the credential in force. Raises ClusterError."""
    target = load(config)
    credential = Credentials(target).current()
    scheme, _, address = target.cluster.server.partition("://")
    if scheme == "https":
        context = tls.context(tls.Trust(ca_file=target.cluster.ca_file), credential.certificate)
        connection = http.client.HTTPSConnection(address, context=context)
    else:
        connection = http.client.HTTPConnection(address)
    try:
        connection.putrequest("GET", "/version")
        for name, value in credential.headers:
            connection.putheader(name, value.encode())
        connection.endheaders()
        connection.getresponse().read()
    finally:
        connection.close()


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def plugin(command, version="v1", **fields):
    """Return a kubeconfig user with an exec plugin, which may not ask for input unless the fields allow it."""
    api_version = f"client.authentication.k8s.io/{version}"
    return {"exec": {"apiVersion": api_version, "command": str(command), "interactiveMode": "Never", **fields}}


def exec_credential(status, version="v1", **fields):
    api_version = f"client.authentication.k8s.io/{version}"
    return json.dumps({"apiVersion": api_version, "kind": "ExecCredential", "status": status, **fields})


def id_token(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def oidc(token, **config):
    settings = {"idp-issuer-url": "https://127.0.0.1:1", "client-id": "kube", "id-token": token, **config}
    return {"auth-provider": {"name": "oidc", "config": settings}}


# What `session` runs: a program that obtains a credential. Its exit code shows the result.
_SESSION = """
import fcntl, os, sys, termios
if os.isatty(0):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from kaito.errors import KaitoError
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
try:
    print(Credentials(resolve(Overrides(kubeconfig=sys.argv[1]), {})).current().headers)
except KaitoError as error:
    print(error.message, error.hint, sep="\\n")
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
"""


def session(config, stdin, stderr=subprocess.PIPE):
    """Start a program that obtains a credential once, in a session of its own whose terminal is `stdin`."""
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", _SESSION, str(config)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
