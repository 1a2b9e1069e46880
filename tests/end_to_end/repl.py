"""The chat on a terminal: with and without readline, and as tmux shows it to a person."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid

import pytest

from tests.cluster.process import environment, program

# A Python without readline: importing it raises ImportError.
_BOOT = (
    "import os, runpy, sys; sys.modules['readline'] = None; del sys.argv[0]; "
    "sys.path[0] = os.path.dirname(sys.argv[0]); runpy.run_path(sys.argv[0], run_name='__main__')"
)
WITHOUT_READLINE = [program()[0], "-c", _BOOT, program()[1]]

# The ways to type. A dumb terminal and the Linux console do not bracket pastes.
PLAIN = {"command": WITHOUT_READLINE}
DUMB = {"env": {"TERM": "dumb"}}
CONSOLE = {"env": {"TERM": "linux"}}
EVERYWHERE = pytest.mark.parametrize(
    "reader",
    [
        pytest.param({}, id="GNU readline"),
        pytest.param(PLAIN, id="no readline"),
        pytest.param(DUMB, id="TERM=dumb"),
    ],
)
UNBRACKETED = pytest.mark.parametrize(
    "reader",
    [
        pytest.param(PLAIN, id="no readline"),
        pytest.param(DUMB, id="TERM=dumb"),
        pytest.param(CONSOLE, id="TERM=linux"),
    ],
)

UP, LEFT, BACKSPACE = "\x1b[A", "\x1b[D", "\x7f"

TMUX = shutil.which("tmux")
NEEDS_TMUX = pytest.mark.skipif(TMUX is None, reason="needs tmux")


def paste(text):
    """Return what a terminal sends for a bracketed paste."""
    return "\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~"


def ask(screen, line):
    """Type a line at the prompt, wait for the next prompt, and return what was shown in between."""
    screen.line(line)
    return screen.expect(re.compile(rf"{re.escape(line)}\n(.*?)\n\n> ", re.DOTALL)).group(1)


def interrupt_prompt(screen):
    """Press Ctrl-C at the prompt, as late as a person would: Python's readline misses one while it still draws."""
    screen.settle(0.05)
    screen.interrupt()
    screen.expect("\n> ")


class Tmux:
    """The program in a window of its own tmux; `lines` is what a person sees. Use it in a `with` statement."""

    def __init__(self, argv, *, home, env, columns=80, rows=24):
        self._name = f"kaito-{uuid.uuid4().hex[:8]}"
        # The path of a socket must be short, and a test's own folder may be too deep.
        self._folder = tempfile.mkdtemp(prefix="tmux-")
        words = [*program(), *map(str, argv)]
        settings = environment(home, {"TERM": None, **env})
        command = ["env", *(f"{name}={value}" for name, value in settings.items()), *words]
        # Without a status line. The window stays after the program's end, so that its last lines can be read.
        options = ["set", "-g", "status", "off", ";", "set", "-g", "remain-on-exit", "on", ";"]
        size = ["-x", str(columns), "-y", str(rows)]
        self._run("-f", os.devnull, "start-server", ";", *options, "new-session", "-d", *size, *command)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([TMUX, "-L", self._name, "kill-server"], env=self._environ(), stderr=subprocess.DEVNULL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _environ(self):
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TMUX_TMPDIR": self._folder}

    def _run(self, *words, stdin=None):
        done = subprocess.run(
            [TMUX, "-L", self._name, *words], env=self._environ(), input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode()

    def keys(self, *names):
        """Press keys by tmux's names ("Enter", "Up", "C-c")."""
        self._run("send-keys", *names)

    def type(self, text):
        """Type text."""
        self._run("send-keys", "-l", text)

    def paste(self, text):
        """Paste text as a terminal does: bracketed where the program asked for it."""
        self._run("load-buffer", "-", stdin=text.encode())
        self._run("paste-buffer", "-p")

    def resize(self, columns, rows):
        """Change the window's size."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def lines(self):
        """The screen's lines, without the empty ones at its end."""
        return self._run("capture-pane", "-p").rstrip("\n").split("\n")

    @property
    def copied(self):
        """What a person copies from the screen: rows that the terminal itself has cut are joined."""
        return "\n".join(line.rstrip() for line in self._run("capture-pane", "-p", "-J").splitlines())

    def expect(self, wanted, timeout=10.0):
        """Wait until the screen's lines end with `wanted`."""
        end = time.monotonic() + timeout
        while self.lines[-len(wanted) :] != wanted:
            if time.monotonic() > end:
                raise AssertionError("the screen:\n" + "\n".join(self.lines))
            time.sleep(0.02)
