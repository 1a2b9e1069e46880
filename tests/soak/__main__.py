"""`python3 -m tests.soak`: one chat of thousands of turns, and the resources that it keeps.

    python3 -m tests.soak                10,000 turns in a pipe
    python3 -m tests.soak --turns 500    fewer

Prints the program's memory, file descriptors and threads at intervals. The exit code is 1 if descriptors or
threads grow, or if memory grows by more than `MOST` bytes a turn once the conversation fills the model's context
window. Some growth is expected: a turn that no longer fits into the requests stays in the conversation.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from typing import NamedTuple

from tests.cluster import Cluster, service, start, workspace

NAME = "phi-3-5-mini"
WARM = 200  # turns before the first figures count
MOST = 1024  # bytes of memory that each turn may add: its text, and the values around it


class Figures(NamedTuple):
    """The resources of a process: resident memory in bytes, open descriptors, threads."""

    memory: int
    descriptors: int
    threads: int


def figures(pid):
    """Read a process's figures from /proc."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    return Figures(int(status["VmRSS"].split()[0]) * 1024, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]))


def soak(turns, folder):
    """Hold a chat of `turns` turns and return its figures as a list of (turn, Figures)."""
    found = []
    with Cluster() as cluster:
        cluster.add(workspace(NAME), service(NAME))
        cluster.model.always("A short answer of seven words, always.")
        environment = {"KUBECONFIG": cluster.write_kubeconfig(folder)}
        with start(["chat", "--workspace-name", NAME, "-q"], env=environment, home=folder) as chat:
            for turn in range(1, turns + 1):
                chat.stdin.write(b"Question number %d, which is as short.\n" % turn)
                chat.stdin.flush()
                answer = chat.stdout.readline()
                assert answer == b"A short answer of seven words, always.\n", answer
                if turn % max(1, turns // 10) == 0 or turn == min(WARM, turns):
                    found.append((turn, figures(chat.pid)))
                    cluster.model.requests.clear()
                    cluster.requests.clear()
            chat.stdin.close()
            assert chat.wait(10) == 0
    return found


def main(argv=None):
    """Hold the chat, print its figures and return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10_000)
    options = parser.parse_args(argv)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(options.turns, folder)
    for turn, held in found:
        memory = f"{held.memory / (1 << 20):6.1f} MiB"
        print(f"{turn:>7,} turns: {memory}, {held.descriptors} descriptors, {held.threads} threads")
    (first_turn, first), (last_turn, last) = (
        next(entry for entry in found if entry[0] >= min(WARM, options.turns)),
        found[-1],
    )
    growth = (last.memory - first.memory) / max(1, last_turn - first_turn)
    print(f"{growth:.0f} bytes added by each turn; {time.monotonic() - began:.0f} s in all")
    return 0 if growth <= MOST and last[1:] <= first[1:] else 1


if __name__ == "__main__":
    sys.exit(main())
