"""The JSON of a Workspace to the values that this program needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaito.workspaces.workspace import in_doubt, read_workspace, ready_status
from tests.cluster import condition, workspace

RECORDINGS = Path(__file__).parent.parent / "data" / "cluster" / "recordings"


def recorded(name):
    """Return the JSON of a recorded answer: one chunk after the head."""
    text = (RECORDINGS / name).read_text()
    return json.JSONDecoder().raw_decode(text[text.index("{") :])[0]


@pytest.mark.parametrize(
    ("name", "model", "ready"),
    [
        pytest.param("workspace.http", "phi-3.5-mini-instruct", "True", id="ready"),
        pytest.param("workspace-pending.http", "google/gemma-3-4b-it", "False", id="pending"),
        pytest.param("workspace-lb-adapter.http", None, "Unknown", id="with an adapter"),
    ],
)
def test_recorded_workspaces(name, model, ready):
    document = recorded(name)
    read = read_workspace(document)
    assert read.name == document["metadata"]["name"]
    assert read.model == (model or document["inference"]["preset"]["name"])
    assert (ready_status(read), read.tuning) == (ready, False)
    assert read.adapters == tuple(one["source"]["name"] for one in document["inference"].get("adapters", ()))


@pytest.mark.parametrize(
    ("made", "model", "tuning"),
    [
        pytest.param(workspace("w", preset="phi-4"), "phi-4", False, id="a preset"),
        pytest.param(workspace("w", preset="google/gemma-3-4b-it"), "google/gemma-3-4b-it", False, id="Hugging Face"),
        pytest.param(workspace("w", preset=None, template={"spec": {}}), "", False, id="a template"),
        pytest.param(workspace("w", tuning={"method": "lora"}), "", True, id="tuning"),
        pytest.param(workspace("w", tuning={}), "", True, id="tuning, all defaults"),
        pytest.param({**workspace("w"), "tuning": {"method": "lora"}}, "phi-3.5-mini-instruct", False, id="both"),
        pytest.param({**workspace("w"), "tuning": None}, "phi-3.5-mini-instruct", False, id="tuning is null"),
    ],
)
def test_the_model_that_it_serves(made, model, tuning):
    read = read_workspace(made)
    assert (read.model, read.tuning) == (model, tuning)


@pytest.mark.parametrize(
    "document",
    [{}, {"metadata": None, "inference": [], "status": 3}, {"status": {"conditions": [None, 1, {"type": 7}]}}],
)
def test_fields_of_another_type_are_read_as_absent(document):
    read = read_workspace(document)
    assert (read.name, read.model, ready_status(read), in_doubt(read)) == ("", "", "Unknown", False)


@pytest.mark.parametrize(
    ("conditions", "doubt"),
    [
        pytest.param([], False, id="none"),
        pytest.param([condition("InferenceReady", True)], False, id="ready"),
        pytest.param([condition("InferenceReady", "Unknown")], False, id="unknown"),
        pytest.param([condition("ResourceReady", False)], False, id="only another condition is False"),
        pytest.param([condition("InferenceReady", False)], True, id="not ready"),
    ],
)
def test_what_raises_a_doubt_whether_it_answers(conditions, doubt):
    assert in_doubt(read_workspace(workspace("w", conditions=conditions))) is doubt


@pytest.mark.parametrize("wrong", ["a b", "a/../b", "a\x1b]0;pwned\x07", "$(x)", "A", "x" * 254, 7])
def test_names_that_cannot_be_are_read_as_absent(wrong):
    made = workspace("w")
    made["metadata"].update(name=wrong, namespace=wrong)
    read = read_workspace(made)
    assert (read.name, read.namespace) == ("", "")


def test_a_large_object_leaves_little():
    large = "x" * 1_000_000
    many = [condition("InferenceReady", large, large, large, large)] * 5000
    made = workspace("w", preset=large, instance_type=large, adapters=[large] * 200, conditions=many, state=large)
    assert len(repr(read_workspace(made))) < 4_000_000
