"""Answers on a terminal: wrapped words, Markdown, and what interrupts both."""

from __future__ import annotations

import json
import re
from textwrap import indent

import pytest

from tests.cluster import END, HANG, Reply, service, workspace

from . import CHAT, assistant, conversation, user
from .repl import NEEDS_TMUX, Tmux, ask

LONG = '    print(f"Hello, *{name}*, and this line is longer than the eighty columns of the screen")'
CODE = f'def greet(name):\n{LONG}\n\ngreet("you")'
TABLE = "| Name | Age |\n|------|----:|\n| web | 3 |\n"
# What arrives before the answer stops, and what the screen shows of it.
MOMENTS = pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("It is **very bo", "It is **very bo", id="bold"),
        pytest.param(TABLE + "| db |", "Name │ Age\n─────┼────\nweb  │   3\ndb   │", id="table"),
        pytest.param("So:\n```sh\nls -", "So:\nls -", id="code"),
    ],
)
STYLES = re.compile(rb"\x1b\[([0-9;]*)m")


@MOMENTS
def test_ctrl_c_in_the_middle_loses_nothing_and_resets_the_style(cluster, open_chat, text, shown):
    cluster.model.reply([text, HANG])
    screen = open_chat()
    screen.line("x")
    screen.expect(re.compile("bo|rows of a table|ls -"))
    screen.interrupt()
    screen.expect("[stopped]\n\n> ")
    assert re.sub(" *\\^C\n$", "", screen.text.partition("[stopped]")[0]).endswith(shown)
    assert STYLES.findall(screen.raw.partition(b"^C")[0])[-1] == b"0"
    ask(screen, "Say OK")
    assert conversation(cluster)[1] == assistant(text)


@MOMENTS
def test_an_error_in_the_middle_does_so_too(cluster, open_chat, text, shown):
    cluster.model.reply(Reply([text, END]))
    screen = open_chat()
    screen.line("x")
    screen.expect("[broken off, not kept]")
    assert screen.text.partition("[broken off")[0].rstrip().endswith(shown)
    assert STYLES.findall(screen.raw.partition(b"\x1b[2m[broken")[0])[-1] == b"0"


@NEEDS_TMUX
def test_code_is_copied_as_it_is(cluster, kubeconfig, home):
    cluster.model.reply([f"1. In a list:\n   ```python\n{indent(CODE, '   ')}\n   ```\n"])
    with Tmux(CHAT, home=home, env={"KUBECONFIG": kubeconfig}) as screen:
        screen.expect([">"])
        screen.type("x")
        screen.keys("Enter")
        screen.expect(['greet("you")', "", ">"])
        assert CODE in screen.copied


@NEEDS_TMUX
def test_the_documented_session_on_eighty_columns(cluster, kubeconfig, home):
    cluster.add(workspace("test-cli-gpu"), service("test-cli-gpu"))
    cluster.model.reply(
        "I'm Phi, an AI language model. I don't have feelings, but I'm here and ready to assist you. "
        "How can I help you today?"
    )
    cluster.model.reply(
        "Machine learning is a subset of artificial intelligence (AI).\n\nHere are some key points:\n\n"
        "1. Data-driven: Machine learning algorithms learn patterns and insights from large volumes of data.\n"
    )
    words = ("chat", "--workspace-name", "test-cli-gpu")
    with Tmux(words, home=home, env={"KUBECONFIG": kubeconfig}) as screen:
        screen.expect([">"])
        for question, end in (
            ("Hello! How are you?", "assist you. How can I help you today?"),
            ("What is machine learning?", "   large volumes of data."),
        ):
            screen.type(question)
            screen.keys("Enter")
            screen.expect([end, "", ">"])
        assert screen.lines == [
            "Connected to workspace: test-cli-gpu (model: phi-3.5-mini-instruct)",
            "Type /help for commands or /quit to exit.",
            "",
            "> Hello! How are you?",
            "I'm Phi, an AI language model. I don't have feelings, but I'm here and ready to",
            "assist you. How can I help you today?",
            "",
            "> What is machine learning?",
            "Machine learning is a subset of artificial intelligence (AI).",
            "",
            "Here are some key points:",
            "",
            "1. Data-driven: Machine learning algorithms learn patterns and insights from",
            "   large volumes of data.",
            "",
            ">",
        ]


def test_render_raw_and_the_last_answer_as_it_came(cluster, open_chat):
    cluster.model.always("A **bold** word")
    screen = open_chat()
    assert ask(screen, "x") == "A bold word"
    assert ask(screen, "/raw") == "A **bold** word"
    assert ask(screen, "/set render raw") == "render: raw"
    assert ask(screen, "y") == "A **bold** word"
    assert ask(screen, "/set render auto") == "render: auto"
    screen.line("/history")
    screen.expect("> x\nA bold word\n\n> y\nA bold word\n\n> ")
    assert ask(screen, "/set render pretty").startswith(
        'error: invalid value "pretty" for render: it takes one of auto, raw'
    )
    assert ask(open_chat("--render", "raw"), "x") == "A **bold** word"


class TestThoughtsInTheContent:
    STEPS = ("<thi", "nk>\nhm", "\n</think>\n\n", "Four.")

    def test_a_terminal_shows_them_as_reasoning_and_they_are_not_sent_back(self, cluster, open_chat):
        cluster.model.reply([*self.STEPS])
        screen = open_chat()
        assert ask(screen, "2+2?") == "[reasoning]\nhm\n\nFour."
        ask(screen, "Say OK")
        assert conversation(cluster) == [user("2+2?"), assistant("Four."), user("Say OK")]

    def test_a_pipe_gets_the_answer_alone(self, cluster, chat):
        cluster.model.reply([*self.STEPS])
        assert chat("2+2?\n").out == "Four.\n"

    def test_json_has_both(self, cluster, chat):
        cluster.model.reply([*self.STEPS])
        record = json.loads(chat("2+2?\n", "-o", "jsonl").out)
        assert (record["response"], record["reasoning"]) == ("Four.", "hm")
