"""What `kubectl kaito status` shows. The whole verb is tested in tests/end_to_end/test_status_verb.py."""

from __future__ import annotations

import pytest

from kaito.commands.status_view import View, differ, render
from kaito.workspaces.details import read_entry
from tests.cluster import inference_set, replica_of, workspace


def shown(*documents, output="table", columns=0, **fields):
    """Return the lines that show the objects on a terminal of so many columns."""
    return "".join(render(view(*documents, **fields), output, all_namespaces=False, columns=columns)).splitlines()


def view(*documents, **fields):
    kinds = {"Workspace": "workspaces", "InferenceSet": "inferencesets"}
    return View(tuple(read_entry(kinds[one["kind"]], one) for one in documents), **fields)


class TestATerminalThatIsTooNarrow:
    LONG = workspace("long", preset="meta-llama/Llama-3.3-70B-Instruct")
    LONG["metadata"]["creationTimestamp"] = ""  # an age would change the width

    @pytest.mark.parametrize(
        ("columns", "model", "instance"),
        [
            pytest.param(0, "meta-llama/Llama-3.3-70B-Instruct", "Standard_NC24ads_A100_v4", id="no terminal"),
            pytest.param(101, "meta-llama/Llama-3.3-70B-Instruct", "Standard_NC24ads_A100_v4", id="wide enough"),
            pytest.param(100, "Llama-3.3-70B-Instruct", "Standard_NC24ads_A100_v4", id="without the organisation"),
            pytest.param(74, "Llama-3.3-70B-…", "…C24ads_A100_v4", id="both are cut"),
            pytest.param(60, "Llama-3…", "…A100_v4", id="as far as they can be"),
            pytest.param(59, "meta-llama/Llama-3.3-70B-Instruct", "Standard_NC24ads_A100_v4", id="hopeless"),
        ],
    )
    def test_models_and_instance_types_are_cut_if_the_table_then_fits(self, columns, model, instance):
        lines = shown(self.LONG, columns=columns)
        assert lines[1].split()[2:4] == [model, instance]
        assert columns in (0, 59) or max(map(len, lines)) <= columns

    def test_the_wide_table_is_cut_in_the_same_way(self):
        assert max(map(len, shown(self.LONG, output="wide", columns=120))) <= 120


def test_a_set_has_the_nodes_of_its_workspaces_in_the_same_namespace():
    made = [inference_set("phi"), *(workspace(f"phi-{n}", labels=replica_of("phi")) for n in range(2))]
    made.append(workspace("phi-x", "models", labels=replica_of("phi")))
    for one in made[1:]:
        one["status"].update(targetNodeCount=2, workerNodes=["a"])
    assert [line.split()[-3] for line in shown(*made)] == ["NODES", "2/4", "1/2", "1/2", "1/2"]


@pytest.mark.parametrize(
    ("output", "single", "differs"),
    [
        pytest.param("table", False, False, id="the table"),
        pytest.param("wide", False, True, id="the wide table"),
        pytest.param("name", False, False, id="names"),
        pytest.param("table", True, True, id="the detail"),
    ],
)
def test_only_a_change_that_is_shown_is_one(output, single, differs):
    slow = workspace("phi", annotations={"kaito.sh/runtime": "transformers"})
    assert differ(view(workspace("phi"), single=single), view(slow, single=single), output) is differs
