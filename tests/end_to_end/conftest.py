"""Ways to chat: in a pipe, on a terminal, through kubectl."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.cluster.process import ROOT

from . import BANNER, CHAT


@pytest.fixture
def chat(run_kaito):
    """Chat in a pipe: chat("Hello\\n", "--top-p", "0.5") -> Result. No run may end in a traceback."""

    def chat_in_pipe(stdin=None, *flags, **options):
        result = run_kaito(*CHAT, *flags, stdin=stdin, **options)
        assert "Traceback" not in result.err
        return result

    return chat_in_pipe


@pytest.fixture
def start_chat(start_kaito):
    """Start a chat in a pipe without waiting: start_chat("--top-p", "0.5") -> Popen."""

    def start_it(*flags, **options):
        return start_kaito(*CHAT, *flags, **options)

    return start_it


@pytest.fixture
def open_chat(terminal):
    """Open a chat on a terminal and wait for its first prompt: open_chat() -> Terminal. Never a traceback."""
    opened = []

    def open_it(*flags, **options):
        opened.append(terminal(*CHAT, *flags, **options))
        opened[-1].expect(BANNER)
        return opened[-1]

    yield open_it
    for each in opened:
        assert "Traceback" not in each.text


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory):
    """The path of the program as users install it: built here, or the one that KAITO_PROGRAM names."""
    named = os.environ.get("KAITO_PROGRAM")
    if named:
        return named
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, os.path.join(ROOT, "build_zipapp.py"), folder], check=True, stdout=subprocess.DEVNULL
    )
    return str(folder / "kubectl-kaito")


@pytest.fixture(scope="session")
def plugin_path(zipapp, tmp_path_factory):
    """A PATH on which kubectl finds the program as a plugin, run by the Python that runs the tests."""
    folder = tmp_path_factory.mktemp("bin")
    shutil.copy(zipapp, folder / "kubectl-kaito")
    return os.pathsep.join([str(folder), os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
