"""Help and usage errors of the verbs; neither needs a cluster."""

from __future__ import annotations

import re
import sys

import pytest

from kaito.chat import slash
from kaito.cli import VERBS, main
from kaito.kube.names import is_label


@pytest.fixture
def run_kaito(capfd, monkeypatch):
    """Run the program in this process: run_kaito("status", "--help") -> (code, stdout, stderr)."""

    def run(*argv):
        monkeypatch.setenv("KUBECONFIG", "/nonexistent/config")
        # main sets the hook; monkeypatch restores it after the test.
        monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
        code = main(argv)
        return (code, *capfd.readouterr())

    return run


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        pytest.param("chat", ["--via string", "--wait[=duration]"], id="chat"),
        pytest.param("status", ["-A, --all-namespaces", "-w, --watch", "-o, --output string"], id="status"),
        pytest.param("get-endpoint", ["--workspace-name string", "--format string"], id="get-endpoint"),
    ],
)
def test_help_names_the_flags(run_kaito, verb, flags):
    code, out, err = run_kaito(verb, "--help")
    assert (code, err) == (0, "")
    assert f"Usage:\n  kubectl kaito {verb} " in out
    assert [flag for flag in flags if flag not in out] == []
    assert f"  {verb} " in run_kaito("--help")[1]


@pytest.mark.parametrize("argv", [(), ("options",), *((verb,) for verb in VERBS)])
def test_help_fits_a_terminal_of_80_columns(run_kaito, argv):
    assert max(map(len, run_kaito(*argv, "--help")[1].splitlines())) <= 80


def test_the_help_of_chat_fits_50_lines_and_names_the_commands(run_kaito):
    out = run_kaito("chat", "--help")[1]
    assert out.count("\n") <= 50
    assert [command.name for command in slash.COMMANDS if f" /{command.name} " not in out.replace("\n", " ")] == []


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_examples_name_workspaces_that_can_exist(run_kaito, verb):
    """A Workspace's Service has its name, which must be a label (RFC 1123)."""
    names = re.findall(r"--workspace-name (\S+)", run_kaito(*filter(None, (verb,)), "--help")[1].partition("Flags:")[0])
    assert [name for name in names if name.strip("]") != "NAME" and not is_label(name)] == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(("get-endpoint",), "--workspace-name is missing", id="no name"),
        pytest.param(("get-endpoint", "--workspace-name="), "--workspace-name is missing", id="an empty name"),
        pytest.param(("get-endpoint", "phi"), 'get-endpoint takes no arguments, but was given "phi"', id="an argument"),
        pytest.param(("status", "phi"), 'status takes no arguments, but was given "phi"', id="an argument of status"),
        pytest.param(
            ("get-endpoint", "--workspace-name", "x", "--format", "yaml"),
            'invalid value "yaml" for --format: it takes one of url, json',
            id="an unknown format",
        ),
        pytest.param(
            ("status", "-o", "yaml"),
            'invalid value "yaml" for -o: it takes one of table, wide, name, json',
            id="an unknown output",
        ),
        pytest.param(
            ("status", "--workspace-name", "x", "-A"),
            "--workspace-name and --all-namespaces exclude each other",
            id="a name and all namespaces",
        ),
        pytest.param(("status", "--watsh"), "unknown flag: --watsh (did you mean --watch?)", id="a mistyped flag"),
    ],
)
def test_a_usage_error(run_kaito, argv, message):
    code, out, err = run_kaito(*argv)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}\n")
