"""YAML as kubectl reads it: bytes or text in, plain values out. Pure.

kubectl turns a kubeconfig into JSON with sigs.k8s.io/yaml, whose parser is go-yaml v2, a port of libyaml. What that
pair accepts, refuses and makes of a scalar is the reference here, not a YAML specification; and the values are those
that JSON has: keys are strings, no NaN, no timestamps.

Here is what tools write: `_block_style` reads a text of nothing but `key: value` and `- ` lines, line by line, with
the scalars of `yamlscalars`. Where it meets anything else, `yamldocument` reads the text from its start: that reads
everything and alone decides what is an error, but takes six times as long, which tells in a kubeconfig of a thousand
contexts.
"""

from __future__ import annotations

from typing import Any

from kaito.lazy_re import pattern
from kaito.yaml.scalars import (
    END,
    MEANING_START,
    NOT_PLAIN_START,
    WORDS,
    YamlError,
    block_scalar,
    double_quoted,
    fail,
    implicit,
    plain_scalar,
    single_quoted,
)

__all__ = ["YamlError", "load"]

# A thousand contexts with their certificates are 5.5 MB.
MAX_BYTES = 64 * 1024 * 1024
# What nests deeper is left to yamldocument, which has the bound.
_MAX_DEPTH = 50

_NOT_ALLOWED = pattern("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff\ufffe\uffff]")
_PRINTABLE_ASCII = bytes((9, 10, *range(0x20, 0x7F)))
# How a line in block style begins: indentation, "- ", "key: ".
_ENTRY = pattern(r"( *)(- +)?(?:([A-Za-z_][\w./-]{0,200}):(?: +|(?=[\n\0])))?")
_LINE_END = pattern(r"(?: *| +#[^\n\0]*)(?=[\n\0])")


def load(source: bytes | str) -> object:
    """Read the first document of `source`: dict (its keys are str), list, str, int, float, bool or None.

    Bytes are UTF-8, or UTF-16 with a byte order mark. Nothing at all is None. Of duplicate keys the last counts.
    What an alias stands for is the same object as what its anchor stands for: do not change what is returned.
    Raises YamlError, and nothing else.
    """
    if len(source) > MAX_BYTES:
        raise YamlError(f"the text is larger than {MAX_BYTES // 1024 // 1024} MiB", 1, 1)
    text = (_decode(source) if isinstance(source, bytes) else _checked(source)) + END
    try:
        return _block_style(text)
    except (_NotBlockStyle, YamlError):
        from kaito.yaml import composer as yamldocument

        return yamldocument.document(text)


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
        fail(before, len(before), f"expected {encoding[:6].rstrip('-').upper()}, which the bytes here are not")
    return _checked(text)


def _checked(text: str) -> str:
    """`text` without a byte order mark and with LF for each CR LF, CR and NEL.

    Control characters are refused wherever they are; kubectl does not look for them far behind the first document.
    """
    text = text[1:] if text.startswith("\ufeff") else text
    found = _NOT_ALLOWED.search(text)
    if found:
        before = _checked(text[: found.start()])
        fail(before, len(before), f"expected text, found the control character U+{ord(found.group()):04X}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")


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
    while text[line_start] != END:
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
        if column != outer_column or isinstance(outer, list) != bool(dash) or not (dash or key) or key in WORDS:
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
        elif mark in NOT_PLAIN_START or " " in word or "\t" in word or word[-1] == ":":
            outer[slot], line_start = _scalar_at(text, position, outer_column)
            continue
        else:
            outer[slot] = word if mark not in MEANING_START else _finite(word)
            word_at = position
        line_start = line_end + 1 if line_end >= 0 else len(text) - 1
    if not root:
        raise _NotBlockStyle
    return root


def _open(
    open_collections: list[tuple[int, Any]], column: int, collection: dict[str, object] | list[object]
) -> tuple[int, Any]:
    if len(open_collections) == _MAX_DEPTH:
        raise _NotBlockStyle
    open_collections.append((column, collection))
    return open_collections[-1]


def _next_line(text: str, position: int) -> int:
    """Where the line behind that of `position` begins, or the end."""
    end = text.find("\n", position)
    return end + 1 if end >= 0 else len(text) - 1


def _finite(value: str) -> object:
    """What an untagged plain scalar is, unless that is an infinity or NaN."""
    resolved = implicit(value)[1]
    if isinstance(resolved, float) and resolved - resolved != 0:
        raise _NotBlockStyle
    return resolved


def _scalar_at(text: str, position: int, indent: int) -> tuple[object, int]:
    """The scalar at `position`, in a collection that stands at the column `indent`; and where the next line begins."""
    mark = text[position]
    if mark in "|>":
        value, position = block_scalar(text, position, indent)
        return value, position if text[position] == END else text.rfind("\n", 0, position) + 1
    if mark in "'\"":
        read = single_quoted if mark == "'" else double_quoted
        value, position, _ = read(text, position, 0)
    elif mark in NOT_PLAIN_START:
        raise _NotBlockStyle
    else:
        plain = plain_scalar(text, position, text.rfind("\n", 0, position) + 1, indent + 1, False)
        if plain.broken:
            return _finite(plain.value), plain.line_start
        if text[plain.end] not in "#" + END:
            raise _NotBlockStyle
        return _finite(plain.value), _next_line(text, plain.end)
    if not _LINE_END.match(text, position):
        raise _NotBlockStyle
    return value, _next_line(text, position)
