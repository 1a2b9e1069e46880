"""Typing: blocks, pastes, history, completion and editing, with GNU readline and without."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import subprocess

import pytest

from . import BANNER, CHAT, UNMEASURED, questions
from .repl import (
    BACKSPACE,
    DUMB,
    EVERYWHERE,
    LEFT,
    NEEDS_TMUX,
    PLAIN,
    UNBRACKETED,
    UP,
    Tmux,
    ask,
    paste,
)

TEXT = "def f():\n\treturn 1\n\nf()"


@pytest.fixture(autouse=True)
def answers(cluster):
    cluster.model.always("OK.")


@pytest.fixture
def history_file(home):
    return home / ".local" / "state" / "kubectl-kaito" / "history"


def entries(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


class TestMessagesOfSeveralLines:
    @EVERYWHERE
    def test_a_block(self, cluster, open_chat, reader):
        screen = open_chat(**reader)
        screen.line('"""')
        screen.expect("... ")
        screen.line("/quit")
        screen.expect("... ")
        screen.line('"""a docstring"""')
        screen.expect("... ")
        screen.line('  last"""')
        screen.expect("OK.\n\n> ")
        assert screen.text == f'{BANNER}"""\n... /quit\n... """a docstring"""\n...   last"""\nOK.\n\n> '
        assert questions(cluster) == ['/quit\n"""a docstring"""\n  last']

    @EVERYWHERE
    def test_a_backslash_continues(self, cluster, open_chat, reader):
        screen = open_chat(**reader)
        screen.line("one \\")
        screen.expect("... ")
        screen.line("/help")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["one \n/help"]

    @EVERYWHERE
    @pytest.mark.parametrize("opening", ['"""begun', "begun\\"], ids=["block", "continuation"])
    def test_ctrl_d_leaves_an_unfinished_message(self, cluster, open_chat, reader, opening):
        screen = open_chat(**reader)
        screen.line(opening)
        screen.expect("... ")
        screen.eof()
        assert screen.wait() == 0
        assert screen.text == f"{BANNER}{opening}\n... \n"
        assert not cluster.model.requests

    @EVERYWHERE
    def test_ctrl_c_drops_an_unfinished_message(self, cluster, open_chat, reader):
        screen = open_chat(**reader)
        screen.line('"""begun')
        screen.expect("... ")
        screen.settle(0.05)
        screen.interrupt()
        screen.expect("\n> ")
        assert ask(screen, "whole") == "OK."
        assert questions(cluster) == ["whole"]


class TestPastes:
    def test_a_bracketed_paste_is_one_message(self, cluster, open_chat):
        screen = open_chat()
        screen.send(paste(TEXT) + "\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == [TEXT]

    @UNBRACKETED
    def test_lines_that_arrive_at_once_are_one_message(self, cluster, open_chat, reader):
        screen = open_chat(**reader)
        screen.send(TEXT.replace("\n", "\r") + "\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == [TEXT]

    @UNBRACKETED
    def test_the_last_line_of_a_paste_waits_for_enter(self, cluster, open_chat, reader):
        screen = open_chat(**reader)
        screen.send("one\rtwo")
        screen.expect("two")
        screen.line(" and more")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["one\ntwo and more"]

    @pytest.mark.parametrize(
        ("pasted", "message"),
        [
            pytest.param("/quit\nnow", "/quit\nnow", id="begins with a command"),
            pytest.param('"""Doc."""\nx = 1', '"""Doc."""\nx = 1', id="begins with a docstring"),
            pytest.param("\none\n\ntwo\n", "one\n\ntwo", id="blank lines around it"),
            pytest.param("one line\n", "one line", id="one line and its end"),
            pytest.param("make \\\n  all \\", "make \\\n  all \\", id="backslashes"),
            pytest.param("naïve 漢字\n🙂", "naïve 漢字\n🙂", id="wide characters"),
        ],
    )
    def test_it_is_taken_as_it_is(self, cluster, open_chat, pasted, message):
        screen = open_chat()
        screen.send(paste(pasted) + "\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == [message]

    def test_words_may_stand_around_it(self, cluster, open_chat):
        screen = open_chat()
        screen.send("Explain: " + paste("a\nb") + " Thanks.\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["Explain: a\nb Thanks."]

    @EVERYWHERE
    def test_into_a_block(self, cluster, open_chat, reader):
        screen = open_chat(**reader)
        screen.line('"""Explain:')
        screen.expect("... ")
        screen.line("a\rb" if reader else paste("a\nb"))
        screen.expect("... ")
        screen.line('"""')
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["Explain:\na\nb"]

    @EVERYWHERE
    def test_what_is_typed_during_an_answer_is_no_paste(self, cluster, open_chat, reader):
        import threading

        gate = threading.Event()
        cluster.model.reply(["Slow", gate, "."])
        screen = open_chat(**reader)
        screen.line("first")
        screen.expect("Slow")
        screen.send("second\nthird\n")
        shown = screen.settle()
        gate.set()
        cluster.model.requests.wait(3)
        screen.expect("OK.\n\n> ")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["first", "second", "third"]
        if reader != PLAIN:
            assert shown.endswith("> first\nSlow"), "it does not stand in the middle of the answer"
            assert "Slow.\n\n> second\nOK.\n\n> third\nOK.\n\n> " in screen.text


class TestHistory:
    def test_the_arrow_key_brings_back_earlier_sessions(self, cluster, open_chat):
        first = open_chat()
        ask(first, "remember me")
        first.send(paste("two\nlines") + "\r")
        first.expect("OK.\n\n> ")
        first.eof()
        assert first.wait() == 0
        second = open_chat()
        second.send(UP + "\r")
        second.expect("OK.\n\n> ")
        second.send(UP + UP + "\r")
        second.expect("OK.\n\n> ")
        assert questions(cluster) == ["remember me", "two\nlines", "two\nlines", "remember me"]

    def test_ctrl_r_searches(self, cluster, open_chat):
        first = open_chat()
        ask(first, "find the needle")
        ask(first, "hay")
        first.eof()
        first.wait()
        second = open_chat()
        second.send("\x12needle\r")
        second.expect("OK.\n\n> ")
        assert questions(cluster)[-1] == "find the needle"

    def test_a_block_comes_back_as_a_message(self, cluster, open_chat):
        screen = open_chat()
        screen.line('"""/quit"""')
        screen.expect("OK.\n\n> ")
        screen.send(UP + "\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["/quit", "/quit"]

    @EVERYWHERE
    def test_the_file_is_private(self, open_chat, history_file, reader):
        screen = open_chat(**reader)
        ask(screen, "a secret")
        ask(screen, "/params")
        assert entries(history_file) == ["a secret", "/params"]
        assert history_file.stat().st_mode & 0o777 == 0o600
        assert history_file.parent.stat().st_mode & 0o777 == 0o700

    def test_the_state_folder_may_be_elsewhere(self, open_chat, home, tmp_path):
        screen = open_chat(env={"XDG_STATE_HOME": tmp_path / "state"})
        ask(screen, "hello")
        assert entries(tmp_path / "state" / "kubectl-kaito" / "history") == ["hello"]
        assert not (home / ".local").exists()

    def test_no_history_keeps_nothing_but_the_session_s_own(self, cluster, open_chat, history_file):
        ask(open_chat(), "kept")
        screen = open_chat("--no-history")
        ask(screen, "not kept")
        screen.send(UP + UP + "\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["kept", "not kept", "not kept"]
        assert entries(history_file) == ["kept"]

    def test_the_last_1000_entries_are_kept(self, open_chat, history_file):
        history_file.parent.mkdir(parents=True)
        history_file.write_text("".join(f'"entry {number}"\n' for number in range(1500)))
        screen = open_chat()
        ask(screen, "new")
        assert entries(history_file) == [*(f"entry {number}" for number in range(500, 1500)), "new"]

    def test_parallel_sessions_keep_each_other_s_entries(self, open_chat, history_file):
        one, other = open_chat(), open_chat()
        ask(one, "a")
        ask(other, "b")
        ask(one, "c")
        assert entries(history_file) == ["a", "b", "c"]

    def test_a_folder_that_cannot_be_written_costs_the_history_only(self, open_chat, home):
        (home / ".local").write_text("a file is in the way")
        assert ask(open_chat(), "hello") == "OK."


class TestCompletion:
    @pytest.mark.parametrize(
        ("typed", "shown"),
        [
            pytest.param("/stat\t", "/status", id="a command"),
            pytest.param("/se\tte\t", "/set temperature ", id="a parameter"),
            pytest.param("/model sql\t", "/model sql-adapter", id="a model"),
            pytest.param("/save my\tche\t", "/save my notes/chess.json", id="a file"),
        ],
    )
    def test_tab(self, cluster, open_chat, tmp_path, typed, shown):
        cluster.model.adapters = ("sql-adapter",)
        (tmp_path / "my notes").mkdir()
        (tmp_path / "my notes" / "chess.json").touch()
        screen = open_chat(cwd=tmp_path)
        screen.send(typed)
        screen.expect(shown)
        assert not cluster.model.chats

    def test_tab_takes_a_parameter_with_an_underscore_too(self, open_chat):
        screen = open_chat()
        screen.send("/set top_\t0.5\r")
        screen.expect("top-p: 0.5\n\n> ")

    def test_tab_twice_lists(self, open_chat):
        screen = open_chat()
        screen.send("/s\t\t")
        screen.expect(re.compile(r"/status +/set +/system +/save|/save +/set +/status +/system"))

    def test_a_model_id_cannot_control_the_terminal(self, cluster, open_chat):
        cluster.model.adapters = ("sql-adapter", "sql\x9b2J", "sql\u202eretpada", "sql\x1b]0;pwned\x07")
        screen = open_chat()
        screen.send("/model sq\t")
        screen.expect("/model sql-adapter")
        screen.settle(0.1)
        assert not re.search("[\x80-\x9f\u202e]|pwned", screen.raw.decode())

    def test_in_a_message_tab_is_a_tab(self, cluster, open_chat):
        screen = open_chat()
        screen.send("a\tb /x\tc\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["a\tb /x\tc"]

    def test_a_server_that_lists_no_models_offers_none(self, cluster, open_chat):
        from tests.cluster import Refusal

        cluster.model.on("/v1/models", Refusal(500, {}))
        screen = open_chat()
        screen.send("/model x\t")
        screen.settle(0.1)
        screen.send("\x15hello\r")
        screen.expect("OK.\n\n> ")


class TestEditing:
    @pytest.mark.parametrize(
        ("typed", "message"),
        [
            pytest.param("漢字" + BACKSPACE + "語", "漢語", id="backspace over a wide character"),
            pytest.param("漢字" + LEFT + "の", "漢の字", id="left arrow over a wide character"),
            pytest.param("a🙂" + BACKSPACE + "b", "ab", id="backspace over an emoji"),
            pytest.param("cafe\u0301s" + LEFT + LEFT + BACKSPACE + "p", "cape\u0301s", id="beside a combining accent"),
            pytest.param("naïve\x01é", "énaïve", id="to the beginning"),
        ],
    )
    def test_with_readline(self, cluster, open_chat, typed, message):
        screen = open_chat()
        screen.send(typed + "\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == [message]

    @pytest.mark.parametrize(
        "locale",
        [
            pytest.param({"LC_ALL": "C"}, id="C"),
            pytest.param({"LC_ALL": "POSIX"}, id="POSIX"),
            pytest.param({"LC_ALL": "xx_XX.UTF-8"}, id="not installed"),
            # Python corrects these itself (PEP 538), unless a variable forbids it.
            pytest.param({"LC_ALL": None, "LC_CTYPE": "xx_XX.UTF-8"}, id="LC_CTYPE not installed"),
            pytest.param({"LC_ALL": None, "LANG": "xx_XX.UTF-8", "PYTHONCOERCECLOCALE": "0"}, id="LANG not installed"),
            pytest.param({"LC_ALL": None, "LANG": None, "PYTHONCOERCECLOCALE": "0"}, id="none"),
        ],
    )
    def test_in_a_locale_without_characters(self, cluster, open_chat, locale):
        screen = open_chat(env=locale)
        screen.send("Say 你好" + BACKSPACE + "們\r")
        screen.expect("OK.\n\n> ")
        screen.send(UP + BACKSPACE + "é\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["Say 你們", "Say 你é"]

    @pytest.mark.parametrize("reader", [PLAIN, DUMB], ids=["no readline", "TERM=dumb"])
    def test_a_terminal_that_cannot_is_sent_no_control_sequences(self, cluster, open_chat, reader):
        screen = open_chat(**{**reader, "env": {**reader.get("env", {}), "TERM": "dumb"}})
        ask(screen, "hello")
        screen.eof()
        assert screen.wait() == 0
        assert b"\x1b" not in screen.raw

    def test_bytes_that_are_not_utf_8_do_not_end_the_session(self, cluster, open_chat):
        screen = open_chat(**PLAIN)
        screen.send(b"caf\xe9\r")
        screen.expect("OK.\n\n> ")
        assert questions(cluster) == ["caf\ufffd"]


class TestTheTerminalItself:
    """The terminal without readline: with `chat > answers.txt`, or in a Python that lacks it."""

    @pytest.fixture
    def pair(self):
        """Both ends of a terminal that controls no process, so that its end sends no SIGHUP, as after `trap "" HUP`."""
        with contextlib.ExitStack() as files:
            # File objects may be closed twice; some tests close them early.
            yield [files.enter_context(open(end, "r+b", buffering=0)) for end in pty.openpty()]

    def test_a_non_blocking_one_is_waited_for(self, cluster, start_chat, pair):
        keys, terminal = pair
        os.set_blocking(terminal.fileno(), False)
        chat = start_chat(stdin=terminal)
        waits(chat, chat.stderr)
        for question in ("one", "two"):
            keys.write(f"{question}\n".encode())
            waits(chat, chat.stderr)
        keys.write(b"\x04")
        assert chat.wait(10) == 0
        assert questions(cluster) == ["one", "two"]

    @pytest.mark.parametrize("typed", ["", "half a quest"])
    def test_one_that_is_gone_ends_the_chat(self, cluster, start_chat, pair, typed):
        keys, terminal = pair
        chat = start_chat(stdin=terminal)
        waits(chat, chat.stderr)
        keys.write(typed.encode())
        terminal.close()
        keys.close()
        out, err = chat.communicate(timeout=10)
        assert (chat.returncode, out, err) == (0, b"", b"\n")
        assert not cluster.model.chats

    def test_one_that_is_gone_is_not_written_to(self, start_chat, pair):
        keys, terminal = pair
        chat = start_chat(stdin=terminal, stdout=terminal, **PLAIN)
        waits(chat, keys)
        terminal.close()
        keys.close()
        assert chat.communicate(timeout=10) == (None, b"")
        assert chat.returncode == 0


def waits(chat, stream):
    """Read until the prompt, and check that the chat waits for input there."""
    shown = b""
    while not re.sub(rb"\x1b\[[0-9;]*m", b"", shown).endswith(b"> "):
        assert select.select([stream], [], [], 30)[0], f"nothing comes after {shown!r}"
        piece = os.read(stream.fileno(), 4096)
        assert piece, f"it ended: {shown!r}"
        shown += piece
    with pytest.raises(subprocess.TimeoutExpired):
        chat.wait(0.1)


@NEEDS_TMUX
class TestAsAPersonSeesIt:
    @pytest.fixture
    def tmux(self, kubeconfig, home):
        with Tmux(CHAT, home=home, env={"KUBECONFIG": kubeconfig}) as screen:
            screen.expect(["Type /help for commands or /quit to exit.", "", ">"])
            yield screen

    def test_a_paste(self, cluster, tmux):
        tmux.paste("def f():\n    return 1\nf()")
        tmux.expect(["> def f():", "    return 1", "f()"])
        tmux.keys("Enter")
        tmux.expect(["", "> def f():", "    return 1", "f()", "OK.", "", ">"])
        assert questions(cluster) == ["def f():\n    return 1\nf()"]

    def test_wide_and_combining_characters(self, cluster, tmux):
        tmux.type("漢字 cafe\u0301 🙂x")
        tmux.keys("Left", "BSpace", "BSpace", "BSpace")
        tmux.expect(["> 漢字 cafx"])
        tmux.keys("Home", "Right", "DC")
        tmux.expect(["> 漢 cafx"])
        tmux.keys("Enter")
        tmux.expect(["> 漢 cafx", "OK.", "", ">"])
        assert questions(cluster) == ["漢 cafx"]

    def test_a_window_that_is_resized_meanwhile(self, cluster, tmux):
        tmux.type("word " * 12)
        tmux.expect(["> " + ("word " * 12).rstrip()])
        tmux.resize(40, 24)
        tmux.type("end")
        tmux.expect(["> " + ("word " * 8)[:38], "d word word word word end"])
        tmux.keys("C-a")
        tmux.type("My ")
        tmux.keys("Enter")
        tmux.expect(["OK.", "", ">"])
        assert questions(cluster) == ["My " + "word " * 12 + "end"]

    def test_history(self, cluster, tmux):
        tmux.paste("one\ntwo")
        tmux.keys("Enter")
        tmux.expect(["> one", "two", "OK.", "", ">"])
        tmux.keys("Up")
        tmux.expect(["OK.", "", "> one", "two"])
        tmux.keys("Enter")
        tmux.expect(["> one", "two", "OK.", "", ">"])
        assert questions(cluster) == ["one\ntwo", "one\ntwo"]


@UNMEASURED
def test_a_piped_question_loads_nothing_of_the_terminal(run_kaito):
    from tests.cluster.process import program

    python, path = program()
    result = run_kaito(*CHAT, stdin="Say OK\n", command=[python, "-X", "importtime", path])
    loaded = {line.rpartition("|")[2].strip() for line in result.err.splitlines()}
    assert "kaito.chat.batch" in loaded
    unwanted = {"readline", "difflib", "fcntl", "kaito.terminal.progress", "kaito.terminal.keyboard"}
    unwanted |= {"kaito.chat.repl", "kaito.terminal.history", "kaito.chat.completion", "kaito.chat.report"}
    assert result.out == "OK.\n"
    assert loaded & unwanted == set()
