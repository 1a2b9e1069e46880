"""A small terminal: what it shows of what is written to it, as far as the program writes it."""

from __future__ import annotations

import re

from kaito.terminal.width import extends, width

_PARTS = re.compile("\033\\[([0-9;]*)([A-Za-z])|(\r|\n|\t)|([^\033\r\n\t])")


class Screen:
    """The lines of an endless screen. `lines` is its text, `cells` has the style of each character with it.

    State: the cells, the cursor, the style, and marks that wait for the character that they are drawn on. A character
    written past the last column begins a new line.
    """

    def __init__(self, columns=80):
        self.columns = columns
        self.cells = [[]]
        self.column = 0
        self.style = ""
        self.loose = ""

    def write(self, text):
        """Obey what the program writes; fail for anything that it must not write."""
        assert not re.search("\033(?!\\[)", text)
        for sequence, kind, control, char in _PARTS.findall(text):
            row = self.cells[-1]
            if kind:
                assert kind in "mK", f"{sequence}{kind}"
                if kind == "m":
                    self.style = "" if sequence == "0" else sequence
                else:
                    del row[self.column :]
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self._break()
            elif control == "\t":
                self._put(" " * (8 - self.column % 8))
            else:
                self._put(char)

    def _put(self, text):
        for char in text:
            row = self.cells[-1]
            if row and (extends(char) or row[-1][0].endswith("\u200d")):
                row[-1] = (row[-1][0] + char, row[-1][1])
                continue
            if self.column + width(char) > self.columns:
                self._break()
                row = self.cells[-1]
            if not width(char):
                self.loose += char
                continue
            del row[self.column :]
            row.append((self.loose + char, self.style))
            self.loose = ""
            row += [("", "")] * (width(char) - 1)
            self.column += width(char)

    def _break(self):
        self.cells.append([])
        self.column = 0

    @property
    def lines(self):
        """The text of each line, without blanks at its end."""
        lines = ["".join(cell[0] for cell in row) for row in self.cells]
        return [line.rstrip() for line in [*lines[:-1], lines[-1] + self.loose]]

    @property
    def looks(self):
        """The lines with their styles: what two screens that look the same have in common."""
        rows = (list(row) for row in self.cells)
        return [self._trimmed(row) for row in rows]

    @staticmethod
    def _trimmed(row):
        while row and not row[-1][0].strip():
            row = row[:-1]
        return row
