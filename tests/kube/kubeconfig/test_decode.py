"""Defaults and paths of what a file contains."""

from __future__ import annotations

import pytest

from kaito.kube.kubeconfig.model import AuthProvider
from tests.kube.kubeconfig.cases import config
from tests.kube.kubeconfig.helpers import HERE, choose


def test_an_auth_provider_has_a_name_and_settings(write):
    provider = {"name": "oidc", "config": {"client-id": "kubernetes", "id-token": None}}
    user = choose(write(config({"auth-provider": provider}, HERE))).user
    assert user.auth_provider == AuthProvider("oidc", {"client-id": "kubernetes", "id-token": ""})


def test_paths_are_relative_to_the_file_that_names_them(write, tmp_path, monkeypatch):
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
def test_the_command_of_a_plugin_is_a_name_or_an_absolute_path(write, tmp_path, command, expected):
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command}
    user = choose(write(config({"exec": plugin}, HERE))).user
    assert user.exec
    assert user.exec.command == expected.replace("DIR", str(tmp_path))
