"""`python3 -m tests.fuzz`: random malformed inputs for every parser, for as long as you like.

    python3 -m tests.fuzz                        one minute, with a random seed
    python3 -m tests.fuzz --minutes 30 --seed 7  longer, and the same inputs each time
    python3 -m tests.fuzz --count 100000         this many inputs for each target instead
    python3 -m tests.fuzz --target url --seed 7 --only 41    one input again, with a traceback

An input depends only on the seed, the target's name and the input's number. The exit code is 1 if a target raised an
error that it does not document, broke a promise, or took longer than `SLOW` seconds.
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

SLOW = 3.0  # seconds of CPU time that one input may take; much, since the machine may be busy
ROUND = 200  # inputs for one target before it is the next one's turn


class Worst(NamedTuple):
    """The slowest input of a target."""

    seconds: float = 0.0
    number: int = 0


def main(argv=None):
    """Run the inputs that the command line asks for and return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--count", type=int, default=0, help="inputs for each target, instead of --minutes")
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
    """Fuzz these targets in turn for `seconds`, or with `count` inputs each if it is not 0; return the exit code."""
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
    """Return a target's input of this number."""
    return mutate(random.Random(f"{seed}/{name}/{number}"), TARGETS[name].samples)


def run(name, seed, number):
    """Run a target on one of its inputs. Raises every error that the target does not document."""
    target = TARGETS[name]
    try:
        target.run(random.Random(f"{seed}/{name}/{number}/run"), made(name, seed, number))
    except target.errors:
        pass


def passes(name, seed, number):
    """Return whether a target keeps its promises for one input; report it if not."""
    try:
        run(name, seed, number)
    except Exception as error:
        report(name, seed, number, f"{type(error).__name__}: {str(error)[:200]}")
        return False
    return True


def report(name, seed, number, what):
    """Print what happened and the command that repeats it."""
    print(f"FAILED {name}: {what}\n  again: python3 -m tests.fuzz --target {name} --seed {seed} --only {number}")


if __name__ == "__main__":
    sys.exit(main())
