"""Which port of a Service, and whose cluster this is. The ways themselves: end_to_end/test_ways.py."""

from __future__ import annotations

import pytest

from kaito.kube.api_server import ApiServer
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Cluster, Target, User
from kaito.workspaces.endpoint import http_port, is_own_cluster
from tests.cluster import port, service

UDP = {"name": "http", "protocol": "UDP", "port": 53}


@pytest.mark.parametrize(
    ("ports", "number"),
    [
        pytest.param([port(80), port(6379, "ray")], 80, id="as KAITO makes it"),
        pytest.param([port(6379, "ray"), port(8080, "http")], 8080, id="named http, wherever it stands"),
        pytest.param([port(80, "web"), port(8080, "http")], 8080, id="named http before 80"),
        pytest.param([port(6379, "ray"), port(80, "web")], 80, id="80 under another name"),
        pytest.param([port(5000, "")], 5000, id="the only one"),
        pytest.param([UDP, port(5000, "api")], 5000, id="the only one of TCP"),
        pytest.param([port(1, "a"), port(2, "b")], 80, id="none of them"),
        pytest.param([{"port": 8080}], 8080, id="TCP is the default"),
        pytest.param([], 80, id="no ports"),
        pytest.param([{"port": "http"}], 80, id="not a number"),
    ],
)
def test_the_service_s_port(ports, number):
    assert http_port(service("phi", ports=ports)) == number


def test_a_service_that_may_not_be_read_has_kaito_s_port():
    assert http_port({}) == 80


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
    target = Target("c", Cluster(name="c", server=server, insecure=True), User(), "default")
    assert is_own_cluster(ApiServer(target, environ, Credentials(target)), environ) is own


def test_a_service_account_s_api_server_is_the_pod_s_own():
    target = Target("", Cluster(server="https://10.96.0.1", insecure=True), User(), "default", in_cluster=True)
    assert is_own_cluster(ApiServer(target, POD, Credentials(target)), POD)
