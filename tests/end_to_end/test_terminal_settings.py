"""Whatever ends or stops the chat, the terminal's settings are as they were: `stty -a` before and after.

bash repairs its terminal itself; dash does not, and neither does `sh -c` or kubectl.
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import shutil
import signal
import threading
import time

import pytest

from tests.cluster import HANG, Terminal
from tests.cluster.process import program

from . import CHAT

HOSTS = ("bash", "dash", "sh -c", "kubectl")
SHELLS = {"bash": ["bash", "--norc", "--noprofile", "-i"]}

ENDS = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGALRM")
MOMENTS = ("answer", "prompt")


class Shell:
    """A shell on a terminal that has started the chat. State: the screen, and the settings before it."""

    def __init__(self, host, cluster, folder, kubeconfig, plugin_path):
        self.folder = folder
        settings = {"KUBECONFIG": kubeconfig, "PS1": "$ ", "ENV": None, "INPUTRC": "/dev/null", "PATH": plugin_path}
        words = shlex.join([*program(), *CHAT, "-q"])
        if host == "sh -c":
            words = f"sh -c {shlex.quote(words + '; exit $?')}"
        elif host == "kubectl":
            words = shlex.join(["kubectl", "kaito", *CHAT, "-q"])
        command = SHELLS.get(host, ["dash", "-i"])
        self.screen = Terminal([], command=command, env=settings, home=folder, cwd=folder, columns=200)
        self.screen.expect("$ ")
        self.before = self.settings()
        self.shell = self.screen.foreground()
        self.screen.line(words)
        self.screen.expect("\n> ")
        self.screen.settle(0.1)

    def settings(self):
        """Return what `stty -a` says now."""
        path = self.folder / "settings"
        self.screen.line(f"stty -a > {path}; echo writ''ten")
        self.screen.expect("written\n")
        self.screen.expect("$ ")
        return path.read_text()

    def settings_soon(self):
        """Return what `stty -a` says once it is what it was before, at the latest after five seconds.

        With `sh -c`, the shell in between may stop or end before the chat does.
        """
        end = time.monotonic() + 5
        while (now := self.settings()) != self.before and time.monotonic() < end:
            pass
        return now

    def kill(self, name, *, alone=False):
        """Send a signal to the chat and to those who wait for it, or to the chat `alone`."""
        group = self.screen.foreground()
        if not alone:
            os.killpg(group, getattr(signal, name))
            return
        children = pathlib.Path(f"/proc/{group}/task/{group}/children").read_text().split()
        os.kill(int(children[0]) if children else group, getattr(signal, name))

    def wait_for_prompt(self):
        """Wait for the shell to have the terminal again."""
        self.screen.expect("$ ")
        assert self.screen.foreground() == self.shell


@pytest.fixture
def start(cluster, tmp_path, kubeconfig, plugin_path):
    """Start a chat from a host and go to a moment in it: start("dash", "answer") -> Shell."""
    started = []

    def go(host, moment):
        if shutil.which("kubectl" if host == "kubectl" else host.split()[0]) is None:
            pytest.skip(f"needs {host}")
        shell = Shell(host, cluster, tmp_path, kubeconfig, plugin_path)
        started.append(shell.screen)
        if moment == "answer":
            shell.screen.line("a question")
            shell.screen.expect("once")
        return shell

    yield go
    for screen in started:
        screen.close()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("way", [*ENDS, "Ctrl-\\"])
@pytest.mark.parametrize("host", HOSTS)
def test_what_ends_the_chat_gives_the_terminal_back(cluster, start, host, way, moment):
    cluster.model.reply(["once", HANG])
    if (host, way, moment) == ("sh -c", "Ctrl-\\", "prompt"):
        pytest.skip("the shell in between dies first, and the next one may read a line with the same settings")
    shell = start(host, moment)
    if way == "Ctrl-\\":
        shell.screen.send("\x1c")
    else:
        shell.kill(way, alone=moment == "prompt")
    shell.wait_for_prompt()
    assert shell.settings_soon() == shell.before


@pytest.mark.parametrize("way", ["SIGTSTP", "Ctrl-Z"])
@pytest.mark.parametrize("host", HOSTS)
def test_what_stops_the_chat_gives_the_terminal_back_until_it_goes_on(cluster, start, host, way):
    go_on = threading.Event()
    cluster.model.reply(["once", go_on, " upon"])
    shell = start(host, "answer")
    screen = shell.screen
    for _ in range(2):
        if way == "Ctrl-Z":
            screen.send("\x1a")
        else:
            shell.kill(way)
        shell.wait_for_prompt()
        assert shell.settings_soon() == shell.before
        screen.line("fg")
        screen.expect("fg\n")
        screen.expect("kaito")
        screen.settle(0.2)
    screen.send("typed ahead")
    screen.settle(0.1)
    go_on.set()
    # It does not land in the answer, and is at the next prompt.
    screen.expect(re.compile("^ upon\n\n> typed ahead", re.MULTILINE))


# Not `sh -c`: the shell in between stops first, and the next one may read a line with the same settings.
@pytest.mark.parametrize("host", ("bash", "dash", "kubectl"))
def test_a_stop_at_the_prompt_does_so_too(cluster, start, host):
    shell = start(host, "prompt")
    screen = shell.screen
    screen.send("Say")
    screen.expect("Say")
    # As late as a person would: Python's readline misses a signal while it still draws.
    screen.settle(0.1)
    screen.send("\x1a")
    shell.wait_for_prompt()
    assert shell.settings() == shell.before
    screen.line("fg")
    screen.expect("fg\n")
    screen.settle(0.2)
    screen.send(" OK\r")
    screen.expect("OK\n\n> ")
    assert cluster.model.chats[-1].json["messages"][-1]["content"] == "Say OK"
    screen.eof()
    shell.wait_for_prompt()
    assert shell.settings() == shell.before


@pytest.mark.parametrize("keys", ["/quit\r", "\x04"])
@pytest.mark.parametrize("host", HOSTS)
def test_leaving_does_so_too(start, host, keys):
    shell = start(host, "prompt")
    shell.screen.send(keys)
    shell.wait_for_prompt()
    assert shell.settings() == shell.before
