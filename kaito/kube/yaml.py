"""YAML as kubectl reads it: bytes or text in, plain values out.

kubectl turns a kubeconfig into JSON with sigs.k8s.io/yaml, whose parser is go-yaml v2, itself a port of libyaml.
What that pair accepts, refuses and makes of a scalar is the reference here, not a YAML specification: so the
scanner has libyaml's shape (an indentation stack, "simple keys" that become keys only when their ":" turns up),
scalars resolve by go-yaml v2's table (YAML 1.1 booleans, Go's integer prefixes), and the values are those that
JSON has: keys are strings, no NaN, no timestamps.

The module has four parts:

* `_plain_scalar` and its siblings: (text, position) -> (value, position), one kind of scalar each;
* `_block_style`: a text of nothing but `key: value` and `- ` lines, as tools write them, read line by line;
* `_Scanner`: text -> tokens; it holds the indentation, the flow level and the pending simple keys;
* `_Composer`: tokens -> values; it holds the anchors, the tag handles and the alias budget.

The last two read everything and alone decide what is an error. `_block_style` takes a sixth of their time, which
tells in a kubeconfig of a thousand contexts; where it meets anything else, they read the text from its start.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

# Bounds. Real kubeconfigs nest 8 deep, and a thousand contexts with their certificates are 5.5 MB.
MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 100

# go-yaml v2's budget for aliases (decode.go, allowedAliasRatio): the share of all decoded nodes that may come out
# of aliases, 99 % for documents of up to 400,000 nodes, falling to 10 % at 4,000,000.
_ALIAS_FREE_ALIASED = 100
_ALIAS_FREE_NODES = 1_000
_ALIAS_RATIO_LOW = 400_000
_ALIAS_RATIO_HIGH = 4_000_000
_ALIAS_SHARE_LOW = 0.99
_ALIAS_SHARE_HIGH = 0.10

# A key without "?" must have its ":" on the same line and within this many characters (YAML 1.1, 7.4).
_MAX_SIMPLE_KEY = 1024

# The end of the text is marked by a NUL, which cannot be in it: so looking one character ahead is always safe.
_END = "\0"
# CR, CR LF and NEL mean LF and are replaced by it beforehand; these two remain themselves in a scalar.
_BREAKS = "\n\u2028\u2029"
_BLANKS = " \t"
_BLANK_OR_END = _BLANKS + _BREAKS + _END

_NOT_ALLOWED = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PRINTABLE_ASCII = bytes((9, 10, *range(0x20, 0x7F)))
_NOT_SPACE = re.compile(r"[^ \n]")
_SPACES = re.compile(r" *")
_LINE = re.compile(f"[^{_BREAKS}{_END}]*")
_BREAK_RUN = re.compile(f"[{_BLANKS}{_BREAKS}]*")
_DOCUMENT_MARKER = re.compile(rf"(?:---|\.\.\.)(?=[{_BLANK_OR_END}])")

_WORD_IN_BLOCK = re.compile(f"[^{_BLANK_OR_END}:]*(?::(?![{_BLANK_OR_END}])[^{_BLANK_OR_END}:]*)*")
_WORD_IN_FLOW = re.compile(
    rf"[^{_BLANK_OR_END}:,?\[\]{{}}]*(?::(?![{_BLANK_OR_END}])[^{_BLANK_OR_END}:,?\[\]{{}}]*)*"
)
_BLANK_RUN = re.compile(f"[{_BLANKS}]*")
_NOT_PLAIN_START = "-?:,[]{}#&*!|>'\"%@`" + _BLANK_OR_END

_SINGLE_QUOTED_RUN = re.compile(f"[^'{_BREAKS}{_END}]*")
_DOUBLE_QUOTED_RUN = re.compile(rf'[^"\\{_BREAKS}{_END}]*')
_HEX = re.compile(r"[0-9A-Fa-f]+\Z")
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

_BLOCK_HEADER = re.compile(rf"[|>](?:([+-])([0-9])?|([0-9])([+-])?)?[{_BLANKS}]*(?:#[^{_BREAKS}{_END}]*)?")
_ANCHOR = re.compile(rf"[&*]([0-9A-Za-z_-]+)(?=[{_BLANK_OR_END}?:,\]}}%@`])")
_TAG_URI = r"[0-9A-Za-z_\-;/?:@&=+$,.!~*'()\[\]%]"
_TAG = re.compile(
    rf"!(?:<({_TAG_URI}+)>|([0-9A-Za-z_-]*!)({_TAG_URI}+)|(?![0-9A-Za-z_-]*!)({_TAG_URI}*))(?=[{_BLANK_OR_END}])"
)
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%")
_DIRECTIVE = re.compile(
    rf"%(?:YAML[{_BLANKS}]+([0-9]{{1,2}}\.[0-9]{{1,2}})|TAG[{_BLANKS}]+(!|![0-9A-Za-z_-]*!)[{_BLANKS}]+({_TAG_URI}+))"
    rf"(?=[{_BLANK_OR_END}])[{_BLANKS}]*(?:#[^{_BREAKS}{_END}]*)?(?=[{_BREAKS}{_END}])"
)

# How a line in block style begins: indentation, "- ", "key: ".
_ENTRY = re.compile(r"( *)(- +)?(?:([A-Za-z_][\w./-]{0,200}):(?: +|(?=[\n\0])))?")
_LINE_END = re.compile(r"(?: *| +#[^\n\0]*)(?=[\n\0])")

_CORE = "tag:yaml.org,2002:"
_STR, _BOOL, _INT, _FLOAT = _CORE + "str", _CORE + "bool", _CORE + "int", _CORE + "float"
_NULL, _TIMESTAMP = _CORE + "null", _CORE + "timestamp"
_BINARY, _MERGE = _CORE + "binary", _CORE + "merge"
_NO_TAG = ""
_RESOLVED_TAGS = frozenset((_NO_TAG, _BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP))

# go-yaml v2, resolve.go.
_WORDS: dict[str, tuple[str, object]] = {
    **dict.fromkeys("y Y yes Yes YES true True TRUE on On ON".split(), (_BOOL, True)),
    **dict.fromkeys("n N no No NO false False FALSE off Off OFF".split(), (_BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (_NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (_FLOAT, float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (_FLOAT, float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (_FLOAT, float("-inf"))),
}
# A plain scalar that begins otherwise is a string.
_MEANING_START = frozenset("0123456789+-.yYnNtTfFoO~")
_NUMBER_START = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"([+-]?)(0|[1-9][0-9]*)\Z")
_PREFIXED = re.compile(r"([+-]?)0(?:[xX]([0-9A-Fa-f]+)|[bB]([01]+)|[oO]?([0-7]+))\Z")
_BINARY_SIGN_INSIDE = re.compile(r"0b([+-][01]+)\Z")
_FLOATING = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?\Z")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_TIME = re.compile(
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


def load(source: bytes | str) -> object:
    """Read the first document of `source`: dict (its keys are str), list, str, int, float, bool or None.

    Bytes are UTF-8, or UTF-16 with a byte order mark. Nothing at all is None. Of duplicate keys the last counts.
    What an alias stands for is the same object as what its anchor stands for: do not change what is returned.
    Raises YamlError, and nothing else.
    """
    if len(source) > MAX_BYTES:
        raise YamlError(f"the text is larger than {MAX_BYTES // 1024 // 1024} MiB", 1, 1)
    text = (_decode(source) if isinstance(source, bytes) else _checked(source)) + _END
    try:
        return _block_style(text)
    except (_NotBlockStyle, YamlError):
        return _Composer(_Scanner(text)).document()


def _decode(source: bytes) -> str:
    """The text of `source`, as `_checked` leaves it."""
    if not source.translate(None, _PRINTABLE_ASCII):
        return source.decode("ascii")
    encoding = "utf-8"
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16-le" if source[0] == 0xFF else "utf-16-be"
        source = source[2:]
    try:
        text = source.decode(encoding)
    except UnicodeDecodeError as error:
        before = _checked(source[: error.start].decode(encoding))
        _fail(before, len(before), f"expected {encoding[:6].rstrip('-').upper()}, which the bytes here are not")
    return _checked(text)


def _checked(text: str) -> str:
    """`text` without a byte order mark and with LF for each CR LF, CR and NEL.

    Control characters are refused wherever they are; kubectl does not look for them far behind the first document.
    """
    text = text[1:] if text.startswith("\ufeff") else text
    found = _NOT_ALLOWED.search(text)
    if found:
        before = _checked(text[: found.start()])
        _fail(before, len(before), f"expected text, found the control character U+{ord(found.group()):04X}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")


def _fail(text: str, position: int, message: str) -> NoReturn:
    """Raise YamlError for a position in `text`."""
    before = text[:position]
    line = 1 + sum(before.count(mark) for mark in _BREAKS)
    column = position - max(before.rfind(mark) for mark in _BREAKS)
    raise YamlError(message, line, column)


# ---- scalars: (text, position) -> (value, position) ----


def _folded(breaks: str) -> str:
    """What a run of line breaks inside a plain or quoted scalar means: one LF is a space, more lose the first."""
    if breaks[0] != "\n":
        return breaks
    return breaks[1:] or " "


def _only_breaks(run: str) -> str:
    return run.replace(" ", "").replace("\t", "")


def _line_start(text: str, start: int, end: int) -> int:
    """Where the line that holds `end` begins, given that a line break is in text[start:end]."""
    return 1 + max(text.rfind(mark, start, end) for mark in _BREAKS)


class _Plain(NamedTuple):
    value: str
    end: int
    line_start: int  # of the line that `end` is on
    broken: bool  # whether line breaks were passed behind the last word


def _plain_scalar(text: str, position: int, line_start: int, indent: int, in_flow: bool) -> _Plain:
    """The plain scalar at `position`, over as many lines as are indented by `indent` or more."""
    word_pattern = _WORD_IN_FLOW if in_flow else _WORD_IN_BLOCK
    parts: list[str] = []
    gap = ""
    broken = False
    start = position
    while True:
        if position == line_start and _DOCUMENT_MARKER.match(text, position):
            break
        if text[position] == "#":
            break
        word_end = word_pattern.match(text, position).end()  # type: ignore[union-attr]
        if word_end > position:
            parts += (gap, text[position:word_end])
            gap, broken = "", False
            position = word_end
        if text[position] not in _BLANKS and text[position] not in _BREAKS:
            break
        run_end = _BREAK_RUN.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:run_end]
        breaks = _only_breaks(run)
        if breaks:
            line_start = _check_tabs(text, position, run_end, indent, start)
            gap, broken = _folded(breaks), True
        else:
            gap = run
        position = run_end
        if not in_flow and position - line_start < indent:
            break
    return _Plain("".join(parts), position, line_start, broken)


def _check_tabs(text: str, start: int, end: int, indent: int, scalar: int) -> int:
    """Refuse tabs that indent a plain scalar's further lines; where the line that holds `end` begins."""
    line_start = _line_start(text, start, end)
    tab = text.find("\t", start, end)
    while tab >= 0:
        before = max(text.rfind(mark, start, tab) for mark in _BREAKS)
        if before >= 0 and tab - before - 1 < indent:
            _fail(text, tab, "found a tab where spaces were expected: tabs cannot indent")
        tab = text.find("\t", tab + 1, end)
    return line_start


def _single_quoted(text: str, position: int, line_start: int) -> tuple[str, int, int]:
    """The scalar whose opening quote is at `position`: its value, the position behind it, the last line's start."""
    start = position
    position += 1
    parts: list[str] = []
    while True:
        end = _SINGLE_QUOTED_RUN.match(text, position).end()  # type: ignore[union-attr]
        run = text[position:end]
        if text[end] in _BREAKS:
            parts.append(run.rstrip(_BLANKS))
            breaks, position, line_start = _quoted_breaks(text, end, start)
            parts.append(_folded(breaks))
            continue
        parts.append(run)
        if text[end] == _END:
            _fail(text, start, 'expected a closing "\'" for the quote that opens here')
        if text[end + 1] != "'":
            return "".join(parts), end + 1, line_start
        parts.append("'")
        position = end + 2


def _double_quoted(text: str, position: int, line_start: int) -> tuple[str, int, int]:
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
            if text[end + 1] in _BREAKS:
                breaks, position, line_start = _quoted_breaks(text, end + 1, start)
                parts.append(breaks[1:])
            else:
                value, position = _escape(text, end)
                parts.append(value)
        elif mark == _END:
            _fail(text, start, "expected a closing '\"' for the quote that opens here")
        else:
            parts.append(run.rstrip(_BLANKS))
            breaks, position, line_start = _quoted_breaks(text, end, start)
            parts.append(_folded(breaks))


def _quoted_breaks(text: str, position: int, start: int) -> tuple[str, int, int]:
    """The line breaks at `position`, the position of what follows their blanks, and where its line begins."""
    end = _BREAK_RUN.match(text, position).end()  # type: ignore[union-attr]
    line_start = _line_start(text, position, end)
    if end == line_start and _DOCUMENT_MARKER.match(text, end):
        _fail(text, end, f"found {text[end : end + 3]!r} inside a quoted value: expected its closing quote before")
    return _only_breaks(text[position:end]), end, line_start


def _escape(text: str, position: int) -> tuple[str, int]:
    """The character that the escape at `position`, a backslash, stands for."""
    name = text[position + 1]
    known = _ESCAPES.get(name)
    if known is not None:
        return known, position + 2
    width = _HEX_DIGITS.get(name)
    if width is None:
        _fail(text, position, "unknown escape in a double-quoted value: expected one of \\\\ \\\" \\n \\t \\xNN \\uNNNN …")
    digits = text[position + 2 : position + 2 + width]
    if len(digits) < width or not _HEX.match(digits):
        _fail(text, position, f"expected {width} hexadecimal digits behind \\{name}")
    code = int(digits, 16)
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        _fail(text, position, f"\\{name}{digits} is no Unicode character: expected one, not half of a pair")
    return chr(code), position + 2 + width


def _block_scalar(text: str, position: int, parent: int) -> tuple[str, int]:
    """The literal or folded scalar whose "|" or ">" is at `position`, inside an indentation of `parent`.

    The position returned is on the line behind it, behind that line's indentation.
    """
    header = _BLOCK_HEADER.match(text, position)
    assert header is not None
    chomp_first, digit_behind, digit_first, chomp_behind = header.groups()
    chomping, digit = chomp_first or chomp_behind, digit_first or digit_behind
    if digit == "0":
        _fail(text, position, "expected an indentation from 1 to 9 behind the block indicator, not 0")
    if text[header.end()] not in _BREAKS and text[header.end()] != _END:
        _fail(text, header.end(), "expected the end of the line, or a comment, behind a block indicator")
    literal = text[position] == "|"
    position = header.end() + (text[header.end()] != _END)
    if digit:
        indent = max(parent, 0) + int(digit)
    else:
        indent = _detect_indent(text, position, parent)
    parts: list[str] = []
    line_break = ""
    was_blank = False
    breaks, position, column = _block_breaks(text, position, indent)
    while column == indent and text[position] != _END:
        blank = text[position] in _BLANKS
        if not literal and line_break == "\n" and not was_blank and not blank:
            parts.append("" if breaks else " ")
        else:
            parts.append(line_break)
        parts.append(breaks)
        was_blank = blank
        end = _LINE.match(text, position).end()  # type: ignore[union-attr]
        parts.append(text[position:end])
        line_break = text[end] if text[end] != _END else ""
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
        end = _SPACES.match(text, position).end()  # type: ignore[union-attr]
        widest = max(widest, end - position)
        if text[end] == "\t":
            _fail(text, end, "found a tab where spaces were expected: tabs cannot indent")
        if text[end] not in _BREAKS:
            return max(widest, parent + 1, 1)
        position = end + 1


def _block_breaks(text: str, position: int, indent: int) -> tuple[str, int, int]:
    """Empty lines, then up to `indent` spaces: the breaks, the position behind, its column."""
    start = position
    breaks: list[str] = []
    while True:
        end = min(_SPACES.match(text, position).end(), position + indent)  # type: ignore[union-attr]
        if text[end] == "\t" and end - position < indent:
            _fail(text, end, "found a tab where spaces were expected: tabs cannot indent")
        if text[end] not in _BREAKS:
            return "".join(breaks), end, end - position
        breaks.append(text[end])
        position = end + 1


# ---- what a scalar means ----


def _resolve(value: str, tag: str) -> object:
    """The value of a scalar: go-yaml v2's resolve. `tag` is "" for a plain one. Raises ValueError."""
    if tag == _BINARY:
        return _binary(value)
    if tag not in _RESOLVED_TAGS:
        return value
    kind, resolved = _implicit(value)
    if tag in (_NO_TAG, kind):
        return resolved
    if tag == _FLOAT and kind == _INT and isinstance(resolved, int) and resolved < 2**63:
        return float(resolved)
    if tag == _TIMESTAMP and kind == _STR and _is_timestamp(value):
        return value
    raise ValueError(f"expected a value of the kind that its tag !!{tag[len(_CORE):]} names")


def _implicit(value: str) -> tuple[str, object]:
    """What an untagged plain scalar is: its tag and value."""
    word = _WORDS.get(value)
    if word is not None:
        return word
    if value[0] not in _NUMBER_START:
        return _STR, value
    number = _number(value)
    if number is None:
        return _STR, value
    return (_INT if isinstance(number, int) else _FLOAT), number


def _number(value: str) -> int | float | None:
    """The number that `value` is by the rules of Go's strconv with base 0, or None.

    Integers are those of 64 bits, with or without a sign; larger decimal ones are floats, as JSON has them.
    """
    plain = value if value[0] == "." else value.replace("_", "")
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
        if hexadecimal:
            magnitude = int(hexadecimal, 16)
        else:
            magnitude = int(binary, 2) if binary else int(octal, 8)
        return -magnitude if sign == "-" else magnitude
    # strconv.ParseInt("-1", 2, 64), which go-yaml calls for what stands behind "0b", takes a sign.
    found = _BINARY_SIGN_INSIDE.match(plain)
    return int(found.group(1), 2) if found else None


def _binary(value: str) -> str:
    compact = value.replace("\n", "").replace("\r", "")
    if not _BASE64.match(compact):
        raise ValueError("expected base64 behind the tag !!binary")
    import binascii

    decoded = binascii.a2b_base64(compact).decode("utf-8", "surrogateescape")
    # JSON holds text only: Go writes one replacement character for each byte that is not UTF-8.
    return re.sub("[\udc80-\udcff]", "\ufffd", decoded)


def _is_timestamp(value: str) -> bool:
    """Whether go-yaml v2 takes `value` for a time (resolve.go, allowedTimestampFormats)."""
    found = _TIME.match(value)
    if not found:
        return False
    year, month, day, *clock = (int(part or 0) for part in found.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    limits = (24, 60, 60, 25, 61, 24, 60, 60)
    return (
        1 <= month <= 12
        and 1 <= day <= days[month - 1]
        and all(part < limit for part, limit in zip(clock, limits))
    )


def _key_text(key: object) -> str:
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


# ---- text -> values, for a text in plain block style ----


class _NotBlockStyle(Exception):
    """The text holds something that `_block_style` does not know; it may well be YAML."""


def _block_style(text: str) -> dict[str, object]:
    """Read a mapping of `key: value` and `- ` lines, whose values are scalars. Raises _NotBlockStyle, YamlError."""
    if "\u2028" in text or "\u2029" in text:
        raise _NotBlockStyle
    root: dict[str, object] = {}
    open_collections: list[tuple[int, Any]] = [(0, root)]  # with their columns; a list may stand at its mapping's
    outer_column, outer = open_collections[0]
    slot: Any = ""  # the key or index that was set last
    pending = False  # whether that key has no value yet: further lines may bring a collection
    word_at = -1  # where the word begins that ended the line before; a line further right continues it
    match = _ENTRY.match
    line_start = 0
    while text[line_start] != _END:
        found = match(text, line_start)
        assert found is not None
        indentation, dash, key = found.groups()
        position = found.end()
        mark = text[position]
        if not dash and not key and mark in "\n#\0":
            line_start = _next_line(text, position)
            continue
        column = len(indentation)
        if column > outer_column and word_at >= 0:
            outer[slot], position = _scalar_at(text, word_at, outer_column)
            if position <= line_start:
                raise _NotBlockStyle
            line_start, word_at = position, -1
            continue

        while column < outer_column:
            open_collections.pop()
            outer_column, outer = open_collections[-1]
            pending = False
        if pending and (dash or column > outer_column):
            outer[slot] = [] if dash else {}
            outer_column, outer = _open(open_collections, column, outer[slot])
        elif isinstance(outer, list) and not dash and open_collections[-2][0] == column:
            open_collections.pop()
            outer_column, outer = open_collections[-1]
        if column != outer_column or isinstance(outer, list) != bool(dash) or not (dash or key) or key in _WORDS:
            raise _NotBlockStyle
        if dash:
            slot = len(outer)
            outer.append(None)
            if key:
                outer[slot] = {}
                outer_column, outer = _open(open_collections, column + len(dash), outer[slot])
        if key:
            slot = key

        word_at = -1
        pending = mark in "\n\0"
        line_end = text.find("\n", position)
        word = text[position : line_end if line_end >= 0 else -1]
        if pending:
            if not key:
                raise _NotBlockStyle
            outer[slot] = None
        elif mark in "{[" and word in ("{}", "[]"):
            outer[slot] = {} if mark == "{" else []
        elif mark in _NOT_PLAIN_START or " " in word or "\t" in word or word[-1] == ":":
            outer[slot], line_start = _scalar_at(text, position, outer_column)
            continue
        else:
            outer[slot] = word if mark not in _MEANING_START else _finite(word)
            word_at = position
        line_start = line_end + 1 if line_end >= 0 else len(text) - 1
    if not root:
        raise _NotBlockStyle
    return root


def _open(
    open_collections: list[tuple[int, Any]], column: int, collection: dict[str, object] | list[object]
) -> tuple[int, Any]:
    if len(open_collections) == MAX_DEPTH:
        raise _NotBlockStyle
    open_collections.append((column, collection))
    return open_collections[-1]


def _next_line(text: str, position: int) -> int:
    """Where the line behind that of `position` begins, or the end."""
    end = text.find("\n", position)
    return end + 1 if end >= 0 else len(text) - 1


def _finite(value: str) -> object:
    """What an untagged plain scalar is, unless that is an infinity or NaN."""
    resolved = _implicit(value)[1]
    if isinstance(resolved, float) and resolved - resolved != 0:
        raise _NotBlockStyle
    return resolved


def _scalar_at(text: str, position: int, indent: int) -> tuple[object, int]:
    """The scalar at `position`, in a collection that stands at the column `indent`; and where the next line begins."""
    mark = text[position]
    if mark in "|>":
        value, position = _block_scalar(text, position, indent)
        return value, position if text[position] == _END else text.rfind("\n", 0, position) + 1
    if mark in "'\"":
        read = _single_quoted if mark == "'" else _double_quoted
        value, position, _ = read(text, position, 0)
    elif mark in _NOT_PLAIN_START:
        raise _NotBlockStyle
    else:
        plain = _plain_scalar(text, position, text.rfind("\n", 0, position) + 1, indent + 1, False)
        if plain.broken:
            return _finite(plain.value), plain.line_start
        if text[plain.end] not in "#" + _END:
            raise _NotBlockStyle
        return _finite(plain.value), _next_line(text, plain.end)
    if not _LINE_END.match(text, position):
        raise _NotBlockStyle
    return value, _next_line(text, position)


# ---- text -> tokens ----

(
    _STREAM_END,
    _VERSION,
    _TAG_HANDLE,
    _DOCUMENT_START,
    _DOCUMENT_END,
    _BLOCK_SEQUENCE,
    _BLOCK_MAPPING,
    _BLOCK_END,
    _FLOW_SEQUENCE,
    _FLOW_SEQUENCE_END,
    _FLOW_MAPPING,
    _FLOW_MAPPING_END,
    _FLOW_ENTRY,
    _BLOCK_ENTRY,
    _KEY,
    _VALUE,
    _ALIAS,
    _ANCHOR_NAME,
    _TAG_NAME,
    _PLAIN,
    _QUOTED,
) = range(21)


class _Token(NamedTuple):
    kind: int
    position: int
    value: str = ""
    more: str = ""  # a tag handle's prefix, a tag's suffix


class _SimpleKey:
    """A place where a key may have begun; its ":" decides. State: whether that can still be."""

    __slots__ = ("line_start", "number", "position", "possible", "required")

    def __init__(self, position: int, line_start: int, number: int, possible: bool, required: bool) -> None:
        self.position = position
        self.line_start = line_start
        self.number = number  # of the token that begins the key
        self.possible = possible
        self.required = required  # whether there is an error unless it turns out to be a key


class _Scanner:
    """Text -> tokens, by libyaml's rules. State: the position, the indentation, the keys that are pending."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line_start = 0
        self.indent = -1
        self.indents: list[int] = []
        self.flow_level = 0
        self.key_allowed = True
        self.tokens: deque[_Token] = deque()
        self.taken = 0
        # The last place on each flow level where a key may have begun.
        self.keys = [_SimpleKey(0, 0, -1, False, False)]
        self.key_of_token: dict[int, _SimpleKey] = {}

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        _fail(self.text, self.position if position is None else position, message)

    def peek(self) -> _Token:
        """The next token. It is known only once it is clear whether it begins a key."""
        while True:
            if self.tokens:
                key = self.key_of_token.get(self.taken)
                if key is None or not self._still_possible(key):
                    return self.tokens[0]
            self._fetch()

    def take(self) -> _Token:
        token = self.peek()
        self.tokens.popleft()
        self.key_of_token.pop(self.taken, None)
        self.taken += 1
        return token

    def _insert(self, number: int, token: _Token) -> None:
        """Put a token before the one of this number; behind all where that one is taken."""
        at = number - self.taken
        self.tokens.insert(at if at >= 0 else len(self.tokens), token)

    # -- simple keys --

    def _still_possible(self, key: _SimpleKey) -> bool:
        if not key.possible:
            return False
        if key.line_start == self.line_start and self.position - key.position <= _MAX_SIMPLE_KEY:
            return True
        self._give_up(key)
        return False

    def _give_up(self, key: _SimpleKey) -> None:
        if key.possible:
            if key.required:
                self.fail("expected a ':' behind this key, on the same line", key.position)
            key.possible = False

    def _may_be_key(self) -> None:
        """Note that the token about to be added may turn out to be a key."""
        if self.key_allowed:
            column = self.position - self.line_start
            required = not self.flow_level and self.indent == column
            number = self.taken + len(self.tokens)
            self._give_up(self.keys[-1])
            key = _SimpleKey(self.position, self.line_start, number, True, required)
            self.keys[-1] = self.key_of_token[number] = key

    # -- indentation --

    def _roll(self, column: int, kind: int, position: int, number: int | None = None) -> None:
        """Open a block collection if `column` is further right than the one we are in."""
        if not self.flow_level and self.indent < column:
            self.indents.append(self.indent)
            self.indent = column
            if number is None:
                self.tokens.append(_Token(kind, position))
            else:
                self._insert(number, _Token(kind, position))

    def _unroll(self, column: int) -> None:
        """Close the block collections that stand further right than `column`."""
        if not self.flow_level:
            while self.indent > column:
                self.tokens.append(_Token(_BLOCK_END, self.position))
                self.indent = self.indents.pop()

    # -- fetching --

    def _skip_blanks(self) -> None:
        """Go to the next token: past spaces, comments, line breaks, and tabs where they indent nothing."""
        text = self.text
        position = self.position
        while True:
            at = _NOT_SPACE.search(text, position).start()  # type: ignore[union-attr]
            last_break = text.rfind("\n", position, at)
            if last_break >= 0:
                self.line_start = last_break + 1
                self.key_allowed = self.key_allowed or not self.flow_level
            mark = text[at]
            if mark == "#":
                position = _LINE.match(text, at).end()  # type: ignore[union-attr]
            elif mark == "\t" and (self.flow_level or not self.key_allowed):
                position = at + 1
            elif mark in _BREAKS:
                self.line_start = position = at + 1
                self.key_allowed = self.key_allowed or not self.flow_level
            else:
                self.position = at
                return

    def _fetch(self) -> None:
        """Add the next token, with those that its indentation and its being a key imply."""
        self._skip_blanks()
        text, position = self.text, self.position
        column = position - self.line_start
        self._unroll(column)
        mark = text[position]
        if mark == _END:
            self._stream_end()
        elif column == 0 and mark == "%":
            self._directive()
        elif column == 0 and mark in "-." and _DOCUMENT_MARKER.match(text, position):
            self._unroll(-1)
            self._give_up(self.keys[-1])
            self.key_allowed = False
            self._add(_DOCUMENT_START if mark == "-" else _DOCUMENT_END, 3)
        elif mark in "[{":
            self._flow_start(_FLOW_SEQUENCE if mark == "[" else _FLOW_MAPPING)
        elif mark in "]}":
            self._flow_end(_FLOW_SEQUENCE_END if mark == "]" else _FLOW_MAPPING_END)
        elif mark == ",":
            self._give_up(self.keys[-1])
            self.key_allowed = True
            self._add(_FLOW_ENTRY, 1)
        elif mark == "-" and text[position + 1] in _BLANK_OR_END:
            self._block_entry(column)
        elif mark == "?" and (self.flow_level or text[position + 1] in _BLANK_OR_END):
            self._explicit_key(column)
        elif mark == ":" and (self.flow_level or text[position + 1] in _BLANK_OR_END):
            self._value(column)
        elif mark in "*&":
            self._anchor()
        elif mark == "!":
            self._tag()
        elif mark in "|>" and not self.flow_level:
            self._block_scalar()
        elif mark in "'\"":
            self._quoted_scalar()
        elif mark not in _NOT_PLAIN_START or mark == "-" or (mark in "?:" and not self.flow_level):
            self._plain_scalar()
        elif mark == "\t":
            self.fail("found a tab where spaces were expected: tabs cannot indent")
        else:
            self.fail(f"{mark!r} cannot begin a value: expected quotes around it")

    def _add(self, kind: int, width: int) -> None:
        self.tokens.append(_Token(kind, self.position))
        self.position += width

    def _stream_end(self) -> None:
        # The end counts as a new line, so that no key is pending any more.
        self.line_start = self.position
        self._unroll(-1)
        self._give_up(self.keys[-1])
        self.key_allowed = False
        self._add(_STREAM_END, 0)

    def _directive(self) -> None:
        self._unroll(-1)
        self._give_up(self.keys[-1])
        self.key_allowed = False
        found = _DIRECTIVE.match(self.text, self.position)
        if not found:
            self.fail("expected the directive '%YAML 1.1' or '%TAG handle prefix'")
        version, handle, prefix = found.groups()
        if version:
            self.tokens.append(_Token(_VERSION, self.position, version))
        else:
            self.tokens.append(_Token(_TAG_HANDLE, self.position, handle, self._unescape_uri(prefix)))
        self.position = found.end()

    def _flow_start(self, kind: int) -> None:
        self._may_be_key()
        number = self.taken + len(self.tokens)
        self.keys.append(_SimpleKey(self.position, self.line_start, number, False, False))
        self.flow_level += 1
        self.key_allowed = True
        self._add(kind, 1)

    def _flow_end(self, kind: int) -> None:
        self._give_up(self.keys[-1])
        if self.flow_level:
            self.flow_level -= 1
            # go-yaml forgets here that an empty [] or {} may be a key, which decides how far it reads.
            self.key_of_token.pop(self.keys.pop().number, None)
        self.key_allowed = False
        self._add(kind, 1)

    def _block_entry(self, column: int) -> None:
        if not self.flow_level:
            if not self.key_allowed:
                self.fail("a list item cannot begin here: expected it on a line of its own")
            self._roll(column, _BLOCK_SEQUENCE, self.position)
        self._give_up(self.keys[-1])
        self.key_allowed = True
        self._add(_BLOCK_ENTRY, 1)

    def _explicit_key(self, column: int) -> None:
        if not self.flow_level:
            if not self.key_allowed:
                self.fail("a key cannot begin here: expected it on a line of its own")
            self._roll(column, _BLOCK_MAPPING, self.position)
        self._give_up(self.keys[-1])
        self.key_allowed = not self.flow_level
        self._add(_KEY, 1)

    def _value(self, column: int) -> None:
        key = self.keys[-1]
        if self._still_possible(key):
            self._insert(key.number, _Token(_KEY, key.position))
            self._roll(key.position - key.line_start, _BLOCK_MAPPING, key.position, key.number)
            key.possible = False
            self.key_allowed = False
        else:
            if not self.flow_level:
                if not self.key_allowed:
                    self.fail("a ': ' is not allowed here: expected quotes around this value, or a new line before")
                self._roll(column, _BLOCK_MAPPING, self.position)
            self.key_allowed = not self.flow_level
        self._add(_VALUE, 1)

    def _anchor(self) -> None:
        self._may_be_key()
        self.key_allowed = False
        found = _ANCHOR.match(self.text, self.position)
        if not found:
            self.fail(f"expected a name of letters, digits, '-' and '_' behind {self.text[self.position]!r}")
        kind = _ALIAS if self.text[self.position] == "*" else _ANCHOR_NAME
        self.tokens.append(_Token(kind, self.position, found.group(1)))
        self.position = found.end()

    def _tag(self) -> None:
        self._may_be_key()
        self.key_allowed = False
        found = _TAG.match(self.text, self.position)
        if not found:
            self.fail("expected a tag such as '!name' or '!!str', and a space behind it")
        verbatim, handle, suffix, local = found.groups()
        if verbatim:
            token = _Token(_TAG_NAME, self.position, "", self._unescape_uri(verbatim))
        elif handle:
            token = _Token(_TAG_NAME, self.position, "!" + handle, self._unescape_uri(suffix))
        elif local:
            token = _Token(_TAG_NAME, self.position, "!", self._unescape_uri(local))
        else:
            token = _Token(_TAG_NAME, self.position, "", "!")
        self.tokens.append(token)
        self.position = found.end()

    def _unescape_uri(self, uri: str) -> str:
        if "%" not in uri:
            return uri
        try:
            return _PERCENT.sub(lambda found: bytes.fromhex(found.group().replace("%", "")).decode(), uri)
        except ValueError:
            self.fail("expected UTF-8 behind '%' in a tag")

    def _block_scalar(self) -> None:
        self._give_up(self.keys[-1])
        self.key_allowed = True
        start = self.position
        value, self.position = _block_scalar(self.text, start, self.indent)
        self.tokens.append(_Token(_QUOTED, start, value))
        self.line_start = _line_start(self.text, start, self.position) or self.line_start

    def _quoted_scalar(self) -> None:
        self._may_be_key()
        self.key_allowed = False
        start = self.position
        read = _single_quoted if self.text[start] == "'" else _double_quoted
        value, self.position, self.line_start = read(self.text, start, self.line_start)
        self.tokens.append(_Token(_QUOTED, start, value))

    def _plain_scalar(self) -> None:
        self._may_be_key()
        start = self.position
        found = _plain_scalar(self.text, start, self.line_start, self.indent + 1, self.flow_level > 0)
        self.position, self.line_start = found.end, found.line_start
        self.key_allowed = found.broken
        self.tokens.append(_Token(_PLAIN, start, found.value))


# ---- tokens -> values ----


class _MergeKey(str):
    """The key "<<" where it merges; anywhere else it is the string that it looks like."""


_MERGE_KEY = _MergeKey("<<")


class _Anchored(NamedTuple):
    value: object
    size: int  # how many nodes it has, aliases followed; 0 while it is still being read


def _holds_not_finite(value: object) -> bool:
    """Whether an infinity or NaN is in `value`: one that a later duplicate of its key replaced does no harm."""
    found = False
    seen: set[int] = set()
    pending = [value]
    while pending and not found:
        item = pending.pop()
        if isinstance(item, float):
            found = item - item != 0
        elif isinstance(item, (dict, list)) and id(item) not in seen:
            seen.add(id(item))
            pending += item.values() if isinstance(item, dict) else item
    return found


class _Composer:
    """Tokens -> the first document's value. State: the anchors, the tag handles, the counts of nodes."""

    def __init__(self, scanner: _Scanner) -> None:
        self.scanner = scanner
        self.peek = scanner.peek
        self.take = scanner.take
        self.anchors: dict[str, _Anchored] = {}
        self.handles: dict[str, str] = {}
        self.depth = 0
        self.nodes = 1
        self.aliased = 0
        self.not_finite: _Token | None = None

    def fail(self, token: _Token, message: str) -> NoReturn:
        self.scanner.fail(message, token.position)

    def document(self) -> object:
        if self.peek().kind == _STREAM_END:
            return None
        explicit = self._directives()
        token = self.peek()
        if token.kind == _DOCUMENT_START:
            self.take()
            token = self.peek()
            explicit = True
        elif explicit:
            self.fail(token, "expected '---' behind the directives")
        if explicit and token.kind in (_VERSION, _TAG_HANDLE, _DOCUMENT_START, _DOCUMENT_END, _STREAM_END):
            return None
        value = self._node(block=True)
        # Whatever follows is a further document; but it must begin with a token.
        self.peek()
        if self.not_finite and _holds_not_finite(value):
            self.fail(self.not_finite, "expected a finite number: kubectl reads YAML as JSON, which has no other")
        return value

    def _directives(self) -> bool:
        """Read what stands before "---"; whether anything did."""
        version = False
        token = self.peek()
        while token.kind in (_VERSION, _TAG_HANDLE):
            if token.kind == _TAG_HANDLE:
                if token.value in self.handles:
                    self.fail(token, f"the tag handle {token.value} is declared twice: expected it once")
                self.handles[token.value] = token.more
            elif version:
                self.fail(token, "found a second %YAML directive: expected one")
            elif tuple(map(int, token.value.split("."))) != (1, 1):
                self.fail(token, f"found YAML {token.value}: expected %YAML 1.1")
            version = version or token.kind == _VERSION
            self.take()
            token = self.peek()
        found = version or bool(self.handles)
        self.handles.setdefault("!", "!")
        self.handles.setdefault("!!", _CORE)
        return found

    def _node(self, *, block: bool, indentless: bool = False, key: bool = False) -> object:
        """One node: its properties and its content.

        `block`: whether it may be a block collection; `indentless`: whether "- " items may stand at its parent's
        column; `key`: whether it is a mapping's key.
        """
        token = self.peek()
        if token.kind == _ALIAS:
            value = self._alias(self.take())
        else:
            anchor, tag = self._properties()
            tag_name = self._tag_name(tag)
            before = self.nodes
            self.nodes += 1
            opened = _Anchored(None, 0)
            if anchor:
                self.anchors[anchor.value] = opened
            may_be = (block, indentless, key)
            value = self._content(token, tag_name, bool(anchor or tag), may_be)
            if anchor and self.anchors[anchor.value] is opened:
                self.anchors[anchor.value] = _Anchored(value, self.nodes - before)
        if not key and isinstance(value, float) and value - value != 0:
            self.not_finite = self.not_finite or token
        return value

    def _properties(self) -> tuple[_Token | None, _Token | None]:
        """A node's anchor and tag, in either order."""
        anchor = tag = None
        if self.peek().kind == _ANCHOR_NAME:
            anchor = self.take()
        if self.peek().kind == _TAG_NAME:
            tag = self.take()
            if anchor is None and self.peek().kind == _ANCHOR_NAME:
                anchor = self.take()
        return anchor, tag

    def _tag_name(self, tag: _Token | None) -> str:
        if tag is None:
            return _NO_TAG
        if not tag.value:
            return tag.more
        if tag.value not in self.handles:
            self.fail(tag, f"the tag handle {tag.value} is not declared: expected a %TAG directive for it")
        return self.handles[tag.value] + tag.more

    def _content(self, first: _Token, tag: str, properties: bool, may_be: tuple[bool, bool, bool]) -> object:
        """A node without its properties. `first`: where it begins; `may_be`: `_node`'s flags."""
        block, indentless, key = may_be
        token = self.peek()
        kind = token.kind
        if kind == _PLAIN or kind == _QUOTED:
            return self._scalar(self.take(), tag, key)
        read: Callable[[], object] | None = None
        if kind == _BLOCK_ENTRY and indentless:
            read = self._indentless_sequence
        elif kind == _FLOW_SEQUENCE:
            read = self._flow_sequence
        elif kind == _FLOW_MAPPING:
            read = self._flow_mapping
        elif block and kind == _BLOCK_SEQUENCE:
            read = self._block_sequence
        elif block and kind == _BLOCK_MAPPING:
            read = self._block_mapping
        if read is None:
            if properties:
                return self._scalar(_Token(_PLAIN, first.position), tag, key)
            self.fail(token, "expected a value here")
        if self.depth == MAX_DEPTH:
            self.fail(token, f"the nesting is too deep: expected at most {MAX_DEPTH} levels")
        self.depth += 1
        value = read()
        self.depth -= 1
        return value

    def _scalar(self, token: _Token, tag: str, key: bool) -> object:
        if key and token.value == "<<" and (tag in ("!", _MERGE) or (tag == _NO_TAG and token.kind == _PLAIN)):
            return _MERGE_KEY
        if tag == _NO_TAG and token.kind == _QUOTED:
            return token.value
        try:
            return _resolve(token.value, tag)
        except ValueError as error:
            self.fail(token, str(error))

    def _alias(self, token: _Token) -> object:
        anchored = self.anchors.get(token.value)
        if anchored is None:
            self.fail(token, f"unknown anchor {token.value!r}: expected '&{token.value}' before its first use")
        if not anchored.size:
            self.fail(token, f"the anchor {token.value!r} contains itself: expected an alias outside of it")
        self.nodes += 1 + anchored.size
        self.aliased += anchored.size
        if self._too_much_aliased():
            self.fail(token, "too much of this document comes from aliases: expected fewer or smaller ones")
        return anchored.value

    def _too_much_aliased(self) -> bool:
        if self.aliased <= _ALIAS_FREE_ALIASED or self.nodes <= _ALIAS_FREE_NODES:
            return False
        above = min(max(self.nodes - _ALIAS_RATIO_LOW, 0) / (_ALIAS_RATIO_HIGH - _ALIAS_RATIO_LOW), 1)
        return self.aliased > self.nodes * (_ALIAS_SHARE_LOW - (_ALIAS_SHARE_LOW - _ALIAS_SHARE_HIGH) * above)

    def _empty(self) -> object:
        """A node that is not written: null."""
        self.nodes += 1
        return None

    # -- block collections --

    def _block_sequence(self) -> list[object]:
        self.take()
        items: list[object] = []
        while self.peek().kind == _BLOCK_ENTRY:
            self.take()
            bare = self.peek().kind in (_BLOCK_ENTRY, _BLOCK_END)
            items.append(self._empty() if bare else self._node(block=True))
        if self.peek().kind != _BLOCK_END:
            self.fail(self.peek(), "expected '- ' at the column of the items before")
        self.take()
        return items

    def _indentless_sequence(self) -> list[object]:
        items: list[object] = []
        while self.peek().kind == _BLOCK_ENTRY:
            self.take()
            bare = self.peek().kind in (_BLOCK_ENTRY, _KEY, _VALUE, _BLOCK_END)
            items.append(self._empty() if bare else self._node(block=True))
        return items

    def _block_mapping(self) -> dict[str, object]:
        self.take()
        entries: dict[str, object] = {}
        while self.peek().kind == _KEY:
            self.take()
            self._entry(entries, self.peek(), block=True, ends=(_KEY, _VALUE, _BLOCK_END))
        if self.peek().kind != _BLOCK_END:
            self.fail(self.peek(), "expected a key at the column of the keys before")
        self.take()
        return entries

    # -- flow collections --

    def _flow_sequence(self) -> list[object]:
        self.take()
        items: list[object] = []
        while self.peek().kind != _FLOW_SEQUENCE_END:
            if items:
                self._comma("]")
                if self.peek().kind == _FLOW_SEQUENCE_END:
                    break
            if self.peek().kind == _KEY:
                items.append(self._single_pair(self.take()))
            else:
                items.append(self._node(block=False))
        self.take()
        return items

    def _single_pair(self, token: _Token) -> dict[str, object]:
        """The mapping that `key: value` inside of [ ] is."""
        self.nodes += 1
        entries: dict[str, object] = {}
        self._entry(entries, token, block=False, ends=(_VALUE, _FLOW_ENTRY, _FLOW_SEQUENCE_END))
        return entries

    def _flow_mapping(self) -> dict[str, object]:
        self.take()
        entries: dict[str, object] = {}
        first = True
        while self.peek().kind != _FLOW_MAPPING_END:
            if not first:
                self._comma("}")
                if self.peek().kind == _FLOW_MAPPING_END:
                    break
            first = False
            if self.peek().kind == _KEY:
                self.take()
                self._entry(entries, self.peek(), block=False, ends=(_VALUE, _FLOW_ENTRY, _FLOW_MAPPING_END))
            else:
                self._entry(entries, self.peek(), block=False, ends=())
        self.take()
        return entries

    def _comma(self, closing: str) -> None:
        if self.peek().kind != _FLOW_ENTRY:
            self.fail(self.peek(), f"expected ',' or '{closing}'")
        self.take()

    # -- entries of mappings --

    def _entry(self, entries: dict[str, object], token: _Token, *, block: bool, ends: tuple[int, ...]) -> None:
        """Read one key and its value into `entries`; the indicator before the key is taken already.

        `token`: where the key is, or should be. `ends`: the tokens that mean that a key or a value is not written;
        () where no value may follow the key.
        """
        first = self.peek()
        key = self._empty() if first.kind in ends else self._node(block=block, indentless=block, key=True)
        if key is _MERGE_KEY and first.kind != _ALIAS:
            self.nodes -= 1
            self._merge_into(entries, block, ends)
            return
        try:
            name = _key_text(key)
        except ValueError as error:
            self.fail(token, str(error))
        entries[name] = self._entry_value(block, ends)

    def _entry_value(self, block: bool, ends: tuple[int, ...]) -> object:
        if ends and self.peek().kind == _VALUE:
            self.take()
            if self.peek().kind not in ends:
                return self._node(block=block, indentless=block)
        return self._empty()

    def _merge_into(self, entries: dict[str, object], block: bool, ends: tuple[int, ...]) -> None:
        """Read the value of "<<" and set what it holds, as go-yaml v2 does: over the entries read before it."""
        if self.peek().kind == _VALUE:
            token = self.take()
            written_out = self.peek().kind != _ALIAS
        else:
            token, written_out = self.peek(), True
            ends = ()
        value = None
        if ends and self.peek().kind not in ends:
            value = self._node(block=block, indentless=block)
        sources = value if written_out and isinstance(value, list) else [value]
        # The first of a list has the last word.
        for source in reversed(sources):
            if not isinstance(source, dict):
                self.fail(token, "expected a mapping, or a list of mappings, behind '<<'")
            entries.update(source)
