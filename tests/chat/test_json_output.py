"""Answers as JSON: what is written when, and that each object stays whole. docs/ci.md lists the fields."""

from __future__ import annotations

import json
import os
import signal
from types import SimpleNamespace

import pytest

from kaito.chat.answer import Answer
from kaito.chat.json_output import JsonOutput
from kaito.errors import ExpectationError, KaitoError, WorkspaceError
from kaito.model.events import Usage
from kaito.terminal.streams import ReaderGone
from kaito.timelimit import TimeUp
from kaito.workspaces.ways import CLUSTER_IP

pytestmark = pytest.mark.usefixtures("handlers")

ANSWER = Answer("OK", "", "stop", Usage(1, 2, 3), False, "", 0.12345678, 1.0)
BROKEN = Answer("O", "Hm", "", None, True, "", None, 0.5)


@pytest.fixture
def session():
    """The part of a session that JsonOutput uses."""
    endpoint = SimpleNamespace(url="http://model", way=CLUSTER_IP)
    return SimpleNamespace(
        model=SimpleNamespace(id="phi"),
        destination=SimpleNamespace(found=SimpleNamespace(endpoint=endpoint)),
        partial_answer=lambda: BROKEN,
    )


def written(capfd, array):
    out = capfd.readouterr().out
    return json.loads(out) if array else [json.loads(line) for line in out.splitlines()]


def hold(session, array=True, end=None, questions=("a",)):
    """Answer the questions, then end the run with an error in the middle of the next one."""
    with JsonOutput(array=array) as output:
        output.connected(session)
        for question in questions:
            output.asking(question)
            output.answered(ANSWER)
        if end:
            output.asking("last")
            raise end


@pytest.mark.parametrize("count", [1, 3])
def test_an_array_and_lines(capfd, session, count):
    hold(session, True, questions="abc"[:count])
    array = capfd.readouterr().out
    hold(session, False, questions="abc"[:count])
    lines = capfd.readouterr().out
    assert array == "[\n" + lines.rstrip("\n").replace("\n", ",\n") + "\n]\n"
    assert [json.loads(line)["prompt"] for line in lines.splitlines()] == list("abc"[:count])


def test_an_answer(capfd, session):
    hold(session)
    (record,) = written(capfd, True)
    assert record == {
        "prompt": "a",
        "response": "OK",
        "reasoning": None,
        "model": "phi",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "time_to_first_token_seconds": 0.123457,
        "duration_seconds": 1.0,
        "endpoint": {"url": "http://model", "type": "ClusterIP"},
    }


@pytest.mark.parametrize("array", [True, False], ids=["json", "jsonl"])
@pytest.mark.parametrize(
    ("end", "message", "code"),
    [
        pytest.param(WorkspaceError("none"), "none", 4, id="an error"),
        pytest.param(ExpectationError("no match", "hint"), "no match", 6, id="an expectation"),
        pytest.param(TimeUp(2.0), "the run was ended by --timeout after 2 s", 5, id="the limit"),
        pytest.param(KeyboardInterrupt(), "interrupted", 130, id="Ctrl-C"),
        pytest.param(MemoryError(), "unexpected: MemoryError", 1, id="an unexpected error"),
    ],
)
def test_what_ends_the_run(capfd, session, array, end, message, code):
    with pytest.raises(type(end)):
        hold(session, array, end)
    first, second = written(capfd, array)
    assert "error" not in first
    assert (second["prompt"], second["response"], second["reasoning"]) == ("last", "O", "Hm")
    assert second["error"] == {"message": message, "exit_code": code}


def test_a_run_that_fails_before_anything_is_known(capfd):
    with pytest.raises(KaitoError), JsonOutput(array=True):
        raise KaitoError("no")
    (record,) = written(capfd, True)
    assert record.pop("error") == {"message": "no", "exit_code": 1}
    assert set(record.values()) == {None}


def test_an_interrupt_that_an_import_replaced_by_another_error(capfd):
    with pytest.raises(KeyboardInterrupt), JsonOutput(array=True):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError from None
    (record,) = written(capfd, True)
    assert record["error"] == {"message": "interrupted", "exit_code": 130}


def test_an_interrupt_that_an_import_dropped(capfd, session):
    with pytest.raises(KeyboardInterrupt), JsonOutput(array=True) as output:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            pass
        output.connected(session)
    assert written(capfd, True)[0]["error"]["exit_code"] == 130


def test_an_interrupt_while_an_object_is_written_waits_for_its_end(capfd, session, monkeypatch):
    write = os.write

    def interrupted_write(descriptor, data):
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(os, "write", write)
        return write(descriptor, data[:10])

    monkeypatch.setattr(os, "write", interrupted_write)
    with pytest.raises(KeyboardInterrupt):
        hold(session, questions="ab")
    first, second = written(capfd, True)
    assert (first["prompt"], "error" in first) == ("a", False)
    assert second["error"] == {"message": "interrupted", "exit_code": 130}


def test_after_a_write_that_failed_nothing_more_is_written(capfd, session, monkeypatch):
    """A second attempt would put one piece of an object after another."""
    calls = []

    def failing_write(descriptor, data):
        calls.append(bytes(data))
        raise BrokenPipeError

    monkeypatch.setattr(os, "write", failing_write)
    with pytest.raises(ReaderGone):
        hold(session)
    assert len(calls) == 1


def test_what_a_terminal_obeys_is_escaped(capfd, session):
    odd = "\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2066"
    hold(session, False, questions=[odd])
    out = capfd.readouterr().out
    assert out.isascii()
    assert out[:-1].isprintable()
    assert json.loads(out)["prompt"] == odd
