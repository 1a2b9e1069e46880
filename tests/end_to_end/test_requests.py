"""What is sent: every field of the request that reaches the model, every path, every connection."""

from __future__ import annotations

import base64
import json
import threading

import pytest

from tests.cluster import Cluster, Refusal, service, workspace

from . import CHAT, CHAT_PATH, NAME, SERVICE_PATH, WORKSPACE_PATH, assistant, user

SAMPLING = {"temperature": 0.7, "max_tokens": 1024, "top_p": 0.9}
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("flags", "changed"),
    [
        pytest.param((), {}, id="defaults"),
        pytest.param(
            ("--temperature", "0.5", "--max-tokens", "512", "--top-p", "0.25"),
            {"temperature": 0.5, "max_tokens": 512, "top_p": 0.25},
            id="given",
        ),
        pytest.param(
            ("--temperature=0", "--max-tokens=1", "--top-p=1"),
            {"temperature": 0.0, "max_tokens": 1, "top_p": 1.0},
            id="at their bounds",
        ),
    ],
)
def test_the_request_says_what_the_flags_say_and_nothing_else(cluster, chat, flags, changed):
    cluster.model.reply("OK")
    assert chat('Grüße, 世界 \\n "quoted"\n', *flags).out == "OK\n"
    (request,) = cluster.model.requests
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert request.json == {"messages": [user('Grüße, 世界 \\n "quoted"')], **SAMPLING, **STREAMED, **changed}
    assert type(request.json["max_tokens"]) is int
    assert request.headers["content-type"] == "application/json"
    assert int(request.headers["content-length"]) == len(request.body)


def test_the_whole_conversation_is_sent_each_turn(cluster, chat):
    for answer in ("one", "two\n", " three"):
        cluster.model.reply(answer)
    assert chat("a\n  b  \n\nc").out == "one\ntwo\n\n three\n"
    assert [request.json["messages"] for request in cluster.model.chats] == [
        [user("a")],
        [user("a"), assistant("one"), user("  b  ")],
        [user("a"), assistant("one"), user("  b  "), assistant("two\n"), user("c")],
    ]


@pytest.mark.parametrize(
    ("kind", "authorization"),
    [
        pytest.param("token", f"Bearer {Cluster.token}", id="token"),
        pytest.param("token-file", f"Bearer {Cluster.token}", id="token file"),
        pytest.param(
            "basic",
            "Basic " + base64.b64encode(f"{Cluster.username}:{Cluster.password}".encode()).decode(),
            id="user name and password",
        ),
        pytest.param("certificate", None, id="certificate as data"),
        pytest.param("certificate-files", None, id="certificate in files"),
    ],
)
def test_the_api_server_gets_the_credentials_and_the_model_none(cluster, chat, tmp_path, kind, authorization):
    path = cluster.write_kubeconfig(tmp_path / "own", kind)
    assert chat("Say OK\n", env={"KUBECONFIG": path}).out == "OK\n"
    assert len(cluster.requests) == 3
    for request in cluster.requests:
        assert request.headers.get("authorization") == authorization
        assert (request.certificate is not None) == (authorization is None)
    (seen,) = cluster.model.requests
    assert "authorization" not in seen.headers
    assert Cluster.token.encode() not in seen.body


def test_paths_and_connections(cluster, chat):
    """Workspace and questions share a lasting connection; the Service has its own, unless the server is quick."""
    chat("Say a\nSay b\nSay c\n")
    looked_up = {request.target: request for request in cluster.requests[:2]}
    assert set(looked_up) == {WORKSPACE_PATH, SERVICE_PATH}
    assert {request.method for request in looked_up.values()} == {"GET"}
    questions = [request for request in cluster.requests if request.method == "POST"]
    assert [request.target for request in questions if "completions" in request.target] == [CHAT_PATH] * 3
    kept = looked_up[WORKSPACE_PATH].connection
    assert {request.connection for request in cluster.requests[2:]} == {kept}
    assert len(cluster.connections) <= 2


def test_one_question_takes_three_requests(cluster, chat):
    chat("Say OK\n")
    assert sorted(request.target for request in cluster.requests) == sorted([WORKSPACE_PATH, SERVICE_PATH, CHAT_PATH])
    assert cluster.requests[2].target == CHAT_PATH


def test_nothing_is_asked_of_the_cluster_twice(cluster, chat):
    chat("Say a\nSay b\n/status\n/clear\nSay c\n")
    targets = [request.target for request in cluster.requests]
    assert targets.count(WORKSPACE_PATH) == targets.count(SERVICE_PATH) == 1


def test_workspace_and_service_are_fetched_side_by_side(cluster, start_chat):
    """The server holds both answers back until both requests are there, so requests in sequence would hang."""
    gate = threading.Event()
    cluster.on(WORKSPACE_PATH, Refusal(200, workspace(NAME), before=gate), times=1)
    cluster.on(SERVICE_PATH, Refusal(200, service(NAME), before=gate), times=1)
    process = start_chat()
    cluster.requests.wait(2)
    assert not cluster.model.requests
    gate.set()
    assert process.communicate(b"Say OK\n", 10)[0] == b"OK\n"


def test_a_connection_that_the_server_closed_between_two_turns_is_opened_anew(cluster, start_chat):
    process = start_chat()
    process.stdin.write(b"My name is Ada.\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"Nice to meet you, Ada. I will remember your name.\n"
    cluster.hang_up()
    out, err = process.communicate(b"What is my name?\n", 10)
    assert (process.returncode, out) == (0, b"Your name is Ada.\n"), err
    assert len(cluster.model.chats) == 2


def test_the_namespace_is_the_flag_s_else_the_context_s_else_default(cluster, run_kaito, tmp_path):
    cluster.add(workspace(NAME, "models"), service(NAME, "models"), workspace(NAME, "own"), service(NAME, "own"))
    own = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own", namespace="own")}

    def asked(env, *argv):
        del cluster.requests[:]
        assert run_kaito(*argv, stdin="Say OK\n", env=env).out == "OK\n"
        return {request.target.split("/namespaces/")[1].split("/")[0] for request in cluster.requests}

    assert asked({}, *CHAT) == {"default"}
    assert asked(own, *CHAT) == {"own"}
    assert asked(own, "-n", "models", *CHAT) == {"models"}
    assert asked({}, *CHAT, "-nmodels") == {"models"}
    assert asked({}, *CHAT, "-n=models", "--namespace=own") == {"own"}


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--kubeconfig", "{file}"), id="--kubeconfig"),
        pytest.param(("--kubeconfig={file}", "--context", "stand-in"), id="--context"),
        pytest.param(("-s", "{url}", "--certificate-authority", "{ca}", "--token", "{token}"), id="no file at all"),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["before the verb", "after the verb"])
def test_kubectl_s_flags_choose_the_cluster(cluster, run_kaito, tmp_path, flags, before):
    path = cluster.write_kubeconfig(tmp_path / "named")
    words = [flag.format(file=path, url=cluster.url, ca=cluster.ca_file, token=cluster.token) for flag in flags]
    argv = (*words, *CHAT) if before else (*CHAT, *words)
    assert run_kaito(*argv, stdin="Say OK\n", env={"KUBECONFIG": None}).out == "OK\n"


def test_a_server_below_a_path_as_rancher_has_it(run_kaito, tmp_path):
    with Cluster(prefix="/k8s/clusters/c-1") as cluster:
        cluster.add(workspace(NAME), service(NAME))
        env = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")}
        assert run_kaito(*CHAT, stdin="Say OK\n", env=env).out == "OK\n"
        assert all(request.target.startswith("/k8s/clusters/c-1/a") for request in cluster.requests)


def test_a_user_without_the_right_to_look_at_the_model_s_server_chats_all_the_same(cluster, chat):
    """A question needs `create` on services/proxy; /v1/models needs `get`, which is a right of its own."""
    cluster.grant(("get", "workspaces"), ("get", "services"), ("create", "services/proxy"))
    result = chat("My name is Ada.\nHi\nWhat is my name?\n")
    assert (result.code, result.out.splitlines()[-1]) == (0, "Your name is Ada.")


def test_an_old_cluster_serves_v1alpha1_only(run_kaito, tmp_path):
    with Cluster(versions=("v1alpha1",)) as cluster:
        cluster.add(workspace(NAME), service(NAME))
        env = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")}
        assert run_kaito(*CHAT, stdin="Say OK\n", env=env).out == "OK\n"


def test_the_verbose_trace_shows_each_request_and_no_credential(cluster, chat):
    result = chat("Say OK\n", "-v", "9")
    for target in (WORKSPACE_PATH, SERVICE_PATH, CHAT_PATH):
        assert f"{cluster.url}{target} 200" in result.err
    assert cluster.token not in result.err
    assert "Say OK" not in json.dumps(result.err)
    assert result.out == "OK\n"
