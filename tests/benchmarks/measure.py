"""Run a process, and measure its time and its peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

# Runs the command in its arguments, and writes what it used to the file descriptor in its first argument. Until a new
# process has become another program, its memory is that of the process that started it, so this one is as small as a
# Python can be.
_SPAWN = """
import os, sys, time
report, *words = sys.argv[1:]
began = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawn(words[0], words, os.environ), 0)
wall = time.perf_counter() - began
os.write(int(report), b"%d %f %f %d" % (usage.ru_maxrss, usage.ru_utime + usage.ru_stime, wall, status))
"""


class Row(NamedTuple):
    """One row of the table: texts, the ratio, and its bound `most`; `unit` follows both.

    `floor`: what the interpreter alone takes, and with ssl, json and socket.
    """

    what: str
    ours: str
    reference: str
    ratio: float
    most: float
    unit: str = "×"
    floor: str = "–"

    @property
    def fine(self):
        return self.ratio <= self.most


class Usage(NamedTuple):
    """What a process used: peak memory in bytes, processor time (user and system) and wall time in seconds."""

    peak: float
    seconds: float
    wall: float


def seconds(command, env, stdin=b"", codes=(0,)):
    """Run a command and return its wall time. Raise RuntimeError for an exit code that is not in `codes`."""
    began = time.perf_counter()
    done = subprocess.run(command, input=stdin, env=env, capture_output=True, check=False)
    took = time.perf_counter() - began
    if done.returncode not in codes:
        raise RuntimeError(f"{command}: exit code {done.returncode}: {done.stderr.decode()}")
    return took


def usage(command, env, stdin=b""):
    """Run a command and return its Usage. Raise RuntimeError if it fails."""
    reading, writing = os.pipe()
    words = [sys.executable, "-I", "-S", "-c", _SPAWN, str(writing), *command]
    nothing = subprocess.DEVNULL
    subprocess.run(words, input=stdin, env=env, stdout=nothing, stderr=nothing, pass_fds=[writing], check=False)
    os.close(writing)
    with os.fdopen(reading) as report:
        size, took, wall, status = report.read().split()
    if status != "0":
        raise RuntimeError(f"{command}: status {status}")
    return Usage(int(size) * (1 if sys.platform == "darwin" else 1024), float(took), float(wall))


def paired(measurements, rounds):
    """Take each measurement in turn, `rounds` times; return the medians, and the medians of the ratios to the first.

    So the machine's other work affects all of them alike, and a short disturbance affects none.
    """
    taken = [[measure() for measure in measurements] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*taken)]
    ratios = [statistics.median(row[place] / row[0] for row in taken) for place in range(len(measurements))]
    return medians, ratios


def paired_usages(runs, rounds):
    """Take each run (a function that returns a Usage, by name) in turn, as `paired`; the first one is the reference.

    One turn before the rounds does not count. Return the median Usages and the median ratios of each field, by name.
    """
    for run in runs.values():
        run()
    taken = [[run() for run in runs.values()] for _ in range(rounds)]
    medians, ratios = {}, {}
    for place, name in enumerate(runs):
        own = [turn[place] for turn in taken]
        medians[name] = Usage(*map(statistics.median, zip(*own)))
        against = [[ours / theirs for ours, theirs in zip(turn[place], turn[0])] for turn in taken]
        ratios[name] = Usage(*map(statistics.median, zip(*against)))
    return medians, ratios


def milliseconds(value):
    return f"{value * 1000:.0f} ms"


def mebibytes(value):
    return f"{value / (1 << 20):.1f} MiB"
