"""The process of an exec plugin: it is run to its end, or ended early together with everything that it has started."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import IO, Any

# A token and a chain of certificates are a few KiB.
OUTPUT_LIMIT = 1 << 20

# Seconds between SIGTERM and SIGKILL for a program that is ended early. --timeout may be exceeded by as much.
_GRACE = 0.5
_POLL = 0.01

# SIGALRM is the end of --timeout.
_ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM") if hasattr(signal, name))
_BY_FORCE = getattr(signal, "SIGKILL", signal.SIGTERM)
_PAUSE = getattr(signal, "SIGSTOP", 0)


def read_output(
    arguments: Sequence[str], executable: str, environ: dict[str, str], *, interactive: bool
) -> tuple[int, bytes]:
    """Run a program without a shell; return its exit code (negative: the signal) and its stdout.

    `interactive`: it may read our stdin, a terminal. A program that prints more than the limit is ended; its exit code
    is 0, and a little more than the limit returned. Raises OSError or ValueError if it cannot be run.
    """
    # On a terminal, the program stays in our process group: only the terminal's foreground group may read it, and gets
    # Ctrl-C. Even a program that does not read our stdin may ask for a passphrase on /dev/tty, as under kubectl.
    # Elsewhere it leads a session of its own, whose process group holds all that it starts.
    alone = not interactive and not _has_terminal()
    with (
        _Endings() as endings,
        subprocess.Popen(
            arguments,
            executable=executable,
            env=environ,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=alone,
        ) as process,
    ):
        assert process.stdout is not None
        family = _Family(process, leads_group=alone and os.name == "posix")
        try:
            endings.call(family.end)
            output = _read(process.stdout)
            if len(output) > OUTPUT_LIMIT:
                return 0, output
            code = process.wait()
            family.leave_alone()
            return code, output
        finally:
            # After Ctrl-C or --timeout, or when it prints more than the limit, the program may still be running. If
            # not, something that it has started still holds its stdout.
            family.end()


def _has_terminal() -> bool:
    """Return whether a terminal controls this process, whatever its stdin is."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True


def _read(pipe: IO[bytes]) -> bytes:
    """Return all that comes from an unbuffered pipe, until it is more than the limit.

    A buffered reader would not notice Ctrl-C between the reads that it makes on its own. And this loop must not be
    within its caller's `try`: where a loop jumps back, CPython 3.12 and 3.13 raise KeyboardInterrupt outside of it.
    """
    output = b""
    while len(output) <= OUTPUT_LIMIT:
        chunk = pipe.read(1 << 16)
        if not chunk:
            break
        output += chunk
    return output


class _Endings:
    """A context in which no signal ends this process without a call.

    State: the call, a signal that waits for it, and the earlier handlers. A plugin in a session of its own gets neither
    the terminal's signals nor those to our process group, so it would outlive us. A signal that comes while it is being
    started has its effect once it can be ended.
    """

    def __init__(self) -> None:
        self._end: Callable[[], None] | None = None
        self._waiting = 0
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> _Endings:
        for number in _ENDINGS:
            earlier = signal.getsignal(number)
            if earlier not in (signal.SIG_IGN, None):
                try:
                    signal.signal(number, self._handle)
                except ValueError:
                    # Only the main thread may set a handler.
                    break
                self._earlier[number] = earlier
        return self

    def __exit__(self, *_: object) -> None:
        while self._earlier:
            signal.signal(*self._earlier.popitem())
        if self._end:
            atexit.unregister(self._end)
        elif self._waiting:
            os.kill(os.getpid(), self._waiting)

    def call(self, end: Callable[[], None]) -> None:
        """Call `end` when this process ends, also by a signal. Raises what the handler of a waiting signal raises."""
        self._end = end
        atexit.register(end)
        if self._waiting:
            self._handle(self._waiting, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        earlier = self._earlier.get(number)
        if self._end is None:
            self._waiting = number
        elif callable(earlier):
            earlier(number, frame)
        else:
            self._end()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


class _Family:
    """A program and what it has started. State: its known descendants, and whether it has ended.

    `leads_group`: the program leads a process group of its own. Otherwise its descendants are looked up when it is
    ended, which only Linux can tell.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, leads_group: bool) -> None:
        self._process = process
        self._leads_group = leads_group
        self._started: list[int] = []
        self._over = False

    def leave_alone(self) -> None:
        """Note that the program has ended by itself; what it has left behind may stay, as with kubectl."""
        self._over = True

    def end(self) -> None:
        """End the program and what it has started, by force after the grace, unless it has ended by itself."""
        if self._over:
            return
        self._over = True
        self._find_new()
        try:
            self._send(signal.SIGTERM)
            end = time.monotonic() + _GRACE
            while self._send(0) and time.monotonic() < end:
                time.sleep(_POLL)
        finally:
            # Meanwhile they may have started others. What is paused starts no more, so that none is missed.
            while self._send(_PAUSE) and self._find_new():
                pass
            self._send(_BY_FORCE)

    def _find_new(self) -> bool:
        """Look up the descendants; return whether there are new ones."""
        known = len(self._started)
        if not self._leads_group:
            self._started = _with_descendants([self._process.pid, *self._started])[1:]
        return len(self._started) > known

    def _send(self, number: int) -> bool:
        """Send a signal (0: none) to all of the family; return whether any of it is there."""
        running = self._process.poll() is None
        if running and number and not self._leads_group:
            self._process.send_signal(number)
        # A negative number means a process group. It keeps its number for as long as one process is in it.
        for one in [-self._process.pid] if self._leads_group else self._started:
            running = _send_to(one, number) or running
        return running


def _send_to(target: int, number: int) -> bool:
    try:
        os.kill(target, number)
    except OSError:
        return False
    return True


def _with_descendants(processes: list[int]) -> list[int]:
    """Return the processes, what they have started, and what these have started, by Linux's /proc."""
    parents = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return processes
    for name in filter(str.isdigit, names):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The program's name, in parentheses, may hold anything (proc(5)). The parent comes second after it.
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            # It has ended meanwhile.
            continue
    found = list(processes)
    for one in found:
        found += [process for process, parent in parents.items() if parent == one and process not in found]
    return found
