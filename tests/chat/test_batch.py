"""A chat without a person, on a real server: which lines are commands, and what ends the run."""

from __future__ import annotations

import pytest

from kaito.chat.batch import run
from kaito.chat.script_input import Question
from kaito.chat.session import Destination, Session
from kaito.errors import ExpectationError, InferenceError, UsageError
from kaito.model.client import ChatModel, Sampling
from kaito.net.url import parse_url
from kaito.terminal.console import Console
from kaito.terminal.streams import Streams
from kaito.workspaces.endpoint import Found
from kaito.workspaces.routes import DirectLink, Endpoint
from kaito.workspaces.ways import CLUSTER_IP
from kaito.workspaces.workspace import Workspace
from tests.cluster import CUT, Model


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def chat(model):
    """Ask the questions of a list: chat(["a", "b"], expected=["x"]). `line`: they are lines of stdin."""
    with model.serve() as server:
        link = DirectLink(parse_url(server.url), None, None)
        found = Found(Workspace("phi", "default"), Endpoint(CLUSTER_IP, server.url, link), model.name)
        session = Session(Destination(None, found), ChatModel(link), Sampling())

        def ask(texts, *, line=True, expected=()):
            run(session, Console(Streams(), quiet=True), [Question(text, line) for text in texts], None, expected)

        yield ask
        link.close()


def asked(model):
    return [request.json["messages"][-1]["content"] for request in model.chats]


def test_each_answer_is_a_line(model, chat, capfd):
    model.always("OK")
    chat(["a", "b"])
    assert capfd.readouterr().out == "OK\nOK\n"
    assert asked(model) == ["a", "b"]


@pytest.mark.parametrize("text", ["quit", "/quit", "/clear", "/nope"])
def test_only_lines_can_be_commands(model, chat, text):
    chat([text], line=False)
    assert asked(model) == [text]


def test_a_line_that_leaves_ends_the_run(model, chat):
    chat(["a", "/quit", "b"])
    assert asked(model) == ["a"]


def test_a_command_may_ask_a_question(model, chat, capfd):
    model.reply("one")
    model.reply("two")
    chat(["a", "/retry"])
    assert capfd.readouterr().out == "one\ntwo\n"
    assert asked(model) == ["a", "a"]


@pytest.mark.parametrize("texts", [[], ["/help"], ["/quit", "a"]])
def test_nothing_asked_is_a_failure(chat, texts):
    with pytest.raises(UsageError, match="nothing was asked"):
        chat(texts)


def test_the_first_failure_ends_the_run(model, chat, capfd):
    model.reply("fine")
    model.reply(["half", CUT])
    with pytest.raises(InferenceError):
        chat(["a", "b", "c"])
    assert capfd.readouterr().out == "fine\nhalf\n"
    assert asked(model) == ["a", "b"]


def test_an_answer_that_does_not_match_ends_the_run(model, chat, capfd):
    model.always("one\ntwo")
    chat(["a"], expected=["one", "(?m)^two$"])
    with pytest.raises(ExpectationError) as caught:
        chat(["a", "b"], expected=["one", "^two"])
    assert (caught.value.message, caught.value.hint) == ("the answer does not match --expect ^two", "it is: one two")
    assert capfd.readouterr().out == "one\ntwo\none\ntwo\n"


@pytest.mark.parametrize(
    ("patterns", "answer", "failing"),
    [
        pytest.param(["OK"], "It is OK.", None, id="anywhere in the answer"),
        pytest.param(["^OK$"], "It is OK.", "^OK$", id="anchors count"),
        pytest.param(["(?i)ok"], "OK", None, id="flags in the pattern"),
        pytest.param(["ok"], "OK", "ok", id="case counts"),
        pytest.param(["(?m)^OK$"], "It is\nOK\nindeed", None, id="lines"),
        pytest.param(["one", "two"], "two one", None, id="all of several"),
        pytest.param(["one", "two", "three"], "one three", "two", id="one of several fails"),
        pytest.param(["-x"], "a -x", None, id="a dash in front"),
        pytest.param([""], "a", None, id="nothing at all"),
    ],
)
def test_expected_patterns(model, chat, patterns, answer, failing):
    """re.search on the answer's content."""
    model.reply([answer])
    if failing is None:
        chat(["a"], expected=patterns)
        return
    with pytest.raises(ExpectationError) as caught:
        chat(["a"], expected=patterns)
    assert caught.value.message == f"the answer does not match --expect {failing}"
