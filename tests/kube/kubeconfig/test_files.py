"""Which files count, how they are merged, and how long large and damaged ones take."""

from __future__ import annotations

import base64
import math
import random
import subprocess
import sys
from pathlib import Path

from kaito.errors import ClusterError
from kaito.kube.kubeconfig.files import read_config
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from tests.kube.kubeconfig import big_file
from tests.kube.kubeconfig.cases import config
from tests.kube.kubeconfig.helpers import HERE, choose, refusal
from tests.kube.kubeconfig.random_files import Generator


def test_listed_files_are_merged_and_the_first_wins(write, tmp_path):
    one = write(config({"token": "one"}, contexts=None, **{"current-context": ""}), "one")
    two = write(config({"token": "two"}, HERE, {"namespace": "two"}), "two")
    listed = f"{one}::{tmp_path / 'missing'}:{two}:{one}"
    merged = read_config("", {"KUBECONFIG": listed})
    assert merged.files == (one, two)
    assert merged.missing == (str(tmp_path / "missing"),)
    assert (merged.users["me"].file, merged.contexts["it"].file) == (one, two)
    assert merged.current_context == "it"


def test_the_names_in_a_file_are_available_to_completion(write):
    merged = read_config(write(config()), {})
    assert (list(merged.contexts), list(merged.clusters), list(merged.users)) == (["it"], ["here"], ["me"])


def test_the_home_folder_is_used_without_a_list(write, tmp_path):
    path = write(config({"token": "t"}, HERE), ".kube/config")
    assert resolve(Overrides(), {"HOME": str(tmp_path)}).cluster.file == path
    assert resolve(Overrides(), {"HOME": str(tmp_path), "KUBECONFIG": ""}).cluster.file == path


def test_the_flag_wins_over_the_list_and_the_home_folder(write, tmp_path):
    path = write(config({"token": "t"}, HERE))
    broken = write("[", "broken")
    write("[", ".kube/config")
    assert choose(path, {"KUBECONFIG": broken, "HOME": str(tmp_path)}).cluster.file == path


def test_a_flag_that_names_a_missing_file_is_an_error():
    error = refusal(Overrides(kubeconfig="/nowhere/config"), {})
    assert error.message == 'kubeconfig "/nowhere/config" does not exist'


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    error = refusal(Overrides(kubeconfig=str(tmp_path)), {})
    assert error.message == f'kubeconfig "{tmp_path}" cannot be read: is a directory'


def test_a_damaged_file_gives_a_target_or_a_cluster_error(write):
    chance = random.Random(1)
    generator = Generator(1)
    outcomes = {"target": 0, "error": 0}
    for _ in range(1000):
        source = bytearray(generator.written(generator.kubeconfig("x")))
        for _ in range(chance.randrange(4)):
            start = chance.randrange(len(source) + 1)
            source[start : start + chance.randrange(4)] = chance.choice((b"", b'"', b"\0", b"\xff", b"-", b": ", b"1"))
        path = write(bytes(source[: chance.choice((len(source), chance.randrange(len(source) + 1)))]))
        try:
            resolve(Overrides(kubeconfig=path, server=chance.choice(("", "https://a"))), {})
            outcomes["target"] += 1
        except ClusterError as error:
            outcomes["error"] += 1
            assert "\n" not in error.message + error.hint
    assert min(outcomes.values()) > 50


# As the program does it, with its setting of the collector.
TIMED = """
import gc, sys, time
gc.set_threshold(50000)
from kaito.yaml import load as yaml
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
if sys.argv[2:]:
    document = yaml.load(open(sys.argv[1], "rb").read())
    yaml.load = lambda source: document
start = time.process_time()
resolve(Overrides(kubeconfig=sys.argv[1]), {})
print(time.process_time() - start)
"""


def seconds(path, *without_yaml):
    """Return the processor time that `resolve` takes in a process of its own, unaffected by other tests."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", TIMED, path, *without_yaml]
    return float(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout)


def test_a_large_file_is_read_correctly(write):
    text = big_file.text(50)
    target = choose(write(text))
    last = text[text.rindex("client-key-data: ") :].split()[1]
    assert target.user.key_data == base64.b64decode(last)
    assert target.cluster.ca_data.startswith(b"-----BEGIN CERTIFICATE-----\n")


def test_a_large_file_costs_little_beside_its_yaml(write):
    """About 10 ms for 1,000 contexts; the bound leaves room for a slow machine."""
    path = write(big_file.text(1000))
    assert min(seconds(path, "without yaml") for _ in range(5)) < 0.04


def test_twice_the_contexts_take_twice_the_time(write):
    one, two = write(big_file.text(1000), "one"), write(big_file.text(2000), "two")
    # The best of many rounds: whatever else the machine does can only add to a time.
    once = twice = math.inf
    for _ in range(12):
        once, twice = min(once, seconds(one)), min(twice, seconds(two))
        if twice <= 2.2 * once:
            break
    assert twice <= 2.2 * once
