"""Each fault: one clear error on stderr, its exit code, what is on stdout, and never a traceback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading

import pytest

from kaito.commands.older_verbs import INSTEAD
from tests.cluster import (
    CLOSE,
    CUT,
    END,
    HANG,
    REFUSED,
    RESET,
    Cluster,
    Reasoning,
    Refusal,
    Reply,
    data,
    inference_set,
    service,
    workspace,
)

from . import AGAIN, CHAT, CONNECTED, EACH_LINE, NAME, WORKSPACE_PATH

ASK = "Say OK\n"
KUBECTL = shutil.which("kubectl")


class TestUsage:
    """Exit code 2, before anything is asked of a cluster."""

    @pytest.mark.parametrize(
        ("argv", "err"),
        [
            pytest.param(
                (*CHAT, "--temperature", "hot"),
                'error: invalid value "hot" for --temperature: it takes a number from 0.0 to 2.0\n'
                "see: kubectl kaito chat --help\n",
                id="a word for a number",
            ),
            pytest.param(
                (*CHAT, "--temperature=2.01"),
                'error: invalid value "2.01" for --temperature: it takes a number from 0.0 to 2.0\n'
                "see: kubectl kaito chat --help\n",
                id="too hot",
            ),
            pytest.param(
                (*CHAT, "--temperature", "-1"),
                'error: invalid value "-1" for --temperature: it takes a number from 0.0 to 2.0\n'
                "see: kubectl kaito chat --help\n",
                id="too cold",
            ),
            pytest.param(
                (*CHAT, "--top-p", "nan"),
                'error: invalid value "nan" for --top-p: it takes a number from 0.0 to 1.0\n'
                "see: kubectl kaito chat --help\n",
                id="not a number",
            ),
            pytest.param(
                (*CHAT, "--top-p=1.5"),
                'error: invalid value "1.5" for --top-p: it takes a number from 0.0 to 1.0\n'
                "see: kubectl kaito chat --help\n",
                id="top-p above 1",
            ),
            pytest.param(
                (*CHAT, "--max-tokens", "0"),
                'error: invalid value "0" for --max-tokens: it takes a whole number, 1 or more\n'
                "see: kubectl kaito chat --help\n",
                id="no tokens",
            ),
            pytest.param(
                (*CHAT, "--max-tokens", "inf"),
                'error: invalid value "inf" for --max-tokens: it takes a whole number, 1 or more\n'
                "see: kubectl kaito chat --help\n",
                id="endless tokens",
            ),
            pytest.param(
                (*CHAT, "--max-tokens"),
                "error: flag --max-tokens needs a value (int)\nsee: kubectl kaito chat --help\n",
                id="no value",
            ),
            pytest.param(
                (*CHAT, "--temp", "1"),
                "error: unknown flag: --temp\nsee: kubectl kaito chat --help\n",
                id="an abbreviated flag",
            ),
            pytest.param(
                ("chat", "--workspace", NAME),
                "error: unknown flag: --workspace (did you mean --workspace-name?)\nsee: kubectl kaito chat --help\n",
                id="an unknown flag",
            ),
            pytest.param(
                ("chat", NAME),
                f'error: chat takes no arguments, but was given "{NAME}"\ndid you mean --workspace-name {NAME}?\n',
                id="the name as an argument",
            ),
            *(
                pytest.param(
                    ("chat", "--workspace-name", name),
                    f'error: "{name}" cannot be the name of a workspace: names consist of lower case letters, digits, '
                    '"-" and "."\n'
                    "list the workspaces: kubectl kaito status\n",
                    id=f"no name: {name}",
                )
                for name in (f"{NAME}?", "?limit=1", f"{NAME}/status", "foo bar", "../pods", "Phi")
            ),
            pytest.param(
                (*CHAT, "--wait", "5m"),
                'error: chat takes no arguments, but was given "5m"\ndid you mean --wait=5m?\n',
                id="a duration as an argument",
            ),
            pytest.param(
                ("chta",),
                'error: unknown command "chta" for "kubectl kaito"\ndid you mean kubectl kaito chat?\n',
                id="a mistyped verb",
            ),
            pytest.param(
                ("frobnicate",),
                'error: unknown command "frobnicate" for "kubectl kaito"\nsee: kubectl kaito --help\n',
                id="an unknown verb",
            ),
            *(
                pytest.param(
                    (verb, "--workspace-name", "x"),
                    f'error: unknown command "{verb}" for "kubectl kaito"\n{hint}\n',
                    id=f"a verb of the older plugin: {verb}",
                )
                for verb, hint in INSTEAD.items()
            ),
            pytest.param(
                ("--nope",), "error: unknown flag: --nope\nsee: kubectl kaito --help\n", id="the root's flags"
            ),
            pytest.param(
                ("version", "now"),
                'error: version takes no arguments, but was given "now"\nsee: kubectl kaito version --help\n',
                id="an argument of version",
            ),
        ],
    )
    def test_flags_and_verbs(self, cluster, run_kaito, argv, err):
        assert run_kaito(*argv, stdin=ASK) == (2, "", err)
        assert not cluster.connections

    @pytest.mark.parametrize("argv", [("chat",), ("chat", "--workspace-name", ""), ("chat", "--workspace-name=")])
    def test_the_name_is_required(self, cluster, run_kaito, argv):
        err = f"error: --workspace-name is missing\nworkspaces here: {NAME}\n"
        assert run_kaito(*argv, stdin=ASK) == (2, "", err)
        assert not cluster.model.requests


class TestCluster:
    """Exit code 3."""

    def test_a_missing_kubeconfig_is_an_error_and_not_a_guess_at_localhost(self, chat, home):
        message = (
            f'error: no kubeconfig: "{home}/.kube/config" does not exist\n'
            "give --kubeconfig, set KUBECONFIG, or copy your cluster's to ~/.kube/config\n"
        )
        assert chat(ASK, env={"KUBECONFIG": None}) == (3, "", message)

    def test_a_kubeconfig_that_is_not_there_is_named(self, chat, tmp_path):
        result = chat(ASK, "--kubeconfig", tmp_path / "nope")
        assert (result.code, result.out) == (3, "")
        assert f"{tmp_path}/nope" in result.err.splitlines()[0]

    def test_nothing_listens(self, cluster, chat):
        cluster.stop()
        message = (
            f"error: cannot reach the API server {cluster.url}: connection refused\n"
            "check with: kubectl version --context stand-in\n"
        )
        assert chat(ASK) == (3, "", message)

    @pytest.mark.parametrize(
        ("certificate", "authority", "why"),
        [
            pytest.param("server", None, r"self[- ]signed certificate in certificate chain", id="an unknown authority"),
            pytest.param("expired", ..., "certificate has expired", id="expired"),
            pytest.param("elsewhere", ..., r".*certificate is not valid for '127\.0\.0\.1'", id="another host's"),
        ],
    )
    def test_a_certificate_that_is_not_trusted(self, chat, tmp_path, certificate, authority, why):
        with Cluster(certificate=certificate) as cluster:
            changes = {} if authority is ... else {"cluster": {"certificate-authority-data": authority}}
            path = cluster.write_kubeconfig(tmp_path / "own", **changes)
            result = chat(ASK, env={"KUBECONFIG": path})
            assert (result.code, result.out) == (3, "")
            field = "tls-server-name" if certificate == "elsewhere" else "certificate-authority"
            assert re.fullmatch(
                f"error: cannot reach the API server {cluster.url}: the certificate is not trusted: {why}\n"
                f'see {field} of cluster "stand-in" in {re.escape(path)}\n',
                result.err,
            )
            assert not cluster.requests, "no credential may go to a server that is not trusted"

    @pytest.mark.parametrize(
        ("flags", "hint"),
        [
            pytest.param(("--tls-server-name", "foo.example"), "see --tls-server-name", id="name"),
            pytest.param(
                ("--certificate-authority", data("stranger-ca.crt")), "see --certificate-authority", id="authority"
            ),
        ],
    )
    def test_a_certificate_that_a_flag_does_not_trust(self, chat, flags, hint):
        result = chat(ASK, *flags)
        assert (result.code, result.err.splitlines()[1:]) == (3, [hint])

    def test_a_server_of_another_name_than_its_flag_says(self, chat, tmp_path):
        with Cluster(certificate="elsewhere") as cluster:
            path = cluster.write_kubeconfig(tmp_path / "own")
            result = chat(ASK, "--server", cluster.url, env={"KUBECONFIG": path})
        assert (result.code, result.err.splitlines()[1:]) == (3, ["see --server, or give --tls-server-name"])

    @pytest.mark.parametrize(
        ("kind", "flags", "who"),
        [
            pytest.param("token", ("--token", "bad"), "--token", id="token"),
            pytest.param("basic", ("--password", "bad"), "--password", id="password"),
            pytest.param("none", ("--username", "u", "--password", "bad"), "--username and --password", id="both"),
        ],
    )
    def test_a_credential_of_a_flag_that_is_refused(self, cluster, chat, tmp_path, kind, flags, who):
        path = cluster.write_kubeconfig(tmp_path / "own", kind)
        result = chat(ASK, *flags, env={"KUBECONFIG": path})
        message = f"error: {cluster.url} does not accept the credentials of the user given by {who} (401)"
        assert (result.code, result.err.splitlines()[0]) == (3, message)

    @pytest.mark.parametrize(
        ("kind", "credentials"),
        [
            pytest.param("token", {"token": "outdated"}, id="a wrong token"),
            pytest.param("basic", {"password": "guessed"}, id="a wrong password"),
            pytest.param("stranger", {}, id="another cluster's certificate"),
            pytest.param("none", {}, id="none"),
        ],
    )
    def test_credentials_that_are_refused(self, cluster, chat, tmp_path, kind, credentials):
        path = cluster.write_kubeconfig(tmp_path / "own", kind, credentials=credentials)
        message = (
            f'error: {cluster.url} does not accept the credentials of user "stand-in-user" of {path} (401)\n'
            "check with: kubectl auth whoami --context stand-in\n"
        )
        assert chat(ASK, env={"KUBECONFIG": path}) == (3, "", message)

    def test_credentials_that_are_revoked_in_the_middle(self, cluster, start_chat):
        process = start_chat()
        process.stdin.write(b"Say a\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"a\n"
        cluster.tokens.clear()
        out, err = process.communicate(b"Say b\nSay c\n", 10)
        assert (process.returncode, out) == (3, b"")
        assert err.decode().splitlines()[2].endswith("(401)")

    def test_a_right_that_is_missing_is_named_with_the_line_that_checks_it(self, cluster, chat):
        cluster.deny("create", "services/proxy")
        message = (
            f'error: services "{NAME}:80" is forbidden: User "token-user" cannot create resource "services/proxy" '
            'in API group "" in the namespace "default"\n'
            "check with: kubectl auth can-i create services --subresource=proxy -n default\n"
        )
        assert chat(ASK) == (3, "", CONNECTED + message)

    @pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")
    def test_the_check_asks_as_whom_the_flags_say(self, cluster, chat, kubeconfig, home):
        cluster.deny("create", "services/proxy", user="jane")
        result = chat(ASK, "--as", "jane")
        line = "kubectl auth can-i create services --subresource=proxy -n default"
        assert result.err.splitlines()[-1] == f"check with: {line} --as jane"
        for check, answer in ((f"{line} --as jane", "no"), (line, "yes")):
            environ = {**os.environ, "KUBECONFIG": kubeconfig, "HOME": str(home)}
            asked = subprocess.run([KUBECTL, *check.split()[1:]], env=environ, capture_output=True, text=True)
            assert asked.stdout.strip() == answer, asked.stderr

    def test_the_check_asks_the_server_that_a_flag_names(self, chat):
        result = chat(ASK, "-s", "https://127.0.0.1:1", "--context", "stand-in")
        assert result == (
            3,
            "",
            "error: cannot reach the API server https://127.0.0.1:1: connection refused\n"
            "check with: kubectl version --context stand-in --server https://127.0.0.1:1\n",
        )

    def test_the_check_of_an_inference_set_asks_so_too(self, cluster, run_kaito):
        cluster.add(inference_set("phi-set"))
        cluster.deny("list", "workspaces", user="jane")
        result = run_kaito("chat", "--workspace-name", "phi-set", "--as", "jane", stdin=ASK)
        line = "check with: kubectl auth can-i list workspaces.kaito.sh -n default --as jane"
        assert (result.code, result.err.splitlines()[-1]) == (3, line)

    def test_the_check_never_shows_a_secret(self, chat):
        result = chat(ASK, "--token", "hunter2")
        assert result.err.splitlines()[-1] == "check with: kubectl auth whoami --context stand-in --token TOKEN"
        assert "hunter2" not in result.err

    def test_no_right_at_all(self, cluster, chat):
        cluster.grant()
        result = chat(ASK)
        assert (result.code, result.out) == (3, "")
        assert "is forbidden" in result.err and "check with: kubectl auth can-i " in result.err

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            pytest.param(
                Refusal(200, "<html><title>Sign in</title></html>"),
                "does not answer like an API server: <html><title>Sign in</title></html>\n",
                id="a login page",
            ),
            pytest.param(
                Refusal(302, b"", {"Location": "https://login.example.com/start?state=secret"}),
                "the server redirects (302) to https://login.example.com/start, which is not followed\n",
                id="a redirect",
            ),
            pytest.param(
                Refusal(500, {"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd\x1b is gone"}),
                "answers 500: etcd\ufffd is gone\n",
                id="a failure of its own",
            ),
        ],
    )
    def test_an_answer_that_is_not_an_api_server_s(self, cluster, chat, answer, message):
        cluster.on(WORKSPACE_PATH, answer)
        result = chat(ASK)
        assert (result.code, result.out) == (3, "")
        assert message in result.err
        assert cluster.url in result.err
        assert "secret" not in result.err


class TestWorkspace:
    """Exit code 4. test_not_ready.py has the explanations of a workspace that is not ready."""

    def test_a_wrong_name(self, run_kaito):
        result = run_kaito("chat", "--workspace-name", "nope", stdin=ASK)
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith('error: workspace "nope" not found in namespace "default"\n')
        assert "Traceback" not in result.err

    def test_a_wrong_namespace(self, chat):
        result = chat(ASK, "-n", "elsewhere")
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith(f'error: workspace "{NAME}" not found in namespace "elsewhere"\n')

    @pytest.mark.parametrize(
        ("made", "words"),
        [
            pytest.param(
                workspace(NAME, tuning={"method": "lora"}),
                "tunes a model and does not serve one",
                id="it tunes a model",
            ),
            pytest.param(
                workspace(NAME, ready=False),
                "is not ready: InsufficientCapacity, nodeClaim ws1234",
                id="it is not ready",
            ),
        ],
    )
    def test_it_serves_nothing(self, cluster, chat, made, words):
        cluster.add(made)
        cluster.route(NAME, REFUSED)
        result = chat(ASK)
        assert (result.code, result.out) == (4, "")
        assert re.match(f'error: workspace "{NAME}" {words}\n', result.err)
        assert not cluster.model.requests

    def test_it_has_no_service(self, cluster, chat):
        cluster.remove("services", NAME)
        result = chat(ASK)
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith(f'error: workspace "{NAME}" ')

    def test_a_cluster_without_kaito(self, chat, tmp_path):
        with Cluster(versions=()) as cluster:
            cluster.add(service(NAME))
            result = chat(ASK, env={"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")})
        assert (result.code, result.out) == (4, "")
        assert "no KAITO in the cluster" in result.err.splitlines()[0]


CUT_OFF = f"error: the model's answer is cut off\n{AGAIN}\n"
UNFINISHED = f"error: the model's answer ended without saying that it was complete\n{AGAIN}\n"


class TestInference:
    """Exit code 5; the part of the answer that came is on stdout, ended by a line feed."""

    @pytest.mark.parametrize(
        ("reply", "out", "err"),
        [
            pytest.param(
                Refusal(500, {"error": {"message": "CUDA out of memory"}}),
                "",
                "error: the model's server answers 500 Internal Server Error: CUDA out of memory\n",
                id="500",
            ),
            pytest.param(
                Refusal(500, "<html>\n<h1>Oops</h1>"),
                "",
                "error: the model's server answers 500 Internal Server Error: Oops\n",
                id="500 in HTML",
            ),
            pytest.param(Reply(["half", CLOSE]), "half\n", CUT_OFF, id="closed"),
            pytest.param(Reply(["half", CUT]), "half\n", CUT_OFF, id="closed without TLS's goodbye"),
            pytest.param(Reply(["half", RESET]), "half\n", CUT_OFF, id="reset"),
            pytest.param(Reply([CLOSE]), "", CUT_OFF, id="closed before the first word"),
            pytest.param(
                Reply(["half", END]),
                "half\n",
                UNFINISHED,
                id="a clean end with neither finish reason nor [DONE]",
            ),
            pytest.param(
                Reply(["half"], finish_reason=None, done=False),
                "half\n",
                UNFINISHED,
                id="usage, but neither finish reason nor [DONE]",
            ),
            pytest.param(
                Reply(["half", {"error": {"message": "EngineCore died", "code": 500}}]),
                "half\n",
                "error: the model failed: EngineCore died\n",
                id="an error in the stream",
            ),
            pytest.param(
                Reply(["whole", {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, CLOSE]),
                "whole\n",
                CUT_OFF,
                id="a finish reason, but a body that is cut off",
            ),
            pytest.param(
                Reply([]), "", "error: the model gave an empty answer (finish reason: stop)\n", id="an empty answer"
            ),
            pytest.param(
                Reply([Reasoning("hm")]),
                "",
                "error: the model only reasoned and gave no answer (finish reason: stop)\n",
                id="nothing but reasoning",
            ),
        ],
    )
    def test_each_fault(self, cluster, chat, reply, out, err):
        cluster.model.reply(reply)
        result = chat("a\nb\n")
        assert result == (5, out, CONNECTED + err)
        assert len(cluster.model.chats) == 1, "the first failure ends the run"

    def test_all_tokens_went_into_reasoning(self, cluster, chat):
        cluster.model.reply([Reasoning("one "), Reasoning("two "), Reasoning("three "), "four"])
        message = (
            "error: the model only reasoned and gave no answer (finish reason: length)\n"
            "allow it more with a larger --max-tokens\n"
        )
        assert chat(ASK, "--max-tokens", "2") == (5, "", CONNECTED + message)


class TestCompleteness:
    """An answer is complete with [DONE], or with a finish reason and a properly ended body."""

    def test_done_without_a_finish_reason(self, cluster, chat):
        cluster.model.reply(Reply(["whole"], finish_reason=None))
        assert chat(ASK) == (0, "whole\n", CONNECTED)

    def test_a_finish_reason_without_done(self, cluster, chat):
        cluster.model.reply(Reply(["whole"], done=False))
        assert chat("a\nSay b\n") == (0, "whole\nb\n", CONNECTED + EACH_LINE)

    @pytest.mark.parametrize("then", [HANG, CUT], ids=["stays open", "is cut"])
    def test_done_counts_though_the_connection(self, cluster, start_chat, then):
        """Nothing after [DONE] matters: the run goes on at once, if necessary on a new connection."""
        cluster.model.reply(Reply([{"choices": [{"index": 0, "delta": {"content": "whole"}}]}, _done(), then]))
        out, err = start_chat().communicate(b"a\nSay b\n", 5)
        assert (out, err.decode()) == (b"whole\nb\n", CONNECTED + EACH_LINE)

    def test_a_model_that_waits_is_waited_for(self, cluster, start_chat):
        gate = threading.Event()
        cluster.model.reply(Reply("late", before=gate))
        process = start_chat()
        process.stdin.write(b"a\n")
        process.stdin.close()
        cluster.model.requests.wait()
        gate.set()
        assert process.stdout.read() == b"late\n"

    def test_one_that_says_nothing_for_too_long_is_not(self, cluster, chat):
        cluster.model.reply(Reply(["half ", HANG]))
        result = chat(ASK, "--request-timeout", "200ms")
        assert (result.code, result.out) == (5, "half \n")
        assert "error: the model's answer stopped: nothing came for 0.2 s\n" in result.err


def _done():
    """Return a chunk on the wire that holds the end of the events."""
    data = b"data: [DONE]\n\n"
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
