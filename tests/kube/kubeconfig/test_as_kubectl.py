"""The same kubeconfigs, flags and environments are given to the real kubectl and to us, with the same result."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
from pathlib import Path

import pytest

from kaito.errors import ClusterError
from kaito.kube.kubeconfig.decode import decode_cluster, decode_user
from kaito.kube.kubeconfig.files import read_config
from kaito.kube.kubeconfig.resolve import resolve
from tests.kube.kubeconfig import cases, kubectl
from tests.kube.kubeconfig.random_files import Generator
from tests.kube.oracle import needs_kubectl

RECORDS = json.loads(kubectl.RECORDS.read_text())

needs_namespaces = pytest.mark.skipif(
    subprocess.run(["sh", "-c", "unshare -rm true"], capture_output=True).returncode != 0,
    reason="no mount namespaces: kubectl cannot be given a pod's service account",
)


@needs_kubectl
def test_the_records_of_files_match_kubectl():
    assert kubectl.ask_all(kubectl.view_file, cases.files()) == RECORDS["files"]


@needs_kubectl
def test_the_records_of_uses_match_kubectl():
    asked = kubectl.ask_all(kubectl.use, cases.USES)
    for name, like in cases.REPLACED.items():
        # The record is that of kubectl 1.32, which refuses.
        assert asked.pop(name) in (None, RECORDS["uses"][like])
    assert asked == {name: RECORDS["uses"][name] for name in asked}


@needs_kubectl
@needs_namespaces
def test_the_records_of_pods_match_kubectl():
    asked = kubectl.ask_all(kubectl.use, cases.POD_USES)
    assert asked == {name: RECORDS["uses"][name] for name in cases.POD_USES}


def viewed(config, folder):
    """Return a merged kubeconfig as `kubectl config view --raw` shows it, with paths relative to `folder`."""
    clusters = [decode_cluster(name, entry) for name, entry in config.clusters.items()]
    users = [decode_user(name, entry) for name, entry in config.users.items()]
    return kubectl.filled(
        {
            "current-context": config.current_context,
            "contexts": {
                name: {field: entry.fields.get(field) for field in ("cluster", "user", "namespace")}
                for name, entry in config.contexts.items()
            },
            "clusters": {cluster.name: cluster_fields(cluster, folder) for cluster in clusters},
            "users": {user.name: user_fields(user, folder) for user in users},
        }
    )


def cluster_fields(cluster, folder):
    return {
        "server": cluster.server,
        "certificate-authority": below(folder, cluster.ca_file),
        "certificate-authority-data": base64.b64encode(cluster.ca_data).decode(),
        "insecure-skip-tls-verify": cluster.insecure,
        "tls-server-name": cluster.tls_server_name,
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
        "exec-extension": cluster.exec_extension,
    }


def user_fields(user, folder):
    exec, provider, acting = user.exec, user.auth_provider, user.impersonate
    return {
        "token": user.token,
        "tokenFile": below(folder, user.token_file),
        "username": user.username,
        "password": user.password,
        "client-certificate": below(folder, user.certificate_file),
        "client-certificate-data": base64.b64encode(user.certificate_data).decode(),
        "client-key": below(folder, user.key_file),
        "client-key-data": base64.b64encode(user.key_data).decode(),
        "as": acting.user,
        "as-uid": acting.uid,
        "as-groups": list(acting.groups),
        "as-user-extra": {key: list(values) for key, values in acting.extra},
        "exec": exec
        and {
            "apiVersion": exec.api_version,
            "command": below(folder, exec.command),
            "args": list(exec.args),
            "env": [{"name": name, "value": value} for name, value in exec.env],
            "installHint": exec.install_hint,
            "provideClusterInfo": exec.provide_cluster_info,
            "interactiveMode": exec.interactive_mode,
        },
        "auth-provider": provider and {"name": provider.name, "config": dict(provider.config)},
    }


def below(folder, path):
    return path[len(f"{folder}/") :] if path.startswith(f"{folder}/") else path


def request(target):
    """Return the headers that the target's user sends."""
    user = target.user
    token = user.token
    if user.token_file:
        try:
            token = Path(user.token_file).read_text().strip()
        except OSError:
            assert token
    plain_login = not (token or user.username or user.certificate_file or user.certificate_data)
    if user.exec and plain_login:
        plugin = subprocess.run([user.exec.command, *user.exec.args], capture_output=True, check=True)
        token = json.loads(plugin.stdout)["status"]["token"]
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.username:
        login = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
        return {"Authorization": f"Basic {login}"}
    return {}


def ask(target, folder):
    """GET /version below the target's server, with the trust, the certificate and the headers of the target."""
    scheme, _, rest = target.cluster.server.partition("://")
    address, slash, path = rest.partition("/")
    connection = http.client.HTTPConnection(address, timeout=10)
    if scheme == "https":
        connection.connect()
        name = target.cluster.tls_server_name or address.rpartition(":")[0]
        connection.sock = trusting(target, folder).wrap_socket(connection.sock, server_hostname=name)
    connection.putrequest("GET", f"{slash}{path}/version")
    for header, value in request(target).items():
        connection.putheader(header, value)
    acting = target.user.impersonate
    for header, values in (
        ("Impersonate-User", [acting.user] if acting.user else []),
        ("Impersonate-Uid", [acting.uid] if acting.uid else []),
        ("Impersonate-Group", acting.groups),
        *((f"Impersonate-Extra-{key.lower().replace('/', '%2f')}", values) for key, values in acting.extra),
    ):
        for value in values:
            connection.putheader(header, value)
    connection.endheaders()
    connection.getresponse().read()
    connection.close()


def trusting(target, folder):
    cluster, user = target.cluster, target.user
    context = ssl.create_default_context(cafile=cluster.ca_file or None, cadata=cluster.ca_data.decode() or None)
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if user.certificate_file or user.certificate_data:
        (folder / "embedded.crt").write_bytes(user.certificate_data)
        (folder / "embedded.key").write_bytes(user.key_data)
        context.load_cert_chain(
            user.certificate_file or folder / "embedded.crt", user.key_file or folder / "embedded.key"
        )
    return context


def used(case, folder, monkeypatch):
    """Return what we send for a case, in the form of `kubectl.use`."""
    with kubectl.Recorder("https") as secure, kubectl.Recorder("http") as plain:
        _, environ = case.lay_out(folder, secure.address, plain.address)
        monkeypatch.chdir(folder)
        try:
            target = resolve(
                case.overrides(folder, secure.address, plain.address),
                {"HOME": str(folder), **environ},
                service_account=str(folder / "serviceaccount"),
            )
        except ClusterError:
            return None
        try:
            ask(target, folder)
        except ssl.SSLCertVerificationError:
            return {}
        (seen,) = secure.seen + plain.seen
        return seen


@pytest.mark.parametrize("name", cases.files())
def test_a_file_is_read_as_by_kubectl(name, tmp_path):
    (tmp_path / "config").write_bytes(cases.files()[name])
    try:
        ours = viewed(read_config(str(tmp_path / "config"), {}), tmp_path)
    except ClusterError:
        ours = None
    assert ours == RECORDS["files"][name]


@pytest.mark.parametrize("name", [name for name, case in cases.uses().items() if not case.differs])
def test_a_file_is_used_as_by_kubectl(name, tmp_path, monkeypatch):
    assert used(cases.uses()[name], tmp_path, monkeypatch) == RECORDS["uses"][name]


@pytest.mark.parametrize("name", [name for name, case in cases.uses().items() if case.differs])
def test_the_differences_from_kubectl_are_the_documented_ones(name, tmp_path, monkeypatch):
    case = cases.uses()[name]
    ours = used(case, tmp_path, monkeypatch)
    if case.differs == cases.LOCALHOST:
        # Nothing listens at kubectl's fallback, so neither sends anything; but we refuse beforehand.
        assert ours is None
    elif case.differs == cases.REPLACES:
        assert ours == RECORDS["uses"][cases.REPLACED[name]]
    else:
        assert ours != RECORDS["uses"][name]


@needs_kubectl
def test_random_files_are_read_as_by_kubectl(tmp_path):
    """Two runs of kubectl do: one names every file that it refuses, the other merges all the others."""
    count = int(os.environ.get("KAITO_RANDOM_KUBECONFIGS", "2000"))
    seed = int(os.environ.get("KAITO_RANDOM_SEED", "1"))
    generator = Generator(seed)
    refused = set()
    for number in range(count):
        name = str(number)
        (tmp_path / name).write_bytes(generator.written(generator.kubeconfig(name)))
        try:
            read_config(str(tmp_path / name), {})
        except ClusterError:
            refused.add(name)
    names = [str(number) for number in range(count)]
    assert refused == kubectl.refused(names, tmp_path)
    accepted = [name for name in names if name not in refused]
    ours = read_config("", {"KUBECONFIG": ":".join(str(tmp_path / name) for name in accepted)})
    assert viewed(ours, tmp_path) == kubectl.view(accepted, tmp_path)
    # There must be many files of both kinds, or this test shows nothing.
    assert count / 10 < len(refused) < count / 2
