"""The stand-in cluster itself: it answers as the real servers do, and fails as tests want it to."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from tests.cluster import (
    CLOSE,
    CUT,
    END,
    HANG,
    NO_ENDPOINTS,
    NO_OBJECT,
    REFUSED,
    RESET,
    Cluster,
    Model,
    Raw,
    Reasoning,
    Refusal,
    Reply,
    Terminal,
    Upstream,
    data,
    inference_set,
    namespace,
    pod,
    replica_of,
    run,
    service,
    start,
    too_many_requests,
    workspace,
)
from tests.cluster.process import ROOT

KUBECTL = shutil.which("kubectl")
NEEDS_KUBECTL = pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
REPORTS_CUTS = pytest.mark.skipif(sys.version_info < (3, 10), reason="3.9 shows a missing close_notify as an end")
WORKSPACES = "/apis/kaito.sh/v1beta1/namespaces/default/workspaces"
SERVICES = "/api/v1/namespaces/default/services"
PROXY = f"{SERVICES}/phi-3-5-mini:80/proxy"
CHAT = f"{PROXY}/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
STREAM = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}


class Client:
    """A client of the cluster with one lasting connection, a token, and a user agent that gets indented JSON."""

    def __init__(self, cluster, **headers):
        context = ssl.create_default_context(cafile=cluster.ca_file)
        self.http = http.client.HTTPSConnection("127.0.0.1", cluster.server.port, timeout=10, context=context)
        self.headers = {"Authorization": f"Bearer {cluster.token}", "User-Agent": "curl/8", **headers}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def send(self, path, body=None, method=None, **headers):
        """Send a request, and do not read the answer."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        self.http.request(method or ("GET" if body is None else "POST"), path, body, {**self.headers, **headers})

    def ask(self, path, body=None, method=None, **headers):
        """Send a request and return the answer's status and whole body."""
        self.send(path, body, method, **headers)
        with self.http.getresponse() as answer:
            return answer.status, answer.read()


@pytest.fixture
def client(cluster):
    with Client(cluster) as made:
        yield made


def recording(name):
    """Return status and body of a recorded answer, with its chunks joined."""
    with open(data(f"recordings/{name}.http"), "rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    if b"\r\nTransfer-Encoding: chunked" in head:
        body = b"".join(chunks(body))
    return int(head.split(b" ")[1]), body


def chunks(body):
    """Return the chunks of a chunked body."""
    found = []
    while body:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            break
        found.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return found


def events(body):
    """Return the data of server-sent events, parsed where it is JSON."""
    found = [event[len(b"data: ") :] for event in body.split(b"\n\n") if event]
    return [event.decode() if event == b"[DONE]" else json.loads(event) for event in found]


def content(body):
    """Return the content of a streamed answer."""
    choices = [event["choices"][0] for event in events(body) if isinstance(event, dict) and event.get("choices")]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def raw_socket(cluster, tls=True):
    """Return a connection that shows every byte and, over TLS, whether it ended with a close_notify."""
    sock = socket.create_connection(("127.0.0.1", cluster.server.port), 10)
    if not tls:
        return sock
    context = ssl.create_default_context(cafile=cluster.ca_file)
    return context.wrap_socket(sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False)


def raw_request(cluster, body):
    """Return the bytes of a chat request."""
    text = json.dumps(body).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {cluster.token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


def read_to_end(sock):
    """Return everything until the connection ends."""
    received = b""
    while piece := sock.recv(1 << 16):
        received += piece
    return received


def kubectl(path, *words):
    return subprocess.run(
        [KUBECTL, "--kubeconfig", path, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


class TestCredentials:
    @NEEDS_KUBECTL
    @pytest.mark.parametrize(
        ("kind", "user", "groups"),
        [
            pytest.param("token", "token-user", (), id="token"),
            pytest.param("token-file", "token-user", (), id="token file"),
            pytest.param("basic", "basic-user", (), id="basic"),
            pytest.param("certificate", "cert-user", ("developers", "staff"), id="certificate as data"),
            pytest.param("certificate-files", "cert-user", ("developers", "staff"), id="certificate in files"),
        ],
    )
    def test_kubectl_is_accepted_with_every_kind_of_user(self, cluster, tmp_path, kind, user, groups):
        path = cluster.write_kubeconfig(tmp_path, kind)
        answer = kubectl(path, "get", "--raw", "/version")
        assert (answer.returncode, answer.stderr) == (0, "")
        assert json.loads(answer.stdout)["major"] == "1"
        assert (cluster.requests[-1].user, cluster.requests[-1].groups) == (user, groups)

    @NEEDS_KUBECTL
    def test_kubectl_is_refused_with_a_certificate_of_another_cluster(self, cluster, tmp_path):
        answer = kubectl(cluster.write_kubeconfig(tmp_path, "stranger"), "get", "--raw", "/version")
        assert answer.stderr == "error: You must be logged in to the server (Unauthorized)\n"

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({}, id="none"),
            pytest.param({"Authorization": "Bearer wrong"}, id="wrong token"),
            pytest.param({"Authorization": "Basic YmFzaWMtdXNlcjpubw=="}, id="wrong password (basic-user:no)"),
        ],
    )
    def test_a_wrong_credential_gets_the_recorded_401(self, cluster, headers):
        with Client(cluster) as client:
            client.headers = {"User-Agent": "curl/8", **headers}
            assert client.ask(CHAT) == recording("proxy-401")

    @pytest.mark.parametrize(
        ("anonymous", "headers", "codes"),
        [
            pytest.param(False, {}, (401, 401), id="no credential"),
            pytest.param(True, {}, (200, 403), id="no credential, anonymous users pass"),
            pytest.param(True, {"Authorization": "Bearer wrong"}, (401, 401), id="a wrong one, anonymous users pass"),
        ],
    )
    def test_pages_are_for_authenticated_users_as_by_the_default_roles(self, cluster, anonymous, headers, codes):
        """/version is public, /api is not; and a wrong credential is never taken for none."""
        cluster.anonymous = anonymous
        with Client(cluster) as client:
            client.headers = headers
            assert tuple(client.ask(path)[0] for path in ("/version", "/api")) == codes

    def test_impersonation_is_recorded_and_respected(self, cluster, client):
        cluster.deny("get", "workspaces", user="jane")
        code, body = client.ask(f"{WORKSPACES}/phi-3-5-mini", **{"Impersonate-User": "jane", "Impersonate-Group": "a"})
        assert (code, b'User \\"jane\\" cannot get' in body) == (403, True)
        assert cluster.requests[0].impersonated == {"impersonate-user": ["jane"], "impersonate-group": ["a"]}
        assert (cluster.requests[0].user, cluster.requests[0].groups) == ("jane", ("a",))

    @NEEDS_KUBECTL
    @pytest.mark.parametrize(("allowed", "code"), [(True, 0), (False, 1)])
    def test_kubectl_can_ask_for_its_rights(self, cluster, kubeconfig, allowed, code):
        if not allowed:
            cluster.deny("create", "services/proxy")
        answer = kubectl(kubeconfig, "auth", "can-i", "create", "services", "--subresource=proxy")
        assert (answer.returncode, answer.stdout) == (code, "yes\n" if allowed else "no\n")


class TestObjects:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            pytest.param(f"{WORKSPACES}/nope", "workspace-404", id="no such workspace"),
            pytest.param(f"{SERVICES}/nope", "service-404", id="no such service"),
            pytest.param(f"{WORKSPACES.replace('v1beta1', 'v9')}/x", "crd-version-missing-404", id="no such version"),
            pytest.param(f"{PROXY.replace('80', '8080').replace('phi-3-5-mini', 'empty')}/", "proxy-503-no-port"),
        ],
    )
    def test_a_missing_thing_gets_the_recorded_answer(self, cluster, client, path, name):
        cluster.add(service("empty"))
        assert client.ask(path) == recording(name)

    @pytest.mark.parametrize("name", ["workspace", "service-clusterip"])
    def test_objects_have_the_recorded_fields(self, client, name):
        path = WORKSPACES if name == "workspace" else SERVICES
        shown = json.loads(client.ask(f"{path}/phi-3-5-mini")[1])
        recorded = json.loads(recording(name)[1])
        del recorded["metadata"]["managedFields"]
        assert set(recorded) == set(shown)
        assert set(recorded["metadata"]) == set(shown["metadata"])
        if name == "workspace":
            assert shown["status"] == recorded["status"]
            assert shown["inference"] == recorded["inference"]
        else:
            assert shown["spec"] == recorded["spec"]

    def test_only_the_served_versions_are_there(self, tmp_path):
        with Cluster(versions=("v1alpha1",)) as cluster, Client(cluster) as client:
            cluster.add(workspace("old"))
            assert client.ask(f"{WORKSPACES}/old")[0] == 404
            code, body = client.ask(f"{WORKSPACES.replace('v1beta1', 'v1alpha1')}/old")
            assert (code, json.loads(body)["apiVersion"]) == (200, "kaito.sh/v1alpha1")

    def test_lists_are_selected_by_namespace_label_and_field(self, cluster, client):
        cluster.add(
            namespace("ml"),
            workspace("a", "ml", labels=replica_of("set")),
            workspace("b", "ml"),
            inference_set("set", "ml"),
            pod("p", "ml"),
        )

        def names(path):
            return [item["metadata"]["name"] for item in json.loads(client.ask(path)[1])["items"]]

        everywhere = "/apis/kaito.sh/v1beta1/workspaces"
        ml = "/apis/kaito.sh/v1beta1/namespaces/ml/workspaces"
        assert names(everywhere) == ["phi-3-5-mini", "a", "b"]
        assert names(ml) == ["a", "b"]
        assert names(f"{ml}?labelSelector=inferenceset.kaito.sh%2Fcreated-by%3Dset") == ["a"]
        assert names(f"{ml}?fieldSelector=metadata.name%3Db") == ["b"]
        assert names("/apis/kaito.sh/v1beta1/namespaces/ml/inferencesets") == ["set"]
        assert names("/api/v1/namespaces/ml/pods") == ["p"]
        assert names("/api/v1/namespaces") == ["ml"]

    @NEEDS_KUBECTL
    def test_kubectl_gets_workspaces(self, kubeconfig):
        assert kubectl(kubeconfig, "get", "workspaces", "-o", "name").stdout == "workspace.kaito.sh/phi-3-5-mini\n"
        missing = kubectl(kubeconfig, "get", "workspace", "nope")
        assert missing.stderr == 'Error from server (NotFound): workspaces.kaito.sh "nope" not found\n'

    def test_a_watch_reports_each_change_as_it_happens(self, cluster, client):
        listed = json.loads(client.ask(WORKSPACES)[1])["metadata"]["resourceVersion"]
        client.send(f"{WORKSPACES}?watch=true&fieldSelector=metadata.name%3Dw&resourceVersion={listed}")
        with client.http.getresponse() as answer:
            cluster.add(workspace("other"), workspace("w", ready=False))
            first = json.loads(answer.readline())
            cluster.add(workspace("w"))
            second = json.loads(answer.readline())
            cluster.remove("workspaces", "w")
            third = json.loads(answer.readline())
        events = [(event["type"], event["object"]["metadata"]["name"]) for event in (first, second, third)]
        assert events == [("ADDED", "w"), ("MODIFIED", "w"), ("DELETED", "w")]
        assert (first["object"]["status"]["state"], second["object"]["status"]["state"]) == ("Pending", "Ready")


class TestRights:
    def test_a_denial_has_the_recorded_words(self, cluster, client):
        cluster.tokens[cluster.token] = "dev"
        cluster.deny("get", "services/proxy", user="dev")
        assert client.ask(f"{PROXY}/v1/models") == recording("proxy-403-rbac")
        assert client.ask(CHAT, HELLO)[0] == 200

    def test_a_grant_leaves_nothing_else(self, cluster, client):
        cluster.grant(("create", "services/proxy", "phi-3-5-mini:80"))
        assert client.ask(CHAT, HELLO)[0] == 200
        assert client.ask(CHAT.replace(":80", ":http"), HELLO)[0] == 403
        code, body = client.ask(WORKSPACES)
        wanted = 'workspaces.kaito.sh is forbidden: User "token-user" cannot list resource "workspaces" in API group '
        assert (code, json.loads(body)["message"]) == (403, wanted + '"kaito.sh" in the namespace "default"')


class TestServiceProxy:
    @pytest.mark.parametrize(
        ("backend", "name"),
        [
            pytest.param(NO_OBJECT, "proxy-404-no-endpoints-object", id="no endpoints object"),
            pytest.param(NO_ENDPOINTS, "proxy-503-no-endpoints", id="no endpoints"),
        ],
    )
    def test_a_service_without_a_model_gets_the_recorded_answer(self, cluster, client, backend, name):
        cluster.add(service("empty"))
        cluster.route("empty", backend)
        assert client.ask(f"{SERVICES}/empty:80/proxy/v1/models") == recording(name)

    @pytest.mark.parametrize(
        ("port", "code", "message"),
        [
            pytest.param("nope:80", 404, 'services "nope" not found', id="no service"),
            pytest.param(
                "phi-3-5-mini:web",
                503,
                'no endpoints available for service "phi-3-5-mini:web"',
                id="no such name",
            ),
            pytest.param(
                "phi-3-5-mini:ray",
                503,
                "error trying to reach service: dial tcp 10.244.0.2:6379: connect: connection refused",
                id="another port",
            ),
            pytest.param(
                "https:phi-3-5-mini:80",
                503,
                "error trying to reach service: http: server gave HTTP response to HTTPS client",
                id="https",
            ),
        ],
    )
    def test_an_unreachable_backend_is_explained(self, client, port, code, message):
        answered, body = client.ask(f"{SERVICES}/{port}/proxy/v1/models")
        assert (answered, json.loads(body)["message"]) == (code, message)

    def test_a_pod_that_still_loads_refuses_connections(self, cluster, client):
        cluster.route("phi-3-5-mini", REFUSED)
        code, body = client.ask(CHAT, HELLO)
        recorded = json.loads(recording("proxy-refused")[1])["message"]
        assert (code, json.loads(body)["message"].replace("5000", "5999")) == (503, recorded)

    def test_the_model_sees_its_own_path_and_no_credential(self, cluster, client):
        client.ask(CHAT.replace(":80", ":http") + "?a=1", HELLO)
        seen = cluster.model.chats[0]
        assert (seen.method, seen.target, seen.json) == ("POST", "/v1/chat/completions?a=1", HELLO)
        assert "authorization" not in seen.headers
        assert cluster.requests[0].headers["authorization"] == f"Bearer {cluster.token}"

    def test_requests_of_one_connection_have_its_number(self, cluster, client):
        client.ask(CHAT, HELLO)
        client.ask(CHAT, STREAM)
        with Client(cluster) as other:
            other.ask("/version")
        assert [request.connection for request in cluster.requests] == [1, 1, 2]
        assert len(cluster.connections) == 2

    def test_hanging_up_ends_idle_connections(self, cluster, client):
        client.ask("/version")
        cluster.hang_up()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
            client.ask("/version")

    def test_any_request_can_be_answered_by_a_script(self, cluster, client):
        cluster.on("/workspaces/", Refusal(502, "<html>bad gateway</html>"), times=1)
        assert client.ask(f"{WORKSPACES}/phi-3-5-mini") == (502, b"<html>bad gateway</html>")
        assert client.ask(f"{WORKSPACES}/phi-3-5-mini")[0] == 200


class TestModel:
    @pytest.mark.parametrize(
        ("change", "name"),
        [
            pytest.param({"model": "nope"}, "chat-404-model", id="wrong model"),
            pytest.param({"temperature": -3.0}, "chat-400-temperature", id="temperature"),
            pytest.param({"max_tokens": 99999}, "chat-400-context", id="max_tokens above the window"),
            pytest.param(
                {"messages": [{"role": "user", "content": "word " * 3000}]},
                "chat-400-prompt-too-long",
                id="prompt too long",
            ),
        ],
    )
    def test_refusals_have_the_recorded_words(self, client, change, name):
        assert client.ask(CHAT, {**HELLO, **change}) == recording(name)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            pytest.param({**HELLO, "temperature": 2.5}, "temperature must be in [0, 2], got 2.5.", id="hot"),
            pytest.param({**HELLO, "top_p": 0}, "top_p must be in (0, 1], got 0.0.", id="top_p 0"),
            pytest.param({**HELLO, "max_tokens": 0}, "max_tokens must be at least 1, got 0.", id="max_tokens 0"),
            pytest.param({"messages": []}, "Cannot apply chat template to an empty conversation.", id="empty"),
            pytest.param({"stream": True}, "'loc': 'body.messages', 'msg': 'Field required'", id="no messages"),
            pytest.param(b'{"messages"', "'msg': 'JSON decode error'", id="malformed"),
        ],
    )
    def test_wrong_requests_get_400_in_vllms_words(self, client, body, message):
        code, answer = client.ask(CHAT, body, **{"Content-Type": "application/json"})
        assert code == 400
        assert message in json.loads(answer)["error"]["message"]

    def test_a_wrong_content_type_is_refused(self, client):
        code, answer = client.ask(CHAT, HELLO, **{"Content-Type": "text/plain"})
        assert (code, b"Unsupported Media Type" in answer) == (400, True)

    def test_models_health_and_tokenize(self, client):
        models = json.loads(client.ask(f"{PROXY}/v1/models")[1])
        recorded = json.loads(recording("models")[1])
        assert list(models["data"][0]) == list(recorded["data"][0])
        assert (models["data"][0]["id"], models["data"][0]["max_model_len"]) == ("phi-3.5-mini-instruct", 2048)
        assert client.ask(f"{PROXY}/health") == recording("health")
        count = json.loads(client.ask(f"{PROXY}/tokenize", HELLO)[1])
        assert (count["count"], count["max_model_len"]) == (8, 2048)

    def test_an_answer_that_is_not_streamed_has_the_recorded_fields(self, client):
        answer = json.loads(client.ask(CHAT, HELLO)[1])
        recorded = json.loads(recording("chat-nonstream")[1])
        assert (list(answer), list(answer["choices"][0])) == (list(recorded), list(recorded["choices"][0]))
        assert list(answer["choices"][0]["message"]) == list(recorded["choices"][0]["message"])
        assert list(answer["usage"]) == list(recorded["usage"])

    def test_a_stream_is_framed_as_recorded(self, cluster):
        cluster.model.reply(["Hel", "lo"])
        with raw_socket(cluster) as sock:
            sock.sendall(raw_request(cluster, STREAM))
            received = b""
            while not received.endswith(b"\r\n0\r\n\r\n"):
                received += sock.recv(1 << 16)
        sent = chunks(received.partition(b"\r\n\r\n")[2])
        assert [chunk.count(b"data: ") for chunk in sent] == [1] * 5
        first, one, last, usage, done = (events(chunk)[0] for chunk in sent)
        recorded = events(recording("chat-stream")[1])
        for made, real in ((first, recorded[0]), (one, recorded[1]), (last, recorded[-3]), (usage, recorded[-2])):
            assert list(made) == list(real)
            assert [list(choice) for choice in made["choices"]] == [list(choice) for choice in real["choices"]]
        assert first["choices"][0]["delta"] == recorded[0]["choices"][0]["delta"]
        assert [one["choices"][0]["delta"], last["choices"][0]["delta"]] == [{"content": "Hel"}, {"content": "lo"}]
        assert last["choices"][0]["finish_reason"] == "stop"
        assert usage["usage"] == {"prompt_tokens": 8, "total_tokens": 10, "completion_tokens": 2}
        assert done == "[DONE]"

    def test_the_third_answer_depends_on_the_first_message(self, client):
        messages = []
        for line in ("My name is Ada.", "Tell me something.", "What is my name?"):
            messages.append({"role": "user", "content": line})
            _, body = client.ask(CHAT, {"messages": messages, "stream": True})
            messages.append({"role": "assistant", "content": content(body)})
        assert messages[-1]["content"] == "Your name is Ada."

    def test_max_tokens_cuts_the_answer(self, client):
        _, body = client.ask(CHAT, {**STREAM, "max_tokens": 2})
        last, usage = events(body)[-3:-1]
        assert (content(body), last["choices"][0]["finish_reason"]) == ("Hello!", "length")
        assert usage["usage"]["completion_tokens"] == 2

    def test_older_servers_differ(self):
        model = Model(requires_model=True, strict_window=True, reveals_length=False, adapters=("extra",))
        with Cluster(model=model) as cluster, Client(cluster) as client:
            cluster.add(service("phi-3-5-mini"))
            assert client.ask(CHAT, HELLO)[0] == 400
            assert client.ask(CHAT, {**HELLO, "model": "extra"})[0] == 200
            assert client.ask(CHAT, {**HELLO, "model": "extra", "max_tokens": 2045})[0] == 400
            assert client.ask(f"{PROXY}/tokenize", HELLO)[0] == 404
            cards = json.loads(client.ask(f"{PROXY}/v1/models")[1])["data"]
            assert [(card["id"], card["parent"]) for card in cards] == [
                ("phi-3.5-mini-instruct", None),
                ("extra", "phi-3.5-mini-instruct"),
            ]
            assert "max_model_len" not in cards[0]


class TestReplies:
    def test_replies_are_given_in_order_and_then_the_default(self, cluster, client):
        cluster.model.reply("one")
        cluster.model.refuse(429, {"error": {"message": "busy"}}, {"Retry-After": "1"})
        cluster.model.reply(too_many_requests())
        cluster.model.always("always")
        assert content(client.ask(CHAT, STREAM)[1]) == "one"
        assert client.ask(CHAT, STREAM) == (429, b'{"error":{"message":"busy"}}')
        assert client.ask(CHAT, STREAM)[0] == 429
        assert [content(client.ask(CHAT, STREAM)[1]) for _ in range(2)] == ["always", "always"]

    def test_reasoning_comes_under_either_name(self, cluster, client):
        cluster.model.reply([Reasoning("hm"), Reasoning("m", "reasoning_content"), "yes"])
        _, body = client.ask(CHAT, {**HELLO, "stream": True})
        deltas = [event["choices"][0]["delta"] for event in events(body)[:-1]]
        assert deltas[1:] == [{"reasoning": "hm"}, {"reasoning_content": "m"}, {"content": "yes"}]

    def test_what_ends_an_answer_can_be_left_out(self, cluster, client):
        cluster.model.reply(["a"], finish_reason=None, usage=False, done=False, per_chunk=2)
        body = client.ask(CHAT, STREAM)[1]
        assert [event["choices"][0]["finish_reason"] for event in events(body)] == [None, None]

    def test_plain_json_though_a_stream_was_asked_for(self, cluster, client):
        cluster.model.reply("plain", plain_json=True)
        assert json.loads(client.ask(CHAT, STREAM)[1])["choices"][0]["message"]["content"] == "plain"

    def test_an_error_in_mid_stream_and_a_clean_end(self, cluster, client):
        cluster.model.reply(["a", {"error": {"message": "out of memory"}}, END])
        assert events(client.ask(CHAT, STREAM)[1])[-1] == {"error": {"message": "out of memory"}}

    @pytest.mark.parametrize(
        ("step", "tls", "error"),
        [
            pytest.param(CLOSE, True, None, id="close: with TLS's close_notify"),
            pytest.param(CUT, True, ssl.SSLEOFError, id="cut: without it", marks=REPORTS_CUTS),
            # Over TLS, some Pythons report a reset as an end.
            pytest.param(RESET, False, ConnectionResetError, id="reset"),
        ],
    )
    def test_it_breaks_off(self, step, tls, error):
        with Cluster(tls=tls) as cluster, raw_socket(cluster, tls) as sock:
            cluster.add(service("phi-3-5-mini"))
            gate = threading.Event()  # a reset discards what the client has not read
            cluster.model.reply(["a", gate, step])
            sock.sendall(raw_request(cluster, STREAM))
            received = b""
            while b'"content":"a"' not in received:
                received += sock.recv(1 << 16)
            gate.set()
            if error is not None:
                with pytest.raises(error):
                    read_to_end(sock)
            else:
                received += read_to_end(sock)
                assert received.endswith(b'"finish_reason":null,"token_ids":null}]}\n\n\r\n')

    def test_raw_bytes_take_the_place_of_an_answer(self, cluster):
        cluster.model.reply(Raw(b"HTTP/1.1 200 OK\r\n\r\nhalf an ans"))
        with raw_socket(cluster) as sock:
            sock.sendall(raw_request(cluster, STREAM))
            assert read_to_end(sock) == b"HTTP/1.1 200 OK\r\n\r\nhalf an ans"

    def test_a_gate_holds_the_rest_back(self, cluster, client):
        gate = threading.Event()
        cluster.model.reply(["early", gate, "late"])
        client.send(CHAT, STREAM)
        with client.http.getresponse() as answer:
            seen = b""
            while b"early" not in seen:
                seen += answer.read1(1 << 16)
            assert b"late" not in seen
            gate.set()
            assert b"late" in answer.read()

    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(Reply("x", before=HANG), id="before the head"),
            pytest.param(Reply([HANG]), id="after the head"),
            pytest.param(Reply(["a", HANG]), id="in mid-stream"),
            pytest.param(Reply(["word "] * 10_000, pace=0.01), id="while it streams"),
        ],
    )
    def test_it_notices_that_the_client_left(self, cluster, reply):
        cluster.model.reply(reply)
        with raw_socket(cluster) as sock:
            sock.sendall(raw_request(cluster, {**STREAM, "max_tokens": 2000}))
            request = cluster.model.requests.wait()
            assert not request.closed.is_set()
        left = time.monotonic()
        assert request.closed.wait(5)
        assert time.monotonic() - left < 0.5

    def test_a_connection_that_stays_open_is_not_closed(self, cluster, client):
        client.ask(CHAT, STREAM)
        assert not cluster.requests[0].closed.is_set()
        client.http.close()
        assert cluster.requests[0].closed.wait(5)


class TestUpstream:
    @pytest.fixture
    def far(self):
        """A model server elsewhere, with a cluster that leads to it and a client."""
        model = Model("far-model")
        with model.serve() as server, Cluster(model=Upstream(server.url + "/v1")) as cluster, Client(cluster) as client:
            cluster.add(service("phi-3-5-mini"))
            yield model, server, cluster, client

    def test_it_forwards_both_ways(self, far):
        model, _, cluster, client = far
        assert cluster.model.name() == "far-model"
        assert json.loads(client.ask(f"{PROXY}/v1/models")[1])["data"][0]["id"] == "far-model"
        assert content(client.ask(CHAT, STREAM)[1]).startswith("Hello!")
        assert client.ask(CHAT, {**STREAM, "model": "nope"})[0] == 404
        assert model.chats[0].json == STREAM
        assert "authorization" not in model.chats[0].headers
        assert {request.connection for request in cluster.requests} == {1}

    def test_each_chunk_passes_at_once(self, far):
        model, _, _, client = far
        gate = threading.Event()
        model.reply(["early", gate, "late"])
        client.send(CHAT, STREAM)
        with client.http.getresponse() as answer:
            seen = b""
            while b"early" not in seen:
                seen += answer.read1(1 << 16)
            gate.set()
            assert b"late" in answer.read()

    def test_a_client_that_leaves_ends_the_model_s_work(self, far):
        model, _, _, client = far
        model.reply(["a", HANG])
        client.send(CHAT, STREAM)
        request = model.requests.wait()
        client.http.close()
        assert request.closed.wait(5)

    def test_a_model_that_dies_leaves_no_last_chunk(self, far):
        model, _, _, client = far
        model.reply(["a", CLOSE])
        client.send(CHAT, STREAM)
        with pytest.raises(http.client.IncompleteRead), client.http.getresponse() as answer:
            answer.read()

    def test_a_server_that_is_not_there_is_refused(self, far):
        _, server, _, client = far
        server.stop()
        code, body = client.ask(CHAT, STREAM)
        wanted = f"error trying to reach service: dial tcp 127.0.0.1:{server.port}: connect: connection refused"
        assert (code, json.loads(body)["message"]) == (503, wanted)


class TestVariants:
    @pytest.mark.parametrize("certificate", ["server", "bare-server"])
    def test_every_server_certificate_is_for_this_host(self, certificate):
        with Cluster(certificate=certificate) as cluster:
            context = ssl.create_default_context(cafile=cluster.ca_file)
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            for name in ("127.0.0.1", "localhost", "::1"):
                with socket.create_connection(("127.0.0.1", cluster.server.port)) as sock:
                    context.wrap_socket(sock, server_hostname=name).close()

    @NEEDS_KUBECTL
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"tls": False}, id="plain HTTP"),
            pytest.param({"prefix": "/k8s/clusters/c-1"}, id="a path before all others"),
            pytest.param({"host": "::1"}, id="IPv6"),
            pytest.param({"certificate": "leaf"}, id="a leaf as authority"),
            pytest.param({"certificate": "bare-server"}, id="a bare authority"),
        ],
    )
    def test_kubectl_works_on_every_variant(self, tmp_path, options):
        with Cluster(**options) as cluster:
            cluster.add(workspace("w"))
            answer = kubectl(cluster.write_kubeconfig(tmp_path), "get", "workspaces", "-o", "name")
            assert (answer.stdout, answer.stderr) == ("workspace.kaito.sh/w\n", "")

    @NEEDS_KUBECTL
    @pytest.mark.parametrize(
        ("certificate", "words"),
        [
            pytest.param("expired", "certificate has expired", id="expired"),
            pytest.param("elsewhere", "cannot validate certificate for 127.0.0.1", id="another host"),
        ],
    )
    def test_kubectl_refuses_wrong_certificates(self, tmp_path, certificate, words):
        with Cluster(certificate=certificate) as cluster:
            assert words in kubectl(cluster.write_kubeconfig(tmp_path), "get", "--raw", "/api").stderr

    def test_a_kubeconfig_can_be_changed_field_by_field(self, cluster, tmp_path):
        path = cluster.write_kubeconfig(
            tmp_path,
            "basic",
            "ml",
            cluster={"certificate-authority-data": None, "insecure-skip-tls-verify": True},
            credentials={"password": "yes"},
        )
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert "certificate-authority" not in text
        assert "    insecure-skip-tls-verify: true\n" in text
        assert "    namespace: ml\n" in text
        assert '    password: "yes"\n    username: basic-user\n' in text
        assert oct(os.stat(path).st_mode)[-3:] == "600"


PYTHON = [sys.executable]
TALKER = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
name = input("name> ")
print("hello", name, os.isatty(1), os.get_terminal_size().columns)
print("wait> ", flush=True)
signal.sigwait({signal.SIGINT})
print("interrupted", os.get_terminal_size().columns)
sys.exit(7)
"""


class TestProcess:
    def test_run_gives_code_and_both_streams(self, home):
        code = "import os, sys; print(sys.stdin.read(), os.environ['HOME']); sys.exit('wrong')"
        assert run(["-c", code], b"in", home=home, command=PYTHON) == (1, f"in {home}\n", "wrong\n")

    def test_run_has_a_clean_environment(self, monkeypatch):
        for name in ("KUBECONFIG", "HTTPS_PROXY", "no_proxy", "NO_COLOR"):
            monkeypatch.setenv(name, "x")
        result = run(["-c", "import os; print(*os.environ)"], env={"ADDED": "1", "TERM": None}, command=PYTHON)
        assert {"HOME", "PATH", "ADDED"} <= set(result.out.split())
        assert not {"KUBECONFIG", "HTTPS_PROXY", "no_proxy", "NO_COLOR", "TERM"} & set(result.out.split())

    def test_run_does_not_wait_for_ever(self):
        with pytest.raises(AssertionError, match=r"still running after 0\.5 s"):
            run(["-c", "import time; print('so far', flush=True); time.sleep(60)"], timeout=0.5, command=PYTHON)

    def test_a_started_program_can_be_interrupted(self):
        code = "print('on', flush=True); input()"
        with start(["-c", code], command=PYTHON) as process:
            assert process.stdout.readline() == b"on\n"
            process.send_signal(signal.SIGINT)
            assert b"KeyboardInterrupt" in process.communicate(timeout=10)[1]

    def test_a_terminal_takes_input_and_shows_output(self):
        with Terminal(["-c", TALKER], command=PYTHON) as terminal:
            terminal.expect("name> ")
            terminal.line("Ada")
            assert terminal.expect(re.compile(r"hello (\w+) True 80")).group(1) == "Ada"
            terminal.expect("wait> ")
            terminal.resize(20, 60)
            terminal.interrupt()
            terminal.expect("interrupted 60")
            assert terminal.wait() == 7

    def test_a_terminal_that_shows_something_else_fails_with_the_screen(self):
        wanted = pytest.raises(AssertionError, match=r"'that' did not appear .*\nthis\n")
        with Terminal(["-c", "print('this')"], command=PYTHON) as terminal, wanted:
            terminal.expect("that", timeout=5)

    def test_a_terminal_s_text_is_without_control_sequences(self):
        code = r"print('\x1b[?2004h\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain')"
        with Terminal(["-c", code], command=PYTHON) as terminal:
            assert terminal.wait() == 0
            assert terminal.text == "red plain\n"
            assert b"\x1b[1;31m" in terminal.raw

    def test_streams_beside_the_terminal(self, tmp_path):
        code = "import sys; print(sys.stdin.isatty(), sys.stdout.isatty()); print('err', file=sys.stderr)"
        with Terminal(["-c", code], command=PYTHON, stdout=tmp_path / "out") as terminal:
            assert terminal.wait() == 0
            assert terminal.text == "err\n"
        assert (tmp_path / "out").read_text() == "True False\n"


class TestByHand:
    def test_a_chat_in_a_pipe(self, home):
        result = run(
            ["-m", "tests.cluster", "--", "--max-tokens", "100"],
            "My name is Ada.\nHow are you?\nWhat is my name?\n",
            home=home,
            cwd=ROOT,
            command=PYTHON,
        )
        assert result.code == 0, result.err
        assert result.out.endswith("\nYour name is Ada.\n")
        assert result.err.startswith("A stand-in cluster runs at https://127.0.0.1:")

    @pytest.fixture
    def temporary(self, tmp_path):
        """The folder for temporary files, which must be empty at the end."""
        folder = tmp_path / "temporary"
        folder.mkdir()
        return folder

    def test_a_chat_on_a_terminal(self, home, temporary):
        env = {"TMPDIR": temporary}
        with Terminal(["-m", "tests.cluster"], env=env, home=home, cwd=ROOT, command=PYTHON) as terminal:
            terminal.expect("\n> ")
            terminal.line("Tell me a story")
            terminal.expect("one GPU")
            terminal.interrupt()
            terminal.expect("\n> ")
            terminal.line("/quit")
            assert terminal.wait() == 0
        assert list(temporary.iterdir()) == []

    @NEEDS_KUBECTL
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_serve_waits_with_a_kubeconfig_and_leaves_nothing(self, temporary, home, number, code):
        words = ["-m", "tests.cluster", "--serve", "--workspace", "mine"]
        with start(words, home=home, cwd=ROOT, command=PYTHON, env={"TMPDIR": temporary}) as process:
            path = process.stdout.readline().decode().rstrip("\n")
            assert kubectl(path, "get", "workspaces", "-o", "name").stdout == "workspace.kaito.sh/mine\n"
            process.send_signal(number)
            try:
                assert process.wait(10) == code
            finally:
                process.kill()
        assert list(temporary.iterdir()) == []

    def test_an_upstream_names_the_model(self, home):
        with Model("far-model").serve() as server:
            words = ["-m", "tests.cluster", "--upstream", server.url]
            result = run(words, "Hello\n", home=home, cwd=ROOT, command=PYTHON)
        assert (result.code, result.out) == (0, "Hello! I am the stand-in for a model. Ask me what I can do.\n")
        assert "(model: far-model)" in result.err
