"""YAML's scalars as kubectl reads them: how each style is written, and what the text then means. Pure.

Styles are libyaml's, meanings go-yaml v2's: YAML 1.1 booleans, integers by Go's strconv, no timestamps. The reading
functions take a text that ends with END, and a position in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from kaito.lazy_re import pattern

# The end of the text is marked by a NUL, which cannot be in it: so looking one character ahead is always safe.
END = "\0"
# CR, CR LF and NEL mean LF and are replaced by it beforehand; these two remain themselves in a scalar.
BREAKS = "\n\u2028\u2029"
BLANKS = " \t"
BLANK_OR_END = BLANKS + BREAKS + END

SPACES = pattern(r" *")
LINE = pattern(f"[^{BREAKS}{END}]*")
_TAB_BEHIND_SPACES = pattern(f"[{BREAKS}] *\t")
_BREAK_RUN = pattern(f"[{BLANKS}{BREAKS}]*")
DOCUMENT_MARKER = pattern(rf"(?:---|\.\.\.)(?=[{BLANK_OR_END}])")

_WORD_IN_BLOCK = pattern(f"[^{BLANK_OR_END}:]*(?::(?![{BLANK_OR_END}])[^{BLANK_OR_END}:]*)*")
_WORD_IN_FLOW = pattern(rf"[^{BLANK_OR_END}:,?\[\]{{}}]*(?::(?![{BLANK_OR_END}])[^{BLANK_OR_END}:,?\[\]{{}}]*)*")
NOT_PLAIN_START = "-?:,[]{}#&*!|>'\"%@`" + BLANK_OR_END

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

CORE = "tag:yaml.org,2002:"
STR, BOOL, INT, FLOAT = CORE + "str", CORE + "bool", CORE + "int", CORE + "float"
NULL, TIMESTAMP = CORE + "null", CORE + "timestamp"
BINARY, MERGE = CORE + "binary", CORE + "merge"
NO_TAG = ""
_RESOLVED_TAGS = frozenset((NO_TAG, BOOL, INT, FLOAT, NULL, TIMESTAMP))

# go-yaml v2, resolve.go.
WORDS: dict[str, tuple[str, object]] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], (BOOL, True)),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], (BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, float("-inf"))),
}
# A plain scalar that begins otherwise is a string.
MEANING_START = frozenset("0123456789+-.yYnNtTfFoO~")
_NUMBER_START = frozenset("0123456789+-.")
_DECIMAL = pattern(r"([+-]?)(0|[1-9][0-9]*)\Z")
_PREFIXED = pattern(r"([+-]?)0(?:[xX]([0-9A-Fa-f]+)|[bB]([01]+)|[oO]?([0-7]+))\Z")
# go-yaml strips all underscores but behind a leading ".", where those that Go's strconv takes remain.
_GO_UNDERSCORE = r"(?<=[0-9])_(?=[0-9])"
_BINARY_SIGN_INSIDE = r"0b([+-][01]+)\Z"
_FLOATING = pattern(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?\Z")
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z"
_TIME = (
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-]([0-9]{2}):([0-9]{2}))"
    r"| +([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?\Z"
)


class YamlError(ValueError):
    """The text is not YAML that kubectl reads.

    `message`: what is wrong and what was expected, one line without position; `line`, `column`: where, from 1,
    the column in characters.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


def fail(text: str, position: int, message: str) -> NoReturn:
    """Raise YamlError for a position in `text`."""
    before = text[:position]
    line = 1 + sum(before.count(mark) for mark in BREAKS)
    column = position - max(before.rfind(mark) for mark in BREAKS)
    raise YamlError(message, line, column)


# ---- scalars: (text, position) -> (value, position) ----


def _folded(breaks: str) -> str:
    """What a run of line breaks inside a plain or quoted scalar means: one LF is a space, more lose the first."""
    if breaks[0] != "\n":
        return breaks
    return breaks[1:] or " "


def _only_breaks(run: str) -> str:
    return run.replace(" ", "").replace("\t", "")


def last_line_start(text: str, start: int, end: int) -> int:
    """Where the line that holds `end` begins, given that a line break is in text[start:end]."""
    return 1 + max(text.rfind(mark, start, end) for mark in BREAKS)


class _Plain(NamedTuple):
    value: str
    end: int
    line_start: int  # of the line that `end` is on
    broken: bool  # whether line breaks were passed behind the last word


def plain_scalar(text: str, position: int, line_start: int, indent: int, in_flow: bool) -> _Plain:
    """The plain scalar at `position`, over as many lines as are indented by `indent` or more."""
    word_pattern = _WORD_IN_FLOW if in_flow else _WORD_IN_BLOCK
    parts: list[str] = []
    gap = ""
    broken = False
    while True:
        if position == line_start and DOCUMENT_MARKER.match(text, position):
            break
        if text[position] == "#":
            break
        word_end = word_pattern.match(text, position).end()  # type: ignore[union-attr]
        if word_end > position:
            parts += (gap, text[position:word_end])
            gap, broken = "", False
            position = word_end
        if text[position] not in BLANKS and text[position] not in BREAKS:
            break
        run_end = _BREAK_RUN.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:run_end]
        breaks = _only_breaks(run)
        if breaks:
            _check_tabs(text, position, run_end, indent)
            line_start = last_line_start(text, position, run_end)
            gap, broken = _folded(breaks), True
        else:
            gap = run
        position = run_end
        if not in_flow and position - line_start < indent:
            break
    return _Plain("".join(parts), position, line_start, broken)


def _check_tabs(text: str, start: int, end: int, indent: int) -> None:
    """Refuse tabs that stand left of `indent` on a plain scalar's further lines."""
    if "\t" in text[start:end]:
        for found in _TAB_BEHIND_SPACES.finditer(text, start, end):
            if found.end() - found.start() - 2 < indent:
                fail(text, found.end() - 1, "found a tab where spaces were expected: tabs cannot indent")


def single_quoted(text: str, position: int, line_start: int) -> tuple[str, int, int]:
    """The scalar whose opening quote is at `position`: its value, the position behind it, the last line's start."""
    start = position
    position += 1
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
            return "".join(parts), end + 1, line_start
        parts.append("'")
        position = end + 2


def double_quoted(text: str, position: int, line_start: int) -> tuple[str, int, int]:
    """The scalar whose opening quote is at `position`: its value, the position behind it, the last line's start."""
    start = position
    position += 1
    parts: list[str] = []
    while True:
        end = _DOUBLE_QUOTED_RUN.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:end]
        mark = text[end]
        if mark == '"':
            parts.append(run)
            return "".join(parts), end + 1, line_start
        if mark == "\\":
            parts.append(run)
            if text[end + 1] in BREAKS:
                breaks, position, line_start = _quoted_breaks(text, end + 1)
                parts.append(breaks[1:])
            else:
                value, position = _escape(text, end)
                parts.append(value)
        elif mark == END:
            fail(text, start, "expected a closing '\"' for the quote that opens here")
        else:
            parts.append(run.rstrip(BLANKS))
            breaks, position, line_start = _quoted_breaks(text, end)
            parts.append(_folded(breaks))


def _quoted_breaks(text: str, position: int) -> tuple[str, int, int]:
    """The line breaks at `position`, the position of what follows their blanks, and where its line begins."""
    end = _BREAK_RUN.match(text, position).end()  # type: ignore[union-attr]
    line_start = last_line_start(text, position, end)
    if end == line_start and DOCUMENT_MARKER.match(text, end):
        fail(text, end, f"found {text[end : end + 3]!r} inside a quoted value: expected its closing quote before")
    return _only_breaks(text[position:end]), end, line_start


def _escape(text: str, position: int) -> tuple[str, int]:
    """The character that the escape at `position`, a backslash, stands for."""
    name = text[position + 1]
    known = _ESCAPES.get(name)
    if known is not None:
        return known, position + 2
    width = _HEX_DIGITS.get(name)
    if width is None:
        fail(text, position, "unknown escape in a double-quoted value: expected one like \\\\ \\n \\t \\xNN \\uNNNN")
    digits = text[position + 2 : position + 2 + width]
    if len(digits) < width or not _HEX.match(digits):
        fail(text, position, f"expected {width} hexadecimal digits behind \\{name}")
    code = int(digits, 16)
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        fail(text, position, f"\\{name}{digits} is no Unicode character: expected one, not half of a pair")
    return chr(code), position + 2 + width


def block_scalar(text: str, position: int, parent: int) -> tuple[str, int]:
    """The literal or folded scalar whose "|" or ">" is at `position`, inside an indentation of `parent`.

    The position returned is on the line behind it, behind that line's indentation.
    """
    header = _BLOCK_HEADER.match(text, position)
    assert header is not None
    chomp_first, digit_behind, digit_first, chomp_behind = header.groups()
    chomping, digit = chomp_first or chomp_behind, digit_first or digit_behind
    if digit == "0":
        fail(text, position, "expected an indentation from 1 to 9 behind the block indicator, not 0")
    if text[header.end()] not in BREAKS and text[header.end()] != END:
        fail(text, header.end(), "expected the end of the line, or a comment, behind a block indicator")
    literal = text[position] == "|"
    position = header.end() + (text[header.end()] != END)
    indent = max(parent, 0) + int(digit) if digit else _detect_indent(text, position, parent)
    parts: list[str] = []
    line_break = ""
    was_blank = False
    breaks, position, column = _block_breaks(text, position, indent)
    while column == indent and text[position] != END:
        blank = text[position] in BLANKS
        if not literal and line_break == "\n" and not was_blank and not blank:
            parts.append("" if breaks else " ")
        else:
            parts.append(line_break)
        parts.append(breaks)
        was_blank = blank
        end = LINE.match(text, position).end()  # type: ignore[union-attr]
        parts.append(text[position:end])
        line_break = text[end] if text[end] != END else ""
        breaks, position, column = _block_breaks(text, end + len(line_break), indent)
        if not line_break:
            break
    if chomping != "-":
        parts.append(line_break)
    if chomping == "+":
        parts.append(breaks)
    return "".join(parts), position


def _detect_indent(text: str, position: int, parent: int) -> int:
    """How far a block scalar without an indentation indicator is indented: libyaml takes its widest leading line."""
    widest = 0
    while True:
        end = SPACES.match(text, position).end()  # type: ignore[union-attr]
        widest = max(widest, end - position)
        if text[end] == "\t":
            fail(text, end, "found a tab where spaces were expected: tabs cannot indent")
        if text[end] not in BREAKS:
            return max(widest, parent + 1, 1)
        position = end + 1


def _block_breaks(text: str, position: int, indent: int) -> tuple[str, int, int]:
    """Empty lines, then up to `indent` spaces: the breaks, the position behind, its column."""
    breaks: list[str] = []
    while True:
        end = min(SPACES.match(text, position).end(), position + indent)  # type: ignore[union-attr]
        if text[end] == "\t" and end - position < indent:
            fail(text, end, "found a tab where spaces were expected: tabs cannot indent")
        if text[end] not in BREAKS:
            return "".join(breaks), end, end - position
        breaks.append(text[end])
        position = end + 1


# ---- what a scalar means ----


def resolve(value: str, tag: str) -> object:
    """The value of a scalar: go-yaml v2's resolve. `tag` is "" for a plain one. Raises ValueError."""
    if tag == BINARY:
        return _binary(value)
    if tag not in _RESOLVED_TAGS:
        return value
    kind, resolved = implicit(value)
    if tag in (NO_TAG, kind):
        return resolved
    if tag == FLOAT and kind == INT and isinstance(resolved, int) and resolved < 2**63:
        return float(resolved)
    if tag == TIMESTAMP and kind == STR and _is_timestamp(value):
        return value
    raise ValueError(f"expected a value of the kind that its tag !!{tag[len(CORE) :]} names")


def implicit(value: str) -> tuple[str, object]:
    """What an untagged plain scalar is: its tag and value."""
    word = WORDS.get(value)
    if word is not None:
        return word
    if value[0] not in _NUMBER_START:
        return STR, value
    number = _number(value)
    if number is None:
        return STR, value
    return (INT if isinstance(number, int) else FLOAT), number


def _number(value: str) -> int | float | None:
    """The number that `value` is by the rules of Go's strconv with base 0, or None.

    Integers are those of 64 bits, with or without a sign; larger decimal ones are floats, as JSON has them.
    """
    plain = re.sub(_GO_UNDERSCORE, "", value) if value[0] == "." else value.replace("_", "")
    whole = _integer(plain)
    if whole is not None and -(2**63) <= whole < (2**64 if plain[0] not in "+" else 2**63):
        return whole
    if _FLOATING.match(plain):
        number = float(plain)
        return number if abs(number) != float("inf") else None
    return None


def _integer(plain: str) -> int | None:
    found = _DECIMAL.match(plain)
    if found:
        # Python refuses to convert thousands of digits; nothing above 20 fits into 64 bits.
        return int(plain) if len(plain) <= 21 else None
    found = _PREFIXED.match(plain)
    if found:
        sign, hexadecimal, binary, octal = found.groups()
        base = 16 if hexadecimal else 2 if binary else 8
        return int(sign + (hexadecimal or binary or octal), base)
    # strconv.ParseInt("-1", 2, 64), which go-yaml calls for what stands behind "0b", takes a sign.
    found = re.match(_BINARY_SIGN_INSIDE, plain)
    return int(found.group(1), 2) if found else None


def _binary(value: str) -> str:
    compact = value.replace("\n", "").replace("\r", "")
    if not re.match(_BASE64, compact):
        raise ValueError("expected base64 behind the tag !!binary")
    import binascii

    decoded = binascii.a2b_base64(compact).decode("utf-8", "surrogateescape")
    # JSON holds text only: Go writes one replacement character for each byte that is not UTF-8.
    return re.sub("[\udc80-\udcff]", "\ufffd", decoded)


def _is_timestamp(value: str) -> bool:
    """Whether go-yaml v2 takes `value` for a time (resolve.go, allowedTimestampFormats)."""
    found = re.match(_TIME, value)
    if not found:
        return False
    year, month, day, *clock = (int(part or 0) for part in found.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    limits = (24, 60, 60, 25, 61, 24, 60, 60)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1] and all(part < limit for part, limit in zip(clock, limits))


def key_text(key: object) -> str:
    """A mapping's key as sigs.k8s.io/yaml writes it into JSON. Raises ValueError."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int) and key < 2**63:
        return str(key)
    if isinstance(key, float):
        return _short_float(key)
    raise ValueError("expected a string, a number or a boolean as the key")


def _short_float(number: float) -> str:
    """Go's strconv.FormatFloat(number, 'g', -1, 32), with YAML's names for what is no number."""
    import struct

    try:
        single = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        single = float("inf") if number > 0 else float("-inf")
    if single != single:
        return ".nan"
    if abs(single) == float("inf"):
        return ".inf" if single > 0 else "-.inf"
    for digits in range(9):
        mantissa, exponent = f"{single:.{digits}e}".split("e")
        if struct.unpack("f", struct.pack("f", float(f"{mantissa}e{exponent}")))[0] == single:
            break
    power = int(exponent)
    if power < -4 or power >= 6:
        return f"{mantissa}e{exponent}"
    return f"{single:.{max(digits - power, 0)}f}"
