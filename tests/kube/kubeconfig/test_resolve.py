"""Which context, cluster, user and namespace are chosen, and what is said if there is none.

What kubectl reads, refuses and sends in the same cases is compared in test_as_kubectl.py.
"""

from __future__ import annotations

import pytest

from kaito.kube.kubeconfig.model import Cluster, ExecConfig, Impersonation, Overrides, Target, User
from kaito.kube.kubeconfig.resolve import resolve
from tests.kube.kubeconfig.cases import config
from tests.kube.kubeconfig.helpers import HERE, choose, refusal

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


def test_a_kubeconfig_with_all_its_fields(write, tmp_path):
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


def test_credentials_are_dropped_over_plain_http(write):
    user = choose(write(config({"token": "t", "as": "jane"}, {**HERE, "server": "http://here"}))).user
    assert (user.token, user.impersonate.user) == ("", "jane")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param({"HOME": "/nowhere"}, 'no kubeconfig: "/nowhere/.kube/config" does not exist', id="home"),
        pytest.param({"KUBECONFIG": "/no/a:/no/b"}, 'no kubeconfig: "/no/a", "/no/b" does not exist', id="list"),
        pytest.param({"KUBECONFIG": ":"}, "no kubeconfig: KUBECONFIG names no file", id="empty list"),
    ],
)
def test_without_a_kubeconfig_localhost_is_not_guessed(environ, message):
    error = refusal(Overrides(), environ)
    assert error.message == message
    assert "--kubeconfig" in error.hint


def test_a_server_alone_is_enough():
    target = resolve(Overrides(server="https://a", token="t"), {})
    flags = (("server", "https://a"), ("token", "TOKEN"))
    assert target == Target("", Cluster(server="https://a"), User(token="t"), "default", flags=flags)


def test_the_given_flags_are_kept_without_secrets(write):
    path = write(config({}, HERE))
    given = {
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


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        pytest.param(
            {"context": "ti"}, 'context "ti" is not in kubeconfig FILE', "available contexts: it", id="context"
        ),
        pytest.param(
            {"cluster": "there"}, 'cluster "there" is not in kubeconfig FILE', "available clusters: here", id="cluster"
        ),
        pytest.param({"user": "you"}, 'user "you" is not in kubeconfig FILE', "available users: me", id="user"),
    ],
)
def test_a_name_from_a_flag_that_does_not_exist_is_an_error(write, flags, message, hint):
    path = write(config({"token": "t"}))
    error = refusal(Overrides(kubeconfig=path, **flags), {})
    assert error.message == message.replace("FILE", f'"{path}"')
    assert error.hint == hint


@pytest.mark.parametrize("what", ["cluster", "user"])
def test_a_name_from_the_context_that_does_not_exist_is_an_error(write, what):
    error = refusal(Overrides(kubeconfig=write(config({"token": "t"}, context={what: "nope"}))), {})
    assert error.message.startswith(f'{what} "nope" is not in kubeconfig ')


def test_a_current_context_that_does_not_exist_is_an_error(write):
    path = write(config({"token": "t"}, **{"current-context": "gone"}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'context "gone" is not in kubeconfig "{path}"'
    assert error.hint == "available contexts: it"


def test_a_file_without_a_current_context_is_an_error(write):
    path = write(config({"token": "t"}, **{"current-context": None}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'no context is chosen: kubeconfig "{path}" has no current-context'
    assert error.hint == "give --context; available contexts: it"


def test_a_context_without_a_cluster_is_an_error(write):
    path = write(config({"token": "t"}, context={"cluster": ""}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'context "it" in kubeconfig "{path}" names no cluster'
    assert error.hint == "give --cluster; available clusters: here"


def test_a_cluster_without_a_server_is_an_error(write):
    path = write(config({"token": "t"}, {"server": ""}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message == f'cluster "here" in "{path}" has no server'


def test_an_empty_file_is_an_error(write):
    path = write("# to be filled in\n")
    assert refusal(Overrides(kubeconfig=path), {}).message == f'kubeconfig "{path}" has no contexts'


def test_a_context_without_a_kubeconfig_is_an_error():
    error = refusal(Overrides(context="it"), {"HOME": "/nowhere"})
    assert error.message == 'context "it" is not in any kubeconfig: none was found'
