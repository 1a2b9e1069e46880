"""Tables in Markdown (GitHub Flavored Markdown, 4.10), set in columns that fit the screen. Pure."""

from __future__ import annotations

import re

from kaito.lazy_re import pattern
from kaito.terminal.styles import DIM
from kaito.terminal.width import width
from kaito.values import TYPE_CHECKING, NamedTuple

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

# The most columns that a column is wider than its text if the text of later rows is not known yet.
_SPARE = 40


class Shape(NamedTuple):
    """The columns of a table: their widths, the delimiters that say how each is aligned, and whether cells may wrap."""

    widths: list[int]
    marks: list[str]
    wraps: bool


class Held:
    """A table on its way. State: the lines that are held; its shape once its rows are shown as they come.

    `plain`: the lines are shown as they came.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shape: Shape | None = None
        self.plain = False


def read(line: str, count: int = 0) -> list[str]:
    """Return the cells of a line; if `count` is given, so many: empty ones are added, or the last ones joined."""
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]
    if not count:
        return cells
    return [*cells[: count - 1], " | ".join(cells[count - 1 :]), *[""] * (count - len(cells))][:count]


def shape_of(lines: list[str], room: int, inline: Inline, *, grows: bool) -> Shape | None:
    """Return the shape of a table in at most `room` columns; None if it would be too narrow to read.

    `grows`: more lines will come, which may need more room.
    """
    head = read(lines[0])
    count = len(head)
    marks = read(lines[1], count)
    room -= 3 * (count - 1)
    if room < count:
        return None
    cells = [head, *(read(line, count) for line in lines[2:])]
    natural = [max(_width(row) for line in cells for row in inline(line[place], UNLIMITED)) for place in range(count)]
    widths = [min(room, size) for size in natural]
    while sum(widths) > room:
        widths[max(range(count), key=widths.__getitem__)] -= 1
    if grows:
        # Columns that are set to the right hold numbers.
        wide = [not mark.endswith("-:") or mark.startswith(":") for mark in marks]
        spare = min((room - sum(widths)) // max(sum(wide), 1), _SPARE)
        widths = [size + spare * own for size, own in zip(widths, wide)]
    wraps = any(size < need for size, need in zip(widths, natural))
    if any(size < min(need, _NARROWEST) for size, need in zip(widths, natural)) or (grows and max(widths) < _NARROWEST):
        return None
    return Shape([max(size, 1) for size in widths], marks, wraps)


def rule_of(shape: Shape) -> list[Atom]:
    """Return the row below the head of a table, and between its rows if cells wrap."""
    return [("─┼─".join("─" * size for size in shape.widths), DIM, "")]


def rows_of(line: str, shape: Shape, inline: Inline, style: int = 0) -> Rows:
    """Return the rows of the screen for a line of a table."""
    cells = zip(read(line, len(shape.widths)), shape.widths)
    columns = [[_stripped(row) for row in inline(cell, size)] for cell, size in cells]
    rows: Rows = []
    for place in range(max(map(len, columns))):
        parts = [column[place] if place < len(column) else [] for column in columns]
        rows.append(_joined(parts, shape.widths, shape.marks, style))
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
