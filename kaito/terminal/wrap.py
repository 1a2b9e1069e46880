"""Words set in rows as they come. Pure.

A page is written from top to bottom, and only its last row can change: a word that turns out too long for the row moves
to the next one, and a mark in the row can be given its text back. What comes of a text does not depend on the pieces in
which it comes.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.terminal.width import extends, is_wide, width
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Atom = tuple[str, int, str]
    """A text, its style, and a name: of a place in the row if the text is "", or LEAD."""

LEAD = "lead"
"""The name of atoms that begin a row and are no part of its text, such as an indent."""

# A space that fell at the end of a row, where it takes no room.
_SPACE = ("", 0, " ")
_SPACES = " \t\u3000"

# What a row must not begin or end with if it breaks beside a wide character.
_CLOSING = frozenset(",.!?:;)]}%\"'”’…、。，．！？：；）］｝」』》〉】〕〗ー～％·")
_OPENING = frozenset("([{\"'“‘（［｛「『《〈【〔〖$")

# Runs of white space, and of characters that are not; the latter short, since they are measured again and again.
_RUNS = pattern(r"\t|[ \u3000]+|[^ \t\u3000]{1,64}")

_NARROWEST = 8  # columns: a narrower terminal is written to as if it had that many
_LONGEST = 256  # characters of a word, of which most take no room


class Page:
    """Rows of text. `columns` returns the width of the next row; a change of it applies from there on.

    `rows`: those that are complete and not taken yet. `row`: the last one. `hang`: the atoms that begin a row which
    continues another. `width`: of the row, in columns; 0 if it is not limited, -1 before the first line.

    State: where in the row the last word begins (its place, its column, its text), whether the row is full, and how
    much of the first row that is not taken has been taken before; -1 if that has changed since.
    """

    def __init__(self, columns: Callable[[], int]) -> None:
        self._columns = columns
        self.rows: list[list[Atom]] = []
        self.row: list[Atom] = []
        self.hang: list[Atom] = []
        self.width = -1
        self._full = False
        self._taken = 0
        self._word, self._column, self._text = 0, 0, ""

    def take(self) -> tuple[int, list[list[Atom]]]:
        """Return the rows that are new or have changed, the last one included.

        The number says how many atoms of the first one have been taken before; if it is -1, they are not the same.
        """
        taken, rows = self._taken, [*self.rows, self.row]
        self.rows = []
        if not self.width:
            self.row = []
        self._taken = len(self.row)
        return taken, rows

    def change(self) -> None:
        """Note that the last row does not appear as it was taken."""
        if not self.rows:
            self._taken = -1

    def line(self, lead: list[Atom], hang: list[Atom], *, again: bool = False) -> None:
        """Begin a line with `lead`; its other rows begin with `hang`. `again`: in the empty row that has begun."""
        if self.width >= 0 and not again:
            self.rows.append(self.row)
        self.hang = hang
        self._begin(lead)
        if self._column > self.width // 2:
            self._lay([])
            for text, style, _ in lead:
                self.text(text, style)

    def verbatim(self, text: str, style: int) -> None:
        """Add text that is not set in rows: the terminal cuts it where it must. The line holds nothing else."""
        self.width = 0
        self.row.append((text, style, ""))

    def text(self, text: str, style: int) -> None:
        """Add text without line feeds."""
        if text.isascii() and self._text.isascii() and "\t" not in text:
            self._ascii(text, style)
            return
        for run in _RUNS.finditer(text):
            if run[0][0] in _SPACES:
                self._space(run[0], style)
            elif run[0].isascii() and self._text.isascii():
                self._ascii(run[0], style)
            else:
                for start, end in _words(run[0]):
                    self._unit(run[0][start:end], style)

    def mark(self, name: str) -> None:
        """Give this place in the row a name."""
        self.row.append(("", 0, name))

    def has(self, name: str) -> bool:
        """Return whether the row has a mark of this name."""
        return any(atom[2] == name for atom in self.row)

    def reset(self, name: str, change: Callable[[list[Atom]], list[Atom]]) -> bool:
        """Replace what follows the last mark of this name by what `change` makes of it; False if it is in no row."""
        for place in range(len(self.row) - 1, -1, -1):
            if self.row[place][2] == name:
                row = [*self.row[:place], *change(self.row[place + 1 :])]
                lead = [atom for atom in row if atom[2] == LEAD]
                self.change()
                self._lay(lead)
                for text, style, named in row[len(lead) :]:
                    if named == " ":
                        self._space(named, style)
                    elif named:
                        self.mark(named)
                    else:
                        self.text(text, style)
                return True
        return False

    def _begin(self, lead: list[Atom]) -> None:
        """Begin a row. Its width is the terminal's now."""
        self.width = max(self._columns(), _NARROWEST)
        self._lay(lead)

    def _lay(self, lead: list[Atom]) -> None:
        self.row = lead.copy()
        self._word, self._column, self._text = len(lead), sum(width(atom[0]) for atom in lead), ""
        self._full = False

    def _end_word(self) -> None:
        """Note that a row may break here."""
        self._column += width(self._text)
        self._word, self._text = len(self.row), ""

    def _turn(self, place: int) -> None:
        """Go on in the next row, and take with it what stands from `place` on, with the marks before that."""
        while place and self.row[place - 1][0] == "" and self.row[place - 1][2] not in (LEAD, " "):
            place -= 1
        moved = self.row[place:]
        if not self.rows and place < self._taken:
            self._taken = -1
        self.rows.append(self.row[:place])
        self._begin(self.hang)
        if self._column > self.width // 2:
            self._lay([])
        self.row += moved
        self._text = "".join(atom[0] for atom in moved)

    def _can_turn(self) -> bool:
        """Return whether the last word would have more room in the next row."""
        return self._word > 0 and any(atom[0] and atom[2] != LEAD for atom in self.row[: self._word])

    def _ascii(self, text: str, style: int) -> None:
        while text:
            if self._full:
                text = self._after_full(text)
                if not text:
                    return
            room = max(self.width - self._column - len(self._text), 0)
            cut = text.rfind(" ", 0, room + 1)
            if len(text) <= room:
                if cut >= 0:
                    self.row.append((text[: cut + 1], style, ""))
                    self._column += len(self._text) + cut + 1
                    self._word, self._text = len(self.row), ""
                    text = text[cut + 1 :]
                if text:
                    self.row.append((text, style, ""))
                    self._text += text
                return
            if cut >= 0:
                if cut:
                    self.row.append((text[:cut], style, ""))
                self._fill()
                text = text[cut:]
            elif self._can_turn():
                self._turn(self._word)
            else:
                if room:
                    self.row.append((text[:room], style, ""))
                self._fill()
                text = text[room:]

    def _fill(self) -> None:
        self._word, self._text = len(self.row), ""
        self._full = True

    def _after_full(self, text: str) -> str:
        """Return `text` for the next row, without the white space before it, which only ends this row."""
        rest = text.lstrip(_SPACES)
        if len(rest) < len(text) and (not self.row or self.row[-1] != _SPACE):
            self.row.append(_SPACE)
            self._word = len(self.row)
        if rest:
            self._turn(len(self.row))
        return rest

    def _space(self, text: str, style: int) -> None:
        if self._full:
            self._after_full(text)
            return
        self._end_word()
        size = 8 - self._column % 8 if text == "\t" else width(text)
        if self._column + size > self.width:
            self._full = True
            self._after_full(text)
        else:
            self.row.append((text, style, ""))
            self._column += size
            self._word = len(self.row)

    def _unit(self, text: str, style: int) -> None:
        """Add a wide character, or others that no line breaks in."""
        if self._full:
            self._after_full(text)
        if _breaks(self._text[-1:], text[0]):
            self._end_word()
        while text:
            long = len(self._text) + len(text) > _LONGEST
            if not long and self._column + width(self._text + text) <= self.width:
                self.row.append((text, style, ""))
                self._text += text
                return
            if not long and self._can_turn():
                self._turn(self._word)
                continue
            fits, most = 0, min(len(text), max(_LONGEST - len(self._text), 0))
            while fits < most and self._column + width(self._text + text[: fits + 1]) <= self.width:
                fits += 1
            if fits:
                self.row.append((text[:fits], style, ""))
            self._turn(len(self.row))
            text = text[fits:]


def _words(run: str) -> list[tuple[int, int]]:
    """Return where the wide characters of a text, and the runs of others between them, begin and end."""
    found = []
    start = 0
    for place, char in enumerate(run):
        if is_wide(char):
            if place > start:
                found.append((start, place))
            found.append((place, place + 1))
            start = place + 1
    if start < len(run):
        found.append((start, len(run)))
    return found


def _breaks(before: str, after: str) -> bool:
    """Return whether a row may break between two characters that are no white space ("" before the first one)."""
    if not before or not (is_wide(before) or is_wide(after)):
        return False
    return not (after in _CLOSING or before in _OPENING or before == "\u200d" or extends(after))


def wrapped(text: str, columns: int, hang: int = 0) -> str:
    """Return lines of text with their words in rows of at most `columns`.

    The rows that continue a line begin with `hang` spaces; -1: with as many as the line itself. A word that fits on no
    row stays where it is, for the terminal to cut, so that an address can be copied.
    """
    rows = []
    for line in text.split("\n"):
        words = line.lstrip(" ").split(" ")
        row = " " * (len(line) - len(line.lstrip(" "))) + words[0]
        indent = " " * (len(line) - len(line.lstrip(" ")) if hang < 0 else hang if hang <= columns // 2 else 0)
        for word in words[1:]:
            if width(row) + 1 + width(word) <= columns or not word or width(indent + word) > columns:
                row += " " + word
            else:
                rows.append(row.rstrip(" "))
                row = indent + word
        rows.append(row)
    return "\n".join(rows)
