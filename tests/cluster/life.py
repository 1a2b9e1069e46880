"""A whole start of a workspace, played in about a minute: `python3 -m tests.cluster --life`."""

from __future__ import annotations

import math
import sys
import threading
import time

from .phases import LIFE

# How long each phase lasts, in parts of the whole; the last one lasts for ever.
SHARES = dict(zip(LIFE, (1, 3, 9, 3, 2, 7, 5, 16, 6, 2, 6, 0)))
SAMPLES = 30  # of a download; KAITO's server takes one every 2 s
WEIGHTS = 7.64e9  # bytes, as phi-4-mini has


def play(workload, seconds=60.0, out=None):
    """Begin to take the workload through LIFE, and print time and name of each phase. Return the thread that does."""
    thread = threading.Thread(target=_play, args=(workload, seconds, out or sys.stderr), name="life", daemon=True)
    thread.start()
    return thread


def _play(workload, seconds, out):
    begun = end = time.monotonic()
    for phase in LIFE:
        if phase == "downloading":
            workload.enter(phase, speed=0.0, remaining=0.0)  # nothing was measured yet
        else:
            workload.enter(phase)
        print(f"{time.strftime('%H:%M:%S')} {end - begun:5.1f}s {phase}", file=out, flush=True)
        begins, end = end, end + seconds * SHARES[phase] / sum(SHARES.values())
        if phase == "downloading":
            _download(workload.download, begins, end)
        time.sleep(max(0.0, end - time.monotonic()))


def _download(server, begins, end):
    """Let the download make progress until `end`: the first sample knows no speed, the others waver a little."""
    for number in range(1, SAMPLES):
        time.sleep(max(0.0, begins + (end - begins) * number / SAMPLES - time.monotonic()))
        waver = 1 + 0.1 * math.sin(number)
        left = (end - begins) * (SAMPLES - number) / SAMPLES
        measured = WEIGHTS / (end - begins) * waver, left / waver
        server.speed, server.remaining = (0.0, -1.0) if number == 1 else measured
