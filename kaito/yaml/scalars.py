"""The notation of scalars: text and position in, `Scalar` out. Pure.

The styles are libyaml's. Each function reads a text that ends with END, from a position in it, and raises YamlError for
what libyaml refuses. `resolver` decides what the text of a scalar means.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.values import NamedTuple
from kaito.yaml.characters import (
    BLANK_OR_END,
    BLANKS,
    BREAKS,
    DOCUMENT_MARKER,
    END,
    REST_OF_LINE,
    last_line_start,
)
from kaito.yaml.errors import fail

_SPACES = pattern(r" *")
_BLANKS_AND_BREAKS = pattern(f"[{BLANKS}{BREAKS}]*")
_TAB_IN_INDENTATION = pattern(f"[{BREAKS}] *\t")

_WORD_IN_BLOCK = pattern(f"[^{BLANK_OR_END}:]*(?::(?![{BLANK_OR_END}])[^{BLANK_OR_END}:]*)*")
_WORD_IN_FLOW = pattern(rf"[^{BLANK_OR_END}:,?\[\]{{}}]*(?::(?![{BLANK_OR_END}])[^{BLANK_OR_END}:,?\[\]{{}}]*)*")

_SINGLE_QUOTED_RUN = pattern(f"[^'{BREAKS}{END}]*")
_DOUBLE_QUOTED_RUN = pattern(rf'[^"\\{BREAKS}{END}]*')
_HEX = pattern(r"[0-9A-Fa-f]+\Z")
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "'": "'",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}

_BLOCK_HEADER = pattern(rf"[|>](?:([+-])([0-9])?|([0-9])([+-])?)?[{BLANKS}]*(?:#[^{BREAKS}{END}]*)?")


class Scalar(NamedTuple):
    """A scalar's text, and where the reading ended."""

    value: str
    end: int  # the position after it, and after the blanks and line breaks that a plain scalar passes
    line_start: int  # where the line of `end` begins
    on_new_line: bool = False  # whether a plain scalar passed line breaks after its last word


def _folded(breaks: str) -> str:
    """Return what a run of line breaks in a plain or quoted scalar stands for: one LF is a space, more lose one."""
    if breaks[0] != "\n":
        return breaks
    return breaks[1:] or " "


def _without_blanks(run: str) -> str:
    return run.replace(" ", "").replace("\t", "")


# ---- plain ----


def plain_scalar(text: str, position: int, line_start: int, indent: int, in_flow: bool) -> Scalar:
    """Read the plain scalar at `position`, on all the lines that are indented by at least `indent` columns.

    `line_start` is where the line of `position` begins. In flow style the indentation does not count.
    """
    word_pattern = _WORD_IN_FLOW if in_flow else _WORD_IN_BLOCK
    parts: list[str] = []
    gap = ""
    on_new_line = False
    while True:
        if position == line_start and DOCUMENT_MARKER.match(text, position):
            break
        if text[position] == "#":
            break
        word_end = word_pattern.match(text, position).end()  # type: ignore[union-attr]
        if word_end > position:
            parts += (gap, text[position:word_end])
            gap, on_new_line = "", False
            position = word_end
        if text[position] not in BLANKS and text[position] not in BREAKS:
            break
        run_end = _BLANKS_AND_BREAKS.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:run_end]
        breaks = _without_blanks(run)
        if breaks:
            _refuse_tabs(text, position, run_end, indent)
            line_start = last_line_start(text, position, run_end)
            gap, on_new_line = _folded(breaks), True
        else:
            gap = run
        position = run_end
        if not in_flow and position - line_start < indent:
            break
    return Scalar("".join(parts), position, line_start, on_new_line)


def _refuse_tabs(text: str, start: int, end: int, indent: int) -> None:
    """Raise YamlError for a tab to the left of column `indent` on a continuation line of a plain scalar."""
    if "\t" in text[start:end]:
        for found in _TAB_IN_INDENTATION.finditer(text, start, end):
            if found.end() - found.start() - 2 < indent:
                fail(text, found.end() - 1, "found a tab where spaces were expected: tabs cannot indent")


# ---- quoted ----


def quoted_scalar(text: str, position: int, line_start: int) -> Scalar:
    """Read the scalar whose opening quote, of either kind, is at `position`."""
    read = _single_quoted if text[position] == "'" else _double_quoted
    return read(text, position, line_start)


def _single_quoted(text: str, start: int, line_start: int) -> Scalar:
    position = start + 1
    parts: list[str] = []
    while True:
        end = _SINGLE_QUOTED_RUN.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:end]
        if text[end] in BREAKS:
            parts.append(run.rstrip(BLANKS))
            breaks, position, line_start = _quoted_breaks(text, end)
            parts.append(_folded(breaks))
            continue
        parts.append(run)
        if text[end] == END:
            fail(text, start, 'expected a closing "\'" for the quote that opens here')
        if text[end + 1] != "'":
            return Scalar("".join(parts), end + 1, line_start)
        parts.append("'")
        position = end + 2


def _double_quoted(text: str, start: int, line_start: int) -> Scalar:
    position = start + 1
    parts: list[str] = []
    while True:
        end = _DOUBLE_QUOTED_RUN.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:end]
        mark = text[end]
        if mark == '"':
            parts.append(run)
            return Scalar("".join(parts), end + 1, line_start)
        if mark == END:
            fail(text, start, "expected a closing '\"' for the quote that opens here")
        if mark in BREAKS:
            parts.append(run.rstrip(BLANKS))
            breaks, position, line_start = _quoted_breaks(text, end)
            parts.append(_folded(breaks))
        elif text[end + 1] in BREAKS:
            # An escaped line break is left out, and the blanks before it stay.
            parts.append(run)
            breaks, position, line_start = _quoted_breaks(text, end + 1)
            parts.append(breaks[1:])
        else:
            value, position = _escape(text, end)
            parts += (run, value)


def _quoted_breaks(text: str, position: int) -> tuple[str, int, int]:
    """Return the line breaks at `position`, the position after them and their blanks, and where its line begins."""
    end = _BLANKS_AND_BREAKS.match(text, position).end()  # type: ignore[union-attr]
    line_start = last_line_start(text, position, end)
    if end == line_start and DOCUMENT_MARKER.match(text, end):
        fail(text, end, f"found {text[end : end + 3]!r} inside a quoted value: expected its closing quote first")
    return _without_blanks(text[position:end]), end, line_start


def _escape(text: str, position: int) -> tuple[str, int]:
    """Return the character that the backslash at `position` begins, and the position after it."""
    name = text[position + 1]
    known = _ESCAPES.get(name)
    if known is not None:
        return known, position + 2
    width = _HEX_DIGITS.get(name)
    if width is None:
        fail(text, position, "unknown escape in a double-quoted value: expected one like \\\\ \\n \\t \\xNN \\uNNNN")
    digits = text[position + 2 : position + 2 + width]
    if len(digits) < width or not _HEX.match(digits):
        fail(text, position, f"expected {width} hexadecimal digits after \\{name}")
    code = int(digits, 16)
    if 0xD800 <= code <= 0xDFFF:
        fail(text, position, f"\\{name}{digits} is half of a surrogate pair: expected a whole character")
    if code > 0x10FFFF:
        fail(text, position, f"\\{name}{digits} is not a Unicode character: expected at most \\U0010ffff")
    return chr(code), position + 2 + width


# ---- literal and folded ----


class _BlockHeader(NamedTuple):
    """The first line of a literal or folded scalar."""

    literal: bool
    chomping: str  # "+" keeps the last line breaks, "-" strips them, "" leaves one
    indent: int  # how many columns its lines are indented by beyond their parent, 0 if not given
    end: int


def block_scalar(text: str, start: int, line_start: int, parent: int) -> Scalar:
    """Read the literal or folded scalar whose "|" or ">" is at `start`, in a collection at the column `parent`.

    `Scalar.end` is after the indentation of the line that follows it.
    """
    header = _block_header(text, start)
    position = header.end + (text[header.end] != END)
    indent = max(parent, 0) + header.indent if header.indent else _detect_indent(text, position, parent)
    parts: list[str] = []
    line_break = ""
    was_blank = False
    breaks, position, column = _block_breaks(text, position, indent)
    while column == indent and text[position] != END:
        blank = text[position] in BLANKS
        if not header.literal and line_break == "\n" and not was_blank and not blank:
            parts.append("" if breaks else " ")
        else:
            parts.append(line_break)
        parts.append(breaks)
        was_blank = blank
        end = REST_OF_LINE.match(text, position).end()  # type: ignore[union-attr]
        parts.append(text[position:end])
        line_break = text[end] if text[end] != END else ""
        breaks, position, column = _block_breaks(text, end + len(line_break), indent)
        if not line_break:
            break
    if header.chomping != "-":
        parts.append(line_break)
    if header.chomping == "+":
        parts.append(breaks)
    return Scalar("".join(parts), position, last_line_start(text, start, position) or line_start, on_new_line=True)


def _block_header(text: str, position: int) -> _BlockHeader:
    found = _BLOCK_HEADER.match(text, position)
    assert found is not None
    chomping, digit_after, digit, chomping_after = found.groups()
    digit = digit or digit_after
    if digit == "0":
        fail(text, position, "expected an indentation from 1 to 9 after the block indicator, not 0")
    if text[found.end()] not in BREAKS and text[found.end()] != END:
        fail(text, found.end(), "expected the end of the line, or a comment, after a block indicator")
    return _BlockHeader(text[position] == "|", chomping or chomping_after or "", int(digit or 0), found.end())


def _detect_indent(text: str, position: int, parent: int) -> int:
    """Return the column of a block scalar whose header does not name it.

    As in libyaml, it is the widest indentation of the first line with text and the empty lines before it.
    """
    widest = 0
    while True:
        end = _SPACES.match(text, position).end()  # type: ignore[union-attr]
        widest = max(widest, end - position)
        if text[end] == "\t":
            fail(text, end, "found a tab where spaces were expected: tabs cannot indent")
        if text[end] not in BREAKS:
            return max(widest, parent + 1, 1)
        position = end + 1


def _block_breaks(text: str, position: int, indent: int) -> tuple[str, int, int]:
    """Skip empty lines, then up to `indent` spaces. Return the line breaks, the new position, and its column."""
    breaks: list[str] = []
    while True:
        end = min(_SPACES.match(text, position).end(), position + indent)  # type: ignore[union-attr]
        if text[end] == "\t" and end - position < indent:
            fail(text, end, "found a tab where spaces were expected: tabs cannot indent")
        if text[end] not in BREAKS:
            return "".join(breaks), end, end - position
        breaks.append(text[end])
        position = end + 1
