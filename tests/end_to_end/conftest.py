"""Ways to chat: in a pipe, on a terminal, through kubectl."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from tests.cluster import Cluster, service, workspace
from tests.cluster.process import program

from . import BANNER, CHAT, NAME


@pytest.fixture
def chat(run_kaito):
    r"""Chat in a pipe: chat("Hello\n", "--top-p", "0.5") -> Result. A traceback fails the test."""

    def chat_in_pipe(stdin=None, *flags, **options):
        result = run_kaito(*CHAT, *flags, stdin=stdin, **options)
        assert "Traceback" not in result.err
        return result

    return chat_in_pipe


@pytest.fixture
def shell(run_kaito):
    """Run a shell script in which "$@" is the chat: shell('"$@" | head -c 10', "-m", "Hi") -> Result."""

    def run_in_shell(script, *flags, stdin=None):
        result = run_kaito(*CHAT, *flags, stdin=stdin, command=["/bin/sh", "-c", script, "sh", *program()])
        assert "Traceback" not in result.err + result.out
        return result

    return run_in_shell


@pytest.fixture
def start_chat(start_kaito):
    """Start a chat in a pipe without waiting: start_chat("--top-p", "0.5") -> Popen."""

    def start_it(*flags, **options):
        return start_kaito(*CHAT, *flags, **options)

    return start_it


@pytest.fixture
def open_chat(terminal):
    """Open a chat on a terminal and wait for its prompt: open_chat() -> Terminal. A traceback fails the test."""
    opened = []

    def open_it(*flags, **options):
        opened.append(terminal(*CHAT, *flags, **options))
        opened[-1].expect(BANNER)
        return opened[-1]

    yield open_it
    for each in opened:
        assert "Traceback" not in each.text


@pytest.fixture(scope="session")
def plugin_path(zipapp, tmp_path_factory):
    """A PATH on which kubectl finds the program as a plugin, run by the Python that runs the tests."""
    folder = tmp_path_factory.mktemp("bin")
    shutil.copy(zipapp, folder / "kubectl-kaito")
    return os.pathsep.join([str(folder), os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])


@pytest.fixture
def chat_with(run_kaito, tmp_path):
    """Chat in a pipe with a model of the test's own: chat_with(model, stdin, *flags) -> Result."""
    opened = []

    def run(model, stdin, *flags):
        cluster = Cluster(model=model)
        opened.append(cluster)
        cluster.add(workspace(NAME), service(NAME))
        return run_kaito(*CHAT, *flags, stdin=stdin, env={"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")})

    yield run
    for cluster in opened:
        cluster.stop()
