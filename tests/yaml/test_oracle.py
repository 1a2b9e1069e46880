"""The YAML reader and the real kubectl, on the same texts: the same value, or both refuse.

The answers to the tables are recorded in tests/data/yaml/kubectl.json, for machines without kubectl;
`python -m tests.yaml.test_oracle` records them anew. KAITO_YAML_DOCUMENTS is the number of random documents that are
compared, KAITO_YAML_SEED where they begin.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from pathlib import Path

import pytest

from kaito.yaml import load as yaml
from tests.yaml.data import KUBECTL_ANSWERS, recorded
from tests.yaml.data import SUITE as CASES
from tests.yaml.kubectl_values import KUBECTL, REFUSED, accepts, needs_kubectl, our_values, same, values
from tests.yaml.table import IN_A_PLACE, WHOLE
from tests.yaml.texts import any_text, document, lines

SUITE = {case["id"]: case["yaml"].encode() for case in CASES}
SEED = int(os.environ.get("KAITO_YAML_SEED", "1"))
DOCUMENTS = int(os.environ.get("KAITO_YAML_DOCUMENTS", "4000"))
# One run of kubectl answers for a whole batch that both take, but for only one text that it refuses.
BATCH = 500
REFUSALS = max(40, DOCUMENTS // 100)


def accepted_by_us(text):
    try:
        yaml.load(text)
    except yaml.YamlError:
        return False
    return True


def differences(texts, theirs):
    """Return (text, our value, kubectl's) for each text that does not mean the same to both."""
    return [(text, ours, their) for text, ours, their in zip(texts, our_values(texts), theirs) if not same(ours, their)]


def test_each_text_of_the_table_means_what_kubectl_says_it_means():
    answers = recorded("values")
    assert [text for text, _ in answers] == IN_A_PLACE, "the table has changed: record kubectl's answers anew"
    assert differences(IN_A_PLACE, [answer for _, answer in answers]) == []


@pytest.mark.parametrize("name", WHOLE)
def test_each_file_of_the_table_is_accepted_or_refused_as_by_kubectl(name):
    assert accepted_by_us(WHOLE[name]) == recorded("accepted")[name]


@needs_kubectl
def test_the_recorded_answers_are_those_of_kubectl(tmp_path):
    taken = [[text, answer] for text, answer in recorded("values") if answer != REFUSED]
    answers = values([text for text, _ in taken], tmp_path)
    assert [text for (text, answer), now in zip(taken, answers) if not same(answer, now)] == []
    # Each refusal takes a run of kubectl, so only some are asked about: others whenever the table changes.
    refused = [text for text, answer in recorded("values") if answer == REFUSED]
    some = random.Random(len(IN_A_PLACE)).sample(refused, 25)
    assert [text for text in some if values([text], tmp_path) != [REFUSED]] == []
    for texts, answers in ((WHOLE, recorded("accepted")), (SUITE, recorded("suite"))):
        names = random.Random(len(IN_A_PLACE)).sample(sorted(texts), 12)
        assert {name: accepts(texts[name], tmp_path) for name in names} == {name: answers[name] for name in names}


@needs_kubectl
def test_random_documents_mean_what_kubectl_says_they_mean(tmp_path, record_property, capsys):
    rng = random.Random(SEED)
    texts = [(document if number % 3 else lines)(rng) for number in range(DOCUMENTS)]
    ours = our_values(texts)
    taken = [text for text, answer in zip(texts, ours) if answer != REFUSED]
    refused = [text for text, answer in zip(texts, ours) if answer == REFUSED]
    refused = rng.sample(refused, min(REFUSALS, len(refused)))
    found = []
    for start in range(0, len(taken), BATCH):
        batch = taken[start : start + BATCH]
        found += differences(batch, values(batch, tmp_path))
    for text in refused:
        found += differences([text], values([text], tmp_path))
    compared = f"{len(taken)} values and {len(refused)} refusals, {len(found)} differences"
    record_property("compared", compared)
    with capsys.disabled():
        print(f"\nrandom YAML compared with kubectl (seed {SEED}): {compared}")
    assert len(taken) > DOCUMENTS // 3
    assert found == []


@needs_kubectl
def test_random_files_are_accepted_or_refused_as_by_kubectl(tmp_path):
    rng = random.Random(SEED + 1)
    texts = [any_text(rng, ["a: b\nc:\n- d\n"]).encode() for _ in range(REFUSALS)]
    assert [text for text in texts if accepted_by_us(text) != accepts(text, tmp_path)] == []


def record():
    """Ask kubectl about everything in the tables and write its answers down. Takes a minute or two."""
    with tempfile.TemporaryDirectory() as folder:
        accepted = {name: accepts(text, Path(folder)) for name, text in WHOLE.items()}
        suite = {name: accepts(text, Path(folder)) for name, text in SUITE.items()}
        means = zip(IN_A_PLACE, values(IN_A_PLACE, Path(folder)))
        rows = ",\n".join(json.dumps(row) for row in means)
    KUBECTL_ANSWERS.write_text(
        f'{{"accepted": {json.dumps(accepted)},\n"suite": {json.dumps(suite)},\n"values": [\n{rows}\n]}}\n'
    )


if __name__ == "__main__":
    assert KUBECTL, "recording needs kubectl"
    record()
