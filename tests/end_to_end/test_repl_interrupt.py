"""Ctrl-C at each moment: the screen, the server's side of the connection, and the next question."""

from __future__ import annotations

import re
import time

import pytest

from tests.cluster import HANG, Reasoning, Refusal, Reply, condition, too_many_requests, workspace

from . import CHAT, NAME, assistant, conversation, user
from .repl import EVERYWHERE, ask, interrupt_prompt


def interrupt(screen, request):
    """Press Ctrl-C and check that the connection is closed within 0.2 s, as the server sees it."""
    pressed = time.monotonic()
    screen.interrupt()
    assert request.closed.wait(5), "the model goes on generating"
    assert time.monotonic() - pressed < 0.2


@EVERYWHERE
class TestDuringAnAnswer:
    """The session goes on, and the next question works."""

    @pytest.mark.parametrize(
        ("reply", "shown"),
        [
            pytest.param(Reply("never", before=HANG), "^C\n", id="before the head"),
            pytest.param(Reply([HANG]), "^C\n", id="before the first word"),
            pytest.param(Reply([Reasoning("hm"), HANG]), "[reasoning]\nhm^C\n", id="while it reasons"),
            pytest.param(Reply(["once ", "upon", HANG]), "once upon^C\n", id="mid-stream"),
        ],
    )
    def test_it_stops(self, cluster, open_chat, reader, reply, shown):
        cluster.model.reply(reply)
        screen = open_chat(**reader)
        screen.line("a question")
        # At Ctrl-C the kernel discards output that has not reached the screen.
        screen.expect("a question\n" + shown.partition("^C")[0])
        interrupt(screen, cluster.model.requests.wait())
        screen.expect("^C\n[stopped]\n\n> ")
        assert ask(screen, "Say OK") == "OK"
        kept = [user("a question"), assistant("once upon")] if "once" in shown else []
        assert conversation(cluster) == [*kept, user("Say OK")]


class TestElsewhereInASession:
    def test_during_a_wait_for_a_busy_model(self, cluster, open_chat):
        cluster.model.reply(too_many_requests(retry_after=30))
        screen = open_chat()
        screen.line("Say OK")
        screen.expect("trying again")
        screen.settle(0.05)
        pressed = time.monotonic()
        screen.interrupt()
        screen.expect("[stopped]\n\n> ")
        assert time.monotonic() - pressed < 0.5
        assert ask(screen, "Say OK") == "OK"
        assert conversation(cluster) == [user("Say OK")]

    def test_during_a_command_that_asks_the_server(self, cluster, open_chat):
        cluster.model.on("/v1/models", Reply("never", before=HANG))
        screen = open_chat()
        screen.line("/model")
        screen.expect("/model\n")
        interrupt(screen, cluster.model.requests.wait())
        screen.expect("^C\n> ")
        assert ask(screen, "Say OK") == "OK"

    def test_many_times_at_once(self, cluster, open_chat):
        cluster.model.reply(["once", HANG])
        screen = open_chat()
        screen.line("a story")
        screen.expect("once")
        screen.send("\x03\x03\x03")
        # The second one may come before the notice of the first, and then replaces it.
        screen.expect("\n> ")
        screen.settle(0.1)
        assert ask(screen, "Say OK") == "OK"

    def test_at_the_prompt_it_clears_the_line(self, cluster, open_chat):
        screen = open_chat()
        for typed in ("never sent", "neither"):
            screen.send(typed)
            screen.expect(typed)
            interrupt_prompt(screen)
        interrupt_prompt(screen)
        assert ask(screen, "Say OK") == "OK"
        assert [request.json["messages"] for request in cluster.model.chats] == [[user("Say OK")]]

    def test_while_a_sign_of_life_is_shown(self, cluster, open_chat):
        cluster.model.reply(Reply("never", before=HANG))
        screen = open_chat()
        screen.line("a question")
        screen.expect("a question\n")
        screen.expect(re.compile(r"waiting for the model \(\d+s\)"))
        before = len(screen.raw)
        screen.interrupt()
        screen.expect("[stopped]\n\n> ")
        assert re.match(rb"\^C\r {27,}\r+(\x1b\[2m)?\[stopped\]", screen.raw[before:]), "nothing is left of it"


class TestBeforeTheSession:
    """Ctrl-C ends the run with 130, and only the shell's prompt follows."""

    def test_during_wait(self, cluster, terminal):
        loading = condition("InferenceReady", False, "Pending", "no GPU yet")
        cluster.add(workspace(NAME, conditions=[loading], ready=False))
        cluster.remove("services", NAME)
        screen = terminal(*CHAT, "--wait")
        screen.expect(re.compile(r"no GPU yet \(\d+s\)"))
        screen.interrupt()
        assert screen.wait() == 130
        assert re.search(rb"\^C\r +\r(\r?\n)?$", screen.raw), "the live line is gone"

    def test_while_a_question_by_flag_is_answered(self, cluster, terminal):
        """The question has a sign of life, too; what was shown stays, and the shell's prompt gets a line of its own."""
        cluster.model.reply(Reply("never", before=HANG))
        cluster.model.reply(["half", HANG])
        screen = terminal(*CHAT, "-m", "a question")
        screen.expect(re.compile(r"waiting for the model \(\d+s\)"))
        interrupt(screen, cluster.model.requests.wait())
        assert screen.wait() == 130
        assert re.search(rb"\^C\r +\r$", screen.raw)
        screen = terminal(*CHAT, "-m", "a question")
        screen.expect("half")
        interrupt(screen, cluster.model.requests.wait(2))
        assert screen.wait() == 130
        assert screen.text.endswith("half^C\n")

    def test_while_the_workspace_is_looked_up(self, cluster, terminal):
        cluster.on("/workspaces/", Refusal(200, {}, before=HANG))
        screen = terminal(*CHAT)
        request = cluster.requests.wait(2)
        interrupt(screen, request)
        assert screen.wait() == 130
        assert screen.text == "^C\n"

    def test_while_a_credential_plugin_runs(self, cluster, terminal, tmp_path):
        plugin = tmp_path / "plugin"
        plugin.write_text("#!/bin/sh\necho running >/dev/tty\nexec sleep 60\n")
        plugin.chmod(0o755)
        asked = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
        path = cluster.write_kubeconfig(tmp_path / "exec", user="none", credentials={"exec": asked})
        screen = terminal(*CHAT, env={"KUBECONFIG": path})
        screen.expect("running")
        screen.interrupt()
        assert screen.wait() == 130
        assert "kaito" not in screen.text.partition("^C")[2], "no word of ours follows"
