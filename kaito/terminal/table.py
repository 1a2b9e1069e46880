"""Tables in Markdown (GitHub Flavored Markdown, 4.10), set in columns that fit the screen. Pure."""

from __future__ import annotations

import re

from kaito.lazy_re import pattern
from kaito.terminal.styles import BOLD, DIM
from kaito.terminal.width import width
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.terminal.wrap import Atom

    Rows = list[list[Atom]]
    Inline = Callable[[str, int], Rows]
    """Sets the text of a cell in rows of so many columns."""

DELIMITERS = pattern(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
"""The second line of a table."""

UNLIMITED = 1 << 20

# The least columns of a column that is narrower than its text.
_NARROWEST = 10


def read(lines: list[str]) -> list[list[str]]:
    """Return the cells of the lines of a table, as many in each line. The second line holds the delimiters."""
    found = [_cells(line) for line in lines]
    count = max(map(len, found))
    return [row + [""] * (count - len(row)) for row in found]


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]


def set_in_columns(cells: list[list[str]], room: int, inline: Inline) -> Rows | None:
    """Return the rows of a table in at most `room` columns; None if they would be too narrow to read."""
    head, marks, *body = cells
    room -= 3 * (len(head) - 1)
    if room < len(head):
        return None
    lines = [head, *body]
    widths = [
        min(room, max(_width(row) for line in lines for row in inline(line[place], UNLIMITED)))
        for place in range(len(head))
    ]
    narrowed = set()
    while sum(widths) > room:
        place = max(range(len(widths)), key=widths.__getitem__)
        widths[place] -= 1
        narrowed.add(place)
    if any(widths[place] < _NARROWEST for place in narrowed):
        return None
    rule: list[Atom] = [("─┼─".join("─" * size for size in widths), DIM, "")]
    rows: Rows = []
    for number, line in enumerate(lines):
        if number == 1 or (number and narrowed):
            rows.append(rule)
        columns = [[_stripped(row) for row in inline(cell, max(size, 1))] for cell, size in zip(line, widths)]
        for place in range(max(map(len, columns))):
            parts = [column[place] if place < len(column) else [] for column in columns]
            rows.append(_joined(parts, widths, marks, 0 if number else BOLD))
    return rows


def _joined(parts: Rows, widths: list[int], marks: list[str], style: int) -> list[Atom]:
    """Return one row of the screen, made of a row of each cell."""
    row: list[Atom] = []
    for place, (part, size, mark) in enumerate(zip(parts, widths, marks)):
        spare = max(size - _width(part), 0)
        before = spare if mark[:-1].startswith("-") and mark.endswith(":") else 0
        if mark.startswith(":") and mark.endswith(":"):
            before = spare // 2
        if place:
            row.append((" │ ", DIM, ""))
        row.append((" " * before, 0, ""))
        row += [(text, own | style, "") for text, own, _ in part]
        if place < len(parts) - 1:
            row.append((" " * (spare - before), 0, ""))
    return row


def _stripped(row: list[Atom]) -> list[Atom]:
    """Return a row without the blanks at its end, which stand there if it continues in another row."""
    while row and not row[-1][0].strip(" "):
        row = row[:-1]
    return [*row[:-1], (row[-1][0].rstrip(" "), row[-1][1], "")] if row else row


def _width(row: list[Atom]) -> int:
    return width("".join(atom[0] for atom in _stripped(row)))
