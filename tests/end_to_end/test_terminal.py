"""A session on a terminal: what a person sees, the documented commands, failures, and streams that are files."""

from __future__ import annotations

import re
import threading

import pytest

from tests.cluster import CLOSE, END, HANG, Refusal, Reply

from . import AGAIN, BANNER, EACH_LINE, NAME, conversation, user
from .repl import ask, interrupt_prompt

# The documented commands; others stand between them.
HELP = re.compile(
    r"Commands:\n"
    r"  /help +Show available commands\n"
    r"  /status +Show current configuration\n"
    r"  /clear +Clear the conversation history\n"
    r"(  /.+\n)*"
    r"  /quit +Exit the chat session\n"
    r"  /exit +Exit the chat session\n"
    r".*Ctrl-C stops an answer, Ctrl-D leaves\.",
    re.DOTALL,
)


# The mark begins a line of its own, wherever the terminal writes ^C.
MARKED = re.compile(rb"\^C(\r\n|\r)+(\x1b\[2m)?\[stopped\]")


class TestShowing:
    def test_words_appear_as_they_are_generated(self, cluster, open_chat):
        first, second = threading.Event(), threading.Event()
        cluster.model.reply(["one", first, " two", second, " three"])
        screen = open_chat()
        screen.line("count")
        screen.expect("count\none")
        first.set()
        screen.expect(" two")
        second.set()
        screen.expect(" three\n\n> ")

    def test_an_answer_s_own_last_line_feed_is_not_doubled(self, cluster, open_chat):
        cluster.model.reply(["a\n", "\nb\n"])
        screen = open_chat()
        screen.line("x")
        screen.expect("x\na\n\nb\n\n> ")

    def test_an_answer_cut_by_the_limit_is_marked(self, cluster, open_chat):
        cluster.model.always("one two three four")
        screen = open_chat("--max-tokens", "2")
        assert ask(screen, "count") == "one two\n[cut off by --max-tokens 2]"

    def test_blank_lines_ask_nothing(self, cluster, open_chat):
        screen = open_chat()
        screen.line("")
        screen.expect("\n> ")
        screen.line("   ")
        screen.expect("\n> ")
        assert screen.text == f"{BANNER}\n>    \n> "
        assert not cluster.model.requests


class TestCommands:
    @pytest.mark.parametrize("word", ["/help", "help"])
    def test_help(self, cluster, open_chat, word):
        screen = open_chat()
        assert HELP.fullmatch(ask(screen, word))
        assert not cluster.model.requests

    @pytest.mark.parametrize("word", ["/status", "status"])
    def test_status(self, cluster, open_chat, word):
        screen = open_chat("--temperature", "0.5", "--max-tokens", "99", "--top-p", "1", columns=200)
        ask(screen, "Say OK")
        shown = dict(re.split(r":\s+", line, maxsplit=1) for line in ask(screen, word).splitlines())
        assert (shown["Temperature"], shown["Max tokens"], shown["Top-p"]) == ("0.5", "99", "1.0")
        assert len(cluster.model.chats) == 1
        assert cluster.token not in screen.text

    @pytest.mark.parametrize("word", ["/clear", "clear"])
    def test_clear_really_forgets(self, cluster, open_chat, word):
        screen = open_chat()
        ask(screen, "My name is Ada.")
        assert ask(screen, word) == "Conversation cleared."
        assert ask(screen, "What is my name?") == "You have not told me your name yet."
        assert conversation(cluster) == [user("What is my name?")]

    @pytest.mark.parametrize("word", ["/quit", "quit", "/exit", "exit", " quit "])
    def test_leaving_by_command(self, open_chat, word):
        screen = open_chat()
        screen.line(word)
        assert screen.wait() == 0
        assert screen.text == f"{BANNER}{word}\n"

    def test_leaving_by_end_of_input(self, open_chat):
        screen = open_chat()
        screen.eof()
        assert screen.wait() == 0
        assert screen.text == f"{BANNER}\n", "the shell's prompt gets a line of its own"

    def test_an_unknown_command_is_not_sent(self, cluster, open_chat):
        screen = open_chat()
        assert ask(screen, "/hlep") == "error: unknown command /hlep\ndid you mean /help?"
        assert ask(screen, "/frobnicate it") == "error: unknown command /frobnicate\ntype /help for the commands"
        assert not cluster.model.requests
        assert ask(screen, "Say OK") == "OK"

    def test_what_only_looks_like_a_command_is_sent(self, cluster, open_chat):
        cluster.model.always("OK")
        screen = open_chat()
        for line in ("/etc/hosts is empty", "quit smoking, how?", "help me"):
            assert ask(screen, line) == "OK"
            assert conversation(cluster)[-1] == user(line)


class TestFailures:
    @pytest.mark.parametrize(
        ("reply", "shown"),
        [
            pytest.param(
                Refusal(500, {"error": {"message": "CUDA out of memory"}}),
                "error: the model's server answers 500 Internal Server Error: CUDA out of memory",
                id="a refusal",
            ),
            pytest.param(
                Reply(["half", END]),
                "half\n[broken off, not kept]\n"
                f"error: the model's answer ended without saying that it was complete\n{AGAIN}",
                id="a stream that ends early",
            ),
            pytest.param(
                Reply(["half a \x1b", {"error": {"message": "out of\x1b[31m blocks"}}]),
                "half a ␛\n[broken off, not kept]\nerror: the model failed: out of\ufffd[31m blocks",
                id="an error in the stream",
            ),
            pytest.param(Reply([]), "error: the model gave an empty answer (finish reason: stop)", id="no answer"),
        ],
    )
    def test_a_failed_question_does_not_end_the_session(self, cluster, open_chat, reply, shown):
        screen = open_chat(columns=160)
        ask(screen, "My name is Ada.")
        cluster.model.reply(reply)
        assert ask(screen, "what fails") == shown
        assert ask(screen, "What is my name?") == "Your name is Ada."
        assert user("what fails") not in conversation(cluster)
        screen.line("/quit")
        assert screen.wait() == 0

    def test_a_connection_that_breaks_does_not_end_the_session(self, cluster, open_chat):
        cluster.model.reply(["half", CLOSE])
        screen = open_chat(columns=160)
        assert ask(screen, "a") == f"half\n[broken off, not kept]\nerror: the model's answer is cut off\n{AGAIN}"
        assert ask(screen, "Say OK") == "OK"


class TestStreamsElsewhere:
    def test_answers_go_to_a_file_and_the_rest_to_the_terminal(self, cluster, terminal, tmp_path):
        """`kubectl kaito chat … > out.txt`."""
        screen = terminal("chat", "--workspace-name", NAME, stdout=tmp_path / "out.txt")
        screen.expect(BANNER)
        screen.line("My name is Ada.")
        screen.expect("My name is Ada.\n\n> ")
        screen.line("/help")
        screen.expect(HELP)
        screen.expect("\n> ")
        screen.line("What is my name?")
        screen.expect("What is my name?\n\n> ")
        cluster.model.reply(["half", HANG])
        screen.line("stop")
        cluster.model.requests.wait(3)
        while not (tmp_path / "out.txt").read_text().endswith("half"):
            screen.settle(0.01)
        screen.expect("stop\n")
        screen.interrupt()
        screen.expect("[stopped]\n\n> ")
        assert MARKED.search(screen.raw)
        screen.send("dropped")
        screen.expect("dropped")
        interrupt_prompt(screen)
        screen.line("quit")
        assert screen.wait() == 0
        assert (tmp_path / "out.txt").read_text() == (
            "Nice to meet you, Ada. I will remember your name.\nYour name is Ada.\nhalf\n"
        )

    def test_a_file_gets_control_characters_as_they_are(self, cluster, terminal, tmp_path):
        cluster.model.reply(["\x1b[1mbold\x1b[0m"])
        screen = terminal("chat", "--workspace-name", NAME, stdout=tmp_path / "out.txt")
        screen.expect("> ")
        screen.line("a")
        screen.expect("\n> ")
        screen.eof()
        assert screen.wait() == 0
        assert (tmp_path / "out.txt").read_bytes() == b"\x1b[1mbold\x1b[0m\n"

    def test_questions_from_a_file_and_answers_on_the_terminal(self, cluster, terminal, tmp_path):
        """`kubectl kaito chat … < questions`: no prompt, and nothing that a terminal would obey."""
        cluster.model.reply(["\x1b[2Jone"])
        cluster.model.reply("two\n")
        (tmp_path / "questions").write_text("a\nb\n")
        screen = terminal("chat", "--workspace-name", NAME, stdin=tmp_path / "questions")
        assert screen.wait() == 0
        assert screen.text == f"{BANNER.splitlines()[0]}\n␛[2Jone\n{EACH_LINE}two\n"

    def test_errors_go_to_stderr(self, terminal, tmp_path):
        screen = terminal("chat", "--workspace-name", "nope", stderr=tmp_path / "err.txt")
        assert screen.wait() == 4
        assert screen.text == ""
        assert (tmp_path / "err.txt").read_text().startswith('error: workspace "nope" not found')
