"""Runs a process and says how long it took and how much memory it had at its peak."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

# Runs its arguments and writes their peak memory to the file descriptor that is its first one. What a process is
# started from counts as its memory until it has become another program, so this is as small as a Python can be.
_SPAWN = """
import os, sys
report, *words = sys.argv[1:]
_, status, usage = os.wait4(os.posix_spawn(words[0], words, os.environ), 0)
os.write(int(report), b"%d %d" % (usage.ru_maxrss, status))
"""


class Row(NamedTuple):
    """One line of the table: texts, but for `ratio` and `most`, its bound; `unit` stands behind both."""

    what: str
    ours: str
    reference: str
    ratio: float
    most: float
    unit: str = "×"

    @property
    def fine(self):
        return self.ratio <= self.most


def seconds(command, env, stdin=b"", codes=(0,)):
    """Run it to its end and return its wall time. Raises RuntimeError for an exit code that is not in `codes`."""
    began = time.perf_counter()
    done = subprocess.run(command, input=stdin, env=env, capture_output=True, check=False)
    took = time.perf_counter() - began
    if done.returncode not in codes:
        raise RuntimeError(f"{command}: exit code {done.returncode}: {done.stderr.decode()}")
    return took


def peak(command, env, stdin=b""):
    """Run it to its end and return its peak memory in bytes. Raises RuntimeError when it fails."""
    reading, writing = os.pipe()
    words = [sys.executable, "-I", "-S", "-c", _SPAWN, str(writing), *command]
    nothing = subprocess.DEVNULL
    subprocess.run(words, input=stdin, env=env, stdout=nothing, stderr=nothing, pass_fds=[writing], check=False)
    os.close(writing)
    with os.fdopen(reading) as report:
        size, status = map(int, report.read().split())
    if status:
        raise RuntimeError(f"{command}: status {status}")
    return size * (1 if sys.platform == "darwin" else 1024)


def paired(measurements, rounds):
    """Take each of the measurements in turn, `rounds` times; the median of each, and of its ratio to the first.

    What else the machine does then weighs on all of them, and a moment's disturbance on none.
    """
    taken = [[measure() for measure in measurements] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*taken)]
    ratios = [statistics.median(row[place] / row[0] for row in taken) for place in range(len(measurements))]
    return medians, ratios


def milliseconds(value):
    return f"{value * 1000:.0f} ms"


def mebibytes(value):
    return f"{value / (1 << 20):.1f} MiB"
