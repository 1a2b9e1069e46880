"""Which port of a Service is the model's. Its URLs: end_to_end/test_ways.py."""

from __future__ import annotations

import pytest

from kaito.workspaces.service import balancer_urls, cluster_urls, http_port
from tests.cluster import port, service

UDP = {"name": "http", "protocol": "UDP", "port": 53}


@pytest.mark.parametrize(
    ("ports", "number"),
    [
        pytest.param([port(80), port(6379, "ray")], 80, id="as KAITO creates it"),
        pytest.param([port(6379, "ray"), port(8080, "http")], 8080, id="named http, in any place"),
        pytest.param([port(80, "web"), port(8080, "http")], 8080, id="named http before 80"),
        pytest.param([port(6379, "ray"), port(80, "web")], 80, id="80 under another name"),
        pytest.param([port(5000, "")], 5000, id="the only one"),
        pytest.param([UDP, port(5000, "api")], 5000, id="the only one of TCP"),
        pytest.param([port(1, "a"), port(2, "b")], 80, id="several, none named http"),
        pytest.param([{"port": 8080}], 8080, id="TCP is the default"),
        pytest.param([], 80, id="no ports"),
        pytest.param([{"port": "http"}], 80, id="not a number"),
        *(
            pytest.param([port(number), port(8080, "")], 8080, id=f"not a port: {number}")
            for number in (True, -5, 0, 65536, 8081.0, "8081", None, [1])
        ),
        pytest.param([port(10**400)], 80, id="not a port: huge"),
        pytest.param([port(65535)], 65535, id="the last one"),
    ],
)
def test_the_port_of_a_service(ports, number):
    assert http_port(service("phi", ports=ports)) == number


def test_a_service_that_the_user_may_not_read_has_kaito_s_port():
    assert http_port({}) == 80


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ({"ip": "203.0.113.7"}, "203.0.113.7"),
        ({"ip": "2001:db8::7"}, "[2001:db8::7]"),
        ({"hostname": "a1b2-3.elb.eu-west-1.amazonaws.com"}, "a1b2-3.elb.eu-west-1.amazonaws.com"),
        ({"hostname": "Internal-A1.example.com"}, "Internal-A1.example.com"),
        ({"ip": "not one", "hostname": "lb.example.com"}, "lb.example.com"),
        *(
            ({"ip": wrong}, "")
            for wrong in ("1.2.3", "1.2.3.256", "1.2.3.4.", "1.2.3.4\n", "01.2.3.4", "::1%eth0", ":::")
        ),
        *(({"ip": wrong}, "") for wrong in ("x/y", "lb.example.com", "1.2.3.4/evil", "٣.1.1.1", 7, None)),
        *(
            ({"hostname": wrong}, "")
            for wrong in ("a b", "a\r\nX: y", "a/b", "a@b", "a:80", "a\u202eb.example", "é.eu")
        ),
        *(({"hostname": wrong}, "") for wrong in ("w\x1b]0;pwned\x07", "a" * 254, "-a", "a..b", "", 7)),
    ],
)
def test_where_a_load_balancer_is(entry, host):
    made = service("phi", kind="LoadBalancer", ingress=[entry])
    assert [str(url) for url in balancer_urls(made)] == ([f"http://{host}:80"] if host else [])


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "[fd00::1]"),
        *((wrong, "") for wrong in ("None", "", "a b", "10.0.0.1/x", "evil.example.com", 7, None)),
    ],
)
def test_the_cluster_s_address(address, host):
    made = service("phi")
    made["spec"]["clusterIP"] = address
    urls = [str(url) for url in cluster_urls(made, "phi", "default")]
    assert urls == ["http://phi.default.svc:80"] + ([f"http://{host}:80"] if host else [])
