"""Whose failure an answer is: that of the way, or that of the model's server."""

from __future__ import annotations

import json

import pytest

from kaito.errors import ClusterError, NotReadyError
from kaito.net.url import parse_url
from kaito.workspaces.routes import UNKNOWN_NAME, DirectLink, ProxyLink, UnansweredError
from kaito.workspaces.workspace import Workspace, read_workspace
from tests.cluster import workspace

from .clients import client, target

PHI = Workspace("phi", "models")


@pytest.fixture
def proxy():
    return ProxyLink(client(target()), PHI, 8080)


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
    error = ProxyLink(as_dev, PHI, 8080).refusal(403, status(403, message, "Forbidden"))
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


def test_kaito_s_own_server_in_the_model_s_place_means_not_ready():
    """Its refusals are an HTML page, through the proxy as at a direct address."""
    page = b"<p>Message: Unsupported method ('POST').</p>"
    for link in (ProxyLink(client(target()), PHI, 80), DirectLink(parse_url("http://127.0.0.1:1"), None, None)):
        error = link.refusal(501, page)
        assert (type(error), error.fetching) == (UnansweredError, True)
        assert link.refusal(501, b"{}") is None


def test_a_workspace_that_says_itself_that_it_is_not_ready_is_not_asked_again(proxy):
    pending = read_workspace(workspace("phi", "models", ready=False))
    body = status(503, 'no endpoints available for service "phi"')
    assert proxy.is_transient(503, body)
    assert not ProxyLink(client(target()), pending, 80).is_transient(503, body)


def test_a_name_that_may_be_wrong():
    """To a user who may not read workspaces, it looks like one that is not created yet."""
    unknown = ProxyLink(client(target()), PHI._replace(readable=False), 80)
    assert unknown.refusal(404, status(404, 'services "phi" not found')).message.endswith(UNKNOWN_NAME)
    assert not unknown.refusal(503, status(503, "no endpoints available")).message.endswith(UNKNOWN_NAME)


def test_a_right_that_is_missing_beside_a_direct_way_is_not_the_reason():
    link = ProxyLink(client(target()), PHI._replace(readable=False), 80, "http://phi.models.svc: no such host")
    message = 'cannot create resource "services/proxy" in API group "" in the namespace "models"'
    error = link.refusal(403, status(403, message, "Forbidden"))
    assert error.message == f'workspace "phi" does not answer yet: http://phi.models.svc: no such host{UNKNOWN_NAME}'
    assert error.hint.startswith("for the API server's way, check with: kubectl auth can-i create services")
