"""Text to tokens, for YAML of any style. Pure.

The scanner has libyaml's shape: a stack of indentations, and "simple keys" that become keys only when their ":" turns
up. What kubectl refuses, and how far it reads, follows from that shape.
"""

from __future__ import annotations

from collections import deque

from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING
from kaito.yaml.characters import (
    BLANK_OR_END,
    BLANKS,
    BREAKS,
    DOCUMENT_MARKER,
    END,
    NOT_PLAIN_START,
    REST_OF_LINE,
)
from kaito.yaml.errors import fail
from kaito.yaml.scalars import block_scalar, plain_scalar, quoted_scalar
from kaito.yaml.tokens import Kind, Token

if TYPE_CHECKING:
    import re
    from typing import NoReturn

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
    rf"%(?:YAML[{BLANKS}]+([0-9]{{1,2}}\.[0-9]{{1,2}})"
    rf"|TAG[{BLANKS}]+(!|![0-9A-Za-z_-]*!)[{BLANKS}]+({_TAG_URI}+)(?=[{BLANK_OR_END}]))"
    rf"[{BLANKS}]*(?:#[^{BREAKS}{END}]*)?(?=[{BREAKS}{END}])"
)


class _SimpleKey:
    """A place where a key may have begun, as a later ":" will show. State: whether that is still possible."""

    __slots__ = ("line_start", "number", "position", "possible", "required")

    def __init__(self, position: int, line_start: int, number: int, possible: bool, required: bool) -> None:
        self.position = position
        self.line_start = line_start
        self.number = number  # of the token that begins the key, counted from the start of the text
        self.possible = possible
        self.required = required  # whether it is an error if this is not a key


class Scanner:
    """Text to tokens, by libyaml's rules. State: the position, the indentation, the keys that are undecided."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line_start = 0
        # The columns of the open block collections, after -1 for none.
        self._indents = [-1]
        # Whether a simple key may begin at the position.
        self._key_allowed = True
        # The tokens scanned but not taken; the number taken; whether the first one is known to be the next.
        self._tokens: deque[Token] = deque()
        self._taken = 0
        self._ready = False
        # The last place where a key may have begun: in block style, then in each of the open flow collections.
        self._keys = [_SimpleKey(0, 0, -1, False, False)]
        # By the number of its token: each place where a key may have begun, until the token is taken.
        self._key_of_token: dict[int, _SimpleKey] = {}

    def peek(self) -> Token:
        """Return the next token, after scanning far enough to know whether it begins a key. Raises YamlError."""
        while not self._ready:
            key = self._key_of_token.get(self._taken)
            if self._tokens and (key is None or not self._still_possible(key)):
                self._ready = True
            else:
                self._fetch()
        return self._tokens[0]

    def take(self) -> Token:
        """Return the next token and go on to the one after it. Raises YamlError."""
        token = self.peek()
        self._ready = False
        self._tokens.popleft()
        self._key_of_token.pop(self._taken, None)
        self._taken += 1
        return token

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        """Raise YamlError for a position, by default the scanner's."""
        fail(self._text, self._position if position is None else position, message)

    # ---- simple keys ----

    def _may_be_key(self) -> None:
        """Note that the token about to be added may turn out to be a key."""
        if self._key_allowed:
            column = self._position - self._line_start
            required = len(self._keys) == 1 and self._indents[-1] == column
            number = self._taken + len(self._tokens)
            self._give_up(self._keys[-1])
            key = _SimpleKey(self._position, self._line_start, number, True, required)
            self._keys[-1] = self._key_of_token[number] = key

    def _cannot_be_key(self, *, key_allowed: bool) -> None:
        """Give up the key before the token about to be added; `key_allowed`: whether a key may follow that token."""
        self._give_up(self._keys[-1])
        self._key_allowed = key_allowed

    def _still_possible(self, key: _SimpleKey) -> bool:
        """Return whether a ":" at the position would make this a key; give the key up if not."""
        if not key.possible:
            return False
        if key.line_start == self._line_start and self._position - key.position <= _MAX_SIMPLE_KEY:
            return True
        self._give_up(key)
        return False

    def _give_up(self, key: _SimpleKey) -> None:
        """Note that this is not a key. Raises YamlError if it has to be one."""
        if key.possible:
            if key.required:
                self.fail("expected a ':' after this key, on the same line", key.position)
            key.possible = False

    # ---- indentation ----

    def _in_flow(self) -> bool:
        return len(self._keys) > 1

    def _open_block(self, column: int, kind: str, position: int, number: int | None = None) -> None:
        """Open a block collection if `column` is to the right of the innermost one.

        Its token goes before the token of this `number`, by default after all others.
        """
        if not self._in_flow() and self._indents[-1] < column:
            self._indents.append(column)
            token = Token(kind, position)
            if number is None:
                self._tokens.append(token)
            else:
                self._insert(number, token)

    def _close_blocks(self, column: int) -> None:
        """Close the block collections that are to the right of `column`."""
        if not self._in_flow():
            while self._indents[-1] > column:
                self._tokens.append(Token(Kind.BLOCK_END, self._position))
                self._indents.pop()

    # ---- tokens ----

    def _add(self, kind: str, width: int) -> None:
        self._tokens.append(Token(kind, self._position))
        self._position += width

    def _insert(self, number: int, token: Token) -> None:
        """Insert a token before the one of this number; after all others if that one has been taken."""
        at = number - self._taken
        self._tokens.insert(at if at >= 0 else len(self._tokens), token)

    def _skip_blanks(self) -> None:
        """Skip to the next token: spaces, comments, line breaks, and tabs that do not indent."""
        text = self._text
        position = self._position
        while True:
            at = _NOT_SPACE.search(text, position).start()  # type: ignore[union-attr]
            last_break = text.rfind("\n", position, at)
            if last_break >= 0:
                self._new_line(last_break + 1)
            mark = text[at]
            if mark == "#":
                position = REST_OF_LINE.match(text, at).end()  # type: ignore[union-attr]
            elif mark == "\t" and (self._in_flow() or not self._key_allowed):
                position = at + 1
            elif mark in BREAKS:
                position = at + 1
                self._new_line(position)
            else:
                self._position = at
                return

    def _new_line(self, line_start: int) -> None:
        self._line_start = line_start
        if not self._in_flow():
            self._key_allowed = True

    def _fetch(self) -> None:  # noqa: C901 (a branch for each kind of token, as in libyaml)
        """Scan the next token; add it and the tokens that it implies, such as BLOCK_END and KEY."""
        self._skip_blanks()
        text, position = self._text, self._position
        column = position - self._line_start
        self._close_blocks(column)
        mark = text[position]
        if mark == END:
            self._stream_end()
        elif column == 0 and mark == "%":
            self._directive()
        elif column == 0 and mark in "-." and DOCUMENT_MARKER.match(text, position):
            self._document_marker(Kind.DOCUMENT_START if mark == "-" else Kind.DOCUMENT_END)
        elif mark in "[{":
            self._flow_start(Kind.FLOW_SEQUENCE if mark == "[" else Kind.FLOW_MAPPING)
        elif mark in "]}":
            self._flow_end(Kind.FLOW_SEQUENCE_END if mark == "]" else Kind.FLOW_MAPPING_END)
        elif mark == ",":
            self._cannot_be_key(key_allowed=True)
            self._add(Kind.FLOW_ENTRY, 1)
        elif mark == "-" and text[position + 1] in BLANK_OR_END:
            self._block_entry(column)
        elif mark == "?" and (self._in_flow() or text[position + 1] in BLANK_OR_END):
            self._explicit_key(column)
        elif mark == ":" and (self._in_flow() or text[position + 1] in BLANK_OR_END):
            self._value(column)
        elif mark in "*&":
            self._anchor(Kind.ALIAS if mark == "*" else Kind.ANCHOR)
        elif mark == "!":
            self._tag()
        elif mark in "|>" and not self._in_flow():
            self._block_scalar()
        elif mark in "'\"":
            self._quoted_scalar()
        elif mark not in NOT_PLAIN_START or mark == "-" or (mark in "?:" and not self._in_flow()):
            self._plain_scalar()
        elif mark == "\t":
            self.fail("found a tab where spaces were expected: tabs cannot indent")
        else:
            self.fail(f"{mark!r} cannot begin a value: expected quotes around it")

    # ---- documents ----

    def _stream_end(self) -> None:
        # The end counts as a new line, so that no key stays undecided.
        self._line_start = self._position
        self._document_marker(Kind.STREAM_END, 0)

    def _document_marker(self, kind: str, width: int = 3) -> None:
        self._close_blocks(-1)
        self._cannot_be_key(key_allowed=False)
        self._add(kind, width)

    def _directive(self) -> None:
        self._close_blocks(-1)
        self._cannot_be_key(key_allowed=False)
        found = _DIRECTIVE.match(self._text, self._position)
        if not found:
            self.fail("expected the directive '%YAML 1.1' or '%TAG handle prefix'")
        version, handle, prefix = found.groups()
        if version:
            self._tokens.append(Token(Kind.VERSION, self._position, version))
        else:
            self._tokens.append(Token(Kind.TAG_HANDLE, self._position, handle, self._unescape_uri(prefix)))
        self._position = found.end()

    # ---- collections ----

    def _flow_start(self, kind: str) -> None:
        self._may_be_key()
        number = self._taken + len(self._tokens)
        self._keys.append(_SimpleKey(self._position, self._line_start, number, False, False))
        self._key_allowed = True
        self._add(kind, 1)

    def _flow_end(self, kind: str) -> None:
        self._cannot_be_key(key_allowed=False)
        if self._in_flow():
            # go-yaml forgets here that an empty [] or {} may be a key, which decides how far it reads.
            self._key_of_token.pop(self._keys.pop().number, None)
        self._add(kind, 1)

    def _block_entry(self, column: int) -> None:
        if not self._in_flow():
            if not self._key_allowed:
                self.fail("a list item cannot begin here: expected it on a line of its own")
            self._open_block(column, Kind.BLOCK_SEQUENCE, self._position)
        self._cannot_be_key(key_allowed=True)
        self._add(Kind.BLOCK_ENTRY, 1)

    def _explicit_key(self, column: int) -> None:
        if not self._in_flow():
            if not self._key_allowed:
                self.fail("a key cannot begin here: expected it on a line of its own")
            self._open_block(column, Kind.BLOCK_MAPPING, self._position)
        self._cannot_be_key(key_allowed=not self._in_flow())
        self._add(Kind.KEY, 1)

    def _value(self, column: int) -> None:
        key = self._keys[-1]
        if self._still_possible(key):
            self._insert(key.number, Token(Kind.KEY, key.position))
            self._open_block(key.position - key.line_start, Kind.BLOCK_MAPPING, key.position, key.number)
            key.possible = False
            self._key_allowed = False
        else:
            if not self._in_flow():
                if not self._key_allowed:
                    self.fail("a ': ' is not allowed here: expected quotes around this value, or a new line before it")
                self._open_block(column, Kind.BLOCK_MAPPING, self._position)
            self._key_allowed = not self._in_flow()
        self._add(Kind.VALUE, 1)

    # ---- properties of nodes ----

    def _anchor(self, kind: str) -> None:
        self._may_be_key()
        self._key_allowed = False
        found = _ANCHOR.match(self._text, self._position)
        if not found:
            self.fail(f"expected a name of letters, digits, '-' and '_' after {self._text[self._position]!r}")
        self._tokens.append(Token(kind, self._position, found.group(1)))
        self._position = found.end()

    def _tag(self) -> None:
        self._may_be_key()
        self._key_allowed = False
        found = _TAG.match(self._text, self._position)
        if not found:
            self.fail("expected a tag such as '!name' or '!!str', followed by a space")
        verbatim, handle, suffix, local = found.groups()
        if verbatim:
            names = ("", self._unescape_uri(verbatim))
        elif handle:
            names = ("!" + handle, self._unescape_uri(suffix))
        elif local:
            names = ("!", self._unescape_uri(local))
        else:
            names = ("", "!")
        self._tokens.append(Token(Kind.TAG, self._position, *names))
        self._position = found.end()

    def _unescape_uri(self, uri: str) -> str:
        try:
            return _ESCAPED_OCTETS.sub(_unescape_octets, uri)
        except ValueError:
            self.fail("expected UTF-8 in pairs of hexadecimal digits after each '%' of a tag")

    # ---- scalars ----

    def _block_scalar(self) -> None:
        self._cannot_be_key(key_allowed=True)
        start = self._position
        scalar = block_scalar(self._text, start, self._line_start, self._indents[-1])
        self._position, self._line_start = scalar.end, scalar.line_start
        self._tokens.append(Token(Kind.QUOTED, start, scalar.value))

    def _quoted_scalar(self) -> None:
        self._may_be_key()
        start = self._position
        scalar = quoted_scalar(self._text, start, self._line_start)
        self._position, self._line_start = scalar.end, scalar.line_start
        self._key_allowed = False
        self._tokens.append(Token(Kind.QUOTED, start, scalar.value))

    def _plain_scalar(self) -> None:
        self._may_be_key()
        start = self._position
        scalar = plain_scalar(self._text, start, self._line_start, self._indents[-1] + 1, self._in_flow())
        self._position, self._line_start = scalar.end, scalar.line_start
        self._key_allowed = scalar.on_new_line
        self._tokens.append(Token(Kind.PLAIN, start, scalar.value))


def _unescape_octets(found: re.Match[str]) -> str:
    """Return the characters that a run of %XX stands for. Raises ValueError."""
    if found.group() == "%":
        raise ValueError
    return bytes.fromhex(found.group().replace("%", "")).decode()
