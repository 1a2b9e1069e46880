"""python3 -m tests.benchmarks: measure, and print a table in Markdown. See `--help`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile

from tests.cluster.process import zipapp_in

from . import contexts, distance, start, stream

HEADINGS = ("", "kubectl kaito", "the interpreter, and with ssl, json, socket", "reference", "ratio", "bound")


def machine():
    """Return a description of this machine: processor, cores, system, Python."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    system = f"{platform.system()} {platform.release()}"
    return f"{name}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def main(argv):
    """Measure, print the table, and return the exit code: 1 if a figure is above its bound."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.benchmarks",
        description="Measure the zipapp and the references in turn, in a minute; ratios are medians over the rounds.",
    )
    parser.add_argument(
        "--rounds", type=int, default=15, help="how often the short measurements are taken (default 15)"
    )
    parser.add_argument("--beside", metavar="FILE", help="another version, whose processor time is measured as well")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KAITO_PROGRAM"] = zipapp_in(folder)
        few = max(3, options.rounds // 3)
        rows = [
            *start.rows(folder, options.rounds, options.beside),
            *distance.rows(folder, few),
            *contexts.rows(folder, few),
            *stream.rows(folder, few),
        ]
    print(machine())
    print()
    print(table(rows))
    missed = [row.what for row in rows if not row.fine]
    if missed:
        print(f"\nabove its bound: {'; '.join(missed)}")
    return 1 if missed else 0


def table(rows):
    """Return the rows as a table in Markdown, its columns aligned."""
    cells = [(row.what, row.ours, row.floor, row.reference, _ratio(row), f"≤ {row.most}{row.unit}") for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *cells)]
    lines = [HEADINGS, tuple("-" * width for width in widths), *cells]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def _ratio(row):
    return f"{row.ratio:.2f}{row.unit}" if row.unit == "×" else f"{row.ratio:.1f}{row.unit}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
