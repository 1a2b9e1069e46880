"""Long conversations in small context windows, with servers that reveal much, little, or nothing of their sizes."""

from __future__ import annotations

import pytest

from tests.cluster import Model
from tests.cluster.model import BadRequest

from . import CHAT_PATH, CONNECTED, SERVICE_PATH, WORKSPACE_PATH, conversation, user

FLOOR = 256
TURNS = 100
QUESTIONS = [f"Question number {number}: go on with the story, please." for number in range(TURNS)]
ANSWER = "The dragon slept on the only GPU of the cluster, and the pods were Pending. " * 12


class Silent(Model):
    """A model that refuses what is too large without a number, and reveals no size."""

    def _validate_lengths(self, messages, body):
        if self.count(messages) + body["max_tokens"] > self.max_model_len:
            raise BadRequest("The prompt is too long.")


class Wordless(Model):
    """A model like Silent whose refusals have no message."""

    def _validate_lengths(self, messages, body):
        if self.count(messages) + body["max_tokens"] > self.max_model_len:
            raise BadRequest("")


class Old(Model):
    """vLLM before 0.8: one number for both, top-level message; no /tokenize of messages."""

    def _validate_lengths(self, messages, body):
        prompt, asked, window = self.count(messages), body["max_tokens"], self.max_model_len
        if prompt + asked > window:
            raise BadRequest(
                f"This model's maximum context length is {window} tokens. However, you requested {prompt + asked} "
                f"tokens ({prompt} in the messages, {asked} in the completion). Please reduce the length of the "
                "messages or completion."
            )


def accepted(model):
    """Return the completions that were not refused: the last one for each question."""
    last = {request.json["messages"][-1]["content"]: request.json for request in model.chats}
    return list(last.values())


def longest_reply(model, request):
    """Return the tokens that a reply may have: without max_tokens, all that the prompt leaves of the window."""
    return request.get("max_tokens", model.max_model_len - model.count(request["messages"]))


@pytest.mark.parametrize(
    ("model", "usage", "most"),
    [
        pytest.param(Model(), None, 1.0, id="vLLM"),
        pytest.param(Model(strict_window=True), None, 1.0, id="vLLM that refuses what does not fit"),
        pytest.param(Model(strict_window=True), False, 1.0, id="vLLM without usage"),
        pytest.param(Old(reveals_length=False), None, 1.2, id="old vLLM"),
        pytest.param(Model(reveals_length=False), None, 1.1, id="transformers"),
        pytest.param(Silent(reveals_length=False), False, 1.6, id="nothing but a refusal"),
        pytest.param(Wordless(reveals_length=False), False, 1.6, id="a refusal without a word"),
        pytest.param(Model(max_model_len=600), None, 1.1, id="a window below the default --max-tokens"),
    ],
)
def test_a_hundred_turns(chat_with, model, usage, most):
    """`most` bounds the requests for completions that a turn takes on average."""
    model.always(ANSWER, usage=usage)
    result = chat_with(model, "\n".join(QUESTIONS), "--system-prompt", "You tell stories.")
    assert result.code == 0, result.err
    notes = [line for line in result.err.splitlines() if "left out" in line]
    assert len(notes) == 1
    assert notes[0].startswith("note: the conversation outgrew the model's context window; the ")
    requests = accepted(model)
    assert [request["messages"][-1] for request in requests] == [user(question) for question in QUESTIONS]
    for request in requests:
        assert longest_reply(model, request) >= FLOOR
        assert request["messages"][0] == {"role": "system", "content": "You tell stories."}
        assert request["messages"][1]["role"] == "user"
    # No more turns are left out than necessary.
    if model.max_model_len == 2048:
        assert min(len(request["messages"]) for request in requests[20:]) >= 6
    assert len(model.chats) <= TURNS * most, "needless round trips"


def test_the_ordinary_case_costs_nothing_but_the_questions(cluster, chat):
    """Workspace, Service, one POST; before the second question one request for the window's size; then POSTs."""
    assert chat("Hi\n").code == 0
    paths = [request.target for request in cluster.requests]
    assert sorted(paths[:2]) == sorted([WORKSPACE_PATH, SERVICE_PATH])
    assert paths[2:] == [CHAT_PATH]
    del cluster.requests[:]
    assert chat("Hi\nSay a\nSay b\nSay c\n").code == 0
    assert [request.path for request in cluster.model.requests[1:]] == [
        "/v1/chat/completions",
        "/v1/models",
        *["/v1/chat/completions"] * 3,
    ]


def test_the_reply_shrinks_before_turns_are_left_out(cluster, chat):
    cluster.model.always("word " * 500)
    result = chat("\n".join(QUESTIONS[:5]), "--max-tokens", "900")
    budgets = [request.json["max_tokens"] for request in cluster.model.chats]
    counts = [len(request.json["messages"]) for request in cluster.model.chats]
    assert counts == [1, 3, 5, 7, 7]
    assert budgets[:3] == [900, 900, 900]
    assert FLOOR <= budgets[3] < 900
    assert "note: the conversation outgrew the model's context window; the oldest turn is left out from now on\n" in (
        result.err
    )


def test_a_small_max_tokens_is_its_own_floor(cluster, chat):
    """Turns are not left out for a reply that nobody asked for."""
    cluster.model.always("word " * 100)
    chat("\n".join(QUESTIONS[:17]), "--max-tokens", "50")
    assert {request.json["max_tokens"] for request in cluster.model.chats} == {50}
    assert len(conversation(cluster)) == 33


@pytest.mark.parametrize("reveals", [True, False], ids=["counted by the server", "by its refusal"])
def test_a_message_that_is_too_long_alone(chat_with, reveals):
    message = "word " * 2100
    model = Model(reveals_length=reveals)
    model.always("OK")
    result = chat_with(model, message)
    # A server that does not count tells only a bound in its refusal.
    size = model.count([{"content": message.rstrip("\n")}]) if reveals else 2049
    tokens = f"{'' if reveals else 'at least '}{size} tokens"
    assert result == (
        5,
        "",
        f"{CONNECTED}error: the message is too long: {tokens} with the model's template, and its context window "
        f"holds 2048\nshorten it by at least {size - 2047} tokens\n",
    )


def test_a_message_that_is_too_long_costs_no_turns(cluster, open_chat):
    screen = open_chat()
    cluster.model.max_model_len = 400
    screen.line("My name is Ada.")
    screen.expect("\n> ")
    screen.line("word " * 500)
    screen.expect("the message is too long")
    screen.expect("\n> ")
    screen.line("What is my name?")
    screen.expect("Your name is Ada.")


def test_max_tokens_above_the_window_is_refused_with_that_number(cluster, chat):
    message = (
        "error: --max-tokens 4096 is more than the model's context window of 2048 tokens\n"
        "ask for less: the prompt and the reply must fit into it together\n"
    )
    assert chat("Hi\n", "--max-tokens", "4096") == (5, "", CONNECTED + message)
    assert len(cluster.model.requests) == 1


def test_the_default_is_cut_to_what_the_model_can(chat_with):
    model = Model(max_model_len=512)
    assert chat_with(model, "Say OK\n") == (0, "OK\n", CONNECTED)
    budgets = [longest_reply(model, request.json) for request in model.chats]
    assert budgets == [1024, 512 - model.count([user("Say OK")])]


def test_what_cut_an_answer_off_is_reported(cluster, chat):
    cluster.model.always("word " * 1000)
    note = "note: the answer was cut off by --max-tokens 3\n"
    assert chat("Hi\n", "--max-tokens", "3") == (0, "word word word\n", CONNECTED + note)
    question = "word " * 1900
    assert chat(question).err.endswith("note: the answer was cut off by the model's context window\n")


def test_no_request_is_larger_than_the_window(cluster, chat):
    """The server's own count decides, whatever the language."""
    cluster.model.always("Ein Drache schlief auf der einzigen GPU. 竜は眠る。 " * 20)
    assert chat("\n".join(QUESTIONS[:30])).code == 0
    for request in cluster.model.chats:
        assert cluster.model.count(request.json["messages"]) + FLOOR <= 2048
