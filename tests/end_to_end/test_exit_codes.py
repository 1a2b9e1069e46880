"""Each exit code from a run of the program, in each form of output."""

from __future__ import annotations

import json
import signal
import subprocess
import threading

import pytest

from tests.cluster import HANG, NO_ENDPOINTS, REFUSED, workspace

from . import NAME


def fine(cluster):
    return ()


def usage(cluster):
    return ("-m", "x", "-f", "x")


def no_such_cluster(cluster):
    return ("--context", "nope")


def wrong_token(cluster):
    cluster.tokens.clear()
    return ()


def may_not_use_the_proxy(cluster):
    cluster.deny("create", "services/proxy")
    return ()


def no_such_workspace(cluster):
    cluster.remove("workspaces", NAME)
    return ()


def not_ready(cluster):
    cluster.add(workspace(NAME, ready=False))
    cluster.route(NAME, REFUSED)
    return ()


def no_pod(cluster):
    cluster.route(NAME, NO_ENDPOINTS)
    return ("--retry-timeout", "0")


def refused_by_the_model(cluster):
    cluster.model.refuse(500)
    return ()


def empty_answer(cluster):
    cluster.model.reply([])
    return ()


def out_of_time(cluster):
    cluster.model.reply([HANG])
    return ("--timeout", "700ms")


def mismatch(cluster):
    return ("--expect", "^never")


CODES = [
    (fine, 0),
    (usage, 2),
    (no_such_cluster, 3),
    (wrong_token, 3),
    (may_not_use_the_proxy, 3),
    (no_such_workspace, 4),
    (not_ready, 4),
    (no_pod, 4),
    (refused_by_the_model, 5),
    (empty_answer, 5),
    (out_of_time, 5),
    (mismatch, 6),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("cause", "code"), [pytest.param(*row, id=f"{row[1]} {row[0].__name__}") for row in CODES])
def test_the_code_says_what_went_wrong(cluster, chat, cause, code, form):
    flags = cause(cluster)
    result = chat(None, *([] if cause is usage else ["-m", "Say OK"]), *flags, "-q", "-o", form)
    assert result.code == code
    assert ("error: " in result.err) == (code != 0)
    if form == "json":
        (record,) = json.loads(result.out)
        assert record.get("error", {"exit_code": 0})["exit_code"] == code
    else:
        assert result.out == ("OK\n" if code in (0, 6) else "")


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_130_interrupted(cluster, start_chat, form):
    cluster.model.reply([HANG])
    process = start_chat("-m", "a", "-o", form, stdin=subprocess.DEVNULL)
    cluster.model.requests.wait()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_141_the_reader_went_away(cluster, start_chat, form):
    gate = threading.Event()
    cluster.model.reply([gate, "x" * 10])
    process = start_chat("-m", "a", "-q", "-o", form, stdin=subprocess.DEVNULL)
    process.stdout.close()
    gate.set()
    assert process.stderr.read() == b""
    assert process.wait(10) == 141
