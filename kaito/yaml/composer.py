"""Tokens to values, for YAML of any style: the general reader, which decides what is an error. Pure."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.yaml.aliases import AliasBudget
from kaito.yaml.resolver import CORE, MERGE, NO_TAG, key_text, resolve
from kaito.yaml.scanner import Scanner
from kaito.yaml.tokens import Kind, Token

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

# Real kubeconfigs nest 8 deep.
MAX_DEPTH = 100


def document(text: str) -> object:
    """Return the value of the first document in `text`, which ends with END. Raises YamlError."""
    return _Composer(Scanner(text)).document()


class _Place(NamedTuple):
    """Where a node is, which decides what it may be."""

    block: bool  # whether it may be a collection in block style
    indentless: bool = False  # whether it may be a list whose "- " begin at its parent's column
    key: bool = False


_BLOCK_NODE = _Place(block=True)
_BLOCK_KEY = _Place(block=True, indentless=True, key=True)
_BLOCK_VALUE = _Place(block=True, indentless=True)
_FLOW_KEY = _Place(block=False, key=True)
_FLOW_NODE = _Place(block=False)


class _EntryStyle(NamedTuple):
    """How the entries of a kind of mapping are read."""

    key: _Place
    value: _Place
    ends: tuple[str, ...]  # the tokens before which a key or value is missing; empty if no value may follow the key


_BLOCK_ENTRIES = _EntryStyle(_BLOCK_KEY, _BLOCK_VALUE, (Kind.KEY, Kind.VALUE, Kind.BLOCK_END))
_FLOW_PAIR = _EntryStyle(_FLOW_KEY, _FLOW_NODE, (Kind.VALUE, Kind.FLOW_ENTRY, Kind.FLOW_SEQUENCE_END))
_FLOW_ENTRIES = _EntryStyle(_FLOW_KEY, _FLOW_NODE, (Kind.VALUE, Kind.FLOW_ENTRY, Kind.FLOW_MAPPING_END))
_FLOW_KEY_ALONE = _EntryStyle(_FLOW_KEY, _FLOW_NODE, ())


class _MergeKey(str):
    """The key "<<" where it merges. Anywhere else it is the string that it looks like."""


_MERGE_KEY = _MergeKey("<<")


class _Anchored(NamedTuple):
    value: object
    size: int  # how many nodes it has, with those that its aliases stand for; 0 while it is being read


class _Composer:
    """Tokens to the first document's value. State: the anchors, the tag handles, the depth, the count of nodes."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.peek = scanner.peek
        self.take = scanner.take
        self.anchors: dict[str, _Anchored] = {}
        self.handles: dict[str, str] = {}
        self.depth = 0
        self.budget = AliasBudget()
        self.not_finite: Token | None = None  # the first value that is an infinity or NaN

    def fail(self, token: Token, message: str) -> NoReturn:
        self.scanner.fail(message, token.position)

    def document(self) -> object:
        if self.peek().kind == Kind.STREAM_END:
            return None
        explicit = self._directives()
        token = self.peek()
        if token.kind == Kind.DOCUMENT_START:
            self.take()
            token = self.peek()
            explicit = True
        elif explicit:
            self.fail(token, "expected '---' after the directives")
        ends = (Kind.VERSION, Kind.TAG_HANDLE, Kind.DOCUMENT_START, Kind.DOCUMENT_END, Kind.STREAM_END)
        if explicit and token.kind in ends:
            return None
        value = self._node(_BLOCK_NODE)
        # go-yaml scans one token ahead: the next document is not read, but must begin with a valid token.
        self.peek()
        if self.not_finite and _holds_not_finite(value):
            self.fail(
                self.not_finite, "expected a finite number: kubectl reads YAML as JSON, which has no infinity or NaN"
            )
        return value

    def _directives(self) -> bool:
        """Read the directives before "---". Return whether there were any."""
        version = False
        token = self.peek()
        while token.kind in (Kind.VERSION, Kind.TAG_HANDLE):
            if token.kind == Kind.TAG_HANDLE:
                if token.value in self.handles:
                    self.fail(token, f"the tag handle {token.value} is declared twice: expected it once")
                self.handles[token.value] = token.more
            elif version:
                self.fail(token, "found a second %YAML directive: expected one")
            elif tuple(map(int, token.value.split("."))) != (1, 1):
                self.fail(token, f"found YAML {token.value}: expected %YAML 1.1")
            version = version or token.kind == Kind.VERSION
            self.take()
            token = self.peek()
        found = version or bool(self.handles)
        self.handles.setdefault("!", "!")
        self.handles.setdefault("!!", CORE)
        return found

    # ---- nodes ----

    def _node(self, place: _Place) -> object:
        """Read a node: its properties and its content."""
        token = self.peek()
        if token.kind == Kind.ALIAS:
            value = self._alias(self.take())
        else:
            anchor, tag = self._properties()
            tag_name = self._tag_name(tag)
            before = self.budget.nodes
            self.budget.nodes += 1
            opened = _Anchored(None, 0)
            if anchor:
                self.anchors[anchor.value] = opened
            # Properties without content belong to an empty scalar at their position.
            value = self._content(token if anchor or tag else None, tag_name, place)
            if anchor and self.anchors[anchor.value] is opened:
                self.anchors[anchor.value] = _Anchored(value, self.budget.nodes - before)
        if not place.key and isinstance(value, float) and value - value != 0:
            self.not_finite = self.not_finite or token
        return value

    def _properties(self) -> tuple[Token | None, Token | None]:
        """Read a node's anchor and tag, in either order; None for one that is missing."""
        anchor = tag = None
        if self.peek().kind == Kind.ANCHOR:
            anchor = self.take()
        if self.peek().kind == Kind.TAG:
            tag = self.take()
            if anchor is None and self.peek().kind == Kind.ANCHOR:
                anchor = self.take()
        return anchor, tag

    def _tag_name(self, tag: Token | None) -> str:
        """Return the full name of a tag, with the prefix that its handle stands for."""
        if tag is None:
            return NO_TAG
        if not tag.value:
            return tag.more
        if tag.value not in self.handles:
            self.fail(tag, f"the tag handle {tag.value} is not declared: expected a %TAG directive for it")
        return self.handles[tag.value] + tag.more

    def _content(self, properties: Token | None, tag: str, place: _Place) -> object:
        """Read a node without its properties, which begin at `properties` if it has any."""
        token = self.peek()
        kind = token.kind
        if kind in (Kind.PLAIN, Kind.QUOTED):
            return self._scalar(self.take(), tag, place.key)
        read: Callable[[], object] | None = None
        if kind == Kind.BLOCK_ENTRY and place.indentless:
            read = self._indentless_sequence
        elif kind == Kind.FLOW_SEQUENCE:
            read = self._flow_sequence
        elif kind == Kind.FLOW_MAPPING:
            read = self._flow_mapping
        elif place.block and kind == Kind.BLOCK_SEQUENCE:
            read = self._block_sequence
        elif place.block and kind == Kind.BLOCK_MAPPING:
            read = self._block_mapping
        if read is None:
            if properties:
                return self._scalar(Token(Kind.PLAIN, properties.position), tag, place.key)
            self.fail(token, "expected a value here")
        if self.depth == MAX_DEPTH:
            self.fail(token, f"the nesting is too deep: expected at most {MAX_DEPTH} levels")
        self.depth += 1
        value = read()
        self.depth -= 1
        return value

    def _scalar(self, token: Token, tag: str, key: bool) -> object:
        """Return the value of a scalar; `key`: it is a mapping's key, and "<<" may merge."""
        if key and token.value == "<<" and (tag in ("!", MERGE) or (tag == NO_TAG and token.kind == Kind.PLAIN)):
            return _MERGE_KEY
        if tag == NO_TAG and token.kind == Kind.QUOTED:
            return token.value
        try:
            return resolve(token.value, tag)
        except ValueError as error:
            self.fail(token, str(error))

    def _alias(self, token: Token) -> object:
        """Return the value of the anchor that an alias names."""
        anchored = self.anchors.get(token.value)
        if anchored is None:
            self.fail(token, f"unknown anchor {token.value!r}: expected '&{token.value}' before its first use")
        if not anchored.size:
            self.fail(token, f"the anchor {token.value!r} contains itself: expected an alias outside of it")
        if not self.budget.spend(anchored.size):
            self.fail(token, "too much of this document comes from aliases: expected fewer or smaller ones")
        return anchored.value

    def _missing(self) -> object:
        """Count an omitted node and return its value, null."""
        self.budget.nodes += 1
        return None

    # ---- collections in block style ----

    def _block_sequence(self) -> list[object]:
        self.take()
        items = self._items((Kind.BLOCK_ENTRY, Kind.BLOCK_END))
        if self.peek().kind != Kind.BLOCK_END:
            self.fail(self.peek(), "expected '- ' at the column of the items before")
        self.take()
        return items

    def _indentless_sequence(self) -> list[object]:
        return self._items((Kind.BLOCK_ENTRY, Kind.KEY, Kind.VALUE, Kind.BLOCK_END))

    def _items(self, ends: tuple[str, ...]) -> list[object]:
        """Read the items that begin with "- ". `ends`: the tokens before which an item is missing."""
        items: list[object] = []
        while self.peek().kind == Kind.BLOCK_ENTRY:
            self.take()
            items.append(self._missing() if self.peek().kind in ends else self._node(_BLOCK_NODE))
        return items

    def _block_mapping(self) -> dict[str, object]:
        self.take()
        entries: dict[str, object] = {}
        while self.peek().kind == Kind.KEY:
            self.take()
            self._entry(entries, self.peek(), _BLOCK_ENTRIES)
        if self.peek().kind != Kind.BLOCK_END:
            self.fail(self.peek(), "expected a key at the column of the keys before")
        self.take()
        return entries

    # ---- collections in flow style ----

    def _flow_sequence(self) -> list[object]:
        self.take()
        items: list[object] = []
        while self.peek().kind != Kind.FLOW_SEQUENCE_END:
            if items:
                self._comma("]")
                if self.peek().kind == Kind.FLOW_SEQUENCE_END:
                    break
            if self.peek().kind == Kind.KEY:
                items.append(self._single_pair(self.take()))
            else:
                items.append(self._node(_FLOW_NODE))
        self.take()
        return items

    def _single_pair(self, token: Token) -> dict[str, object]:
        """Read `key: value` as an item of a list in [ ]: a mapping with one entry."""
        self.budget.nodes += 1
        entries: dict[str, object] = {}
        self._entry(entries, token, _FLOW_PAIR)
        return entries

    def _flow_mapping(self) -> dict[str, object]:
        self.take()
        entries: dict[str, object] = {}
        first = True
        while self.peek().kind != Kind.FLOW_MAPPING_END:
            if not first:
                self._comma("}")
                if self.peek().kind == Kind.FLOW_MAPPING_END:
                    break
            first = False
            if self.peek().kind == Kind.KEY:
                self.take()
                self._entry(entries, self.peek(), _FLOW_ENTRIES)
            else:
                self._entry(entries, self.peek(), _FLOW_KEY_ALONE)
        self.take()
        return entries

    def _comma(self, closing: str) -> None:
        if self.peek().kind != Kind.FLOW_ENTRY:
            self.fail(self.peek(), f"expected ',' or '{closing}'")
        self.take()

    # ---- entries of mappings ----

    def _entry(self, entries: dict[str, object], token: Token, style: _EntryStyle) -> None:
        """Read one key and its value into `entries`, after the indicator of the key.

        `token`: the place of an error about the key.
        """
        first = self.peek()
        key = self._missing() if first.kind in style.ends else self._node(style.key)
        if key is _MERGE_KEY and first.kind != Kind.ALIAS:
            self.budget.nodes -= 1
            self._merge_into(entries, style)
            return
        try:
            name = key_text(key)
        except ValueError as error:
            self.fail(token, str(error))
        entries[name] = self._entry_value(style)

    def _entry_value(self, style: _EntryStyle) -> object:
        if style.ends and self.peek().kind == Kind.VALUE:
            self.take()
            if self.peek().kind not in style.ends:
                return self._node(style.value)
        return self._missing()

    def _merge_into(self, entries: dict[str, object], style: _EntryStyle) -> None:
        """Read the value of "<<" and set its entries, as go-yaml v2 does: over those that were read before it."""
        token = self.peek()
        written_out = True
        value = None
        if token.kind == Kind.VALUE:
            self.take()
            first = self.peek()
            written_out = first.kind != Kind.ALIAS
            if style.ends and first.kind not in style.ends:
                value = self._node(style.value)
        # Only a list that is written out (no alias of one) merges several mappings. The first wins, so it is set last.
        sources = value if written_out and isinstance(value, list) else [value]
        for source in reversed(sources):
            if not isinstance(source, dict):
                self.fail(token, "expected a mapping, or a list of mappings, after '<<'")
            entries.update(source)


def _holds_not_finite(value: object) -> bool:
    """Return whether an infinity or NaN is in `value`. One that a later duplicate of its key replaced is not."""
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
