"""What a file must not contain, and how the error names the field."""

from __future__ import annotations

import pytest

from kaito.kube.kubeconfig.model import Overrides
from tests.kube.kubeconfig.helpers import refusal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[1]", " contains a list instead of the fields of a kubeconfig", id="list"),
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
def test_a_file_that_is_not_a_kubeconfig_is_refused(write, text, message):
    path = write(text)
    error = refusal(Overrides(kubeconfig=path), {})
    if message is None:
        assert error.message.startswith(f'kubeconfig "{path}" line 1, column ')
    else:
        assert error.message == f'kubeconfig "{path}"{message}'
    assert "4711" not in error.message + error.hint
