"""Start-up and one piped question, in multiples of an interpreter that imports what such a program would import."""

from __future__ import annotations

import sys

from tests.cluster import Cluster, service, workspace
from tests.cluster.process import environment, program

from .measure import Row, mebibytes, milliseconds, paired, seconds, usage
from .stream import NAME, QUESTION, Rig

IMPORTS = "import http.client, ssl, json, argparse"
MOST_HELP = 1.2
MOST_QUESTION = 1.6
MOST_MEMORY = 22  # MiB
MOST_HELP_PROCESSOR = 0.9
MOST_QUESTION_PROCESSOR = 1.6


def rows(folder, rounds, beside=None):
    """Return the rows for --help and for one question: wall time, memory, and the processor time over TLS.

    `beside` is the path of another version of the program, whose processor time is measured in the same rounds.
    """
    env = environment(folder)
    reference = [sys.executable, "-c", IMPORTS]
    return [*_wall_time(folder, rounds, reference, env), *_processor_time(folder, rounds, reference, env, beside)]


def _wall_time(folder, rounds, reference, env):
    """Return the rows for wall time and memory; the question goes over plain HTTP to a server process of its own."""
    with Rig(10, folder, block=10) as rig:
        runs = (
            lambda: seconds(reference, env),
            lambda: seconds([*program(), "--help"], env),
            lambda: seconds(rig.program, env, QUESTION),
        )
        for run in runs:
            run()
        (bare, shown, asked), ratios = paired(runs, rounds)
        sizes = [usage(reference, env).peak, usage(rig.program, env, QUESTION).peak]
    imports = f"interpreter with http.client, ssl, json, argparse: {milliseconds(bare)}"
    return [
        Row("start-up, to show the help", milliseconds(shown), imports, ratios[1], MOST_HELP),
        Row("one piped question", milliseconds(asked), "the same", ratios[2], MOST_QUESTION),
        Row(
            "peak memory of that question",
            mebibytes(sizes[1]),
            f"the same: {mebibytes(sizes[0])}",
            sizes[1] / (1 << 20),
            MOST_MEMORY,
            " MiB",
        ),
    ]


def _processor_time(folder, rounds, reference, env, beside):
    """Return the rows for processor time; the question goes over TLS, as to a real API server."""
    programs = {"": program(), **({f" ({beside})": [sys.executable, beside]} if beside else {})}
    with Cluster() as cluster:
        cluster.add(workspace(NAME), service(NAME))
        chat = ("chat", "--workspace-name", NAME, "--kubeconfig", cluster.write_kubeconfig(f"{folder}/tls"))
        commands = [reference, *([*words, *rest] for words in programs.values() for rest in (["--help"], chat))]
        runs = [lambda command=command: usage(command, env, QUESTION).seconds for command in commands]
        for run in runs:
            run()
        (bare, *taken), (_, *ratios) = paired(runs, rounds)
    whats = (
        (f"{what}{name}", most)
        for name in programs
        for what, most in (
            ("processor time of the help", MOST_HELP_PROCESSOR),
            ("processor time of one piped question over TLS", MOST_QUESTION_PROCESSOR),
        )
    )
    imports = f"the same interpreter: {milliseconds(bare)}"
    return [
        Row(what, milliseconds(ours), imports, ratio, most) for (what, most), ours, ratio in zip(whats, taken, ratios)
    ]
