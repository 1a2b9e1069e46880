"""Which port of a Service is the model's. Its URLs: end_to_end/test_ways.py."""

from __future__ import annotations

import pytest

from kaito.workspaces.service import http_port
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
    ],
)
def test_the_port_of_a_service(ports, number):
    assert http_port(service("phi", ports=ports)) == number


def test_a_service_that_the_user_may_not_read_has_kaito_s_port():
    assert http_port({}) == 80
