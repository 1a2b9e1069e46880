"""The command line as kubectl's users know it: flags before and after the verb, help, the version."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kaito import __version__
from tests.cluster.process import ROOT

from . import CHAT, NAME, UNMEASURED

EXIT_CODES = """\
Exit codes:
  0    success
  1    any other error
  2    usage: """


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(("chat", f"--workspace-name={NAME}", "--namespace", "ns"), id="after the verb"),
        pytest.param(("--namespace", "ns", *CHAT), id="before the verb"),
        pytest.param(("-nns", *CHAT), id="short and glued, before the verb"),
        pytest.param((*CHAT, "-nns"), id="short and glued, after the verb"),
        pytest.param(("-n", "ns", *CHAT), id="short"),
        pytest.param((*CHAT, "-n=ns"), id="short with ="),
        pytest.param((*CHAT, "--namespace=ns", "--"), id="-- at the end"),
        pytest.param(("-n", "other", *CHAT, "-n", "ns"), id="the last one counts"),
    ],
)
def test_flags_stand_where_the_user_puts_them(cluster, run_kaito, argv):
    result = run_kaito(*argv, stdin="Say OK\n")
    assert result.code == 4
    assert f'"{NAME}" not found in namespace "ns"' in result.err
    assert all("/namespaces/ns/" in request.target for request in cluster.requests[:2])


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",), ("help",), ("--help=true",)])
def test_help_of_the_root(run_kaito, argv):
    code, out, err = run_kaito(*argv, env={"KUBECONFIG": None})
    assert (code, err) == (0, "")
    assert out.startswith("Chat with the models that KAITO serves on Kubernetes.\n\nUsage:\n  kubectl kaito [command]")
    assert "Examples:\n  kubectl kaito chat --workspace-name " in out
    assert re.search(r"Commands:\n(  \S+ .*\n)*  chat +Chat with", out)
    assert "-n, --namespace string" in out
    assert "--version " in out
    assert '"kubectl kaito options" for those of kubectl' in out
    assert EXIT_CODES in out


@pytest.mark.parametrize("argv", [("chat", "--help"), ("--help", "chat"), ("help", "chat"), (*CHAT, "-h")])
def test_help_of_chat(cluster, run_kaito, argv):
    code, out, err = run_kaito(*argv)
    assert (code, err) == (0, "")
    assert "Usage:\n  kubectl kaito chat --workspace-name NAME [flags]\n" in out
    for flag in (
        r"--workspace-name string +Name of the workspace \(required\)",
        r"-n, --namespace string +Kubernetes namespace",
        r"--temperature float +Temperature for response generation \(0.0-2.0\)\s+\(default 0.7\)",
        r"--max-tokens int +Maximum tokens in response \(default 1024\)",
        r"--top-p float +Top-p \(nucleus sampling\) parameter \(0.0-1.0\)\s+\(default 0.9\)",
    ):
        assert re.search(rf"^ +{flag}", out, re.MULTILINE), flag
    assert "--max-tokens 512" in out, "the documented example"
    assert 'kubectl\'s flags: "kubectl kaito options"; exit codes: "kubectl kaito --help"\n' in out
    assert "kubectl-kaito" not in out
    assert not cluster.connections


@pytest.mark.parametrize("argv", [("options",), ("help", "options"), ("options", "--help"), ("-n", "ns", "options")])
def test_kubectl_s_flags_have_a_help_of_their_own(cluster, run_kaito, argv):
    code, out, err = run_kaito(*argv)
    assert (code, err) == (0, "")
    for flag in (r"--kubeconfig string +Path", r"--context string +The name", r"-v, --v int +Number"):
        assert re.search(rf"^ +{flag}", out, re.MULTILINE), flag
    assert not cluster.connections


def test_the_version(run_kaito):
    python = ".".join(map(str, sys.version_info[:3]))
    assert run_kaito("version") == (0, f"kubectl-kaito {__version__} (Python {python})\n", "")
    assert run_kaito("--version") == run_kaito("version")


@UNMEASURED
@pytest.mark.parametrize("argv", [("--help",), ("help", "chat"), ("version",)])
def test_what_needs_no_cluster_loads_nothing_for_one(argv):
    code = (
        "import sys; from kaito.cli import main; main(sys.argv[1:]); "
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *argv]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stderr.split())
    assert "kaito.cli" in loaded
    heavy = {"ssl", "http.client", "readline", "json", "socket", "threading", "subprocess", "argparse", "logging"}
    assert not loaded & heavy


@pytest.mark.parametrize(
    ("raising", "seconds", "code"),
    [
        pytest.param("signal.raise_signal(signal.SIGINT)", 60, 130, id="an interrupt is not lost"),
        pytest.param("raise ValueError", 0, 0, id="an error is not shown"),
    ],
)
def test_an_exception_at_the_end_writes_no_traceback(raising, seconds, code):
    script = f"""
import signal, sys, time
from kaito import cli

class Finalized:
    def __del__(self):
        {raising}

def run(argv):
    Finalized()
    time.sleep({seconds})
    return 0

cli.run = run
sys.exit(cli.main([]))
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", "")


def test_an_interrupt_that_became_an_import_error_counts_as_one():
    """CPython's C code that imports a module (PyCapsule_Import) drops what was raised meanwhile."""
    script = """
import sys
from kaito import cli

def run(argv):
    raise ImportError('PyCapsule_Import could not import module "_socket"')

cli.run = run
sys.exit(cli.main([]))
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_an_old_python_gets_one_clear_line(tmp_path):
    """Python 2 can parse the launcher, too, so it contains no newer syntax."""
    import ast

    with open(f"{ROOT}/kubectl-kaito", encoding="utf-8") as file:
        source = file.read()
    ast.parse(source, feature_version=(3, 4))
    checked = source.replace("sys.version_info < (3, 9)", "sys.version_info < (9, 9)")
    assert checked != source
    (tmp_path / "old").write_text(checked)
    result = subprocess.run([sys.executable, tmp_path / "old"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"error: kubectl-kaito needs Python 3\.9 or later; this is \d+\.\d+\n", result.stderr)
