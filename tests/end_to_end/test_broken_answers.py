"""The model's answer broken at every stage, byte for byte: what is on stdout and stderr, and the exit code."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from tests.cluster import CLOSE, CUT, HANG, NO_ENDPOINTS, NO_OBJECT, REFUSED, RESET, Raw, Refusal, Reply, port, service

from . import AGAIN, CHAT_PATH, CONNECTED, EACH_LINE, NAME

ASK = "Say OK\n"
LONGER = "wait longer with --request-timeout; 0 waits forever"
CUT_OFF = f"error: the model's answer is cut off\n{AGAIN}\n"
UNFINISHED = f"error: the model's answer ended without saying that it was complete\n{AGAIN}\n"

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def event(content=None, reason=None, **fields):
    """Return the bytes of one event."""
    delta = {} if content is None else {"content": content}
    made = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **fields}
    return b"data: " + json.dumps(made, ensure_ascii=False).encode() + b"\n\n"


def chunk(data):
    """Return bytes as an HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(status, body, *headers):
    """Return a whole answer with its length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


DONE = b"data: [DONE]\n\n"
HALF = STREAM + chunk(event("half"))
OK = STREAM + chunk(event("whole") + event(reason="stop") + DONE) + LAST
HTML = b"<html><head><title>Sign in</title><style>p{}</style></head>\n<body><p>Please\x1b[31m sign in</body></html>"
COMPLETION = {"choices": [{"index": 0, "message": {"content": "whole"}, "finish_reason": "stop"}]}


class Slowly:
    """An answer sent in pieces of `size` bytes, each in a packet of its own."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def answer(self, exchange, _model=None):
        for start in range(0, len(self.data), self.size):
            exchange.raw(self.data[start : start + self.size])
        exchange.close()


@pytest.mark.parametrize(
    ("answer", "out"),
    [
        pytest.param(Raw(OK), "whole", id="in one piece"),
        pytest.param(Slowly(OK, 1), "whole", id="one byte a read"),
        pytest.param(
            Slowly(STREAM + chunk(event("Grüße 👩‍🚀") + event(reason="stop")) + LAST, 1),
            "Grüße 👩‍🚀",
            id="one byte a read, characters of many",
        ),
        pytest.param(
            Raw(STREAM + chunk(event("x" * 10_000_000) + DONE) + LAST), "x" * 10_000_000, id="an event of 10 MB"
        ),
        pytest.param(
            Raw(STREAM + chunk(b'data: {"choices":[{"delta":{"content":"a\\ud83db\\ude00c"}}]}\n\n' + DONE) + LAST),
            "a\ufffdb\ufffdc",
            id="lone surrogates in a JSON string",
        ),
        pytest.param(
            Raw(STREAM + chunk(b'data: {"choices":[{"delta":{"content":"a\xff\xe2\x82b"}}]}\n\n' + DONE) + LAST),
            "a\ufffd\ufffdb",
            id="invalid UTF-8",
        ),
        pytest.param(
            Raw(STREAM + chunk(b": ping\n\nevent: ping\ndata:\n\nid: 1\nretry: 5\n" + event("whole") + DONE) + LAST),
            "whole",
            id="comments, heartbeats, fields that mean nothing here",
        ),
        pytest.param(
            Raw(STREAM + chunk(b"data: {}\n\n" + event("whole", error=None, new={"a": [1]}) + DONE) + LAST),
            "whole",
            id="unknown fields",
        ),
        pytest.param(
            Raw(whole(b"200 OK", json.dumps(COMPLETION).encode(), b"Content-Type: application/json")),
            "whole",
            id="plain JSON though a stream was asked for",
        ),
        pytest.param(
            Raw(whole(b"200 OK", event("whole", "stop"), b"Content-Type: text/event-stream; charset=utf-8")),
            "whole",
            id="a stream with its length",
        ),
        pytest.param(
            Raw(STREAM.replace(b"Transfer-Encoding: chunked\r\n", b"") + event("whole") + DONE),
            "whole",
            id="a stream that the connection's end ends",
        ),
        pytest.param(Raw(STREAM + chunk(event("whole") + DONE), CUT), "whole", id="cut after [DONE]"),
    ],
)
def test_works(cluster, chat, answer, out):
    cluster.model.on("/v1/chat/completions", answer)
    assert chat(ASK) == (0, f"{out}\n", CONNECTED)


@pytest.mark.parametrize(
    ("answer", "out", "err"),
    [
        pytest.param(
            Raw(b"", CLOSE),
            "",
            "error: the model did not answer: the connection was closed without an answer\n",
            id="closed before the head",
        ),
        pytest.param(
            Raw(b"", RESET),
            "",
            "error: the model did not answer: the connection was closed without an answer\n",
            id="reset before the head",
        ),
        pytest.param(
            Raw(STREAM[:40], CUT),
            "",
            f"error: the model's answer is cut off in its headers\n{AGAIN}\n",
            id="cut inside the head",
        ),
        pytest.param(Raw(b"SSH-2.0-x\r\n"), "", "error: the model's answer is not HTTP: SSH-2.0-x\n", id="not HTTP"),
        pytest.param(Raw(STREAM, CUT), "", CUT_OFF, id="cut after the head"),
        pytest.param(Raw(STREAM, RESET), "", CUT_OFF, id="reset after the head"),
        pytest.param(Raw(HALF, CUT), "half\n", CUT_OFF, id="cut between chunks"),
        pytest.param(Raw(HALF, CLOSE), "half\n", CUT_OFF, id="closed between chunks"),
        pytest.param(Raw(HALF + b"e", CUT), "half\n", CUT_OFF, id="cut inside a chunk's header"),
        pytest.param(Raw(HALF + chunk(event("gone"))[:-30], CUT), "half\n", CUT_OFF, id="cut inside an event"),
        pytest.param(
            Raw(HALF + b'ff\r\ndata: {"choices":[{"delta":{"content":"\xe2\x82', CUT),
            "half\n",
            CUT_OFF,
            id="cut inside a character",
        ),
        pytest.param(Raw(HALF + LAST), "half\n", UNFINISHED, id="ended between events, nothing said"),
        pytest.param(
            Raw(HALF + chunk(event("gone")[:-5]) + LAST), "half\n", UNFINISHED, id="ended inside an event, nothing said"
        ),
        pytest.param(
            Raw(STREAM + chunk(event("whole", "stop")), CUT),
            "whole\n",
            CUT_OFF,
            id="a finish reason, and cut before the body's end",
        ),
        pytest.param(
            Raw(whole(b"200 OK", event("half", "stop"), b"Content-Type: text/event-stream")[:-4], CUT),
            "",
            CUT_OFF,
            id="shorter than its Content-Length",
        ),
        pytest.param(
            Raw(HALF + b"garbage\r\n"),
            "half\n",
            "error: the model's answer's chunks are malformed: there is no chunk size, but garbage\n",
            id="garbage for a chunk",
        ),
        pytest.param(
            Raw(HALF + chunk(b"garbage\n\n") + LAST), "half\n", UNFINISHED, id="garbage for events, which SSE ignores"
        ),
        pytest.param(
            Raw(HALF + chunk(b"data: gar\x1bbage\n\n") + LAST),
            "half\n",
            "error: the model's server sent something other than a JSON object: gar\ufffdbage\n",
            id="garbage for JSON",
        ),
        pytest.param(
            Raw(HALF + chunk(b"data: [1]\n\n") + LAST),
            "half\n",
            "error: the model's server sent something other than a JSON object: [1]\n",
            id="JSON that is no object",
        ),
        pytest.param(
            Raw(HALF + chunk(b"data: " + b"[" * 100_000 + b"\n\n") + LAST),
            "half\n",
            f"error: the model's server sent something other than a JSON object: {'[' * 119}…\n",
            id="JSON too deep to read",
        ),
        pytest.param(
            Raw(HALF + chunk(event("x" * (16 << 20)))),
            "half\n",
            "error: the model's answer is not an event stream: an event is larger than 16 MiB\n",
            id="an event above 16 MiB",
        ),
        pytest.param(
            Raw(HALF + chunk(b": " + b"x" * (17 << 20))),
            "half\n",
            "error: the model's answer is not an event stream: an event is larger than 16 MiB\n",
            id="a comment without end",
        ),
        pytest.param(
            Raw(HALF + chunk(b'data: {"error": {"message": "EngineCore\\u001b died", "code": 500}}\n\n')),
            "half\n",
            "error: the model failed: EngineCore\ufffd died\n",
            id="an error among the events",
        ),
        pytest.param(
            Raw(HALF + chunk(b'event: error\ndata: {"message": "out of blocks"}\n\n')),
            "half\n",
            "error: the model failed: out of blocks\n",
            id="an event of the type error",
        ),
        pytest.param(
            Refusal(200, {"error": {"message": "EngineCore died"}}),
            "",
            "error: the model failed: EngineCore died\n",
            id="an error in plain JSON with status 200",
        ),
        pytest.param(
            Refusal(200, {"object": "list"}),
            "",
            'error: the model\'s server sent JSON without a message in it: {"object": "list"}\n',
            id="other JSON with status 200",
        ),
        pytest.param(
            Refusal(200, HTML),
            "",
            "error: a web page came instead of the model's answer: Sign in Please\ufffd[31m sign in\n"
            "a proxy or a login page may be in between, or the workspace may serve something else\n",
            id="HTML with status 200",
        ),
        pytest.param(
            Refusal(200, b"pong", {"Content-Type": "text/plain"}),
            "",
            "error: the model's server sent text/plain instead of an event stream: pong\n",
            id="text with status 200",
        ),
        pytest.param(
            Refusal(502, b"<html><h1>502 Bad Gateway</h1>nginx</html>"),
            "",
            "error: the model's server answers 502 Bad Gateway: 502 Bad Gateway nginx\n",
            id="HTML with status 502",
        ),
        pytest.param(
            Refusal(500), "", "error: the model's server answers 500 Internal Server Error\n", id="500, no words"
        ),
        pytest.param(
            Refusal(404, {"detail": "Not Found"}),
            "",
            "error: the model's server answers 404 Not Found\n"
            "it does not offer chat completions, or not under /v1/chat/completions\n",
            id="no chat completions",
        ),
        pytest.param(
            Raw(
                whole(
                    b"200 OK",
                    gzip.compress(event("x") + DONE),
                    b"Content-Type: text/event-stream",
                    b"Content-Encoding: gzip",
                )
            ),
            "",
            "error: the model's answer is compressed (gzip), which was not asked for\n",
            id="gzip",
        ),
        pytest.param(
            Refusal(302, b"", {"Location": "https://login.example.com/start?state=secret"}),
            "",
            "error: the model did not answer: the server redirects (302) to https://login.example.com/start, "
            "which is not followed\n",
            id="a redirect",
        ),
    ],
)
def test_is_an_inference_error_after_what_came(cluster, chat, answer, out, err):
    cluster.model.on("/v1/chat/completions", answer)
    assert chat(ASK) == (5, out, CONNECTED + err)


@pytest.mark.parametrize(
    ("answer", "out", "err"),
    [
        pytest.param(Reply(before=HANG), "", "the model gave no answer within 0.3 s", id="before the head"),
        pytest.param(Raw(STREAM[:40], HANG), "", "the model gave no answer within 0.3 s", id="inside the head"),
        pytest.param(Raw(STREAM, HANG), "", "the model's answer stopped: nothing came for 0.3 s", id="after the head"),
        pytest.param(
            Raw(HALF, HANG), "half\n", "the model's answer stopped: nothing came for 0.3 s", id="in the stream"
        ),
        pytest.param(
            Raw(STREAM + chunk(event("whole", "stop")), HANG),
            "whole\n",
            "the model's answer stopped: nothing came for 0.3 s",
            id="after the finish reason",
        ),
    ],
)
def test_a_hang_ends_at_the_request_timeout(cluster, start_chat, answer, out, err):
    cluster.model.on("/v1/chat/completions", answer)
    process = start_chat("--request-timeout=300ms")
    process.stdin.write(ASK.encode())
    process.stdin.close()
    asked = cluster.model.requests.wait().time
    shown = process.stdout.read().decode()
    took = time.monotonic() - asked
    assert (process.wait(10), shown) == (5, out)
    assert process.stderr.read().decode() == f"{CONNECTED}error: {err}\n{LONGER}\n"
    assert 0.25 < took < 1.3


def test_a_heartbeat_is_a_sign_of_life(cluster, chat):
    """Comments alone keep an answer alive beyond --request-timeout."""

    class Beating:
        def answer(self, exchange, _model=None):
            exchange.raw(STREAM)
            for _ in range(5):
                exchange.raw(chunk(b": still loading\n\n"))
                exchange.wait(seconds=0.15)
            exchange.raw(chunk(event("whole") + DONE) + LAST)
            exchange.close()

    cluster.model.on("/v1/chat/completions", Beating())
    assert chat(ASK, "--request-timeout=400ms") == (0, "whole\n", CONNECTED)


def test_the_api_server_goes_away(cluster, start_chat):
    """The API server stops listening between two questions."""
    cluster.model.reply("one")
    process = start_chat()
    process.stdin.write(b"a\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"one\n"
    cluster.stop()
    process.stdin.write(b"b\n")
    process.stdin.close()
    assert process.stdout.read() == b""
    err = process.stderr.read().decode()
    assert err == (
        f"{CONNECTED}{EACH_LINE}error: cannot reach the API server {cluster.url}: connection refused\n"
        "check with: kubectl version --context stand-in\n"
    )
    assert process.wait(10) == 3


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        pytest.param(
            REFUSED,
            "its pod is there, but the model is not being served (error trying to reach service: "
            "dial tcp 10.244.0.2:5000: connect: connection refused)",
            id="refused",
        ),
        pytest.param(
            NO_ENDPOINTS, f'no pod of it is running (no endpoints available for service "{NAME}")', id="no endpoints"
        ),
        pytest.param(
            NO_OBJECT, f'its Service is missing or has no endpoints (services "{NAME}" not found)', id="not found"
        ),
    ],
)
def test_a_service_without_a_model_is_a_workspace_that_is_not_ready(cluster, chat, backend, why):
    cluster.route(NAME, backend)
    result = chat(ASK, "--retry-timeout=0")
    assert (result.code, result.out) == (4, "")
    assert result.err.startswith(f'{CONNECTED}error: workspace "{NAME}" does not answer yet: {why}\n')
    assert result.err.endswith(f"look at its pods: kubectl get pods -n default -l kaito.sh/workspace={NAME}\n")


def test_a_port_that_vanished_is_not_waited_for(cluster, chat):
    """The Service was read first, so a port that the proxy then misses will not appear soon."""
    cluster.on(CHAT_PATH, Refusal(503, _status(503, f'no service port 80 found for service "{NAME}"')))
    began = time.monotonic()
    result = chat(ASK)
    assert time.monotonic() - began < 5
    assert (result.code, result.out) == (4, "")
    assert f'its Service has no such port (no service port 80 found for service "{NAME}")\n' in result.err


@pytest.mark.parametrize("number", [80, 8080])
def test_the_service_s_port_is_in_the_path(cluster, chat, number):
    cluster.add(service(NAME, ports=[port(number)]))
    cluster.model.reply("OK")
    assert chat(ASK).code == 0
    assert cluster.requests[-1].target == CHAT_PATH.replace(":80/", f":{number}/")


def test_vllm_refuses_a_top_p_of_0(cluster, chat):
    message = (
        "error: the model's server answers 400 Bad Request: top_p must be in (0, 1], got 0.0. "
        "(parameter=top_p, value=0.0)\nthis server does not accept that value of --top-p\n"
    )
    assert chat(ASK, "--top-p", "0") == (5, "", CONNECTED + message)
    assert len(cluster.model.requests) == 1


def _status(code, message):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
