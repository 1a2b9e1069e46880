"""What an answer looks like: reasoning, the sign of life, figures, colours, and nothing that a terminal obeys."""

from __future__ import annotations

import json
import re
import threading

import pytest

from tests.cluster import END, HANG, Raw, Reasoning, Refusal, Reply

from . import BANNER, CHAT, assistant, conversation, questions, user
from .repl import DUMB, NEEDS_TMUX, UP, Tmux, ask

DIM = b"\x1b[2m"
THOUGHT = [Reasoning("\nThe user asks "), Reasoning("this.\n\n"), "\n\n", "Four", ".\n", "\nReally.\n\n"]


class TestReasoning:
    def test_it_is_set_apart_and_dimmed(self, cluster, open_chat):
        cluster.model.reply(THOUGHT)
        screen = open_chat()
        assert ask(screen, "2+2?") == "[reasoning]\nThe user asks this.\n\nFour.\n\nReally."
        assert DIM + b"The user asks \x1b[0m" in screen.raw
        assert DIM + b"Four" not in screen.raw

    def test_it_is_not_sent_back(self, cluster, open_chat):
        cluster.model.reply([Reasoning("hm"), "Four."])
        screen = open_chat()
        ask(screen, "2+2?")
        ask(screen, "Say OK")
        sent = conversation(cluster)
        assert sent == [user("2+2?"), assistant("Four."), user("Say OK")]

    def test_no_reasoning_hides_it(self, cluster, open_chat):
        gate = threading.Event()
        cluster.model.reply([Reasoning("hm"), gate, "Four."])
        screen = open_chat("--no-reasoning")
        screen.line("2+2?")
        screen.expect(re.compile(r"the model is reasoning \(\d+s\)"))
        gate.set()
        screen.expect("Four.\n\n> ")
        assert "hm" not in screen.text

    @pytest.mark.parametrize(
        ("flags", "env", "coloured"),
        [
            pytest.param([], {}, True, id="a terminal"),
            pytest.param([], {"NO_COLOR": "1"}, False, id="NO_COLOR"),
            pytest.param([], {"NO_COLOR": ""}, True, id="NO_COLOR set to nothing"),
            pytest.param([], DUMB["env"], False, id="TERM=dumb"),
            pytest.param(["--color=never"], {}, False, id="never"),
            pytest.param(["--color", "always"], {"NO_COLOR": "1"}, True, id="always"),
        ],
    )
    def test_colours(self, cluster, open_chat, flags, env, coloured):
        cluster.model.reply([Reasoning("hm"), "Four."])
        screen = open_chat("--stats", *flags, env=env)
        answer = "Four." if coloured else "[answer]\nFour."
        assert ask(screen, "2+2?").startswith(f"[reasoning]\nhm\n\n{answer}\n[2 tokens, ")
        assert (DIM in screen.raw) == coloured

    def test_a_file_gets_none_of_it(self, cluster, terminal, tmp_path):
        cluster.model.reply([Reasoning("hm"), "\nFour.\n"])
        screen = terminal(*CHAT, stdout=tmp_path / "out.txt")
        screen.expect("> ")
        screen.line("2+2?")
        screen.expect("2+2?\n[reasoning]\nhm\n\n")
        screen.expect("\n> ")
        assert (tmp_path / "out.txt").read_bytes() == b"\nFour.\n\n", "what the model said, byte for byte"


class TestSignOfLife:
    def test_none_is_shown_of_a_short_wait(self, cluster, open_chat):
        cluster.model.always("OK.")
        screen = open_chat()
        for question in ("a", "b"):
            ask(screen, question)
        assert "waiting" not in screen.text

    @NEEDS_TMUX
    def test_it_is_gone_when_words_come(self, cluster, kubeconfig, home):
        gate = threading.Event()
        cluster.model.reply([gate, "Here."])
        with Tmux(CHAT, home=home, env={"KUBECONFIG": kubeconfig}) as screen:
            screen.expect([">"])
            screen.type("a question")
            screen.keys("Enter")
            screen.expect(["> a question", "waiting for the model (0s)"])
            screen.expect(["> a question", "waiting for the model (1s)"])
            gate.set()
            screen.expect([*BANNER.splitlines()[:-1], "> a question", "Here.", "", ">"])

    @NEEDS_TMUX
    def test_a_notice_in_between_stays(self, cluster, kubeconfig, home):
        gate, other = threading.Event(), threading.Event()
        busy = Refusal(429, {"error": {"message": "Too many"}}, {"Retry-After": "0"}, before=gate)
        cluster.model.reply(busy)
        cluster.model.reply([other, "Here."])
        with Tmux(CHAT, home=home, env={"KUBECONFIG": kubeconfig}, columns=120) as screen:
            screen.expect([">"])
            screen.type("a question")
            screen.keys("Enter")
            screen.expect(["waiting for the model (0s)"])
            gate.set()
            screen.expect(["waiting for the model (1s)"])
            note = screen.lines[-2]
            assert note.startswith("note: the model's server answers 429"), "nothing of the live line is before it"
            other.set()
            screen.expect(["> a question", note, "Here.", "", ">"])

    @NEEDS_TMUX
    def test_nothing_is_left_of_it_after_ctrl_c(self, cluster, kubeconfig, home):
        cluster.model.reply([HANG])
        with Tmux(CHAT, home=home, env={"KUBECONFIG": kubeconfig}) as screen:
            screen.expect([">"])
            screen.type("a question")
            screen.keys("Enter")
            screen.expect(["waiting for the model (0s)"])
            screen.keys("C-c")
            screen.expect(["> a question", "[stopped]", "", ">"])


class TestFigures:
    def test_stats_prints_one_line_after_each_answer(self, cluster, open_chat):
        cluster.model.reply("one two three")
        cluster.model.reply(["once", HANG])
        screen = open_chat("--stats")
        figures = r"\[3 tokens, [\d.]+ tokens/s, first token after \d\.\d\d s, \d\.\d\d s in all\]"
        assert re.fullmatch(f"one two three\n{figures}", ask(screen, "count"))
        screen.line("a story")
        screen.expect("once")
        screen.interrupt()
        screen.expect(re.compile(r"\[stopped\]\n\[first token after \d\.\d\d s, \d\.\d\d s in all\]\n\n> "))


class TestControlCharacters:
    C1_BYTES = "".join(f"\\u{code:04x}" for code in range(0x80, 0xA0))

    def raw_event(self, text):
        """Return an event whose JSON contains these bytes as they are."""
        return b'data: {"choices":[{"index":0,"delta":{"content":"' + text + b'"}}]}\n\n'

    def test_they_are_shown_and_not_obeyed(self, cluster, open_chat):
        steps = ["\x1b", "[2J", "\x1b]0;title\x07", "\x9b31m", "\x08\x08", "a\rb", "\u202eevil\u202c", "\tc\x7f"]
        cluster.model.reply(steps)
        screen = open_chat()
        assert ask(screen, "x") == "␛[2J␛]0;title␇\ufffd31m␈␈ab\ufffdevil\ufffd\tc␡"
        # What the program wrote between "x" and the next prompt, while no line was edited.
        shown = re.search("\x1b\\[\\?2004l\r(.*?)\x1b\\[\\?2004h", screen.raw.decode(), re.DOTALL)[1]
        assert "evil" in shown
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        ask(screen, "y")
        assert conversation(cluster)[1] == assistant("".join(steps)), "the model gets back what it said"

    def test_every_control_character_is_made_harmless(self, cluster, open_chat):
        steps = [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) not in "\n\t"]
        steps += [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", Reasoning("\x1b[31m\x9b1m\u202e"), "end"]
        cluster.model.reply(["begin", *steps])
        screen = open_chat("--color=never", env=DUMB["env"])
        screen.line("x")
        screen.expect("end")
        shown = screen.raw.decode().partition("begin")[2]
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        assert not re.search("\r(?!\n)", shown)

    def test_a_c1_byte_that_is_not_utf_8(self, cluster, open_chat):
        body = self.raw_event(b"a\x9b31mb") + b"data: [DONE]\n\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body)
        cluster.model.reply(Raw(head + body))
        screen = open_chat()
        screen.line("x")
        screen.expect("31mb")
        assert b"\x9b" not in screen.raw

    def test_a_pipe_gets_them_byte_for_byte(self, cluster, chat):
        steps = ["\x1b[1m", "bold\r\n", "\x9b\u202e", "\x7f\x00"]
        cluster.model.reply(steps)
        result = chat("x\n")
        assert result.out == "".join(steps) + "\n"

    def test_an_error_and_a_model_s_name(self, cluster, open_chat):
        cluster.model.adapters = ("evil\x1b[31m",)
        cluster.model.reply(Refusal(500, {"error": {"message": "bad\x1b]0;t\x07 \x9bm"}}))
        screen = open_chat("--color=never", env=DUMB["env"])
        ask(screen, "x")
        ask(screen, "/model")
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", screen.raw.decode())


class TestServerErrors:
    def test_the_question_is_on_the_arrow_key_and_the_conversation_as_before(self, cluster, open_chat):
        screen = open_chat()
        ask(screen, "My name is Ada.")
        cluster.model.reply(Reply(["half an", END]))
        answer = ask(screen, "What is my name?")
        assert answer.startswith("half an\n[broken off, not kept]\nerror: ")
        screen.send(UP + "\r")
        screen.expect("Your name is Ada.\n\n> ")
        assert questions(cluster) == ["My name is Ada.", "What is my name?", "What is my name?"]
        assert len(conversation(cluster)) == 3

    def test_an_error_after_reasoning_alone(self, cluster, open_chat):
        cluster.model.reply([Reasoning("hm\n"), {"error": {"message": "out of memory"}}])
        screen = open_chat()
        assert ask(screen, "x") == "[reasoning]\nhm\nerror: the model failed: out of memory"

    def test_retry_asks_what_failed_again(self, cluster, open_chat):
        cluster.model.reply(Refusal(500, {}))
        screen = open_chat()
        ask(screen, "Say OK")
        assert ask(screen, "/retry") == "OK"
        assert json.loads(cluster.model.chats[-1].body)["messages"] == [user("Say OK")]
