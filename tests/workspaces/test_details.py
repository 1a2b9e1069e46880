"""What `status` shows of a Workspace or an InferenceSet beyond what other verbs read."""

from __future__ import annotations

import pytest

from kaito.workspaces.details import Details, Performance, count_nodes, read_entry
from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES
from tests.cluster import inference_set, replica_of, workspace
from tests.cluster.kinds import inference_set_status
from tests.cluster.workload import RESULT


def measured(**changes):
    """Return a workspace with the result of a benchmark."""
    made = workspace("w")
    made["status"]["performance"] = {"metrics": {"peakTokensPerMinute": {**RESULT, **changes}}}
    return made


def test_a_workspace():
    made = workspace(
        "phi-x7k2p",
        labels={**replica_of("phi"), "kaito.sh/inference-role": "decode"},
        annotations={"kaito.sh/runtime": "transformers"},
    )
    made["metadata"]["deletionTimestamp"] = "2026-11-24T20:00:00Z"
    made["status"].update(targetNodeCount=2, workerNodes=["a", "b"])
    assert read_entry(WORKSPACES, made).details == Details(
        nodes=("a", "b"),
        target=2,
        runtime="transformers",
        role="decode",
        owner="inferenceset/phi",
        deleted="2026-11-24T20:00:00Z",
    )


def test_an_inference_set():
    made = inference_set("ds-decode")
    made["metadata"]["labels"] = {"multiroleinference.kaito.sh/created-by": "ds", "kaito.sh/inference-role": "decode"}
    made["metadata"]["annotations"] = {"kaito.sh/runtime": "transformers"}  # KAITO does not pass it on
    made["status"] = inference_set_status("ds-decode", 2, 1)
    entry = read_entry(INFERENCE_SETS, made)
    assert entry.details == Details(
        performance=Performance("183402.51", "stress/high-concurrency", "vllm 0.25.1"),
        runtime="vllm",
        role="decode",
        owner="multiroleinference/ds",
    )
    assert (entry.reference, entry.ready) == ("inferenceset/ds-decode", "1/2")


@pytest.mark.parametrize(
    ("document", "runtime"),
    [
        pytest.param(workspace("w"), "vllm", id="the default"),
        pytest.param(workspace("w", annotations={"kaito.sh/runtime": "tgi"}), "vllm", id="another word"),
        pytest.param(workspace("w", preset=None, template={}), "", id="a template"),
        pytest.param(workspace("w", tuning={}), "", id="tuning"),
    ],
)
def test_the_runtime(document, runtime):
    assert read_entry(WORKSPACES, document).details.runtime == runtime


def test_a_benchmark():
    assert read_entry(WORKSPACES, measured()).details.performance == Performance(
        "183402.51", "stress/high-concurrency", "113 requests at once, 2048 tokens in and 256 out, 60 s, vllm 0.25.1"
    )


@pytest.mark.parametrize("value", ["", "-1.0", "nan", "1e9", "1" * 16, "١", 7, None])
def test_a_benchmark_without_a_valid_result_is_none(value):
    assert read_entry(WORKSPACES, measured(value=value)).details.performance is None


@pytest.mark.parametrize(
    ("wanted", "ready", "shown"),
    [
        pytest.param(2, 2, "2/2", id="all"),
        pytest.param(2, 0, "0/2", id="none"),
        pytest.param(0, 0, "0/0", id="scaled to zero, which KAITO calls ready"),
    ],
)
def test_a_set_s_readiness_is_that_of_its_replicas(wanted, ready, shown):
    made = {**inference_set("phi", replicas=wanted), "status": inference_set_status("phi", wanted, ready)}
    assert read_entry(INFERENCE_SETS, made).ready == shown


@pytest.mark.parametrize(
    ("names", "target", "shown"),
    [
        pytest.param(["a"], 2, "1/2", id="some"),
        pytest.param([], 1, "0/1", id="none yet"),
        pytest.param(["a", "b"], 1, "2/2", id="one that is replaced"),
        pytest.param(None, None, "-", id="no status yet"),
        pytest.param({"a": 1}, "2", "-", id="of another type"),
        pytest.param(["a", 7], 2, "1/2", id="an entry of another type"),
    ],
)
def test_nodes_are_counted(names, target, shown):
    made = workspace("w")
    made["status"].update(targetNodeCount=target, workerNodes=names)
    assert count_nodes([read_entry(WORKSPACES, made)]) == shown


@pytest.mark.parametrize("kind", [WORKSPACES, INFERENCE_SETS])
@pytest.mark.parametrize("wrong", [None, 7, "x", [], [7], {"labels": 7, "metrics": [], "template": ""}])
def test_fields_of_other_types_are_absent(kind, wrong):
    fields = ("metadata", "spec", "status", "resource", "inference")
    entry = read_entry(kind, dict.fromkeys(fields, wrong))
    assert entry.details == Details()
    assert entry.ready in ("Unknown", "0/1")


def test_no_text_acts_on_a_terminal():
    made = measured(description="\x1b[2J", config={"engine": "\x1b]0;x\x07"})
    made["status"]["workerNodes"] = ["\x1b[2J"]
    made["metadata"].update(labels={"kaito.sh/inference-role": "\x1b"}, deletionTimestamp="\x1b")
    made["metadata"]["labels"].update(replica_of("\x1b"))
    assert "\x1b" not in "".join(map(str, read_entry(WORKSPACES, made).details))
