"""`-o json` and `-o jsonl`: the fields, and valid JSON on stdout whatever ends the run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import pytest

from tests.cluster import CUT, END, HANG, REFUSED, Model, Reasoning, Refusal, Reply, too_many_requests, workspace
from tests.cluster.process import ROOT

from . import CHAT, NAME

FORMS = pytest.mark.parametrize("form", ["json", "jsonl"])
TYPES = {"string": str, "number": float, "object": dict}


@pytest.fixture
def documented():
    """The fields that docs/ci.md lists, in its order: name → type."""
    with open(os.path.join(ROOT, "docs", "ci.md"), encoding="utf-8") as file:
        section = re.search(r"^## What comes back$(.*?)^## ", file.read(), re.DOTALL | re.MULTILINE).group(1)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE)
    assert len(rows) == 10
    return dict(rows)


def objects(out, form):
    """Return the objects on stdout, which must be JSON to the last byte: one array with `json`."""
    text = out.decode() if isinstance(out, bytes) else out
    assert text.endswith("\n")
    if form == "jsonl":
        return [json.loads(line) for line in text[:-1].split("\n")]
    parsed = json.loads(text)
    assert isinstance(parsed, list)
    return parsed


def error(message, exit_code):
    return {"message": message, "exit_code": exit_code}


class TestFields:
    def test_of_an_answer(self, cluster, chat, documented):
        cluster.model.reply([Reasoning("Hm."), "O", "K"])
        (record,) = objects(chat(None, "-m", "Hi", "-o", "json").out, "json")
        assert list(record) == [name for name in documented if name != "error"]
        for name, value in record.items():
            assert type(value) is TYPES[documented[name]], name
        assert (record["prompt"], record["response"], record["reasoning"]) == ("Hi", "OK", "Hm.")
        assert record["usage"] == {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11}
        assert 0 <= record["time_to_first_token_seconds"] <= record["duration_seconds"] < 10
        assert record["endpoint"]["url"].startswith(f"{cluster.url}/api/v1/namespaces/default/services/{NAME}:80/")
        assert record["endpoint"]["type"] == "APIProxy"

    def test_of_a_failure_before_the_first_question(self, run_kaito, documented):
        result = run_kaito("chat", "-m", "Hi", "-o", "jsonl")
        (record,) = objects(result.out, "jsonl")
        assert list(record) == list(documented)
        assert record.pop("error") == error("--workspace-name is missing", 2)
        assert set(record.values()) == {None}
        assert result.code == 2

    def test_of_an_answer_that_broke_off(self, cluster, chat, documented):
        cluster.model.reply([Reasoning("Hm."), "half ", CUT])
        (record,) = objects(chat(None, "-m", "Hi", "-o", "json").out, "json")
        assert list(record) == list(documented)
        assert list(record["error"]) == ["message", "exit_code"]
        assert (record["prompt"], record["response"], record["reasoning"]) == ("Hi", "half ", "Hm.")
        assert (record["finish_reason"], record["usage"]) == (None, None)
        assert record["error"]["exit_code"] == 5

    def test_what_the_server_does_not_report_is_null(self, cluster, chat):
        cluster.model.reply("OK", usage=False)
        (record,) = objects(chat(None, "-m", "Hi", "-o", "json").out, "json")
        assert (record["usage"], record["reasoning"]) == (None, None)

    def test_the_model_that_was_chosen(self, cluster, chat):
        """The field is there even if there is no such model."""
        cluster.route(NAME, Model(adapters=("tuned",)))
        (record,) = objects(chat(None, "-m", "Say OK", "-o", "json", "--model", "tuned").out, "json")
        assert record["model"] == "tuned"
        (record,) = objects(chat(None, "-m", "Say OK", "-o", "json", "--model", "nope").out, "json")
        assert (record["model"], record["response"]) == (None, None)

    def test_lines_come_one_by_one(self, start_chat):
        process = start_chat("-o", "jsonl")
        for word in ("one", "two"):
            process.stdin.write(f"Say {word}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["response"] == word


class TestFailures:
    @pytest.mark.parametrize(
        ("reply", "response", "message"),
        [
            pytest.param(Reply(["half ", CUT]), "half ", "cut off", id="cut off"),
            pytest.param(Reply(["half ", END]), "half ", "ended without saying", id="ended early"),
            pytest.param(Reply(["half ", {"error": {"message": "GPU lost"}}]), "half ", "GPU lost", id="an error"),
            pytest.param(Reply([]), "", "the model gave an empty answer", id="empty"),
            pytest.param(Refusal(500, "no"), "", "answers 500", id="refused"),
        ],
    )
    def test_the_second_answer_breaks_off(self, cluster, chat, reply, response, message):
        cluster.model.reply("fine")
        cluster.model.reply(reply)
        result = chat("a\nb\nc\n", "-o", "json")
        first, second = objects(result.out, "json")
        assert (first["response"], "error" in first) == ("fine", False)
        assert (second["prompt"], second["response"]) == ("b", response)
        assert message in second["error"]["message"]
        assert (result.code, second["error"]["exit_code"]) == (5, 5)
        assert f"error: {second['error']['message']}\n" in result.err

    @FORMS
    def test_a_line_that_is_not_text(self, chat, form):
        result = chat(b"Say OK\n\xff\n", "-o", form)
        first, second = objects(result.out, form)
        assert (first["response"], second["prompt"], second["response"]) == ("OK", None, None)
        assert second["endpoint"] == first["endpoint"]
        assert second["error"] == error("line 2 of stdin is not UTF-8", 2)

    @FORMS
    def test_an_expectation(self, chat, form):
        result = chat("Say OK\nSay no\n", "-o", form, "--expect", "OK")
        first, second = objects(result.out, form)
        assert (result.code, first["response"], second["response"]) == (6, "OK", "no")
        assert second["finish_reason"] == "stop"
        assert second["error"] == error("the answer does not match --expect OK", 6)

    def test_an_unknown_command(self, chat):
        result = chat("Say OK\n/nope\n", "-o", "jsonl")
        assert (result.code, objects(result.out, "jsonl")[1]["error"]) == (2, error("unknown command /nope", 2))

    @FORMS
    def test_a_workspace_that_is_not_ready(self, cluster, chat, form):
        cluster.add(workspace(NAME, ready=False))
        cluster.route(NAME, REFUSED)
        result = chat(None, "-m", "a", "-o", form)
        (record,) = objects(result.out, form)
        assert (result.code, record["error"]["exit_code"], record["endpoint"]) == (4, 4, None)

    def test_a_cluster_that_is_not_there(self, run_kaito, tmp_path):
        result = run_kaito(*CHAT, "-m", "a", "-o", "jsonl", "--kubeconfig", tmp_path / "none")
        (record,) = objects(result.out, "jsonl")
        assert (result.code, record["error"]["exit_code"]) == (3, 3)


@pytest.mark.parametrize(
    ("form", "number"),
    [("json", signal.SIGINT), ("jsonl", signal.SIGINT), ("json", signal.SIGTERM)],
    ids=["Ctrl-C, json", "Ctrl-C, jsonl", "SIGTERM, json"],
)
class TestSignals:
    """The output stays valid JSON whenever a signal ends the run."""

    def ended(self, process, number, form):
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert b"Traceback" not in err
        assert process.returncode == 130
        records = objects(out, form)
        assert records[-1]["error"] == error("interrupted", 130)
        return records

    def test_in_an_answer(self, cluster, start_chat, form, number):
        cluster.model.reply(["half ", HANG])
        process = start_chat("-m", "a", "-o", form, "-v6", stdin=subprocess.DEVNULL)
        while b"/chat/completions 200" not in process.stderr.readline():
            pass
        (record,) = self.ended(process, number, form)
        assert (record["prompt"], record["finish_reason"]) == ("a", None)
        assert record["response"] in ("", "half ")

    def test_with_others_at_once(self, cluster, start_chat, form, number):
        """systemd sends SIGHUP after SIGTERM, for example, and a closed terminal may send several signals."""
        cluster.model.reply(["half ", HANG])
        process = start_chat("-m", "a", "-o", form, "-v6", stdin=subprocess.DEVNULL)
        while b"/chat/completions 200" not in process.stderr.readline():
            pass
        for other in {signal.SIGHUP, signal.SIGTERM, signal.SIGINT} - {number}:
            process.send_signal(other)
        assert len(self.ended(process, number, form)) == 1

    def test_while_connecting(self, cluster, start_chat, form, number):
        cluster.on("/namespaces/", Refusal(200, {}, before=HANG))
        process = start_chat("-m", "a", "-o", form, stdin=subprocess.DEVNULL)
        cluster.requests.wait(2)
        (record,) = self.ended(process, number, form)
        assert (record["prompt"], record["endpoint"]) == (None, None)

    def test_between_two_lines(self, start_chat, form, number):
        process = start_chat("-o", form)
        process.stdin.write(b"Say OK\n")
        process.stdin.flush()
        begun = process.stdout.readline()
        if form == "json":
            begun += process.stdout.read(1)
        process.send_signal(number)
        assert process.wait(10) == 130
        first, second = objects(begun + process.stdout.read(), form)
        assert (first["response"], second["prompt"]) == ("OK", None)
        assert second["error"] == error("interrupted", 130)
        assert second["endpoint"] == first["endpoint"]

    def test_while_a_busy_server_is_waited_for(self, cluster, start_chat, form, number):
        cluster.model.always(too_many_requests(retry_after=30))
        process = start_chat("-m", "a", "-o", form, stdin=subprocess.DEVNULL)
        while not process.stderr.readline().startswith(b"note: "):
            pass
        (record,) = self.ended(process, number, form)
        assert (record["prompt"], record["response"]) == ("a", "")

    def test_while_the_workspace_is_waited_for(self, cluster, start_chat, form, number):
        cluster.add(workspace(NAME, ready=False))
        cluster.route(NAME, REFUSED)
        process = start_chat("-m", "a", "-o", form, "--wait", stdin=subprocess.DEVNULL)
        assert process.stderr.readline().startswith(b"phi-3-5-mini: ")
        (record,) = self.ended(process, number, form)
        assert record["prompt"] is None
