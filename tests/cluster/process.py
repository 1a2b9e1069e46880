"""The program as a user starts it: in a pipe (`run`, `start`) or on a terminal (`Terminal`).

The program is `./kubectl-kaito` of this checkout, or the file that the environment variable KAITO_PROGRAM names (a
zipapp, say). It gets a clean environment: a home of its own, no KUBECONFIG, no proxies, a UTF-8 locale.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Not PYTHONDONTWRITEBYTECODE: to compile the sources takes three times as long as a start.
KEPT = ("PATH", "TMPDIR", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_ROOT", "COVERAGE_FILE")
# ECMA-48: CSI sequences, OSC strings, and the escapes of two characters.
CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>])")


class Result(NamedTuple):
    """How the program ended: its exit code (negative for a signal) and what it wrote."""

    code: int
    out: str
    err: str


def program():
    """Return the words that start the program; its arguments follow them."""
    return [sys.executable, os.environ.get("KAITO_PROGRAM") or os.path.join(ROOT, "kubectl-kaito")]


def zipapp_in(folder):
    """Return the path of the program as one file: the one that KAITO_PROGRAM names, or one built into `folder`."""
    named = os.environ.get("KAITO_PROGRAM")
    if not named:
        words = [sys.executable, os.path.join(ROOT, "build_zipapp.py"), folder]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return named or os.path.join(folder, "kubectl-kaito")


def environment(home, changes=None):
    """Return a clean environment with `changes`; a value of None removes the variable."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env.update(HOME=str(home), LANG="C.UTF-8", LC_ALL="C.UTF-8", TERM="xterm-256color")
    if "COVERAGE_PROCESS_START" in env:
        # The program then ends as other Pythons do, so that coverage can save what it measured.
        env["KAITO_DEBUG"] = "1"
    env.update(changes or {})
    return {name: str(value) for name, value in env.items() if value is not None}


def start(argv, *, env=None, cwd=None, home=None, command=None, **pipes):
    """Start the program and return the Popen. All three streams are pipes unless `pipes` says otherwise.

    `command` replaces the program's own words, for example `["kubectl", "kaito"]`.
    """
    _let_interrupt()
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes}
    words = [*(command or program()), *map(str, argv)]
    return subprocess.Popen(words, env=environment(home or os.devnull, env), cwd=cwd, start_new_session=True, **streams)


def run(argv, stdin=None, env=None, timeout=30, *, cwd=None, home=None, command=None):
    """Run the program to its end.

    `stdin` is bytes, a str, or None for an empty stream; without `home`, the run gets a home folder of its own.
    """
    if isinstance(stdin, str):
        stdin = stdin.encode()
    folder = tempfile.mkdtemp(prefix="kaito-home-") if home is None else None
    try:
        with start(argv, env=env, cwd=cwd, home=home or folder, command=command) as process:
            try:
                out, err = process.communicate(stdin or b"", timeout)
            except subprocess.TimeoutExpired:
                _kill(process)
                out, err = process.communicate()
                raise AssertionError(
                    f"still running after {timeout} s: {process.args}\nstdout: {out!r}\nstderr: {err!r}"
                ) from None
            except BaseException:
                _kill(process)
                raise
        return Result(process.returncode, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "replace"))
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _let_interrupt():
    """Let SIGINT reach the program even if a shell runs the tests in the background.

    Background processes ignore SIGINT, and programs inherit that; they do not inherit a handler that does nothing.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)


def _kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Terminal:
    """The program on a pseudo-terminal. `raw` is every byte that it wrote there, `text` is its text.

    `stdin`, `stdout` and `stderr` are paths of files that replace the terminal, as `chat > out.txt` does. Use it in a
    `with` statement.
    """

    def __init__(
        self,
        argv,
        *,
        env=None,
        cwd=None,
        home=None,
        command=None,
        rows=24,
        columns=80,
        stdin=None,
        stdout=None,
        stderr=None,
    ):
        self.raw = b""
        self._seen = 0
        self._master, slave = pty.openpty()
        self.resize(rows, columns)
        name = os.ttyname(slave)
        # The shell opens the terminal as the leader of a new session, which makes it the controlling one: Ctrl-C
        # becomes a SIGINT. (A preexec_fn is not safe in the presence of threads.)
        script = 'exec <>"$1" >&0 2>&0; shift; exec "$@"'
        for number, path in ((0, stdin), (1, stdout), (2, stderr)):
            if path is not None:
                script += f" {number}{'<' if number == 0 else '>'}{_quoted(path)}"
        _let_interrupt()
        words = ["/bin/sh", "-c", script, "sh", name, *(command or program()), *map(str, argv)]
        self.process = subprocess.Popen(
            words, env=environment(home or os.devnull, env), cwd=cwd, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # Held until the program has opened it, too: a master without an open slave reads as ended.
        self._slave = slave

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Kill the program if it still runs."""
        if self.process.poll() is None:
            _kill(self.process)
        self.process.wait()
        for number in (self._master, self._slave):
            if number is not None:
                os.close(number)
        self._master = self._slave = None

    @property
    def text(self):
        """Everything written so far, without carriage returns and control sequences (colours, modes)."""
        return CONTROL.sub("", self.raw.decode("utf-8", "replace")).replace("\r", "")

    def send(self, text):
        r"""Type: a str or bytes, as keys give them ("\r" is Enter, "\x03" Ctrl-C)."""
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(self._master, data) :]

    def line(self, text):
        """Type a line and Enter."""
        self.send(text + "\r")

    def interrupt(self):
        """Press Ctrl-C."""
        self.send("\x03")

    def eof(self):
        """Press Ctrl-D."""
        self.send("\x04")

    def foreground(self):
        """Return the process group that has the terminal: the program's, or the shell's that started it."""
        return os.tcgetpgrp(self._master)

    def resize(self, rows, columns):
        """Change the window's size; the program gets a SIGWINCH."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, wanted, timeout=10.0):
        """Wait until `wanted` (text, or a compiled pattern) appears after the previous match.

        Return the match (for text, the text). A failure shows the whole screen.
        """
        end = time.monotonic() + timeout
        pattern = wanted if isinstance(wanted, re.Pattern) else re.compile(re.escape(wanted))
        while True:
            match = pattern.search(self.text, self._seen)
            if match:
                self._seen = match.end()
                return match if isinstance(wanted, re.Pattern) else wanted
            if not self._read(end):
                why = f"within {timeout} s" if self.process.poll() is None else "before the program ended"
                raise AssertionError(f"{wanted!r} did not appear {why}; the screen:\n{self.text}\nraw: {self.raw!r}")

    def unread(self):
        """Return what was read after the last match."""
        return self.text[self._seen :]

    def settle(self, seconds=0.1):
        """Read until nothing has come for `seconds`, and return `text`: to show that something does NOT appear."""
        while self._read(time.monotonic() + seconds):
            pass
        return self.text

    def wait(self, timeout=10.0):
        """Wait for the program's end and return its exit code."""
        end = time.monotonic() + timeout
        while self._read(end):
            pass
        try:
            return self.process.wait(max(0.0, end - time.monotonic()) + 0.1)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s; the screen:\n{self.text}") from None

    def _read(self, end):
        """Read what there is, waiting until `end`; False if nothing came or the program closed the terminal."""
        while True:
            ended = self.process.poll() is not None
            left = 0.0 if ended else min(0.05, end - time.monotonic())
            if left < 0:
                return False
            if select.select([self._master], [], [], left)[0]:
                try:
                    data = os.read(self._master, 1 << 16)
                except OSError:  # EIO: no process has the terminal open
                    data = b""
                self.raw += data
                return bool(data)
            if ended:
                return False


def _quoted(path):
    return "'" + str(path).replace("'", "'\\''") + "'"
