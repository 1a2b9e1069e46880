"""The fast path for what tools write: a mapping in block style, read line by line. Pure.

It reads lines of `key: value` and `- value` with the scalars of `scalars`, and gives up at anything else. It never
reads a text differently from the general reader, `composer`, but takes a sixth of the time, which matters for a
kubeconfig of a thousand contexts.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING
from kaito.yaml.characters import BLANK_OR_END, END, NOT_PLAIN_START
from kaito.yaml.resolver import MEANING_START, WORDS, resolve_untagged
from kaito.yaml.scalars import block_scalar, plain_scalar, quoted_scalar

if TYPE_CHECKING:
    from typing import Any

# Deeper nesting is left to the general reader, which has the limit that counts.
_MAX_DEPTH = 50

# How a line begins: indentation, "- ", "key: ".
_ENTRY = pattern(r"( *)(- +)?(?:([A-Za-z_][\w./-]{0,200}):(?: +|(?=[\n\0])))?")
_LINE_END = pattern(r"(?: *| +#[^\n\0]*)(?=[\n\0])")


class NotBlockStyleError(Exception):
    """The text holds something that the fast path cannot read. It may be valid YAML nevertheless."""


def read_mapping(text: str) -> dict[str, object]:
    """Read the mapping that `text`, which ends with END, consists of.

    Raises NotBlockStyleError or YamlError if the general reader has to decide what the text means.
    """
    if "\u2028" in text or "\u2029" in text:
        raise NotBlockStyleError
    return _Lines(text).mapping()


class _Lines:
    """One pass over the lines of a text. State: the collections that are open, and the slot of the last entry."""

    def __init__(self, text: str) -> None:
        self.text = text
        # The innermost collection, and the column where its entries begin.
        self.collection: Any = {}
        self.column = 0
        # That one and those around it, outermost first. A list may begin at the column of the mapping around it.
        self.open: list[tuple[int, Any]] = [(0, self.collection)]
        # The key or index of the entry read last.
        self.slot: Any = ""

    def mapping(self) -> dict[str, object]:
        """Read every line. Raises NotBlockStyleError, YamlError."""
        text, match = self.text, _ENTRY.match
        root: dict[str, object] = self.collection
        end = len(text) - len(END)
        line_start = 0
        pending = False  # whether the last entry has no value yet, so that this line may open a collection
        in_list = False  # whether the last entry is a list's item without a key
        word_at = -1  # where the value of the last entry begins if it is one plain word, which may continue here
        while line_start < end:
            # 1. Split the line into indentation, "- ", "key: " and a value.
            entry = match(text, line_start)
            assert entry is not None
            indentation, dash, key = entry.groups()
            column, position = len(indentation), entry.end()
            mark = text[position]

            # 2. Skip an empty line or a comment.
            if not dash and not key and mark in "\n#\0":
                line_start = _next_line(text, position)
                continue

            # 3. If the line continues the last entry's word, read that again as a scalar over several lines.
            if column > self.column and word_at >= 0:
                line_start = self._read_scalar(word_at, after=line_start)
                word_at = -1
                continue

            # 4. Go to the collection that the line belongs to, and to the slot for its value.
            if key in WORDS or not (dash or key):
                raise NotBlockStyleError
            if dash or pending or in_list or column != self.column:
                self._enter(column, dash, key, pending)
            if key:
                self.slot = key

            # 5. Read the value. Nearly always it is one plain word, or a collection on the lines that follow.
            pending, word_at, in_list = False, -1, not key
            line_end = text.find("\n", position)
            if line_end < 0:
                line_end = end
            word = text[position:line_end]
            if not word and key:
                self.collection[self.slot] = None
                pending = True
            elif mark in NOT_PLAIN_START or " " in word or "\t" in word or word[-1] == ":":
                line_start = self._read_value(position, word)
                continue
            else:
                self.collection[self.slot] = _meaning(word) if mark in MEANING_START else word
                word_at = position
            line_start = line_end + 1
        if not root:
            raise NotBlockStyleError
        return root

    def _enter(self, column: int, dash: str | None, key: str | None, pending: bool) -> None:
        """Close and open collections until the entry at `column` belongs to the innermost; add an item to a list."""
        while column < self.column:
            self._close()
            pending = False
        if pending and (dash or column > self.column):
            self._open(column, [] if dash else {})
        elif not dash and isinstance(self.collection, list) and self.open[-2][0] == column:
            self._close()
        if column != self.column or isinstance(self.collection, list) != bool(dash):
            raise NotBlockStyleError
        if dash:
            self.slot = len(self.collection)
            self.collection.append(None)
            if key:
                # The item is a mapping, whose first key is on the line of the "- ".
                self._open(column + len(dash), {})

    def _open(self, column: int, collection: dict[str, object] | list[object]) -> None:
        """Make `collection` the value of the last entry, and the innermost collection."""
        if len(self.open) == _MAX_DEPTH:
            raise NotBlockStyleError
        self.collection[self.slot] = collection
        self.column, self.collection = column, collection
        self.open.append((column, collection))

    def _close(self) -> None:
        """Return to the collection around the innermost one."""
        self.open.pop()
        self.column, self.collection = self.open[-1]

    def _read_value(self, position: int, word: str) -> int:
        """Read a value that is not one plain word; `word`: the rest of its line. Return where the next line begins."""
        if word in ("{}", "[]"):
            self.collection[self.slot] = {} if word == "{}" else []
            return _next_line(self.text, position)
        return self._read_scalar(position, after=position)

    def _read_scalar(self, position: int, after: int) -> int:
        """Read the scalar at `position`, which must end beyond `after`. Return where the next line begins."""
        self.collection[self.slot], next_line = _scalar(self.text, position, self.column)
        if next_line <= after:
            raise NotBlockStyleError
        return next_line


def _scalar(text: str, position: int, column: int) -> tuple[object, int]:
    """Return the scalar at `position`, in a collection at `column`, and where the line after it begins."""
    mark = text[position]
    line_start = text.rfind("\n", 0, position) + 1
    if mark in "|>":
        scalar = block_scalar(text, position, line_start, column)
        return scalar.value, scalar.end if text[scalar.end] == END else scalar.line_start
    if mark in "'\"":
        scalar = quoted_scalar(text, position, line_start)
        if not _LINE_END.match(text, scalar.end):
            raise NotBlockStyleError
        return scalar.value, _next_line(text, scalar.end)
    if mark in NOT_PLAIN_START and (mark not in "-?:" or text[position + 1] in BLANK_OR_END):
        raise NotBlockStyleError
    scalar = plain_scalar(text, position, line_start, column + 1, in_flow=False)
    if scalar.on_new_line:
        return _meaning(scalar.value), scalar.line_start
    if text[scalar.end] not in "#" + END:
        raise NotBlockStyleError
    return _meaning(scalar.value), _next_line(text, scalar.end)


def _meaning(value: str) -> object:
    """Return the value of a plain scalar. Infinities and NaN are left to the general reader: some are errors."""
    resolved = resolve_untagged(value)[1]
    if isinstance(resolved, float) and resolved - resolved != 0:
        raise NotBlockStyleError
    return resolved


def _next_line(text: str, position: int) -> int:
    """Return where the line after that of `position` begins, or where END is."""
    line_end = text.find("\n", position)
    return line_end + 1 if line_end >= 0 else len(text) - len(END)
