"""python3 -m tests.benchmarks: measures, and prints a table in Markdown. See `--help`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile

from tests.cluster.process import zipapp_in

from . import contexts, distance, start, stream

HEADINGS = ("", "kubectl kaito", "reference", "ratio", "bound")


def machine():
    """What this ran on: processor, cores, system, Python."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    system = f"{platform.system()} {platform.release()}"
    return f"{name}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def main(argv):
    """Measure, print and return the exit code: 1 where a bound is passed."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.benchmarks",
        description="Measure the zipapp beside references, in turn; ratios are medians over the rounds. A minute.",
    )
    parser.add_argument("--rounds", type=int, default=15, help="how often the short ones are measured (default 15)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KAITO_PROGRAM"] = zipapp_in(folder)
        few = max(3, options.rounds // 3)
        rows = [
            *start.rows(folder, options.rounds),
            *distance.rows(folder, few),
            *contexts.rows(folder, few),
            *stream.rows(folder, few),
        ]
    print(machine())
    print()
    table = [
        HEADINGS,
        ("---",) * len(HEADINGS),
        *((row.what, row.ours, row.reference, _figure(row.ratio, row), f"≤ {row.most}{row.unit}") for row in rows),
    ]
    for line in table:
        print(f"| {' | '.join(line)} |")
    missed = [row.what for row in rows if not row.fine]
    if missed:
        print(f"\nabove its bound: {'; '.join(missed)}")
    return 1 if missed else 0


def _figure(ratio, row):
    return f"{ratio:.2f}{row.unit}" if row.unit == "×" else f"{ratio:.1f}{row.unit}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
