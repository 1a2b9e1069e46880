"""Whether the API server is that of the pod's own cluster."""

from __future__ import annotations

import pytest

from kaito.workspaces.own_cluster import is_own_cluster

from .clients import client, target

POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.mark.parametrize(
    ("server", "environ", "own"),
    [
        pytest.param("https://10.96.0.1", POD, True, id="the pod's address"),
        pytest.param("https://10.96.0.1:443/", POD, True, id="with its port"),
        pytest.param("https://10.96.0.1:6443", POD, False, id="another port"),
        pytest.param("https://10.96.0.2", POD, False, id="another address"),
        pytest.param("https://10.96.0.1", {}, False, id="no pod"),
        pytest.param("https://kubernetes.default", POD, True, id="kubernetes.default"),
        pytest.param("https://kubernetes.default.svc", POD, True, id="kubernetes.default.svc"),
        pytest.param("https://Kubernetes.Default.svc.:443", POD, True, id="however it is written"),
        pytest.param("https://kubernetes.default.svc", {}, False, id="that name, but no pod"),
        pytest.param("https://kubernetes.default.example.com", POD, False, id="a host that begins like it"),
        pytest.param("https://my-kubernetes.default.svc", POD, False, id="a host that ends like it"),
        pytest.param("https://kubernetes.production.svc", POD, False, id="another Service"),
        pytest.param(
            "https://API.example.com:443", {**POD, "KUBERNETES_SERVICE_HOST": "api.example.com"}, True, id="AKS's name"
        ),
        pytest.param(
            "https://[fd00::1]:443", {**POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}, True, id="an IPv6 address"
        ),
        pytest.param(
            "https://10.96.0.1", {**POD, "HTTPS_PROXY": "http://proxy.example:3128"}, False, id="behind a proxy"
        ),
    ],
)
def test_whether_the_api_server_is_the_pod_s_own(server, environ, own):
    assert is_own_cluster(client(target(server), environ), environ) is own


def test_a_service_account_s_api_server_is_the_pod_s_own():
    assert is_own_cluster(client(target("https://10.96.0.1", in_cluster=True), POD), POD)
