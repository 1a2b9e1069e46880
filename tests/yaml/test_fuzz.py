"""Whatever text it is given, the YAML reader returns a value or raises YamlError, in bounded time.

KAITO_FUZZ_CASES is the number of texts, KAITO_FUZZ_SEED where they begin. For a long run by hand:
`KAITO_FUZZ_CASES=1000000 python -m pytest tests/yaml/test_fuzz.py`.
"""

from __future__ import annotations

import json
import os
import random
import time

from kaito.yaml import load as yaml
from tests.yaml.data import KUBECONFIGS
from tests.yaml.texts import any_text, damaged

CASES = int(os.environ.get("KAITO_FUZZ_CASES", "6000"))
SEED = int(os.environ.get("KAITO_FUZZ_SEED", "1"))
SEEDS = [path.read_text() for path in KUBECONFIGS]
# Each case is a few kB at most; a second is far more than it needs on any machine.
SLOW = 1.0


def bytes_of(rng):
    """Make a text of some kind, in some encoding, and now and then with bytes that are not text."""
    pick = rng.random()
    text = damaged(rng, rng.choice(SEEDS)) if pick < 0.5 else any_text(rng, SEEDS)
    source = text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16")))
    if rng.random() < 0.1:
        at = rng.randrange(len(source) + 1)
        source = source[:at] + rng.randbytes(rng.randint(1, 4)) + source[at:]
    if rng.random() < 0.02:
        source = rng.randbytes(rng.randint(0, 60))
    return source


def check(source):
    """Read it and return whether it is YAML. A value is what JSON can hold; an error names a place in the text."""
    start = time.process_time()
    try:
        value = yaml.load(source)
    except yaml.YamlError as error:
        assert error.message and "\n" not in error.message
        assert 1 <= error.line <= len(source) + 1
        assert 1 <= error.column <= len(source) + 1
        return False
    finally:
        assert time.process_time() - start < SLOW
    json.dumps(value, allow_nan=False)
    return True


def test_random_and_damaged_texts(record_property, capsys):
    rng = random.Random(SEED)
    read = 0
    for number in range(CASES):
        source = bytes_of(rng)
        try:
            read += check(source)
        except Exception as error:
            raise AssertionError(f"case {number} of seed {SEED}: {source!r}") from error
    record_property("cases", CASES)
    with capsys.disabled():
        print(f"\nYAML fuzz (seed {SEED}): {CASES} texts, {read} of them YAML, the others refused")


def test_every_beginning_of_a_kubeconfig():
    for text in SEEDS:
        source = text.encode()
        # In a file that is long because of its certificates, cutting at each character of them shows nothing new.
        for end in range(0, len(source), max(1, len(source) // 600)):
            check(source[:end])
