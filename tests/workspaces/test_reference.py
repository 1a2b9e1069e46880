"""What --workspace-name names."""

from __future__ import annotations

import pytest

from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES, Reference, read_reference


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("phi", ""),
        ("workspace/phi", WORKSPACES),
        ("workspaces/phi", WORKSPACES),
        ("wk/phi", WORKSPACES),
        ("wks/phi", WORKSPACES),
        ("Workspace/phi", WORKSPACES),
        ("workspaces.kaito.sh/phi", WORKSPACES),
        ("inferenceset/phi", INFERENCE_SETS),
        ("inferencesets/phi", INFERENCE_SETS),
        ("is/phi", INFERENCE_SETS),
        ("isets/phi", INFERENCE_SETS),
        ("inferencesets.v1beta1.kaito.sh/phi", INFERENCE_SETS),
    ],
)
def test_a_name_may_come_with_its_kind(word, kind):
    assert read_reference(word) == Reference("phi", kind)


@pytest.mark.parametrize("word", ["", "Phi", "/phi", "pod/phi", "workspace/", "workspace/a/b", "workspace/../phi"])
def test_other_words_are_no_reference(word):
    assert read_reference(word) is None


def test_a_name_alone_may_be_of_either_kind():
    assert [Reference("phi").may_be(kind) for kind in (WORKSPACES, INFERENCE_SETS)] == [True, True]
    assert [Reference("phi", WORKSPACES).may_be(kind) for kind in (WORKSPACES, INFERENCE_SETS)] == [True, False]
