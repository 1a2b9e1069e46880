"""Every kind of credential in a whole chat, on a server that checks it; and no secret anywhere else."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import sys
import threading

import pytest

from tests.cluster import data, run, start

from . import CHAT, CHAT_PATH, UNMEASURED

PLUGIN = """\
#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write("run\\n")
with open({log!r}) as log:
    count = len(log.readlines())
answers = json.load(open({answers!r}))
answer = answers[min(count, len(answers)) - 1]
if isinstance(answer, str):
    sys.exit(answer)
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": answer}}))
"""


@pytest.fixture
def plugin(tmp_path):
    """Make an exec plugin: plugin(*answers) -> (the user's fields, a function that counts the plugin's runs).

    The answers are given in turn, the last one for ever. A dict is a status; a text goes to stderr, with exit code 1.
    """

    def make(*answers, mode="Never"):
        log, file, program = (str(tmp_path / name) for name in ("runs", "answers.json", "get-token"))
        with open(file, "w", encoding="utf-8") as target:
            json.dump(answers, target)
        with open(program, "w", encoding="utf-8") as target:
            target.write(PLUGIN.format(python=sys.executable, log=log, answers=file))
        os.chmod(program, 0o755)

        def count():
            if not os.path.exists(log):
                return 0
            with open(log, encoding="utf-8") as lines:
                return len(lines.readlines())

        fields = {"apiVersion": "client.authentication.k8s.io/v1", "command": program, "interactiveMode": mode}
        return {"token": None, "exec": fields}, count

    return make


@pytest.fixture
def chat_as(cluster, tmp_path, home):
    """Ask one question as a user with these credentials: chat_as("basic") -> Result."""

    def ask_as(user="token", stdin="Say OK\n", flags=(), **credentials):
        path = cluster.write_kubeconfig(tmp_path / "kube", user, credentials=credentials)
        result = run([*CHAT, *flags], stdin, {"KUBECONFIG": path}, home=home)
        assert "Traceback" not in result.err
        return result

    return ask_as


@pytest.mark.parametrize("user", ["token", "token-file", "basic", "certificate", "certificate-files"])
def test_a_chat_as(cluster, chat_as, user):
    result = chat_as(user)
    assert (result.code, result.out) == (0, "OK\n")
    assert len({request.user for request in cluster.requests}) == 1
    assert None not in {request.user for request in cluster.requests}


@pytest.mark.parametrize("user", ["none", "stranger"])
def test_who_is_not_let_in_is_named(chat_as, user):
    result = chat_as(user)
    assert (result.code, result.out) == (3, "")


def test_an_exec_plugin_gives_a_token(cluster, chat_as, plugin):
    user, runs = plugin({"token": cluster.token})
    assert chat_as(**user).out == "OK\n"
    assert runs() == 1


def test_an_exec_plugin_gives_a_certificate(cluster, chat_as, plugin):
    with open(data("client.crt"), encoding="ascii") as chain, open(data("client.key"), encoding="ascii") as key:
        user, runs = plugin({"clientCertificateData": chain.read(), "clientKeyData": key.read()})
    assert chat_as(**user).out == "OK\n"
    assert runs() == 1
    assert all(request.certificate for request in cluster.requests)


def test_an_expired_credential_is_renewed_before_it_is_used_again(cluster, chat_as, plugin):
    # The first one has expired before the question, so it is not sent a second time.
    user, runs = plugin(
        {"token": cluster.token, "expirationTimestamp": "2020-01-01T00:00:00Z"},
        {"token": cluster.token, "expirationTimestamp": "2120-01-01T00:00:00Z"},
    )
    assert chat_as(**user).out == "OK\n"
    assert runs() == 2


def test_a_credential_that_is_refused_is_renewed_once(cluster, chat_as, plugin):
    user, runs = plugin({"token": "worn-out"}, {"token": cluster.token})
    assert chat_as(**user).out == "OK\n"
    assert runs() == 2


FORGED = {"kind": "Status", "status": "Failure", "message": "log in again", "reason": "Unauthorized", "code": 401}


def test_a_refusal_that_the_model_forges_runs_no_plugin(cluster, chat_as, plugin):
    cluster.model.refuse(401, FORGED)
    user, runs = plugin({"token": cluster.token}, {"token": "never-asked-for"})
    result = chat_as(**user)
    assert (result.code, result.out) == (5, "")
    assert result.err.splitlines()[1:] == ["error: the model's server answers 401 Unauthorized: log in again"]
    assert runs() == 1
    assert [request.path for request in cluster.requests][-2:] == [CHAT_PATH, "/api"]


def test_a_refusal_on_the_way_to_the_model_renews_the_credential(cluster, start_kaito, tmp_path, plugin):
    """The question is sent again, once the API server itself has refused the credential as well."""
    user, runs = plugin({"token": cluster.token}, {"token": "the-next-one"})
    path = cluster.write_kubeconfig(tmp_path / "kube", credentials=user)
    process = start_kaito(*CHAT, env={"KUBECONFIG": path})
    assert process.stderr.readline().startswith(b"Connected")
    assert "/api" not in [request.path for request in cluster.requests]
    cluster.tokens.clear()
    cluster.tokens["the-next-one"] = "someone"
    assert process.communicate(b"Say b\n", 20)[0] == b"b\n"
    assert runs() == 2
    asked = [(request.path, request.user) for request in cluster.requests[-3:]]
    assert asked == [(CHAT_PATH, None), ("/api", None), (CHAT_PATH, "someone")]
    assert len(cluster.model.chats) == 1


def test_two_refusals_end_it(chat_as, plugin):
    user, runs = plugin({"token": "worn-out"}, {"token": "worn-out-too"})
    result = chat_as(**user)
    assert (result.code, result.out) == (3, "")
    assert "(401)" in result.err
    assert runs() <= 3


def test_a_plugin_that_fails_ends_it_with_its_own_words(chat_as, plugin):
    user, _ = plugin({"token": "worn-out"}, "the session has ended: log in again")
    result = chat_as(**user)
    assert (result.code, result.out) == (3, "")
    assert "the session has ended: log in again\n" in result.err


SECRETS = ("sesame-token", "sesame-word", "sesame-plugin")


@pytest.mark.parametrize("let_in", [True, False], ids=["let in", "refused"])
@pytest.mark.parametrize("kind", ["token", "token-file", "basic", "certificate", "exec", "flags"])
def test_nothing_secret_is_said_or_kept(cluster, tmp_path, home, plugin, kind, let_in):
    if let_in:
        cluster.tokens.update(dict.fromkeys(SECRETS, "someone"))
        cluster.passwords["alice"] = "sesame-word"
    else:
        cluster.tokens.clear()
        cluster.passwords.clear()
    token_file = tmp_path / "token"
    token_file.write_text("sesame-token\n")
    credentials = {
        "token": {"token": "sesame-token"},
        "token-file": {"token": None, "tokenFile": str(token_file)},
        "basic": {"token": None, "username": "alice", "password": "sesame-word"},
        "certificate": {},
        "exec": plugin({"token": "sesame-plugin"})[0],
        "flags": {"token": None},
    }[kind]
    user = "certificate" if kind == "certificate" else "token"
    path = cluster.write_kubeconfig(tmp_path / "kube", user, credentials=credentials)
    flags = ("--token", "sesame-token") if kind == "flags" else ()
    result = run([*CHAT, "-v", "9", *flags], "Say OK\n", {"KUBECONFIG": path}, home=home)
    assert result.code == (0 if let_in or kind == "certificate" else 3)
    with open(data("client.key"), encoding="ascii") as key:
        key_lines = key.read().splitlines()[1:-1]
    secrets = [*SECRETS, base64.b64encode(b"alice:sesame-word").decode(), *key_lines]
    kept = [file.read_text(errors="replace") for file in home.rglob("*") if file.is_file()]
    for secret in secrets:
        for text in (result.out, result.err, *kept):
            assert secret not in text
    assert "GET https://" in result.err, "-v 9 says which requests were sent"


def test_history_keeps_what_was_typed_and_no_credential(cluster, open_chat, home):
    chat = open_chat("-v", "9")
    chat.line("Say hello")
    chat.expect("hello\n\n> ")
    chat.line("/quit")
    assert chat.wait() == 0
    files = [file for file in home.rglob("*") if file.is_file()]
    assert files
    assert all(cluster.token not in file.read_text() for file in files)
    assert cluster.token not in chat.text


@pytest.fixture
def silent_server():
    """A server that accepts connections and sends nothing, so that a client waits in its TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = threading.Event()
        connections = []

        def take():
            try:
                connections.append(listener.accept()[0])
                connections[-1].recv(1)
                taken.set()
            except OSError:
                pass

        threading.Thread(target=take, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", taken
        for connection in connections:
            connection.close()


def test_key_data_is_on_no_disk_while_a_session_starts_nor_after_it_was_killed(cluster, tmp_path, home, silent_server):
    server, handshake = silent_server
    path = cluster.write_kubeconfig(tmp_path / "kube", "certificate", cluster={"server": server})
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = start([*CHAT], env={"KUBECONFIG": path, "TMPDIR": str(temporary)}, home=home, cwd=home)
    with process:
        assert handshake.wait(20), "the key has been read by now: its certificate is part of the handshake"
        with open(data("client.key"), "rb") as file:
            key = file.read().splitlines()[1]
        held = [os.path.realpath(link) for link in _descriptors(process.pid)]
        found = [name for name in held if os.path.isfile(name) and key in _bytes(name)]
        process.send_signal(signal.SIGKILL)
    assert found == []
    assert [str(file) for folder in (temporary, home) for file in folder.rglob("*")] == []


@UNMEASURED
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_no_file_is_made_while_a_session_starts(cluster, tmp_path, home):
    path = cluster.write_kubeconfig(tmp_path / "kube", "certificate")
    trace = tmp_path / "trace"
    from tests.cluster.process import program

    watched = ["strace", "-f", "-o", str(trace), "-e", "trace=open,openat,creat,rename,link,mkdir", *program()]
    result = run([*CHAT], "Say OK\n", {"KUBECONFIG": path, "PYTHONDONTWRITEBYTECODE": "1"}, home=home, command=watched)
    if "ptrace" in result.err:
        pytest.skip("strace may not trace here")
    assert result.out == "OK\n"
    lines = trace.read_text().splitlines()
    made = [line for line in lines if "O_CREAT" in line or "creat(" in line or "mkdir(" in line]
    assert made == []


def _descriptors(process):
    folder = f"/proc/{process}/fd"
    return [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []


def _bytes(name):
    with open(name, "rb") as file:
        return file.read()
