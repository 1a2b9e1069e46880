"""The layout of the reasons why a workspace is not ready. The reasons: end_to_end/test_not_ready.py."""

from __future__ import annotations

from kaito.workspaces.readiness import condition_table, table
from kaito.workspaces.workspace import read_workspace
from tests.cluster import condition, workspace


def test_columns_are_aligned_and_lines_do_not_end_with_spaces():
    assert table(("A", "LONGER"), [("wide cell", "x"), ("y", "")]) == ["A           LONGER", "wide cell   x", "y"]


def test_cells_are_one_line():
    assert table(("A",), [("one\n two\t\r\nthree",)]) == ["A", "one two three"]


def test_a_workspace_without_conditions_has_no_table():
    assert condition_table(read_workspace(workspace("w", ready=None))) == []


def test_a_long_message_is_cut():
    (_, row) = condition_table(read_workspace(workspace("w", conditions=[condition("A", False, "R", "x" * 999)])))
    assert len(row) < 250
    assert row.endswith("…")
