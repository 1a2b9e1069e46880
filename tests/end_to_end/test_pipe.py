"""Piped input: each line is one message of one conversation; stdout is for the answers' content alone."""

from __future__ import annotations

import threading

import pytest

from tests.cluster import END, Reasoning

from . import CONNECTED, EACH_LINE, assistant, questions, user

NOTHING_ASKED = (
    "error: nothing was asked: stdin holds no message\n"
    'pipe one message a line: echo "Say OK" | kubectl kaito chat --workspace-name NAME\n'
)


@pytest.mark.parametrize(
    ("stdin", "messages"),
    [
        pytest.param(b"a\nb\n", ["a", "b"], id="lines"),
        pytest.param(b"a\nb", ["a", "b"], id="the last line needs no end"),
        pytest.param(b"a\r\nb\r\n", ["a", "b"], id="CRLF"),
        pytest.param(b"\n\na\n \t \n\r\n\nb\n\n", ["a", "b"], id="empty and blank lines are skipped"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", ["a", "b"], id="a byte order mark"),
        pytest.param("Grüße\n世界\n👩‍🚀\n".encode(), ["Grüße", "世界", "👩‍🚀"], id="beyond ASCII"),
        pytest.param(b"  indented\t\n", ["  indented\t"], id="spaces are the message's own"),
        pytest.param(b"a\0b\x1b[31m\n", ["a\0b\x1b[31m"], id="control characters"),
        pytest.param("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"], id="only a line feed ends a line"),
    ],
)
def test_each_line_is_a_message(cluster, chat, stdin, messages):
    cluster.model.always("OK")
    result = chat(stdin)
    assert result == (0, "OK\n" * len(messages), CONNECTED + (EACH_LINE if len(messages) > 1 else ""))
    assert questions(cluster) == messages


def test_only_the_second_message_brings_the_note(cluster, chat):
    """The note comes once, and not with -q; -f - sends what is piped as one message."""
    cluster.model.always("OK")
    assert chat("a\n/clear\nb\nc\n").err == f"{CONNECTED}Conversation cleared.\n{EACH_LINE}"
    assert chat("a\nb\n", "-q").err == ""
    assert chat("a\nb\n", "-f", "-").err == CONNECTED
    assert questions(cluster)[-1] == "a\nb\n"


@pytest.mark.parametrize(
    "line",
    [
        "/etc/hosts is empty",
        "/etc/hosts",
        "quit smoking, how?",
        "quitting",
        "help me",
        "Quit",
        "clear the table",
        "status?",
        "/",
        "//quit",
        "/1",
        "-quit",
        '"quit"',
        "what does /quit do",
    ],
)
def test_what_only_looks_like_a_command_is_a_message(cluster, line):
    from kaito.chat import slash

    assert slash.parse(line) is None


def test_messages_that_look_like_commands_reach_the_model(cluster, chat):
    lines = ["/etc/hosts is empty", "quit smoking, how?", "help me", "/1"]
    cluster.model.always("OK")
    assert chat("\n".join(lines)).out == "OK\n" * 4
    assert questions(cluster) == lines


@pytest.mark.parametrize("slash", ["/", ""], ids=["with the slash", "without"])
def test_commands_work_and_write_to_stderr_alone(cluster, chat, slash):
    result = chat(f"Say a\n{slash}help\n{slash}status\n{slash}clear\nSay b\n{slash}quit\nSay c\n")
    assert (result.code, result.out) == (0, "a\nb\n")
    assert [request.json["messages"] for request in cluster.model.chats] == [[user("Say a")], [user("Say b")]]
    for shown in ("Commands:\n  /help ", "Workspace:     phi-3-5-mini\n", "Conversation cleared.\n"):
        assert shown in result.err


@pytest.mark.parametrize("word", ["/exit", "exit", "/quit", "quit", "  quit  ", "/exit\r"])
def test_leaving_ends_the_run(cluster, chat, word):
    assert chat(f"Say a\n{word}\n") == (0, "a\n", CONNECTED)


def test_leaving_in_the_middle_says_that_lines_were_not_read(cluster, chat):
    note = "note: quit ended the run; the lines after it were not read\n"
    assert chat("Say a\nquit\nSay b\n") == (0, "a\n", CONNECTED + note)
    assert chat("Say a\nquit\nSay b\n", "-q").err == ""
    assert chat("Say a\nquit\n \n\r\n").err == CONNECTED, "nothing was left"
    assert chat("\n" * 300_000 + "Say a\nquit\n" + "Say b\n" * 100_000).err == CONNECTED + note


def test_leaving_does_not_wait_for_the_lines_after_it(cluster, start_chat):
    process = start_chat()
    process.stdin.write(b"Say a\nquit\n")
    process.stdin.flush()
    assert process.wait(10) == 0
    assert process.stderr.read().decode() == CONNECTED


@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param("", id="empty"),
        pytest.param("\n  \n\r\n", id="blank lines"),
        pytest.param("/help\nstatus\n/clear\n", id="commands"),
        pytest.param("quit\nSay OK\n", id="left before the first message"),
        pytest.param("\ufeff", id="a byte order mark"),
    ],
)
def test_a_run_in_which_nothing_was_asked_is_a_failure(cluster, chat, stdin):
    result = chat(stdin)
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(NOTHING_ASKED)
    assert not cluster.model.chats


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("/nope", "error: unknown command /nope\ntype /help for the commands\n", id="unknown"),
        pytest.param("/qiut", "error: unknown command /qiut\ndid you mean /quit?\n", id="mistyped"),
        pytest.param("/nope and more", "error: unknown command /nope\ntype /help for the commands\n", id="with words"),
        pytest.param("/quit now", "error: /quit takes no argument\n", id="an argument too many"),
    ],
)
def test_an_unknown_command_ends_the_run(cluster, chat, line, message):
    assert chat(f"Say a\n{line}\nSay b\n") == (2, "a\n", CONNECTED + message)
    assert questions(cluster) == ["Say a"]


def test_a_line_that_is_not_utf_8_is_named_by_its_number(cluster, chat):
    result = chat(b"Say a\n\nSay \xff\nSay b\n")
    assert (result.code, result.out) == (2, "a\n")
    assert result.err.startswith(f"{CONNECTED}error: line 3 of stdin is not UTF-8\n")
    assert questions(cluster) == ["Say a"]


def test_the_first_failure_ends_the_run(cluster, chat):
    cluster.model.reply("one")
    cluster.model.reply(["half", END])
    result = chat("a\nb\nc\n")
    assert (result.code, result.out) == (5, "one\nhalf\n")
    assert questions(cluster) == ["a", "b"]


def test_a_line_of_a_megabyte(cluster, chat):
    line = "word " * 200_000 + "end"
    cluster.model.max_model_len = 1 << 20
    cluster.model.reply("OK")
    assert chat(line + "\n") == (0, "OK\n", CONNECTED)
    assert questions(cluster) == [line]


def test_reasoning_is_not_part_of_the_answer(cluster, chat):
    cluster.model.reply([Reasoning("They want "), Reasoning("a word."), "Fine", ".", Reasoning("Done.")])
    cluster.model.reply([Reasoning("Once more.", "reasoning_content"), "Still fine."])
    assert chat("a\nb\n") == (0, "Fine.\nStill fine.\n", CONNECTED + EACH_LINE)
    assert cluster.model.chats[1].json["messages"] == [user("a"), assistant("Fine."), user("b")]


@pytest.mark.parametrize(
    ("answer", "out"),
    [
        pytest.param("no line feed", "no line feed\n", id="a line feed ends it"),
        pytest.param("a\n\nb\n", "a\n\nb\n\n", id="its own last one is kept beside"),
        pytest.param("\x1b[31mred\x1b[0m \x07\x9b\r", "\x1b[31mred\x1b[0m \x07\x9b\r\n", id="control characters"),
        pytest.param("👩‍🚀 \u202e\ufeff\0", "👩‍🚀 \u202e\ufeff\0\n", id="whatever Unicode holds"),
        pytest.param(" ", " \n", id="a space is an answer"),
    ],
)
def test_a_pipe_gets_the_answer_as_it_is(cluster, chat, answer, out):
    cluster.model.reply([answer])
    assert chat("a\n") == (0, out, CONNECTED)


def test_words_come_as_they_are_generated(cluster, start_chat):
    gate = threading.Event()
    cluster.model.reply(["early ", gate, "late"])
    process = start_chat()
    process.stdin.write(b"a\n")
    process.stdin.flush()
    assert process.stdout.read(6) == b"early "
    gate.set()
    assert process.communicate(timeout=10)[0] == b"late\n"


def test_a_question_is_answered_before_the_next_line_is_there(cluster, start_chat):
    """A program at the other end may write a line, wait for its answer, and write the next."""
    process = start_chat()
    for word in (b"one", b"two", b"three"):
        process.stdin.write(b"Say " + word + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == word + b"\n"
    process.stdin.close()
    assert process.wait(10) == 0


def test_an_answer_that_the_limit_cut_is_said_on_stderr(cluster, chat):
    cluster.model.always("one two three four five")
    result = chat("a\n", "--max-tokens", "2")
    assert result == (0, "one two\n", CONNECTED + "note: the answer was cut off by --max-tokens 2\n")
