"""The fast path: it saves time, and changes nothing else.

KAITO_FUZZ_CASES is half of the number of random texts, KAITO_FUZZ_SEED where they begin.
"""

from __future__ import annotations

import os
import random

import pytest

from kaito.yaml import block, composer
from kaito.yaml.load import YamlError, decode, load
from tests.yaml.data import KUBECONFIGS
from tests.yaml.texts import any_text, damaged

CASES = int(os.environ.get("KAITO_FUZZ_CASES", "6000"))
SEED = int(os.environ.get("KAITO_FUZZ_SEED", "1"))


# Flow style and quoted keys, which no tool writes into a file that is long.
NOT_FOR_THE_FAST_PATH = {"as-json.json", "by-hand-rancher-oidc.yaml", "flow-style.yaml"}


def read_without_fast_path(source):
    return composer.document(decode(source))


def outcome(read, source):
    try:
        return repr(read(source))
    except YamlError as error:
        return str(error)


@pytest.mark.parametrize("path", KUBECONFIGS, ids=lambda path: path.name)
def test_both_readers_agree_on_what_tools_write(path):
    source = path.read_bytes()
    value = load(source)
    assert {"clusters", "contexts", "users", "current-context"} <= value.keys()
    assert read_without_fast_path(source) == value


def test_the_fast_path_reads_what_tools_write():
    given_up = set()
    for path in KUBECONFIGS:
        try:
            block.read_mapping(decode(path.read_bytes()))
        except block.NotBlockStyleError:
            given_up.add(path.name)
    assert given_up == NOT_FOR_THE_FAST_PATH


def test_both_readers_agree_on_random_and_damaged_texts():
    rng = random.Random(SEED)
    seeds = [path.read_text() for path in KUBECONFIGS]
    texts = [any_text(rng, seeds) for _ in range(CASES // 4)]
    texts += [damaged(rng, rng.choice(seeds)) for _ in range(CASES // 4)]
    assert [text for text in texts if outcome(load, text) != outcome(read_without_fast_path, text)] == []
