"""A conversation of three turns, of which the third depends on the first, in every way that users have one."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.cluster import service, workspace
from tests.cluster.process import ROOT

from . import BANNER, CHAT, CONNECTED, EACH_LINE, NAME

KUBECTL = shutil.which("kubectl")
NEEDS_KUBECTL = pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")

QUESTIONS = "My name is Ada.\nSay something else\nWhat is my name?\n"
ANSWERS = "Nice to meet you, Ada. I will remember your name.\nsomething else\nYour name is Ada.\n"
SCREEN = f"""\
{BANNER}My name is Ada.
Nice to meet you, Ada. I will remember your name.

> Say something else
something else

> What is my name?
Your name is Ada.

> /quit
"""


def converse(terminal):
    """Type each question at the prompt, leave, and return the exit code."""
    terminal.expect(BANNER)
    for question in QUESTIONS.splitlines():
        terminal.line(question)
        terminal.expect("\n> ")
    terminal.line("/quit")
    return terminal.wait()


def test_in_a_pipe_stdout_holds_the_answers_and_nothing_else(chat):
    assert chat(QUESTIONS) == (0, ANSWERS, CONNECTED + EACH_LINE)


def test_on_a_terminal_it_looks_as_documented(terminal):
    screen = terminal(*CHAT)
    assert converse(screen) == 0
    assert screen.text == SCREEN


def test_the_launcher_of_a_checkout_runs_as_it_stands(run_kaito):
    result = run_kaito(*CHAT, stdin=QUESTIONS, command=[os.path.join(ROOT, "kubectl-kaito")])
    assert result == (0, ANSWERS, CONNECTED + EACH_LINE)


def test_the_zipapp_runs_alone(run_kaito, zipapp, tmp_path):
    copy = shutil.copy(zipapp, tmp_path / "anything")
    result = run_kaito(*CHAT, stdin=QUESTIONS, command=[copy], cwd=tmp_path, env={"PYTHONPATH": None})
    assert result == (0, ANSWERS, CONNECTED + EACH_LINE)


class TestThroughKubectl:
    pytestmark = NEEDS_KUBECTL

    def test_in_a_pipe(self, run_kaito, plugin_path):
        result = run_kaito(*CHAT, stdin=QUESTIONS, command=[KUBECTL, "kaito"], env={"PATH": plugin_path})
        assert result == (0, ANSWERS, CONNECTED + EACH_LINE)

    def test_on_a_terminal(self, terminal, plugin_path):
        screen = terminal(*CHAT, command=[KUBECTL, "kaito"], env={"PATH": plugin_path})
        assert converse(screen) == 0
        assert screen.text == SCREEN

    def test_the_exit_code_passes(self, run_kaito, plugin_path):
        result = run_kaito("chat", stdin="", command=[KUBECTL, "kaito"], env={"PATH": plugin_path})
        assert (result.code, result.out) == (2, "")


def test_the_documented_session_word_for_word(cluster, kubeconfig, terminal):
    cluster.add(workspace("test-cli-gpu"), service("test-cli-gpu"))
    first = (
        "I'm Phi, an AI language model. I don't have feelings, but I'm here and ready to assist you. "
        "How can I help you today?"
    )
    second = (
        "Machine learning is a subset of artificial intelligence (AI) that involves the use of algorithms.\n\n"
        "Here are some key points about machine learning:\n\n1. Data-driven: it learns from large volumes of data.\n"
    )
    cluster.model.reply(first)
    cluster.model.reply(second)
    screen = terminal("chat", "--workspace-name", "test-cli-gpu", columns=400)
    screen.expect("\n\n> ")
    screen.line("Hello! How are you?")
    screen.expect("\n\n> ")
    screen.line("What is machine learning?")
    screen.expect("of data.\n\n> ")
    screen.line("/quit")
    assert screen.wait() == 0
    assert screen.text == (
        "Connected to workspace: test-cli-gpu (model: phi-3.5-mini-instruct)\n"
        "Type /help for commands or /quit to exit.\n"
        f"\n> Hello! How are you?\n{first}\n"
        f"\n> What is machine learning?\n{second}"
        "\n> /quit\n"
    )


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        pytest.param(workspace(NAME), "phi-3.5-mini-instruct", id="a preset"),
        pytest.param(workspace(NAME, preset="google/gemma-3-4b-it"), "google/gemma-3-4b-it", id="a Hugging Face id"),
        pytest.param(workspace(NAME, preset=None, template={"spec": {}}), "home-made", id="a template"),
    ],
)
def test_the_banner_names_the_model(cluster, chat, made, shown):
    cluster.model.name = "home-made"
    cluster.add(made)
    assert chat("Hi\n").err == f"Connected to workspace: {NAME} (model: {shown})\n"
