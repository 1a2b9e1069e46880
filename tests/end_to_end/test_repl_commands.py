"""Each command of the chat on a terminal, its refusals included, and what the next request carries."""

from __future__ import annotations

import json

import pytest

from tests.cluster import END, HANG, Refusal, Reply

from . import CHAT, assistant, user
from .repl import ask


@pytest.fixture
def screen(cluster, open_chat, tmp_path):
    """A chat in the test's own folder with a model that has two adapters."""
    cluster.model.adapters = ("sql-adapter", "tone-adapter")
    return open_chat(cwd=tmp_path, columns=160)


def sent(cluster):
    """Return the last request for a completion."""
    return cluster.model.chats[-1].json


def test_status(cluster, screen):
    ask(screen, "/system Be brief.")
    ask(screen, "Say OK")
    lines = ask(screen, "/status").splitlines()
    url = f"{cluster.url}/api/v1/namespaces/default/services/phi-3-5-mini:80/proxy"
    assert lines[:-2] == [
        "Workspace:     phi-3-5-mini",
        "Namespace:     default",
        "Context:       stand-in",
        f"Cluster:       stand-in at {cluster.url}",
        "Model:         phi-3.5-mini-instruct",
        "Also served:   sql-adapter, tone-adapter",
        f"Endpoint:      {url}",
        "Way:           APIProxy, encrypted",
        "Temperature:   0.7",
        "Max tokens:    1024",
        "Top-p:         0.9",
        "System prompt: Be brief.",
    ]
    used = cluster.model.count([{"role": "system", "content": "Be brief."}, user("Say OK")]) + 1
    assert lines[-2] == f"Conversation:  1 turn, {used} of 2048 tokens"
    assert lines[-1].startswith("Last answer:   1 token, first token after 0.0")


def test_status_without_a_server_that_lists_models(cluster, screen):
    cluster.model.on("/v1/models", Refusal(500, {}))
    assert ask(screen, "/status").endswith("Conversation:  0 turns")


class TestModel:
    def test_it_lists_and_switches(self, cluster, screen):
        assert ask(screen, "/model") == "* phi-3.5-mini-instruct\n  sql-adapter\n  tone-adapter"
        assert ask(screen, "/model sql-adapter") == "Model: sql-adapter"
        ask(screen, "Say OK")
        assert sent(cluster)["model"] == "sql-adapter"
        assert ask(screen, "/model") == "  phi-3.5-mini-instruct\n* sql-adapter\n  tone-adapter"

    def test_it_refuses_what_is_not_served(self, cluster, screen):
        assert ask(screen, "/model nope") == (
            'error: the model "nope" is not served here\nmodels here: phi-3.5-mini-instruct, sql-adapter, tone-adapter'
        )
        ask(screen, "Say OK")
        assert sent(cluster).get("model") in (None, "phi-3.5-mini-instruct")

    def test_one_that_is_not_served_is_not_taken_for_another(self, cluster, terminal):
        cluster.model.adapters = ("sql-adapter",)
        screen = terminal(*CHAT, "--model", "nope")
        screen.expect("> ")
        assert ask(screen, "/model") == "  phi-3.5-mini-instruct\n  sql-adapter"
        assert ask(screen, "/model sql-adapter") == "Model: sql-adapter"
        assert ask(screen, "/model") == "  phi-3.5-mini-instruct\n* sql-adapter"

    def test_the_base_model_answers_where_none_was_chosen_whatever_its_server_calls_it(self, cluster, screen):
        cluster.model.name = "base"
        assert ask(screen, "/model") == "* base\n  sql-adapter\n  tone-adapter"

    def test_the_conversation_goes_on_with_the_other_model(self, cluster, screen):
        ask(screen, "My name is Ada.")
        ask(screen, "/model tone-adapter")
        assert ask(screen, "What is my name?") == "Your name is Ada."


class TestParameters:
    def test_they_are_shown_and_set(self, cluster, screen):
        assert ask(screen, "/params") == "temperature 0.7\nmax-tokens  1024\ntop-p       0.9"
        assert ask(screen, "/set temperature 0") == "temperature: 0.0"
        assert ask(screen, "/set max_tokens  12") == "max-tokens: 12"
        assert ask(screen, "/set top-p 0.5") == "top-p: 0.5"
        ask(screen, "Say OK")
        request = sent(cluster)
        assert (request["temperature"], request["max_tokens"], request["top_p"]) == (0.0, 12, 0.5)

    @pytest.mark.parametrize(
        ("line", "refusal"),
        [
            pytest.param("/set top-p 9", 'invalid value "9" for top-p: it takes a number from 0.0 to 1.0', id="range"),
            pytest.param("/set top_p nan", 'invalid value "nan" for top-p: it takes a number', id="nan"),
            pytest.param("/set max-tokens", "max-tokens needs a value: it takes a whole number", id="nothing"),
            pytest.param("/set", "/set needs an argument\nusage: /set NAME VALUE", id="no name"),
            pytest.param("/set t 1", 'there is no parameter "t"\nparameters: temperature, max-tokens', id="name"),
        ],
    )
    def test_refusals(self, cluster, screen, line, refusal):
        assert ask(screen, line).startswith(f"error: {refusal}")
        ask(screen, "Say OK")
        assert (sent(cluster)["temperature"], sent(cluster)["max_tokens"], sent(cluster)["top_p"]) == (0.7, 1024, 0.9)


class TestSystemPrompt:
    def test_the_flag(self, cluster, open_chat):
        screen = open_chat("--system-prompt", "Be brief.")
        assert ask(screen, "/system") == "System prompt: Be brief."
        ask(screen, "Say OK")
        assert sent(cluster)["messages"] == [{"role": "system", "content": "Be brief."}, user("Say OK")]
        assert ask(screen, "/clear") == "Conversation cleared."
        assert ask(screen, "/system") == "System prompt: Be brief.", "it is a setting, not a part of what was said"

    def test_it_is_set_and_dropped_while_the_conversation_stays(self, cluster, screen):
        assert ask(screen, "/system") == "System prompt: none"
        ask(screen, "My name is Ada.")
        assert ask(screen, "/system You are a pirate.") == "System prompt: You are a pirate."
        assert ask(screen, "What is my name?") == "Your name is Ada."
        assert sent(cluster)["messages"][0] == {"role": "system", "content": "You are a pirate."}
        assert ask(screen, "/system none") == "System prompt: none"
        ask(screen, "Say OK")
        assert sent(cluster)["messages"][0] == user("My name is Ada.")


class TestRetryAndUndo:
    def test_retry_asks_the_last_question_again(self, cluster, screen):
        ask(screen, "Say before")
        cluster.model.reply("first answer")
        ask(screen, "a question")
        cluster.model.reply("second answer")
        assert ask(screen, "/retry") == "second answer"
        assert sent(cluster)["messages"] == [user("Say before"), assistant("before"), user("a question")]
        ask(screen, "Say OK")
        assert assistant("second answer") in sent(cluster)["messages"]
        assert assistant("first answer") not in sent(cluster)["messages"]

    @pytest.mark.parametrize("failing", [Reply(["half", END]), Refusal(500, {})], ids=["broken off", "refused"])
    def test_a_retry_that_fails_leaves_the_answer_that_was_there(self, cluster, screen, failing):
        cluster.model.reply("first answer")
        ask(screen, "a question")
        cluster.model.reply(failing)
        ask(screen, "/retry")
        ask(screen, "Say OK")
        assert sent(cluster)["messages"] == [user("a question"), assistant("first answer"), user("Say OK")]

    def test_a_retry_that_is_stopped_before_a_word_leaves_it_too(self, cluster, screen):
        cluster.model.reply("first answer")
        ask(screen, "a question")
        cluster.model.reply([HANG])
        screen.line("/retry")
        cluster.model.requests.wait(2)
        screen.settle(0.05)
        screen.interrupt()
        screen.expect("[stopped]\n\n> ")
        ask(screen, "Say OK")
        assert assistant("first answer") in sent(cluster)["messages"]

    def test_undo_forgets_the_last_turn(self, cluster, screen):
        ask(screen, "My name is Ada.")
        ask(screen, "Say something")
        assert ask(screen, "/undo") == "Forgotten: Say something"
        assert ask(screen, "/undo") == "Forgotten: My name is Ada."
        assert ask(screen, "/undo") == "error: there is nothing to forget"
        assert ask(screen, "What is my name?") == "You have not told me your name yet."

    @pytest.mark.parametrize("forget", ["/undo", "/clear"])
    def test_what_is_forgotten_is_not_asked_again(self, screen, forget):
        assert ask(screen, "/retry") == "error: there is nothing to ask again"
        ask(screen, "Say OK")
        ask(screen, forget)
        assert ask(screen, "/retry") == "error: there is nothing to ask again"


class TestFiles:
    def test_what_is_saved_reads_back(self, cluster, screen, open_chat, tmp_path):
        ask(screen, "/system Be brief.")
        ask(screen, "My name is Ada.")
        cluster.model.reply(["a \x1b[1m", "story", HANG])
        screen.line("tell")
        screen.expect("story")
        screen.interrupt()
        screen.expect("[stopped]\n\n> ")
        assert ask(screen, "/save talk.json") == "Saved to talk.json (2 turns)."
        other = open_chat(cwd=tmp_path)
        assert ask(other, "/load talk.json") == "Loaded talk.json (2 turns)."
        assert ask(other, "What is my name?") == "Your name is Ada."
        assert sent(cluster)["messages"][:-1] == [
            {"role": "system", "content": "Be brief."},
            user("My name is Ada."),
            assistant("Nice to meet you, Ada. I will remember your name."),
            user("tell"),
            assistant("a \x1b[1mstory"),
        ]
        assert json.loads((tmp_path / "talk.json").read_text())["messages"][-1]["cut_off"] is True

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            pytest.param("my talk.json", "my talk.json", id="bare"),
            pytest.param('"my talk.json"', "my talk.json", id="double"),
            pytest.param("'my talk.json'", "my talk.json", id="single"),
            pytest.param('"Ada\'s"', "Ada's", id="one kind in the other"),
            pytest.param('"my talk.json', '"my talk.json', id="no pair"),
            pytest.param("\"a'", "\"a'", id="two kinds"),
            pytest.param("'a' or 'b'", "'a' or 'b'", id="not around the whole"),
            pytest.param('""', '""', id="around nothing"),
            pytest.param('"', '"', id="one alone"),
        ],
    )
    def test_quotes_around_the_whole_name_are_taken_off(self, screen, tmp_path, typed, name):
        assert ask(screen, f"/save {typed}") == f"Saved to {name} (0 turns)."
        assert (tmp_path / name).is_file()
        assert ask(screen, f"/load {typed}") == f"Loaded {name} (0 turns)."

    def test_another_file_is_never_overwritten(self, screen, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        assert ask(screen, "/save notes.txt") == (
            "error: notes.txt exists and holds no conversation, so it is left alone\nchoose another name"
        )
        assert (tmp_path / "notes.txt").read_text() == "mine"

    def test_a_saved_conversation_is_replaced_and_that_is_said(self, screen, tmp_path):
        ask(screen, "/save talk.json")
        (tmp_path / "talk.json").chmod(0o600)
        ask(screen, "Say OK")
        assert ask(screen, "/save talk.json") == "Replaced talk.json (1 turn)."
        assert (tmp_path / "talk.json").stat().st_mode & 0o777 == 0o600
        assert [entry.name for entry in tmp_path.iterdir() if "talk" in entry.name] == ["talk.json"]

    @pytest.mark.parametrize(
        ("line", "refusal"),
        [
            pytest.param("/save", "/save needs an argument\nusage: /save FILE", id="save where"),
            pytest.param("/save no/a.json", "cannot write no/a.json: no such file or directory", id="no folder"),
            pytest.param("/load nope.json", "cannot read nope.json: no such file or directory", id="no file"),
            pytest.param("/load .", ". is not a conversation: it is not a file", id="a folder"),
            pytest.param("/load /dev/zero", "/dev/zero is not a conversation: it is not a file", id="no end"),
        ],
    )
    def test_refusals(self, screen, line, refusal):
        assert ask(screen, line) == f"error: {refusal}"


def test_history_shows_what_was_said(cluster, screen):
    assert ask(screen, "/history") == "Nothing has been said yet."
    ask(screen, "/system Be brief.")
    ask(screen, "Say one")
    ask(screen, "Say two")
    screen.line("/history")
    screen.expect("System prompt: Be brief.\n> Say one\none\n\n> Say two\ntwo\n\n> ")


@pytest.mark.parametrize("name", ["help", "status", "clear", "params", "retry", "undo", "history", "quit", "exit"])
def test_commands_without_arguments_refuse_them(cluster, open_chat, name):
    screen = open_chat()
    assert ask(screen, f"/{name} now") == f"error: /{name} takes no argument"
    assert not cluster.model.requests


@pytest.mark.parametrize(
    ("typed", "near"),
    [("/modle", "/model"), ("/tempreature", None), ("/Save", "/save"), ("/exti", "/exit"), ("/hist", "/history")],
)
def test_a_typo_gets_the_nearest_command(cluster, open_chat, typed, near):
    hint = f"did you mean {near}?" if near else "type /help for the commands"
    assert ask(open_chat(), typed) == f"error: unknown command {typed}\n{hint}"


def test_no_command_runs_a_shell(cluster, screen, tmp_path):
    ask(screen, "/save $(touch pwned).json; touch pwned")
    ask(screen, "/load `touch pwned`")
    assert not (tmp_path / "pwned").exists()
