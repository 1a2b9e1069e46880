"""The program's peak memory while a hostile model answers."""

from __future__ import annotations

import itertools
import json
import sys

import pytest

from tests.cluster import Reply
from tests.cluster.process import program

from . import CHAT, UNMEASURED

pytestmark = UNMEASURED

MEBI = 1 << 20

# Runs its arguments and writes their peak memory in bytes to the file that is its first one. What a process is started
# from counts as its memory until it has become another program, so this is as small as a Python can be.
_SPAWN = """
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: None)
report, *words = sys.argv[1:]
_, status, usage = os.wait4(os.posix_spawn(words[0], words, os.environ), 0)
with open(report, "w") as file:
    file.write(str(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)))
sys.exit(os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status >> 8)
"""


@pytest.fixture
def ask(cluster, run_kaito, tmp_path):
    """Ask one question: ask(reply, *flags) -> (its Result, its peak memory in bytes)."""
    report = tmp_path / "peak"
    command = [sys.executable, "-I", "-S", "-c", _SPAWN, str(report), *program()]

    def run(reply, *flags):
        cluster.model.reply(reply)
        result = run_kaito(*CHAT, "-q", "-m", "a question", *flags, command=command, timeout=60)
        return result, int(report.read_text())

    return run


def event(data):
    """Return an event in a chunk of its own, as bytes on the wire."""
    data = b"data: " + (data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text, field="content"):
    return event({"choices": [{"index": 0, "delta": {field: text}}]})


def endless(field):
    """One delta for ever."""
    return Reply(itertools.repeat(delta("x" * (MEBI // 4), field)))


LARGEST = 16 * MEBI - 200
STOP = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
FORMATS = pytest.mark.parametrize("flags", [(), ("-o", "json")], ids=["text", "json"])


class TestAnEndlessAnswer:
    """It is cut at 128 MiB; the model is stopped, and the text stays."""

    @FORMATS
    def test_content(self, cluster, ask, flags):
        result, peak = ask(endless("content"), *flags)
        message = "the answer is longer than 128 MiB and was cut"
        assert result.code == 5
        assert f"error: {message}\nthe model's server does not keep to --max-tokens\n" in result.err
        assert cluster.model.chats[-1].closed.wait(5), "the model goes on generating"
        text = result.out
        if flags:
            (answer,) = json.loads(result.out)
            assert answer["error"] == {"message": message, "exit_code": 5}
            assert answer["finish_reason"] is None
            text = answer["response"]
        assert 128 * MEBI < len(text.rstrip("\n")) < 130 * MEBI
        assert text.startswith("xxx")
        assert peak < 450 * MEBI

    def test_reasoning_as_json(self, cluster, ask):
        result, peak = ask(endless("reasoning"), "-o", "json")
        assert result.code == 5
        assert "error: the model's reasoning is longer than 128 MiB and was cut\n" in result.err
        assert cluster.model.chats[-1].closed.wait(5)
        assert 128 * MEBI < len(json.loads(result.out)[0]["reasoning"]) < 130 * MEBI
        assert peak < 450 * MEBI

    def test_reasoning_that_nobody_asks_for_is_not_kept(self, ask):
        thoughts = itertools.repeat(delta("x" * MEBI, "reasoning"), 200)
        result, peak = ask(Reply(itertools.chain(thoughts, [delta("OK"), STOP])))
        assert (result.code, result.out) == (0, "OK\n")
        assert peak < 50 * MEBI

    def test_reasoning_alone_is_still_no_answer(self, ask):
        result, _ = ask(Reply([delta("hm", "reasoning"), STOP]))
        assert result.code == 5
        assert result.err == "error: the model only reasoned and gave no answer (finish reason: stop)\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b'{"a":[' + b"[]," * (LARGEST // 3) + b"1]}", 5, id="lists"),
        pytest.param(b"{" + b",".join(b'"%x":{}' % number for number in range(LARGEST // 12)) + b"}", 5, id="objects"),
        pytest.param(b'{"a":["' + b'","' * (LARGEST // 3) + b'"]}', 5, id="strings"),
        pytest.param(b'{"choices":[{"delta":{"content":"' + b"x" * LARGEST + b'"}}]}', 0, id="a text"),
        pytest.param(b'{"choices":[{"delta":{"content":"' + b",[{" * (LARGEST // 3) + b'"}}]}', 0, id="brackets"),
        pytest.param(b'{"choices":[{"delta":{"content":"' + b'\\"' * (LARGEST // 2) + b'"}}]}', 0, id="escaped"),
        pytest.param(b"\ndata: ".join([b""] * (LARGEST // 7)), 5, id="data lines"),
    ],
)
@FORMATS
def test_an_event_of_16_mib_takes_at_most_150_mb(ask, data, code, flags):
    result, peak = ask(Reply([event(data), STOP]), *flags)
    assert result.code == code
    assert peak < 150_000_000


@FORMATS
def test_one_wide_character_makes_it_little_larger(ask, flags):
    """Python keeps a text with one emoji in 4 bytes a character; the JSON and the text in it take 128 MiB."""
    result, peak = ask(Reply([delta("x" * (LARGEST - 8) + "🙂"), STOP]), *flags)
    assert result.code == 0
    assert peak < 160_000_000
