"""Whose failure an answer is: that of the way, or that of the model's server."""

from __future__ import annotations

import json

import pytest

from kaito.errors import ClusterError, NotReadyError
from kaito.net.url import parse_url
from kaito.workspaces.routes import DirectLink, ProxyLink

from .clients import client, target


@pytest.fixture
def proxy():
    return ProxyLink(client(target()), "models", "phi", 8080)


def status(code, message, reason=""):
    return json.dumps(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message, "reason": reason}
    ).encode()


def test_the_proxy_s_path_has_the_port_as_a_number(proxy):
    assert proxy.path == "/api/v1/namespaces/models/services/phi:8080/proxy"


@pytest.mark.parametrize(
    ("code", "message", "words", "transient"),
    [
        pytest.param(404, 'services "phi" not found', "its Service is missing or has no endpoints", True, id="404"),
        pytest.param(503, 'no endpoints available for service "phi"', "no pod of it is running", True, id="no pod"),
        pytest.param(
            503,
            "error trying to reach service: dial tcp 10.244.0.2:5000: connect: connection refused",
            "its pod is there, but the model is not being served",
            True,
            id="refused",
        ),
        pytest.param(
            503, 'no service port 8080 found for service "phi"', "its Service has no such port", False, id="no port"
        ),
        pytest.param(503, "the server is overloaded", "the server is overloaded", True, id="another reason"),
    ],
)
def test_a_model_that_the_proxy_cannot_reach_is_not_ready(proxy, code, message, words, transient):
    error = proxy.refusal(code, status(code, message))
    assert isinstance(error, NotReadyError)
    assert (error.exit_code, error.message) == (4, error.message)
    assert error.message.startswith(f'workspace "phi" does not answer yet: {words}')
    assert message in error.message
    assert error.hint == "look at its pods: kubectl get pods -n models -l kaito.sh/workspace=phi"
    assert proxy.is_transient(code, status(code, message)) is transient


def test_a_missing_right_is_an_error_of_the_cluster(proxy):
    message = 'cannot create resource "services/proxy" in API group "" in the namespace "models"'
    error = proxy.refusal(403, status(403, message, "Forbidden"))
    assert (type(error), error.exit_code) == (ClusterError, 3)
    check = "check with: kubectl auth can-i create services --subresource=proxy -n models"
    assert error.hint == check
    as_dev = client(target(flags=(("user", "dev"),)))
    error = ProxyLink(as_dev, "models", "phi", 8080).refusal(403, status(403, message, "Forbidden"))
    assert error.hint == f"{check} --user dev"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": {"message": "no"}}', b'{"detail": "Not Found"}', b"[]"])
@pytest.mark.parametrize("code", [400, 404, 429, 500, 503])
def test_an_answer_other_than_a_status_is_the_model_s(proxy, code, body):
    assert proxy.refusal(code, body) is None
    assert proxy.is_transient(code, body)


def test_at_a_direct_address_every_answer_is_the_model_s():
    link = DirectLink(parse_url("http://127.0.0.1:1"), None, None)
    assert link.refusal(503, status(503, "no endpoints available")) is None
    assert link.is_transient(503, b"")
