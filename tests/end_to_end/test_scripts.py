"""Questions by flag, by file and by pipe; answers as text and as JSON; the flags that scripts need."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from tests.cluster import REFUSED, tokens, too_many_requests, workspace

from . import CHAT, CONNECTED, EACH_LINE, NAME, assistant, questions, user

FILE = "FILE"  # replaced by the path of a file that holds FROM_FILE
FROM_FILE = "From\na file.\n"
ANSWER = '<ö "quoted">\n'

# flags, stdin, and the resulting messages
INPUTS = [
    pytest.param(["-m", "Hi"], None, ["Hi"], id="a message"),
    pytest.param(["-m", "Hi", "--message", "quit", "-m/quit"], None, ["Hi", "quit", "/quit"], id="messages"),
    pytest.param(["-m", "Why?"], "a log\n\nof lines\n", ["Why?\n\na log\n\nof lines\n"], id="a message and a pipe"),
    pytest.param(["-m", "a", "-m", "b"], "log", ["a\n\nlog", "b"], id="messages and a pipe"),
    pytest.param(["-m", "Hi"], "\n \n", ["Hi"], id="a message and an empty pipe"),
    pytest.param(["-f", FILE], None, [FROM_FILE], id="a file"),
    pytest.param(["--file", FILE], "not read", [FROM_FILE], id="a file and a pipe"),
    pytest.param(["-f", "-"], "a\n/quit\nb", ["a\n/quit\nb"], id="all of stdin"),
    pytest.param([], "a\n\nb\r\nc", ["a", "b", "c"], id="lines"),
    pytest.param([], "a\n/clear\nb\nquit\nc\n", ["a", "b"], id="lines and commands"),
]
EMPTY = [
    pytest.param([], "", "stdin holds no message", id="no lines"),
    pytest.param(["-f", "-"], " \n\n", "stdin holds no message", id="an empty stdin"),
    pytest.param(["-f", os.devnull], None, f'--file "{os.devnull}" holds no message', id="an empty file"),
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "question.txt"
    path.write_text(FROM_FILE)
    return str(path)


@pytest.mark.parametrize(("flags", "stdin", "messages"), INPUTS)
@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_every_input_in_every_form_of_output(cluster, chat, file, form, flags, stdin, messages):
    """Stdout is compared to the byte; times, which vary, are removed from the JSON by their place in it."""
    cluster.model.always(ANSWER)
    flags = [file if flag == FILE else flag for flag in flags]
    result = chat(stdin, *flags, "-o", form)
    assert result.code == 0
    assert questions(cluster) == messages
    if form == "text":
        assert result.out == f"{ANSWER}\n" * len(messages)
    else:
        objects = [as_written(cluster, message, request) for message, request in zip(messages, cluster.model.chats)]
        whole = "[\n" + ",\n".join(objects) + "\n]\n" if form == "json" else "".join(f"{one}\n" for one in objects)
        assert without_times(result.out) == whole
    notices = CONNECTED
    if not flags and len(messages) > 1:
        notices += "Conversation cleared.\n" if "/clear" in stdin else ""
        notices += EACH_LINE
    if not flags and "quit" in stdin:
        notices += "note: quit ended the run; the lines after it were not read\n"
    assert result.err == notices


def as_written(cluster, prompt, request):
    """Return the object of an answer, character for character."""
    prompted = cluster.model.count(request.json["messages"])
    said = len(tokens(ANSWER))
    usage = {"prompt_tokens": prompted, "completion_tokens": said, "total_tokens": prompted + said}
    record = {
        "prompt": prompt,
        "response": ANSWER,
        "reasoning": None,
        "model": "phi-3.5-mini-instruct",
        "finish_reason": "stop",
        "usage": usage,
        "time_to_first_token_seconds": "TIME",
        "duration_seconds": "TIME",
        "endpoint": {
            "url": f"{cluster.url}/api/v1/namespaces/default/services/{NAME}:80/proxy",
            "type": "APIProxy",
        },
    }
    return json.dumps(record, ensure_ascii=False).replace('"TIME"', "TIME")


def without_times(text):
    parts = text.split('_seconds": ')
    return '_seconds": '.join([parts[0], *("TIME" + part[part.index(",") :] for part in parts[1:])])


@pytest.mark.parametrize(("flags", "stdin", "why"), EMPTY)
@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_nothing_asked_in_every_form_of_output(cluster, chat, form, flags, stdin, why):
    result = chat(stdin, *flags, "-o", form)
    assert result.code == 2
    assert f"error: nothing was asked: {why}\n" in result.err
    assert not cluster.model.chats
    if form == "text":
        assert result.out == ""
    else:
        parsed = json.loads(result.out)
        record = parsed[0] if form == "json" else parsed
        assert record["prompt"] is None
        assert record["error"] == {"message": f"nothing was asked: {why}", "exit_code": 2}


def test_messages_are_the_turns_of_one_conversation(cluster, chat):
    cluster.model.always("OK")
    chat(None, "-m", "a", "-m", "b", "--system-prompt", "Be brief.")
    system = {"role": "system", "content": "Be brief."}
    assert cluster.model.chats[1].json["messages"] == [system, user("a"), assistant("OK"), user("b")]


@pytest.mark.parametrize(
    ("flags", "stdin", "message"),
    [
        pytest.param(["-m", ""], "log\n", "a --message is empty", id="an empty message"),
        pytest.param(["-m", "a", "-m", " \n"], None, "a --message is empty", id="a blank message"),
        pytest.param(["-m", os.fsdecode(b"\xff")], None, "a --message is not UTF-8", id="a message of odd bytes"),
        pytest.param(["-m", "a", "-f", "b"], None, "--message and --file exclude each other", id="both"),
        pytest.param(["-f", ""], None, 'cannot read --file "": no such file or directory', id="no name of a file"),
        pytest.param(["-f", "nope"], None, 'cannot read --file "nope": no such file or directory', id="no such file"),
        pytest.param(["-f", "/"], None, 'cannot read --file "/": is a directory', id="a folder"),
        pytest.param(["-m", "a"], b"b\nc\xff", "line 2 of stdin is not UTF-8", id="a pipe beside, not UTF-8"),
        pytest.param(["-f", "-"], b"\xff\xfea\0", "line 1 of stdin is not UTF-8", id="stdin, not UTF-8"),
        pytest.param(["--expect", "("], "a\n", 'invalid value "(" for --expect: it takes a regular', id="a pattern"),
        pytest.param(["--expect", "a{9999999999}"], "a\n", "for --expect: it takes a regular", id="a vast pattern"),
        pytest.param(["--seed", "x"], "a\n", 'invalid value "x" for --seed: it takes a whole number', id="a seed"),
        pytest.param(["--timeout", "-1"], "a\n", 'invalid value "-1" for --timeout: it takes a dur', id="a duration"),
        pytest.param(["-o", "xml"], "a\n", 'invalid value "xml" for -o: it takes one of text, json', id="a form"),
    ],
)
def test_wrong_questions_are_refused_before_any_connection(cluster, chat, flags, stdin, message):
    result = chat(stdin, *flags)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert message in result.err
    assert not cluster.requests


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(chat, file):
    os.chmod(file, 0)
    assert chat(None, "-f", file) == (2, "", f'error: cannot read --file "{file}": permission denied\n')


def test_a_byte_order_mark_is_no_part_of_a_message(cluster, chat, tmp_path):
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa")
    cluster.model.always("OK")
    chat(b"\xef\xbb\xbflog", "-m", "Why?")
    chat(None, "-f", tmp_path / "bom")
    chat(b"\xef\xbb\xbfb", "-f", "-")
    assert questions(cluster) == ["Why?\n\nlog", "a", "b"]


@pytest.mark.parametrize(
    ("flags", "megabytes"), [([], 10), (["-f", "-"], 1), (["-m", "Read:"], 1)], ids=["a line", "stdin", "beside"]
)
def test_megabytes(cluster, chat, flags, megabytes):
    text = "0123456789abcdef" * (megabytes << 16)
    cluster.model.max_model_len = 1 << 30
    cluster.model.reply("OK")
    assert chat(text, *flags, "-o", "text") == (0, "OK\n", CONNECTED)
    assert questions(cluster) == [("Read:\n\n" if "-m" in flags else "") + text]


def test_a_stdin_that_does_not_block(cluster, start_chat):
    """A non-blocking pipe that is empty is not at its end."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    process = start_chat(stdin=read)
    os.close(read)
    for word in (b"one", b"two"):
        os.write(write, b"Say " + word + b"\n")
        assert process.stdout.readline() == word + b"\n"
    os.close(write)
    assert process.wait(10) == 0


def test_a_stdin_that_cannot_be_read(run_kaito):
    from tests.cluster.process import program

    result = run_kaito(*CHAT, "-f", "-", command=["/bin/sh", "-c", '"$@" 0> /dev/null', "sh", *program()])
    assert result == (2, "", "error: cannot read stdin: bad file descriptor\n")


def test_a_silent_stdin_is_mentioned(cluster, start_chat):
    """A CI runner may leave it so: open, and silent."""
    process = start_chat("-m", "Say OK")
    note = b"note: reading stdin to its end; if there is nothing to read, redirect it: < /dev/null\n"
    assert process.stderr.readline() == note
    assert process.communicate(timeout=10) == (b"OK\n", CONNECTED.encode())


class TestOnATerminal:
    def test_a_message_leaves_the_terminal_s_stdin_alone(self, cluster, terminal):
        with terminal(*CHAT, "-m", "Say OK") as screen:
            assert screen.wait() == 0
            assert screen.text == f"{CONNECTED}OK\n"

    def test_json_on_a_terminal_with_the_notices_apart(self, cluster, terminal, tmp_path):
        with terminal(*CHAT, "-m", "Say OK", "-o", "json", stderr=tmp_path / "err") as screen:
            assert screen.wait() == 0
            assert json.loads(screen.text)[0]["response"] == "OK"
        assert (tmp_path / "err").read_text() == CONNECTED

    def test_nothing_in_json_moves_the_cursor(self, cluster, terminal):
        """Characters that JSON leaves alone and a terminal obeys are escaped, and the JSON has the same value."""
        cluster.model.always("\x1b[31m\x9b31m\x7f\u202e\u2066\u2028\x85")
        with terminal(*CHAT, "-m", "a", "-q", "-o", "jsonl") as screen:
            assert screen.wait() == 0
        raw = screen.raw.decode()
        assert raw.rstrip("\r\n").isascii()
        assert json.loads(raw)["response"] == "\x1b[31m\x9b31m\x7f\u202e\u2066\u2028\x85"

    @pytest.mark.parametrize("flags", [["-o", "json"], ["--expect", "OK"]])
    def test_flags_of_scripts_need_a_question(self, cluster, terminal, flags, tmp_path):
        with terminal(*CHAT, *flags, stderr=tmp_path / "err") as screen:
            assert screen.wait() == 2
        assert (tmp_path / "err").read_text() == (
            "error: --output and --expect need a question\nask with -m TEXT, -f FILE, or pipe lines in\n"
        )
        assert not cluster.requests


class TestQuiet:
    def test_no_banner_and_no_notices(self, cluster, chat):
        cluster.model.reply(too_many_requests(retry_after=0))
        cluster.model.reply("one two three", finish_reason="length")
        assert chat(None, "-m", "a", "-q") == (0, "one two three\n", "")

    def test_the_banner_without_it(self, cluster, chat):
        cluster.model.reply(too_many_requests(retry_after=0))
        cluster.model.reply("one two three", finish_reason="length")
        result = chat(None, "-m", "a")
        assert result.err.startswith(f"{CONNECTED}note: the model's server answers 429 Too Many Requests")
        assert "note: the answer was cut off by " in result.err

    @pytest.mark.parametrize("quiet", [True, False])
    def test_wait_says_nothing_either(self, cluster, start_chat, quiet):
        cluster.add(workspace(NAME, ready=False))
        cluster.route(NAME, REFUSED)
        process = start_chat("-m", "Say OK", "--wait=20s", *(["-q"] if quiet else []), stdin=subprocess.DEVNULL)
        cluster.requests.wait(4)
        cluster.route(NAME, cluster.model)
        cluster.add(workspace(NAME))
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, b"OK\n")
        assert (err == b"") == quiet
        assert (b"phi-3-5-mini: InsufficientCapacity" in err) != quiet

    def test_errors_stay(self, cluster, chat):
        cluster.model.refuse(500, "out of order")
        result = chat(None, "-m", "a", "--quiet")
        assert (result.code, result.out) == (5, "")
        assert result.err.startswith("error: the model's server answers 500 Internal Server Error")


class TestExpect:
    def test_a_pattern_that_matches_somewhere(self, cluster, chat):
        cluster.model.reply("It is OK.")
        assert chat(None, "-m", "a", "-q", "--expect", "OK", "--expect", "[[O]K") == (0, "It is OK.\n", "")

    def test_the_first_words_of_a_long_answer(self, cluster, chat):
        cluster.model.reply(["word\n" * 1000])
        line = chat(None, "-m", "a", "-q", "--expect", "OK").err.splitlines()[1]
        assert line.startswith("it is: word word word ")
        assert line.endswith(" word…")
        assert len(line) < 140

    def test_reasoning_does_not_count(self, cluster, chat):
        from tests.cluster import Reasoning

        cluster.model.reply([Reasoning("OK"), "no"])
        assert chat(None, "-m", "a", "--expect", "OK").code == 6

    def test_each_answer_must_match_and_the_first_that_does_not_ends_the_run(self, cluster, chat):
        result = chat("Say OK\nSay no\nSay OK\n", "--expect", "OK")
        assert (result.code, result.out) == (6, "OK\nno\n")
        assert questions(cluster) == ["Say OK", "Say no"]


class TestSampling:
    def test_seed_and_stop_are_in_the_request(self, cluster, chat):
        chat(None, "-m", "Say OK", "--seed", "-7", "--stop", "END", "--stop", "\n")
        request = cluster.model.chats[0].json
        assert (request["seed"], request["stop"]) == (-7, ["END", "\n"])

    def test_they_are_not_unless_given(self, cluster, chat):
        chat(None, "-m", "Say OK")
        assert not {"seed", "stop"} & set(cluster.model.chats[0].json)

    def test_seed_0_is_a_seed(self, cluster, chat):
        chat(None, "-m", "Say OK", "--seed=0")
        assert cluster.model.chats[0].json["seed"] == 0


def test_stats_are_a_notice_after_each_answer(chat):
    result = chat("Say one\nSay two\n", "--stats")
    assert (result.code, result.out) == (0, "one\ntwo\n")
    lines = re.findall(
        r"^\[\d+ tokens?, .*first token after \d\.\d\d s, \d\.\d\d s in all\]$", result.err, re.MULTILINE
    )
    assert len(lines) == 2
