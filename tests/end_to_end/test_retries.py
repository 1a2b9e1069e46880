"""A model that is busy or still loading: it is asked again, with one notice, and given up in time."""

from __future__ import annotations

import signal
import time

import pytest

from tests.cluster import END, NO_ENDPOINTS, NO_OBJECT, REFUSED, Raw, Refusal, too_many_requests

from . import CHAT, CONNECTED, EACH_LINE, NAME

QUEUE = "Too many requests: waiting queue (17) exceeds max-num-seqs (16)."
LOADING = {"error": {"message": "The model is loading", "code": 503}}


def status(code, message):
    """Return an answer of the API server itself."""
    made = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return Refusal(code, made, {"Retry-After": "0"})


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        pytest.param(
            too_many_requests(retry_after=0), f"the model's server answers 429 Too Many Requests: {QUEUE}", id="KAITO's"
        ),
        pytest.param(
            Refusal(429, b"", {"Retry-After": "0"}), "the model's server answers 429 Too Many Requests", id="a bare 429"
        ),
        pytest.param(
            Refusal(429, b"", {"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"}),
            "the model's server answers 429 Too Many Requests",
            id="a date that has passed",
        ),
        pytest.param(
            Refusal(503, LOADING, {"Retry-After": "0"}),
            "the model's server answers 503 Service Unavailable: The model is loading",
            id="a pod that loads",
        ),
        pytest.param(
            status(503, "error trying to reach service: dial tcp 10.244.0.2:5000: connect: connection refused"),
            f'workspace "{NAME}" does not answer yet: its pod is there, but the model is not being served '
            "(error trying to reach service: dial tcp 10.244.0.2:5000: connect: connection refused)",
            id="a pod that does not listen yet",
        ),
        pytest.param(
            status(503, f'no endpoints available for service "{NAME}"'),
            f'workspace "{NAME}" does not answer yet: no pod of it is running '
            f'(no endpoints available for service "{NAME}")',
            id="no pod",
        ),
        pytest.param(
            status(429, "Too many requests, please try again later."),
            "the API server's service proxy answers 429: Too many requests, please try again later.",
            id="the API server's own limit",
        ),
    ],
)
def test_a_busy_model_is_asked_again(cluster, chat, refusal, why):
    cluster.model.reply(refusal)
    cluster.model.reply("OK")
    assert chat("a\n") == (0, "OK\n", f"{CONNECTED}note: {why}; trying again for up to 60 s\n")
    assert len(cluster.model.requests) == 2
    assert cluster.model.chats[0].json == cluster.model.chats[1].json


def test_there_is_one_notice_a_question(cluster, chat):
    for _ in range(2):
        cluster.model.reply(too_many_requests(retry_after=0))
        cluster.model.reply(too_many_requests())
        cluster.model.reply("OK")
    result = chat("a\nb\n", "--retry-timeout", "90s")
    assert (result.code, result.out) == (0, "OK\nOK\n")
    assert result.err.count("trying again for up to 90 s\n") == 2


def test_it_is_given_up_in_time(cluster, chat):
    cluster.model.always(too_many_requests())
    began = time.monotonic()
    result = chat("a\n", "--retry-timeout=1s")
    assert time.monotonic() - began < 3
    assert (result.code, result.out) == (5, "")
    assert result.err == (
        f"{CONNECTED}note: the model's server answers 429 Too Many Requests: {QUEUE}; trying again for up to 1 s\n"
        f"error: the model's server answers 429 Too Many Requests: {QUEUE}\n"
        "try again later, or wait longer with --retry-timeout\n"
    )


def test_a_wait_that_is_longer_than_allowed_is_not_begun(cluster, chat):
    cluster.model.always(too_many_requests(retry_after=3600))
    began = time.monotonic()
    result = chat("a\n")
    assert time.monotonic() - began < 5
    assert (result.code, result.out) == (5, "")
    assert "the server asks to wait 3600 s: try again later, or wait longer with --retry-timeout\n" in result.err
    assert len(cluster.model.requests) == 1


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        pytest.param(REFUSED, "its pod is there, but the model is not being served", id="refused"),
        pytest.param(NO_ENDPOINTS, "no pod of it is running", id="no endpoints"),
        pytest.param(NO_OBJECT, "its Service is missing or has no endpoints", id="not found"),
    ],
)
def test_retries_that_end_on_the_proxy_are_a_workspace_that_is_not_ready(cluster, chat, backend, why):
    cluster.route(NAME, backend)
    result = chat("a\n", "--retry-timeout=100ms")
    assert (result.code, result.out) == (4, "")
    assert f'error: workspace "{NAME}" does not answer yet: {why} (' in result.err
    assert "--retry-timeout" not in result.err


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 413, 422, 500, 501, 502, 504])
def test_nothing_else_is_asked_again(cluster, chat, code):
    cluster.model.always(Refusal(code, {"error": {"message": "no"}}, {"Retry-After": "0"}))
    result = chat("a\n", "--max-tokens=100")
    assert (result.code, result.out) == (5, "")
    assert "trying again" not in result.err
    assert len(cluster.model.requests) == 1


def test_never_after_content_was_shown(cluster, chat):
    cluster.model.reply(["half", {"error": {"message": "overloaded", "code": 503}}])
    cluster.model.always("again")
    assert chat("a\n") == (5, "half\n", f"{CONNECTED}error: the model failed: overloaded\n")
    cluster.model.reply(["half", END])
    assert chat("a\n").out == "half\n"
    assert len(cluster.model.requests) == 2


def test_a_connection_that_the_server_closed_meanwhile_does_not_show(cluster, start_chat):
    process = start_chat()
    process.stdin.write(b"Say a\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"a\n"
    cluster.hang_up()
    process.stdin.write(b"Say b\n")
    process.stdin.close()
    assert process.stdout.read() == b"b\n"
    assert process.stderr.read().decode() == CONNECTED + EACH_LINE
    assert process.wait(10) == 0


def test_nothing_is_asked_again_after_a_broken_head(cluster, chat):
    """The model may have begun to work on the question."""
    cluster.model.always(Raw(b"HTTP/1.1 200 OK\r\nContent-"))
    assert chat("a\n").code == 5
    assert len(cluster.model.requests) == 1


def test_ctrl_c_in_the_wait_leaves_at_once(cluster, start_chat):
    cluster.model.always(too_many_requests(retry_after=30))
    process = start_chat()
    process.stdin.write(b"a\n")
    process.stdin.flush()
    while b"trying again" not in process.stderr.readline():
        pass
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.read() == b""
    assert process.wait(10) == 130
    assert time.monotonic() - began < 2
    assert process.stderr.read() == b""


class TestModel:
    """Which of the served models answers."""

    MISSING = (
        pytest.param(
            400,
            {
                "object": "error",
                "message": "[{'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required'}]",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
            id="older vLLM",
        ),
        pytest.param(
            404,
            {"object": "error", "message": "The model `None` does not exist.", "type": "NotFoundError", "code": 404},
            id="old vLLM",
        ),
        pytest.param(
            422, {"detail": [{"loc": ["body", "model"], "msg": "field required", "type": "value_error"}]}, id="FastAPI"
        ),
        pytest.param(400, {"detail": "model field is required"}, id="transformers"),
        pytest.param(400, {"error": "you must provide a model parameter"}, id="a plain error"),
    )

    @pytest.mark.parametrize(("code", "body"), MISSING)
    def test_a_server_that_requires_one_gets_its_own_base_model(self, cluster, chat, code, body):
        """One request for the served models and one more question, once per session."""
        model = cluster.model
        model.adapters = ("adapter-a",)
        served = model.served()
        served["data"].reverse()
        model.on("/v1/models", Refusal(200, served))
        model.refuse(code, body)
        assert chat("Say a\nSay b\n") == (0, "a\nb\n", CONNECTED + EACH_LINE)
        paths = [request.path for request in model.requests]
        assert paths[:3] == ["/v1/chat/completions", "/v1/models", "/v1/chat/completions"]
        named = [request.json.get("model") for request in model.chats]
        assert named == [None, "phi-3.5-mini-instruct", "phi-3.5-mini-instruct"]

    def test_it_is_left_out_otherwise(self, cluster, chat):
        chat("Say a\nSay b\n")
        assert [request.json.get("model") for request in cluster.model.chats] == [None, None]

    def test_one_may_be_chosen(self, cluster, chat):
        cluster.model.adapters = ("adapter-a",)
        result = chat("Say a\n", "--model", "adapter-a")
        assert (result.code, result.out) == (0, "a\n")
        assert [request.json.get("model") for request in cluster.model.chats] == ["adapter-a"]

    def test_a_wrong_one_lists_those_there_are(self, cluster, chat):
        cluster.model.adapters = ("adapter-b", "adapter-a")
        result = chat("Say a\n", "--model", "nope")
        assert (result.code, result.out) == (5, "")
        assert result.err.endswith(
            'error: the model "nope" is not served here\n'
            "--model takes one of: phi-3.5-mini-instruct, adapter-b, adapter-a\n"
        )
        assert not cluster.model.chats, "a script ends at once"

    def test_a_wrong_one_is_said_before_the_banner_of_a_session(self, cluster, terminal):
        """Without ending it: `/model` chooses another one."""
        screen = terminal(*CHAT, "--model", "nope")
        screen.expect('note: the model "nope" is not served here; --model takes one of:\nphi-3.5-mini-instruct\n')
        screen.expect(f"Connected to workspace: {NAME} (model: nope)")
        screen.expect("> ")
        screen.line("/quit")
        assert screen.wait() == 0

    def test_a_list_that_is_known_already_is_not_asked_for_again(self, cluster, chat):
        assert chat("Say a\nSay b\n", "--model", "phi-3.5-mini-instruct", "--wait").out == "a\nb\n"
        assert [request.path for request in cluster.model.requests].count("/v1/models") == 1

    def test_a_list_that_may_not_be_read_changes_nothing(self, cluster, chat):
        cluster.deny("get", "services/proxy")
        cluster.model.adapters = ("adapter-a",)
        assert chat("Say a\n", "--model", "adapter-a").out == "a\n"

    def test_where_the_list_may_not_be_read_the_preset_is_tried(self, cluster, chat):
        cluster.model.requires_model = True
        cluster.model.on("/v1/models", status(403, "forbidden"))
        result = chat("Say a\n")
        assert (result.code, result.out) == (0, "a\n")
        assert [request.json.get("model") for request in cluster.model.chats] == [None, "phi-3.5-mini-instruct"]

    def test_and_a_wrong_one_gets_the_servers_own_refusal(self, cluster, chat):
        cluster.model.requires_model = True
        cluster.model.on("/v1/models", status(403, "forbidden"))
        result = chat("Say a\n", "--model", "nope")
        assert (result.code, result.out) == (5, "")
        assert "model's server answers 40" in result.err
        assert len(cluster.model.chats) == 1
