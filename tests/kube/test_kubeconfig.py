"""Which cluster, user and namespace: from which file, by which flag, and what is said where there is none.

What kubectl reads, refuses and sends in the same cases is compared in test_kubeconfig_oracle.py.
"""

from __future__ import annotations

import base64
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from kaito.errors import ClusterError
from kaito.kube.kubeconfig import (
    AuthProvider,
    Cluster,
    ExecConfig,
    Impersonation,
    Overrides,
    Target,
    User,
    read_config,
    resolve,
)
from tests.kube import big_kubeconfig
from tests.kube.kubeconfig_cases import config, embedded
from tests.kube.random_kubeconfigs import Generator


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a file below the test's folder; answers its path."""

    def written(text: str | bytes, name: str = "config") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return written


def choose(kubeconfig: str, environ: dict[str, str] | None = None, **flags: Any) -> Target:
    return resolve(Overrides(kubeconfig=kubeconfig, **flags), environ or {})


def refusal(*args: Any, **kwargs: Any) -> ClusterError:
    """The error that `resolve` ends in, fit for one line each of message and hint."""
    with pytest.raises(ClusterError) as caught:
        resolve(*args, **kwargs)
    error = caught.value
    assert error.message and error.hint
    assert "\n" not in error.message + error.hint
    assert error.exit_code == 3
    return error


HERE = {"server": "https://here:6443", "certificate-authority": None}

WHOLE = """
apiVersion: v1
kind: Config
current-context: it
contexts:
- name: it
  context: {cluster: here, user: me, namespace: ml}
clusters:
- name: here
  cluster:
    server: https://here:6443/
    certificate-authority-data: QUJD
    tls-server-name: kube.internal
    proxy-url: socks5://proxy:1080
    disable-compression: true
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {audience: a}
users:
- name: me
  user:
    client-certificate-data: REVG
    client-key-data: R0hJ
    as: jane
    as-uid: "7"
    as-groups: [a, b]
    as-user-extra: {scopes: [x, z]}
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: ./bin/plugin
      args: [get, token]
      env: [{name: A, value: b}]
      installHint: |
        Get it
      provideClusterInfo: true
"""


def test_everything_a_kubeconfig_can_say(write: Callable[..., str], tmp_path: Path) -> None:
    path = write(WHOLE)
    assert choose(path) == Target(
        context="it",
        cluster=Cluster(
            name="here",
            server="https://here:6443",
            ca_data=b"ABC",
            tls_server_name="kube.internal",
            proxy_url="socks5://proxy:1080",
            disable_compression=True,
            exec_extension={"audience": "a"},
            file=path,
        ),
        user=User(
            name="me",
            certificate_data=b"DEF",
            key_data=b"GHI",
            impersonate=Impersonation("jane", "7", ("a", "b"), (("scopes", ("x", "z")),)),
            exec=ExecConfig(
                api_version="client.authentication.k8s.io/v1beta1",
                command=str(tmp_path / "bin/plugin"),
                args=("get", "token"),
                env=(("A", "b"),),
                install_hint="Get it\n",
                provide_cluster_info=True,
                interactive_mode="IfAvailable",
            ),
            file=path,
        ),
        namespace="ml",
        in_cluster=False,
        flags=(("kubeconfig", path),),
    )


def test_auth_provider(write: Callable[..., str]) -> None:
    provider = {"name": "oidc", "config": {"client-id": "kubernetes", "id-token": None}}
    user = choose(write(config({"auth-provider": provider}, HERE))).user
    assert user.auth_provider == AuthProvider("oidc", {"client-id": "kubernetes", "id-token": ""})


def test_paths_are_relative_to_the_file_that_names_them(
    write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pki/ca.crt", "pki/me.crt", "pki/me.key", "pki/token"):
        write("", name)
    write(
        config(
            {
                "client-certificate": "../pki/me.crt",
                "client-key": str(tmp_path / "pki/me.key"),
                "tokenFile": "./../pki/token",
            },
            {"server": "https://here", "certificate-authority": "../pki/ca.crt"},
        ),
        "kube/config",
    )
    monkeypatch.chdir(tmp_path)
    target = choose("kube/config")
    assert target.cluster.ca_file == str(tmp_path / "pki/ca.crt")
    assert target.user.certificate_file == str(tmp_path / "pki/me.crt")
    assert target.user.key_file == str(tmp_path / "pki/me.key")
    assert target.user.token_file == str(tmp_path / "pki/token")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param("aws", "aws", id="a bare name is for PATH"),
        pytest.param("./aws", "DIR/aws", id="a path is relative to the file"),
        pytest.param("bin/aws", "DIR/bin/aws", id="so is one below it"),
        pytest.param("/usr/bin/aws", "/usr/bin/aws", id="an absolute path stays"),
    ],
)
def test_command_of_a_plugin(write: Callable[..., str], tmp_path: Path, command: str, expected: str) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command}
    user = choose(write(config({"exec": plugin}, HERE))).user
    assert user.exec
    assert user.exec.command == expected.replace("DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://a:6443", "https://a:6443"),
        ("https://a:6443/", "https://a:6443"),
        ("HTTPS://a/k8s//c-1/?q#f", "https://a/k8s/c-1"),
        ("https://[::1]:6443", "https://[::1]:6443"),
        ("https://a/b c", "https://a/b%20c"),
        ("a:8080", "http://a:8080"),
        ("10.0.0.1:8080/", "http://10.0.0.1:8080"),
    ],
)
def test_server_is_a_plain_url(server: str, expected: str) -> None:
    assert resolve(Overrides(server=server), {}).cluster.server == expected


@pytest.mark.parametrize(
    "server", ["ftp://a", "https://", "a:1/b", "https://a b", "https:/a", "https://u:secret@a", "https://a/\r\nb"]
)
def test_server_that_is_none(server: str) -> None:
    error = refusal(Overrides(server=server), {})
    assert "server" in error.message
    assert "secret" not in error.message + error.hint


def test_no_credentials_for_plain_http(write: Callable[..., str]) -> None:
    user = choose(write(config({"token": "t", "as": "jane"}, {**HERE, "server": "http://here"}))).user
    assert (user.token, user.impersonate.user) == ("", "jane")


# --- Which files


def test_files_of_the_list_are_merged_first_come_first_served(write: Callable[..., str], tmp_path: Path) -> None:
    one = write(config({"token": "one"}, contexts=None, **{"current-context": ""}), "one")
    two = write(config({"token": "two"}, HERE, {"namespace": "two"}), "two")
    listed = f"{one}::{tmp_path / 'missing'}:{two}:{one}"
    merged = read_config("", {"KUBECONFIG": listed})
    assert merged.files == (one, two)
    assert merged.missing == (str(tmp_path / "missing"),)
    assert (merged.users["me"].file, merged.contexts["it"].file) == (one, two)
    assert merged.current_context == "it"


def test_names_are_listed_for_completion(write: Callable[..., str]) -> None:
    merged = read_config(write(config()), {})
    assert (list(merged.contexts), list(merged.clusters), list(merged.users)) == (["it"], ["here"], ["me"])


def test_home_counts_without_a_list(write: Callable[..., str], tmp_path: Path) -> None:
    path = write(config({"token": "t"}, HERE), ".kube/config")
    assert resolve(Overrides(), {"HOME": str(tmp_path)}).cluster.file == path
    assert resolve(Overrides(), {"HOME": str(tmp_path), "KUBECONFIG": ""}).cluster.file == path


def test_flag_counts_before_the_list_and_home(write: Callable[..., str], tmp_path: Path) -> None:
    path = write(config({"token": "t"}, HERE))
    broken = write("[", "broken")
    write("[", ".kube/config")
    assert choose(path, {"KUBECONFIG": broken, "HOME": str(tmp_path)}).cluster.file == path


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param({"HOME": "/nowhere"}, 'no kubeconfig: "/nowhere/.kube/config" does not exist', id="home"),
        pytest.param({"KUBECONFIG": "/no/a:/no/b"}, 'no kubeconfig: "/no/a", "/no/b" does not exist', id="list"),
        pytest.param({"KUBECONFIG": ":"}, "no kubeconfig: KUBECONFIG names no file", id="empty list"),
    ],
)
def test_no_kubeconfig_at_all_is_no_guess_at_localhost(environ: dict[str, str], message: str) -> None:
    error = refusal(Overrides(), environ)
    assert error.message == message
    assert "--kubeconfig" in error.hint


def test_flag_names_a_missing_file() -> None:
    error = refusal(Overrides(kubeconfig="/nowhere/config"), {})
    assert error.message == 'kubeconfig "/nowhere/config" does not exist'


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    error = refusal(Overrides(kubeconfig=str(tmp_path)), {})
    assert error.message == f'kubeconfig "{tmp_path}" cannot be read: is a directory'


def test_server_alone_is_enough() -> None:
    target = resolve(Overrides(server="https://a", token="t"), {})
    flags = (("server", "https://a"), ("token", "TOKEN"))
    assert target == Target("", Cluster(server="https://a"), User(token="t"), "default", flags=flags)


def test_flags_that_are_given_are_remembered_without_secrets(write: Callable[..., str]) -> None:
    path = write(config({}, HERE))
    given: dict[str, Any] = {
        "kubeconfig": path,
        "context": "it",
        "cluster": "here",
        "user": "me",
        "server": "https://there",
        "username": "jane",
        "password": "hunter2",
        "certificate_authority": path,
        "client_certificate": path,
        "client_key": path,
        "tls_server_name": "kube.internal",
        "as_user": "joe",
        "as_groups": ("a", "b"),
        "as_uid": "7",
    }
    target = resolve(Overrides(namespace="ml", **given), {})
    assert [(name.replace("-", "_"), value) for name, value in target.flags] == [
        *[(name, "PASSWORD" if name == "password" else given[name]) for name in list(given)[:-3]],
        ("as", "joe"),
        ("as_group", "a"),
        ("as_group", "b"),
        ("as_uid", "7"),
    ]
    insecure = Overrides(kubeconfig=path, token="hunter2", insecure_skip_tls_verify=True)
    target = resolve(insecure, {})
    assert target.flags == (("kubeconfig", path), ("token", "TOKEN"), ("insecure-skip-tls-verify", ""))
    assert target.given("password", "token", "context") == ("--token",)


# --- What a file must not say


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[1]", " holds a list where a kubeconfig's fields belong", id="list"),
        pytest.param("a: [", None, id="yaml"),
        pytest.param("kind: Pod", ': kind is "Pod", not "Config"', id="kind"),
        pytest.param("apiVersion: v2", ': apiVersion is "v2", not "v1"', id="version"),
        pytest.param("clusters: {}", ": clusters: a map where a list belongs", id="map"),
        pytest.param("clusters: [1]", ": clusters[0]: a number where a map belongs", id="item"),
        pytest.param(
            "users: [{name: a, user: {}}, {name: me, user: {token: 4711}}]",
            ': users["me"].user.token: a number where a string belongs (put it in quotes)',
            id="token",
        ),
        pytest.param(
            "users: [{name: me, user: {exec: {env: [{name: A}, {name: B, value: yes}]}}}]",
            ': users["me"].user.exec.env["B"].value: a boolean where a string belongs (put it in quotes)',
            id="env",
        ),
        pytest.param(
            "users: [{name: me, user: {auth-provider: {config: {a: [4711]}}}}]",
            ': users["me"].user.auth-provider.config.a: a list where a string belongs',
            id="auth-provider",
        ),
        pytest.param(
            "clusters: [{name: a, cluster: {insecure-skip-tls-verify: 'no'}}]",
            ': clusters["a"].cluster.insecure-skip-tls-verify: a string where true or false belongs',
            id="boolean",
        ),
        pytest.param(
            "users: [{name: me, user: {client-key-data: 4711}}]",
            ': users["me"].user.client-key-data: a number where base64 text belongs',
            id="data",
        ),
        pytest.param(
            "users: [{name: me, user: {client-key-data: '?4711'}}]",
            ': users["me"].user.client-key-data: not valid base64',
            id="base64",
        ),
        pytest.param("contexts: [{name: a}, {name: a}]", ': contexts names "a" twice', id="twice"),
    ],
)
def test_file_that_is_no_kubeconfig(write: Callable[..., str], text: str, message: str | None) -> None:
    path = write(text)
    error = refusal(Overrides(kubeconfig=path), {})
    if message is None:
        assert error.message.startswith(f'kubeconfig "{path}" line 1, column ')
    else:
        assert error.message == f'kubeconfig "{path}"{message}'
    assert "4711" not in error.message + error.hint


# --- Which context, cluster and user


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        pytest.param({"context": "ti"}, 'context "ti" is not in kubeconfig FILE', "contexts there: it", id="context"),
        pytest.param(
            {"cluster": "there"}, 'cluster "there" is not in kubeconfig FILE', "clusters there: here", id="cluster"
        ),
        pytest.param({"user": "you"}, 'user "you" is not in kubeconfig FILE', "users there: me", id="user"),
    ],
)
def test_what_is_named_but_missing(write: Callable[..., str], flags: dict[str, str], message: str, hint: str) -> None:
    path = write(config({"token": "t"}))
    error = refusal(Overrides(kubeconfig=path, **flags), {})
    assert error.message == message.replace("FILE", f'"{path}"')
    assert error.hint == hint


@pytest.mark.parametrize("what", ["cluster", "user"])
def test_context_names_what_is_missing(write: Callable[..., str], what: str) -> None:
    error = refusal(Overrides(kubeconfig=write(config({"token": "t"}, context={what: "nope"}))), {})
    assert error.message.startswith(f'{what} "nope" is not in kubeconfig ')


def test_current_context_is_missing(write: Callable[..., str]) -> None:
    path = write(config({"token": "t"}, **{"current-context": "gone"}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'context "gone" is not in kubeconfig "{path}"'
    assert error.hint == "contexts there: it"


def test_of_many_names_the_closest_are_shown(write: Callable[..., str]) -> None:
    path = write(big_kubeconfig.text(100))
    wanted = read_config(path, {}).current_context
    error = refusal(Overrides(kubeconfig=path, context=wanted + "9"), {})
    assert error.hint.startswith(f"100 contexts there, such as {wanted}, ")
    assert len(error.hint) < 300


def test_of_many_names_some_are_shown_where_none_is_close(write: Callable[..., str]) -> None:
    error = refusal(Overrides(kubeconfig=write(big_kubeconfig.text(100)), context="?"), {})
    assert error.hint.count("arn:aws:eks") == 10


def test_no_context_is_chosen(write: Callable[..., str]) -> None:
    path = write(config({"token": "t"}, **{"current-context": None}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'no context is chosen: kubeconfig "{path}" has no current-context'
    assert error.hint == "give --context; contexts there: it"


def test_context_without_cluster(write: Callable[..., str]) -> None:
    path = write(config({"token": "t"}, context={"cluster": ""}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'context "it" in kubeconfig "{path}" names no cluster'
    assert error.hint == "give --cluster; clusters there: here"


def test_cluster_without_server(write: Callable[..., str]) -> None:
    path = write(config({"token": "t"}, {"server": ""}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'cluster "here" in "{path}" has no server'


def test_file_without_anything(write: Callable[..., str]) -> None:
    path = write("# to be filled in\n")
    assert refusal(Overrides(kubeconfig=path), {}).message == f'kubeconfig "{path}" has no contexts'


def test_context_is_named_without_a_kubeconfig() -> None:
    error = refusal(Overrides(context="it"), {"HOME": "/nowhere"})
    assert error.message == 'context "it" is not in any kubeconfig: there is none'


def test_control_characters_of_a_name_stay_out_of_the_terminal(write: Callable[..., str]) -> None:
    path = write(config(**{"current-context": "it\x1b[31m\n"}))
    assert '"it?[31m?"' in refusal(Overrides(kubeconfig=path), {}).message


CERTIFICATE = {"client-certificate-data": embedded("alice.crt")}
KEY = {"client-key-data": embedded("alice.key")}
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "interactiveMode": "Never"}
SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        pytest.param(
            {"certificate_authority": "/nonexist"},
            '--certificate-authority "/nonexist" cannot be read: no such file or directory',
            "correct the path, or the rights to it",
            id="authority",
        ),
        pytest.param(
            {"client_certificate": "/nonexist", "client_key": "x"},
            '--client-certificate "/nonexist" cannot be read: no such file or directory',
            "correct the path, or the rights to it",
            id="certificate",
        ),
        pytest.param(
            {"client_certificate": "CONFIG", "client_key": "/nonexist"},
            '--client-key "/nonexist" cannot be read: no such file or directory',
            "correct the path, or the rights to it",
            id="key",
        ),
        pytest.param(
            {"certificate_authority": "CONFIG", "insecure_skip_tls_verify": True},
            "--certificate-authority and --insecure-skip-tls-verify exclude each other",
            "leave out --insecure-skip-tls-verify, so that the server is verified",
            id="authority and none",
        ),
        pytest.param(
            {"server": "ftp://a"}, "--server is no http or https URL", "write it as https://host:port", id="server"
        ),
        pytest.param(
            {"username": "jane", "password": "p"},
            'user "me" in "CONFIG" has both a token and a username or password',
            "leave out --username or --password",
            id="name beside the file's token",
        ),
        pytest.param(
            {"client_certificate": "CONFIG"},
            'user "me" in "CONFIG" has a client certificate without a key',
            "give --client-key",
            id="certificate without a key",
        ),
    ],
)
def test_an_error_that_a_flag_caused_names_the_flag(
    write: Callable[..., str], flags: dict[str, Any], message: str, hint: str
) -> None:
    path = write(config({"token": "t"}, HERE))
    given = {name: path if value == "CONFIG" else value for name, value in flags.items()}
    error = refusal(Overrides(kubeconfig=path, **given), {})
    assert (error.message, error.hint) == (message.replace("CONFIG", path), hint)


@pytest.mark.parametrize(
    ("user", "message"),
    [
        pytest.param({"token": SECRET, "username": SECRET}, "both a token and a username or password", id="login"),
        pytest.param(
            {**CERTIFICATE, **KEY, "client-certificate": "x"}, "both client-certificate and", id="certificate"
        ),
        pytest.param({**CERTIFICATE, **KEY, "client-key": "x"}, "both client-key and", id="key"),
        pytest.param(CERTIFICATE, "a client certificate without a key", id="no key"),
        pytest.param(
            {**CERTIFICATE, "client-key": "me.key"}, ': client-key "DIR/me.key" cannot be read: no such file', id="file"
        ),
        pytest.param({"tokenFile": "\0"}, ": tokenFile", id="no file name"),
        pytest.param({"tokenFile": "t"}, ': tokenFile "DIR/t" cannot be read: no such file', id="token file"),
        pytest.param({"exec": PLUGIN, "auth-provider": {}}, "both exec and auth-provider", id="provider"),
        pytest.param({"exec": {**PLUGIN, "command": ""}}, "exec without a command", id="command"),
        pytest.param({"exec": {**PLUGIN, "apiVersion": ""}}, "exec without apiVersion", id="version"),
        pytest.param({"exec": {**PLUGIN, "apiVersion": "v3"}}, 'exec.apiVersion "v3"', id="other version"),
        pytest.param({"exec": {**PLUGIN, "interactiveMode": ""}}, "exec.interactiveMode missing", id="mode"),
        pytest.param({"exec": {**PLUGIN, "interactiveMode": "no"}}, 'exec.interactiveMode "no"', id="other mode"),
        pytest.param({"exec": {**PLUGIN, "env": [{"value": SECRET}]}}, "an exec.env item without a name", id="env"),
        pytest.param({"as-groups": ["a"]}, "without acting as a user", id="as"),
    ],
)
def test_user_that_cannot_be_used(
    write: Callable[..., str], tmp_path: Path, user: dict[str, Any], message: str
) -> None:
    path = write(config(user, HERE))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message.startswith(f'user "me" in "{path}"')
    assert message.replace("DIR", str(tmp_path)) in error.message
    assert SECRET not in error.message + error.hint


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        pytest.param({"certificate-authority": "x"}, 'certificate-authority "DIR/x" cannot be read', id="file"),
        pytest.param(
            {"certificate-authority": "config", "certificate-authority-data": "QQ=="}, "both certificate-", id="both"
        ),
        pytest.param(
            {"insecure-skip-tls-verify": True, "certificate-authority-data": "QQ=="},
            "both a certificate authority and insecure-skip-tls-verify",
            id="insecure",
        ),
        pytest.param({"proxy-url": f"{SECRET}://u:{SECRET}@proxy"}, "proxy-url is no ", id="proxy"),
        pytest.param({"server": f"https://u:{SECRET}@here"}, "server holds a user name", id="server"),
    ],
)
def test_cluster_that_cannot_be_used(
    write: Callable[..., str], tmp_path: Path, cluster: dict[str, Any], message: str
) -> None:
    path = write(config({"token": "t"}, {**HERE, **cluster}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message.startswith(f'cluster "here" in "{path}"')
    assert message.replace("DIR", str(tmp_path)) in error.message
    assert SECRET not in error.message + error.hint


def test_user_made_of_flags_alone_cannot_be_used() -> None:
    error = refusal(Overrides(server="https://a", token="t", username="u"), {})
    assert error.message == "the user given by flags has both a token and a username or password"


# --- In a pod


@pytest.fixture
def pod(write: Callable[..., str], tmp_path: Path) -> dict[str, Any]:
    """What `resolve` is given in a pod: its environment and its service account's folder."""
    for name, text in (("token", "t"), ("ca.crt", "c"), ("namespace", "pod-space\n")):
        write(text, f"account/{name}")
    return {
        "environ": {
            "KUBERNETES_SERVICE_HOST": "10.0.0.1",
            "KUBERNETES_SERVICE_PORT": "443",
            "HOME": str(tmp_path),
        },
        "service_account": str(tmp_path / "account"),
    }


def test_service_account_of_a_pod(pod: dict[str, Any], tmp_path: Path) -> None:
    assert resolve(Overrides(), **pod) == Target(
        context="",
        cluster=Cluster(server="https://10.0.0.1:443", ca_file=str(tmp_path / "account/ca.crt")),
        user=User(token_file=str(tmp_path / "account/token")),
        namespace="pod-space",
        in_cluster=True,
    )


def test_pod_with_ipv6(pod: dict[str, Any]) -> None:
    pod["environ"]["KUBERNETES_SERVICE_HOST"] = "fd00::1"
    assert resolve(Overrides(), **pod).cluster.server == "https://[fd00::1]:443"


def test_pod_with_flags(pod: dict[str, Any], write: Callable[..., str]) -> None:
    authority = write("", "other.crt")
    flags = Overrides(token="u", certificate_authority=authority, as_user="jane", namespace="n")
    target = resolve(flags, **pod)
    assert target.in_cluster
    assert (target.cluster.ca_file, target.namespace) == (authority, "n")
    assert target.user == User(token="u", impersonate=Impersonation("jane"))


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_no_pod_without_its_environment(pod: dict[str, Any], missing: str) -> None:
    del pod["environ"][missing]
    assert refusal(Overrides(), **pod).message.startswith("no kubeconfig")


def test_no_pod_without_its_token(pod: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "account/token").unlink()
    assert refusal(Overrides(), **pod).message.startswith("no kubeconfig")


def test_kubeconfig_counts_before_the_pod(pod: dict[str, Any], write: Callable[..., str]) -> None:
    write(config({"token": "t"}, HERE), ".kube/config")
    assert not resolve(Overrides(), **pod).in_cluster


def test_missing_kubeconfig_is_no_reason_to_use_the_pod(pod: dict[str, Any]) -> None:
    assert "does not exist" in refusal(Overrides(kubeconfig="/nowhere"), **pod).message
    assert "is not in any kubeconfig" in refusal(Overrides(context="it"), **pod).message


@pytest.mark.parametrize(
    ("flag", "context", "in_pod", "variable", "expected"),
    [
        pytest.param("flag", "context", True, "variable", "flag", id="the flag first"),
        pytest.param("", "context", True, "variable", "context", id="then the context"),
        pytest.param("", "default", True, "variable", "default", id="even if it says default"),
        pytest.param("", None, True, "variable", "variable", id="then POD_NAMESPACE, in a pod"),
        pytest.param("", None, True, "", "pod-space", id="then the service account's, in a pod"),
        pytest.param("", None, False, "variable", "default", id="else default"),
    ],
)
def test_namespace(
    pod: dict[str, Any],
    write: Callable[..., str],
    flag: str,
    context: str | None,
    in_pod: bool,
    variable: str,
    expected: str,
) -> None:
    path = write(config({"token": "t"}, HERE, {"namespace": context}))
    environ = {"POD_NAMESPACE": variable, **(pod["environ"] if in_pod else {})}
    target = resolve(Overrides(kubeconfig=path, namespace=flag), environ, service_account=pod["service_account"])
    assert target.namespace == expected


def test_pod_whose_service_account_names_no_namespace(pod: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "account/namespace").unlink()
    assert resolve(Overrides(), **pod).namespace == "default"


# --- Damaged files


def test_damage_ends_in_a_target_or_in_the_one_error(write: Callable[..., str]) -> None:
    chance = random.Random(1)
    generator = Generator(1)
    outcomes = {"target": 0, "error": 0}
    for _ in range(1000):
        source = bytearray(generator.written(generator.kubeconfig("x")))
        for _ in range(chance.randrange(4)):
            start = chance.randrange(len(source) + 1)
            source[start : start + chance.randrange(4)] = chance.choice((b"", b'"', b"\0", b"\xff", b"-", b": ", b"1"))
        path = write(bytes(source[: chance.choice((len(source), chance.randrange(len(source) + 1)))]))
        try:
            resolve(Overrides(kubeconfig=path, server=chance.choice(("", "https://a"))), {})
            outcomes["target"] += 1
        except ClusterError as error:
            outcomes["error"] += 1
            assert "\n" not in error.message + error.hint
    assert min(outcomes.values()) > 50


# --- Large files


TIMED = """
import sys, time
from kaito.yaml import load as yaml
from kaito.kube.kubeconfig import Overrides, resolve
if sys.argv[2:]:
    document = yaml.load(open(sys.argv[1], "rb").read())
    yaml.load = lambda source: document
start = time.process_time()
resolve(Overrides(kubeconfig=sys.argv[1]), {})
print(time.process_time() - start)
"""


def seconds(path: str, *without_yaml: str) -> float:
    """The processor time that `resolve` takes in a process of its own, where nothing else left its traces."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", TIMED, path, *without_yaml]
    return float(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout)


def test_large_file_is_read_right(write: Callable[..., str]) -> None:
    text = big_kubeconfig.text(50)
    target = choose(write(text))
    last = text[text.rindex("client-key-data: ") :].split()[1]
    assert target.user.key_data == base64.b64decode(last)
    assert target.cluster.ca_data.startswith(b"-----BEGIN CERTIFICATE-----\n")


def test_all_but_the_yaml_costs_little(write: Callable[..., str]) -> None:
    """About 10 ms for 1,000 contexts; the bound leaves room for a slow machine."""
    path = write(big_kubeconfig.text(1000))
    assert min(seconds(path, "without yaml") for _ in range(5)) < 0.04


def test_twice_the_contexts_take_twice_the_time(write: Callable[..., str]) -> None:
    one, two = write(big_kubeconfig.text(1000), "one"), write(big_kubeconfig.text(2000), "two")
    rounds = [(seconds(one), seconds(two)) for _ in range(4)]
    assert min(twice for _, twice in rounds) <= 2.2 * min(once for once, _ in rounds)
