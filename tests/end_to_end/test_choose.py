"""A chat without --workspace-name: a person chooses, and a script is told the names."""

from __future__ import annotations

import time

import pytest

from tests.cluster import HANG, Refusal, inference_set, service, workspace
from tests.cluster.objects import replica_of

from . import BANNER, NAME, questions

MISSING = "error: --workspace-name is missing\n"
TODAY = f"{MISSING}list the workspaces: kubectl kaito status\n"
NO_RIGHT = Refusal(403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})

LIST = f"""\
Namespace default has several workspaces:
   NAME           MODEL                   READY
1  llama          (custom)                False
2  {NAME}   phi-3.5-mini-instruct   True
3  qwen           Qwen/Qwen2.5-Coder-7B   1/2
"""


@pytest.fixture
def several(cluster):
    """More to choose from: one that is not ready, a set with its workspaces, and what serves no model."""
    labels = replica_of("qwen")
    cluster.add(workspace("llama", preset=None, ready=False), workspace("tuner", tuning={"method": "qlora"}))
    cluster.add(inference_set("qwen", preset="Qwen/Qwen2.5-Coder-7B", ready_replicas=1))
    cluster.add(workspace("qwen-0", labels=labels), service("qwen-0"), workspace("qwen-1", labels=labels, ready=False))
    leaving = workspace("leaving")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-22T20:35:28Z"
    cluster.add(leaving)
    return cluster


class TestOnATerminal:
    def test_the_only_one_is_taken(self, terminal):
        with terminal("chat") as screen:
            screen.expect(f"note: {NAME} is the only workspace in namespace default\n{BANNER}")
            screen.line("/quit")
            assert screen.wait() == 0

    def test_a_set_stands_for_its_workspaces(self, cluster, terminal):
        cluster.remove("workspaces", NAME)
        cluster.add(inference_set("qwen"), workspace("qwen-0", labels=replica_of("qwen")), service("qwen-0"))
        with terminal("chat", "-q") as screen:
            screen.expect("> ")
            assert screen.text == "> ", "-q drops the note"
            screen.line("/status")
            screen.expect("Workspace:     qwen")

    @pytest.mark.parametrize("typed", ["2", NAME])
    def test_one_of_several_is_chosen_by_number_or_name(self, several, terminal, typed):
        with terminal("chat") as screen:
            screen.expect(f"{LIST}Number or name: ")
            screen.line("phi")
            screen.expect('There is no "phi" in the list. Ctrl-C leaves.\nNumber or name: ')
            screen.line("")
            screen.expect("Number or name: ")
            screen.line(typed)
            screen.expect(f"{BANNER}")
            screen.line("Say OK")
            screen.expect("OK\n\n> ")
        assert questions(several) == ["Say OK"]

    def test_enter_takes_the_only_one_that_answers(self, cluster, terminal):
        cluster.add(workspace("llama", ready=False))
        with terminal("chat") as screen:
            screen.expect("Number or name [2]: ")
            screen.line("")
            screen.expect(BANNER)

    def test_a_long_list_is_cut(self, cluster, terminal):
        for number in range(40):
            cluster.add(workspace(f"w{number:02}"))
        with terminal("chat", rows=50) as screen:
            screen.expect("30  w28")
            screen.expect("… and 11 more, which you can name\nNumber or name: ")
            screen.line("w39")
            screen.expect("w39")

    @pytest.mark.parametrize(("key", "code", "end"), [("\x04", 2, TODAY), ("\x03", 130, "^C\n")])
    def test_a_person_may_leave(self, several, terminal, key, code, end):
        with terminal("chat") as screen:
            screen.expect("Number or name: ")
            screen.send(key)
            assert screen.wait() == code
            assert screen.text.endswith(end)

    def test_nothing_serves(self, cluster, terminal):
        cluster.remove("workspaces", NAME)
        with terminal("chat") as screen:
            assert screen.wait() == 4
            assert screen.text == (
                'error: no workspace in namespace "default" serves a model\n'
                "choose another namespace with -n; to list all: kubectl kaito status -A\n"
            )

    def test_what_may_not_be_listed_is_not_offered(self, cluster, terminal):
        cluster.on("/inferencesets", NO_RIGHT)
        with terminal("chat") as screen:
            screen.expect(f"note: {NAME} is the only workspace")
        cluster.on("/workspaces", NO_RIGHT)
        with terminal("chat") as screen:
            assert screen.wait() == 2
            assert screen.text == TODAY

    def test_a_question_by_flag_is_a_script_s(self, cluster, terminal):
        with terminal("chat", "-m", "Hi") as screen:
            assert screen.wait() == 2
            assert screen.text == f"{MISSING}workspaces here: {NAME}\n"


class TestInAScript:
    def test_the_error_names_what_there_is(self, several, run_kaito):
        assert run_kaito("chat", stdin="Hi\n") == (2, "", f"{MISSING}workspaces here: llama, {NAME}, qwen\n")

    def test_but_not_too_much(self, cluster, run_kaito):
        for number in range(10):
            cluster.add(workspace(f"a{number}"))
        assert run_kaito("chat", stdin="Hi\n").err == f"{MISSING}workspaces here: a0, a1, a2, a3, a4, and 6 more\n"

    @pytest.mark.parametrize(
        "env", [pytest.param({}, id="no rights"), pytest.param({"KUBECONFIG": "/nowhere"}, id="no cluster")]
    )
    def test_what_cannot_be_listed_is_left_out(self, cluster, run_kaito, env):
        cluster.on("/apis/kaito.sh", NO_RIGHT)
        assert run_kaito("chat", stdin="Hi\n", env=env) == (2, "", TODAY)

    def test_a_slow_list_is_not_waited_for(self, cluster, run_kaito):
        cluster.on("/workspaces", Refusal(200, before=HANG))
        began = time.monotonic()
        assert run_kaito("chat", "-m", "Hi") == (2, "", TODAY)
        assert time.monotonic() - began < 4  # 2 s, plus the program's start on a busy machine
