"""Fixtures that most tests share: a cluster of their own, and the program as a user starts it."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster, Terminal, run, service, start, workspace
from tests.cluster.process import zipapp_in


@pytest.fixture
def cluster():
    """A fresh stand-in cluster with one ready workspace, phi-3-5-mini, and its ClusterIP Service."""
    with Cluster() as made:
        made.add(workspace("phi-3-5-mini"), service("phi-3-5-mini"))
        yield made


@pytest.fixture
def kubeconfig(cluster, tmp_path):
    """The path of a kubeconfig with a token for that cluster."""
    return cluster.write_kubeconfig(tmp_path / "kube")


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory):
    """The path of the program as users install it: the file that KAITO_PROGRAM names, or one built here."""
    return zipapp_in(tmp_path_factory.mktemp("dist"))


@pytest.fixture
def home(tmp_path):
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def run_kaito(kubeconfig, home):
    r"""Run the program on that cluster: run_kaito("chat", "--workspace-name", "x", stdin=b"Hi\n") -> Result."""

    def run_it(*argv, stdin=None, env=None, **options):
        return run(argv, stdin, {"KUBECONFIG": kubeconfig, **(env or {})}, home=home, **options)

    return run_it


@pytest.fixture
def start_kaito(kubeconfig, home):
    """Start the program on that cluster without waiting: start_kaito("chat", …) -> Popen, killed at the test's end."""
    processes = []

    def start_it(*argv, env=None, **options):
        processes.append(start(argv, env={"KUBECONFIG": kubeconfig, **(env or {})}, home=home, **options))
        return processes[-1]

    yield start_it
    for process in processes:
        with process:
            process.kill()


@pytest.fixture
def terminal(kubeconfig, home):
    """Start the program on a pseudo-terminal: terminal("chat", …, rows=24, columns=80) -> Terminal."""
    terminals = []

    def open_terminal(*argv, env=None, **options):
        terminals.append(Terminal(argv, env={"KUBECONFIG": kubeconfig, **(env or {})}, home=home, **options))
        return terminals[-1]

    yield open_terminal
    for opened in terminals:
        opened.close()
