"""What Tab offers after `kubectl kaito`: kubectl's own completion runs `kubectl_complete-kaito`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time

import pytest

import build_zipapp
from tests.cluster import HANG, Refusal, Terminal, inference_set, service, workspace
from tests.cluster.objects import namespace
from tests.cluster.process import environment
from tests.servers import RawServer

from . import NAME

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
needs_bash = pytest.mark.skipif(
    not (shutil.which("kubectl") and shutil.which("bash") and os.path.exists(BASH_COMPLETION)),
    reason="needs kubectl, bash and Debian's bash-completion",
)

# Sets the variables that bash sets for a completion function, calls kubectl's, and prints its choices, one a line.
ASK_BASH = """
source "$1" && source <(kubectl completion bash) || exit 1
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=63 COMP_KEY=9
COMP_POINT=${#COMP_LINE}
compopt() { :; }
__start_kubectl
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def cluster(cluster):
    """The usual cluster with more to choose from."""
    cluster.add(workspace("phi-4"), service("phi-4"), workspace("llama", namespace="models"))
    cluster.add(inference_set("gemma", "models"))
    cluster.add(namespace("default"), namespace("models"), namespace("monitoring"))
    return cluster


@pytest.fixture(scope="module")
def completer_path(zipapp, plugin_path, tmp_path_factory):
    """A PATH on which kubectl finds the program and its completer, in different folders."""
    folder = tmp_path_factory.mktemp("completer")
    completer = folder / "kubectl_complete-kaito"
    completer.write_text(build_zipapp.COMPLETER)
    completer.chmod(0o755)
    return os.pathsep.join([str(folder), plugin_path])


@pytest.fixture
def run_completer(completer_path, kubeconfig, home):
    """Run a completer: run_completer(["kubectl_complete-kaito"], "chat", "-n", "") -> (stdout, stderr)."""

    def run(words, *typed, **changes):
        env = environment(home, {"PATH": completer_path, "KUBECONFIG": kubeconfig, **changes})
        done = subprocess.run([*words, *typed], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        assert done.returncode == 0
        return done.stdout.decode(), done.stderr.decode()

    return run


@pytest.fixture
def complete(run_completer):
    """What the completer offers, without descriptions: complete("chat", "-n", "") -> (names, directive)."""

    def run(*typed, **changes):
        out, err = run_completer(["kubectl_complete-kaito"], *typed, **changes)
        *offered, directive = out.splitlines()
        assert err == ""
        return [line.partition("\t")[0] for line in offered], directive

    return run


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        pytest.param([""], ["chat", "status", "get-endpoint", "version"], id="verbs"),
        pytest.param(["s"], ["status"], id="a verb that was begun"),
        pytest.param(["-n", "models", "ch"], ["chat"], id="a verb after flags"),
        pytest.param(["help", "st"], ["status"], id="a verb to be explained"),
        pytest.param(["chat", ""], [], id="chat takes no arguments"),
        pytest.param(["chat", "--workspace-name", ""], [NAME, "phi-4"], id="workspaces"),
        pytest.param(["chat", "--workspace-name", "phi-4"], ["phi-4"], id="a workspace that was begun"),
        pytest.param(["chat", "--workspace-name=phi-3"], [NAME], id="a workspace after an equals sign"),
        pytest.param(["status", "--workspace-name", ""], [NAME, "phi-4"], id="workspaces for another verb"),
        pytest.param(
            ["chat", "-n", "models", "--workspace-name", ""], ["gemma", "llama"], id="both kinds of a namespace"
        ),
        pytest.param(
            ["-n", "models", "chat", "--workspace-name", ""], ["gemma", "llama"], id="a namespace before the verb"
        ),
        pytest.param(["chat", "-n", "models", "--workspace-name", "isets/"], ["isets/gemma"], id="a kind"),
        pytest.param(
            ["chat", "-n", "models", "--workspace-name=workspace/l"], ["workspace/llama"], id="the other kind"
        ),
        pytest.param(["chat", "-n", "models", "--workspace-name", "pod/"], [], id="a kind that serves no model"),
        pytest.param(["chat", "-n", ""], ["default", "models", "monitoring"], id="namespaces"),
        pytest.param(["chat", "--namespace", "mo"], ["models", "monitoring"], id="namespaces that were begun"),
        pytest.param(["chat", "--context", ""], ["stand-in"], id="contexts"),
        pytest.param(["chat", "--cluster", ""], ["stand-in"], id="clusters"),
        pytest.param(["chat", "--user", ""], ["stand-in-user"], id="users"),
        pytest.param(["chat", "--output", ""], ["text", "json", "jsonl"], id="the values of a choice"),
        pytest.param(["chat", "-o", "j"], ["json", "jsonl"], id="a choice by its short name"),
        pytest.param(["chat", "--via=c"], ["cluster"], id="a choice after an equals sign"),
        pytest.param(["chat", "--work"], ["--workspace-name"], id="a flag that was begun"),
        pytest.param(["chat", "--conte"], ["--context"], id="a flag of kubectl's"),
        pytest.param(["chat", "--context", "stand-in", "--conte"], [], id="a flag that was given"),
        pytest.param(["chat", "--as-group", "a", "--as-g"], ["--as-group"], id="a flag that may be repeated"),
        pytest.param(["chat", "--quiet", "--qui"], [], id="a switch that was given"),
        pytest.param(["chat", "--temperature", ""], [], id="a number"),
        pytest.param(["nonsense", "--workspace-name", ""], [], id="an unknown verb"),
    ],
)
def test_what_is_offered(complete, typed, offered):
    assert complete(*typed) == (offered, ":4")


def test_models_of_the_workspace(complete, cluster):
    """Without a workspace, there is no server to ask, and no set of names is known."""
    cluster.model.adapters = ("sql-lora", "phi $x")
    assert complete("chat", "--workspace-name", NAME, "--model", "") == (["phi-3.5-mini-instruct", "sql-lora"], ":4")
    assert complete("--workspace-name", NAME, "chat", "--model=sql") == (["sql-lora"], ":4")
    assert complete("chat", "--model", "") == ([], ":4")
    assert complete("chat", "--workspace-name", "nobody", "--model", "") == ([], ":4")


def test_flags_have_descriptions(run_completer):
    out, _ = run_completer(["kubectl_complete-kaito"], "chat", "--temp")
    assert out == "--temperature\tTemperature for response generation (0.0-2.0)\n:4\n"


@pytest.mark.parametrize("flag", ["--kubeconfig", "--file", "-f", "--client-key"])
def test_files_are_left_to_the_shell(complete, flag):
    assert complete("chat", flag, "") == ([], ":0")


HOSTILE = (
    "phi-\x1b[2Jx",
    "$(touch pwn)",
    "`touch pwn`",
    "phi;touch pwn",
    "phi&touch pwn",
    "phi|sh",
    "phi>pwn",
    "phi x",
    "phi\u202ex",
    "phi\x9bx",
    "phi*",
    "phi'x",
    'phi"x',
    "phi\\\\x",
    "phi{a,b}",
    "~phi",
    "phi\tx",
    "phi\nx",
    "!phi",
)


def test_only_names_that_an_object_can_have_are_offered(complete, cluster):
    for name in (*HOSTILE, "Phi", "phi_x", "-phi", "phi-", "phi/x", "é", "x" * 254, ""):
        cluster.add(workspace(name), namespace(name))
    assert complete("chat", "--workspace-name", "")[0] == [NAME, "phi-4"]
    assert complete("chat", "-n", "")[0] == ["default", "models", "monitoring"]


def test_only_names_of_a_kubeconfig_that_mean_themselves_in_a_shell_are_offered(complete, tmp_path):
    usual = [
        "arn:aws:eks:eu-west-1:12:cluster/a",
        "gke_a_b",
        "kind-a",
        "me@a",
        "team/api-a:6443/kube:admin",
        "é+x,y=z%",
    ]
    path = tmp_path / "config"
    contexts = [{"name": name, "context": {}} for name in (*usual, *HOSTILE, "=ls", "-x")]
    clusters = [{"name": one["name"], "cluster": {"server": "http://a"}} for one in contexts]
    users = [{"name": one["name"], "user": {}} for one in contexts]
    path.write_text(json.dumps({"contexts": contexts, "clusters": clusters, "users": users}))
    for flag in ("--context", "--cluster", "--user"):
        assert complete("chat", "--kubeconfig", path, flag, "")[0] == usual


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"KUBECONFIG": "/nowhere"}, id="no kubeconfig"),
        pytest.param({"KUBECONFIG": "/dev/null"}, id="an empty kubeconfig"),
        pytest.param({"KUBECONFIG": __file__}, id="a kubeconfig that is none"),
    ],
)
def test_errors_are_silent(complete, changes):
    assert complete("chat", "--workspace-name", "", **changes) == ([], ":4")


@pytest.mark.parametrize("refusal", [Refusal(403, {"kind": "Status", "code": 403}), Refusal(200, before=HANG)])
@pytest.mark.parametrize(("kind", "offered"), [("workspaces", ["gemma"]), ("inferencesets", ["llama"])])
def test_a_kind_that_cannot_be_listed_does_not_hide_the_other(complete, cluster, kind, offered, refusal):
    cluster.on(f"/{kind}", refusal)
    assert complete("chat", "-n", "models", "--workspace-name", "") == (offered, ":4")


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusing_server_is_silent(complete, cluster, status):
    cluster.on("/workspaces", Refusal(status, {"kind": "Status", "code": status, "message": "no"}))
    assert complete("chat", "--workspace-name", "") == ([], ":4")


def test_a_silent_server_is_given_up_within_2_seconds(complete, cluster):
    cluster.on("/workspaces", Refusal(200, before=HANG))
    began = time.monotonic()
    assert complete("chat", "--workspace-name", "") == ([], ":4")
    assert time.monotonic() - began < 2.5  # 2 s, plus the program's start on a busy machine


def test_so_is_one_without_a_handshake(complete):
    with RawServer(lambda peer: peer.wait_for_end()) as server:
        began = time.monotonic()
        assert complete("chat", "-s", f"https://{server.authority}", "--workspace-name", "") == ([], ":4")
        assert time.monotonic() - began < 2.5


@needs_kubectl
def test_kubectl_asks_it(run_completer):
    out, _ = run_completer(["kubectl", "__complete", "kaito"], "chat", "--workspace-name", "phi-4")
    assert out == "phi-4\n:4\n"


@needs_bash
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        pytest.param(["chat", "--workspace-name", ""], [NAME, "phi-4"], id="workspaces"),
        pytest.param(["chat", "-n", "mo"], ["models", "monitoring"], id="namespaces"),
        pytest.param(["chat", "--context", ""], ["stand-in"], id="contexts"),
        pytest.param(["chat", "--via", "c"], ["cluster"], id="the values of a choice"),
        pytest.param(["chat", "--workspace-n"], ["--workspace-name"], id="flags"),
        pytest.param(["chat", "--workspace-name", NAME, "--model", "p"], ["phi-3.5-mini-instruct"], id="models"),
        pytest.param(["chat", "--workspace-name", "nobody"], [""], id="nothing"),
    ],
)
def test_bash_offers_it_through_kubectls_script(run_completer, typed, offered):
    out, err = run_completer(["bash", "-c", ASK_BASH, "bash", BASH_COMPLETION], "kubectl", "kaito", *typed)
    # Several candidates have their descriptions, if there are any.
    assert [line.split("  ")[0].strip() for line in out.splitlines()] == offered
    assert err == ""


@needs_bash
def test_tab_in_a_shell(completer_path, kubeconfig, home):
    env = {"PATH": completer_path, "KUBECONFIG": kubeconfig, "PS1": "$ ", "INPUTRC": "/dev/null"}
    with Terminal([], command=["bash", "--norc", "--noprofile", "-i"], env=env, home=home, columns=200) as shell:
        shell.expect("$ ")
        shell.line(f"source {BASH_COMPLETION}; source <(kubectl completion bash); echo rea''dy")
        shell.expect("ready\n")
        shell.send("kubectl kaito chat --workspace-name phi-3\t")
        shell.expect(f"--workspace-name {NAME} ")
        shell.send("-n mod\t")
        shell.expect("-n models ")
        shell.send("\x15exit\r")
        assert shell.wait() == 0
