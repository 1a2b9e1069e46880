"""The layout of the reasons why a workspace is not ready. The reasons: end_to_end/test_not_ready.py."""

from __future__ import annotations

import calendar
import time

import pytest

from kaito.workspaces.readiness import age, condition_table, table
from kaito.workspaces.workspace import read_workspace
from tests.cluster import condition, workspace

MINUTE, HOUR, DAY = 60, 3600, 86400
MOMENT = "2026-11-22T20:00:00Z"
NOW = calendar.timegm(time.strptime(MOMENT, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (-30, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 5, "2m5s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (731 * DAY, "2y1d"),
        (9 * 365 * DAY + DAY, "9y"),
    ],
)
def test_ages_are_kubectl_s(seconds, shown):
    """apimachinery's duration.HumanDuration."""
    assert age(MOMENT, NOW + seconds) == shown


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-13-45T00:00:00Z"])
def test_a_moment_that_is_none(moment):
    assert age(moment) == "-"


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
