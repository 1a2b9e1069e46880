"""Start-up and one piped question, beside an interpreter that imports what such a program cannot do without."""

from __future__ import annotations

import sys

from tests.cluster.process import environment, program

from .measure import Row, mebibytes, milliseconds, paired, peak, seconds
from .stream import QUESTION, Rig

IMPORTS = "import http.client, ssl, json, argparse"
MOST_HELP = 1.2
MOST_QUESTION = 1.6
MOST_MEMORY = 22  # MiB


def rows(folder, rounds):
    """The three lines: --help, one question over plain HTTP to a stand-in in its own process, and its memory."""
    with Rig(10, folder, block=10) as rig:
        env = environment(folder)
        reference = [sys.executable, "-c", IMPORTS]
        runs = (
            lambda: seconds(reference, env),
            lambda: seconds([*program(), "--help"], env),
            lambda: seconds(rig.program, env, QUESTION),
        )
        for run in runs:
            run()
        (bare, shown, asked), ratios = paired(runs, rounds)
        sizes = [peak(reference, env), peak(rig.program, env, QUESTION)]
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
