"""`python3 -m tests.fuzz`: inputs that nobody would write, for every parser, for as long as you like.

    python3 -m tests.fuzz                        one minute, with a seed of its own choosing
    python3 -m tests.fuzz --minutes 30 --seed 7  longer, and the same inputs each time
    python3 -m tests.fuzz --count 100000         that many inputs a target instead
    python3 -m tests.fuzz --target url --seed 7 --only 41    one input again, with a traceback

An input is made of the seed, the target's name and its number alone. The exit code is 1 if a target raised an error
that it does not document, broke a promise, or took longer than `SLOW` seconds.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import warnings
from typing import NamedTuple

from tests.fuzz import http, texts
from tests.fuzz.mutate import mutate

TARGETS = {**http.TARGETS, **texts.TARGETS}

SLOW = 3.0  # seconds of CPU time for one input, on a busy machine
ROUND = 200  # inputs of one target before the next target's turn


class Worst(NamedTuple):
    """The slowest input of a target."""

    seconds: float = 0.0
    number: int = 0


def main(argv=None):
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--count", type=int, default=0, help="inputs a target, instead of --minutes")
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--only", type=int, help="run this one input, and show its traceback")
    options = parser.parse_args(argv)
    warnings.simplefilter("error")
    names = options.target or sorted(TARGETS)
    if options.only is not None:
        for name in names:
            print(name, made(name, options.seed, options.only))
            run(name, options.seed, options.only)
        return 0
    print(f"seed {options.seed}")
    return fuzz(names, options.seed, options.minutes * 60, options.count)


def fuzz(names, seed, seconds, count):
    """Fuzz these targets in turn until the time is up, or each has had `count` inputs; return the exit code."""
    end = time.monotonic() + seconds
    done = dict.fromkeys(names, 0)
    worst = dict.fromkeys(names, Worst())
    failures = 0
    while failures < 20 and (min(done.values()) < count if count else time.monotonic() < end):
        for name in names:
            for number in range(done[name], min(done[name] + ROUND, count or sys.maxsize)):
                before = time.process_time()
                failures += not passes(name, seed, number)
                spent = time.process_time() - before
                worst[name] = max(worst[name], Worst(spent, number))
                done[name] += 1
                if spent > SLOW:
                    failures += 1
                    report(name, seed, number, f"took {spent:.1f} s")
    for name in names:
        slowest = f"{worst[name].seconds * 1000:7.1f} ms (--only {worst[name].number})"
        print(f"{name:<20}{done[name]:>9,} inputs, the slowest {slowest}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{sum(done.values()):,} inputs, {failures} failures, peak memory {peak:.0f} MiB")
    return 1 if failures else 0


def made(name, seed, number):
    """Return the input of that number."""
    return mutate(random.Random(f"{seed}/{name}/{number}"), TARGETS[name].samples)


def run(name, seed, number):
    """Give a target its input; let through what is not one of its errors."""
    target = TARGETS[name]
    try:
        target.run(random.Random(f"{seed}/{name}/{number}/run"), made(name, seed, number))
    except target.errors:
        pass


def passes(name, seed, number):
    """Run one input; report what it raises against the documentation."""
    try:
        run(name, seed, number)
    except Exception as error:
        report(name, seed, number, f"{type(error).__name__}: {str(error)[:200]}")
        return False
    return True


def report(name, seed, number, what):
    """Say what happened and how to see it again."""
    print(f"FAILED {name}: {what}\n  again: python3 -m tests.fuzz --target {name} --seed {seed} --only {number}")


if __name__ == "__main__":
    sys.exit(main())
