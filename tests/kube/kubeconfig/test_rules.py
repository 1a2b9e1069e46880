"""What is refused, and how the error names the flag or the entry at fault."""

from __future__ import annotations

import pytest

from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from tests.kube.kubeconfig.cases import config, embedded
from tests.kube.kubeconfig.helpers import HERE, refusal


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
def test_a_server_becomes_a_plain_url(server, expected):
    assert resolve(Overrides(server=server), {}).cluster.server == expected


@pytest.mark.parametrize(
    "server", ["ftp://a", "https://", "a:1/b", "https://a b", "https:/a", "https://u:secret@a", "https://a/\r\nb"]
)
def test_a_server_that_is_not_a_url_is_refused(server):
    error = refusal(Overrides(server=server), {})
    assert "server" in error.message
    assert "secret" not in error.message + error.hint


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
            {"server": "ftp://a"}, "--server is not an http or https URL", "write it as https://host:port", id="server"
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
def test_an_error_that_a_flag_causes_names_the_flag(write, flags, message, hint):
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
        pytest.param({"as-groups": ["a"]}, "as-uid, as-groups or as-user-extra without as", id="as"),
    ],
)
def test_a_user_that_cannot_be_used_is_refused(write, tmp_path, user, message):
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
        pytest.param(
            {"proxy-url": f"{SECRET}://u:{SECRET}@proxy"}, "proxy-url is not an http, https or socks5 URL", id="proxy"
        ),
        pytest.param({"server": f"https://u:{SECRET}@here"}, "server contains a user name", id="server"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused(write, tmp_path, cluster, message):
    path = write(config({"token": "t"}, {**HERE, **cluster}))
    error = refusal(Overrides(kubeconfig=path), {})
    assert error.message.startswith(f'cluster "here" in "{path}"')
    assert message.replace("DIR", str(tmp_path)) in error.message
    assert SECRET not in error.message + error.hint


def test_a_user_made_of_flags_alone_is_refused():
    error = refusal(Overrides(server="https://a", token="t", username="u"), {})
    assert error.message == "the user given by flags has both a token and a username or password"
