"""A YAML document of any style: text -> tokens -> values. Pure.

The scanner has libyaml's shape (an indentation stack, "simple keys" that become keys only when their ":" turns up),
because what kubectl refuses, and how far it reads, follows from that shape.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from kaito.lazy_re import pattern
from kaito.yaml.scalars import (
    BLANK_OR_END,
    BLANKS,
    BREAKS,
    CORE,
    DOCUMENT_MARKER,
    END,
    LINE,
    MERGE,
    NO_TAG,
    NOT_PLAIN_START,
    block_scalar,
    double_quoted,
    fail,
    key_text,
    last_line_start,
    plain_scalar,
    resolve,
    single_quoted,
)

# Real kubeconfigs nest 8 deep.
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

_NOT_SPACE = pattern(r"[^ \n]")
_ANCHOR = pattern(rf"[&*]([0-9A-Za-z_-]+)(?=[{BLANK_OR_END}?:,\]}}%@`])")
_TAG_URI = r"[0-9A-Za-z_\-;/?:@&=+$,.!~*'()\[\]%]"
_TAG = pattern(
    rf"!(?:<({_TAG_URI}+)>|([0-9A-Za-z_-]*!)({_TAG_URI}+)|(?![0-9A-Za-z_-]*!)({_TAG_URI}*))(?=[{BLANK_OR_END}])"
)
_ESCAPED_OCTETS = pattern(r"(?:%[0-9A-Fa-f]{2})+|%")
_DIRECTIVE = pattern(
    rf"%(?:YAML[{BLANKS}]+([0-9]{{1,2}}\.[0-9]{{1,2}})|TAG[{BLANKS}]+(!|![0-9A-Za-z_-]*!)[{BLANKS}]+({_TAG_URI}+)(?=[{BLANK_OR_END}]))"
    rf"[{BLANKS}]*(?:#[^{BREAKS}{END}]*)?(?=[{BREAKS}{END}])"
)


def document(text: str) -> object:
    """The value of the first document in `text`, which ends with END. Raises YamlError."""
    return _Composer(_Scanner(text)).document()


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


def _unescape_octets(found: re.Match[str]) -> str:
    """What a run of %XX means. Raises ValueError."""
    if found.group() == "%":
        raise ValueError
    return bytes.fromhex(found.group().replace("%", "")).decode()


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
        self.ready = False  # whether the first of the tokens can be told by now
        self.taken = 0
        # The last place on each flow level where a key may have begun.
        self.keys = [_SimpleKey(0, 0, -1, False, False)]
        self.key_of_token: dict[int, _SimpleKey] = {}

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        fail(self.text, self.position if position is None else position, message)

    def peek(self) -> _Token:
        """The next token. It is known only once it is clear whether it begins a key."""
        while not self.ready:
            key = self.key_of_token.get(self.taken)
            if self.tokens and (key is None or not self._still_possible(key)):
                self.ready = True
            else:
                self._fetch()
        return self.tokens[0]

    def take(self) -> _Token:
        token = self.peek()
        self.ready = False
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
                position = LINE.match(text, at).end()  # type: ignore[union-attr]
            elif mark == "\t" and (self.flow_level or not self.key_allowed):
                position = at + 1
            elif mark in BREAKS:
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
        if mark == END:
            self._stream_end()
        elif column == 0 and mark == "%":
            self._directive()
        elif column == 0 and mark in "-." and DOCUMENT_MARKER.match(text, position):
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
        elif mark == "-" and text[position + 1] in BLANK_OR_END:
            self._block_entry(column)
        elif mark == "?" and (self.flow_level or text[position + 1] in BLANK_OR_END):
            self._explicit_key(column)
        elif mark == ":" and (self.flow_level or text[position + 1] in BLANK_OR_END):
            self._value(column)
        elif mark in "*&":
            self._anchor()
        elif mark == "!":
            self._tag()
        elif mark in "|>" and not self.flow_level:
            self._block_scalar()
        elif mark in "'\"":
            self._quoted_scalar()
        elif mark not in NOT_PLAIN_START or mark == "-" or (mark in "?:" and not self.flow_level):
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
        try:
            return _ESCAPED_OCTETS.sub(_unescape_octets, uri)
        except ValueError:
            self.fail("expected two hexadecimal digits, and UTF-8, behind a '%' in a tag")

    def _block_scalar(self) -> None:
        self._give_up(self.keys[-1])
        self.key_allowed = True
        start = self.position
        value, self.position = block_scalar(self.text, start, self.indent)
        self.tokens.append(_Token(_QUOTED, start, value))
        self.line_start = last_line_start(self.text, start, self.position) or self.line_start

    def _quoted_scalar(self) -> None:
        self._may_be_key()
        self.key_allowed = False
        start = self.position
        read = single_quoted if self.text[start] == "'" else double_quoted
        value, self.position, self.line_start = read(self.text, start, self.line_start)
        self.tokens.append(_Token(_QUOTED, start, value))

    def _plain_scalar(self) -> None:
        self._may_be_key()
        start = self.position
        found = plain_scalar(self.text, start, self.line_start, self.indent + 1, self.flow_level > 0)
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
        self.handles.setdefault("!!", CORE)
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
            return NO_TAG
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
        if kind in (_PLAIN, _QUOTED):
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
        if key and token.value == "<<" and (tag in ("!", MERGE) or (tag == NO_TAG and token.kind == _PLAIN)):
            return _MERGE_KEY
        if tag == NO_TAG and token.kind == _QUOTED:
            return token.value
        try:
            return resolve(token.value, tag)
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
            name = key_text(key)
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
