"""Markdown as it streams: what a model writes (CommonMark and tables) to rows of styled text. Pure.

Only the last row of the page can change, so a style begins at once and ends with its paragraph at the latest. A marker
that was never closed gets its place back while that is in the last row; otherwise it stands where its style ends. There
are no Setext headings. Line breaks stay as the model wrote them, and so do HTML and formulas in TeX. What comes of a
text does not depend on the pieces in which it comes.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.terminal import table
from kaito.terminal.styles import BOLD, CODE, DIM, HEADING, ITALIC, LINK, STRUCK
from kaito.terminal.table import UNLIMITED
from kaito.terminal.wrap import LEAD, Page
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    import re

    from kaito.terminal.wrap import Atom

# Characters of a table that are held until it ends.
_LARGEST_TABLE = 64 * 1024

# Columns of the line that closes a block of code.
_LONGEST_FENCE = 100
_NO_FENCE = ("", 0, 0)

_BAR = "│ "

# The beginning of a line: `> ` marks, and what may follow them. The rest of each pattern is matched by _UNDECIDED, too.
_QUOTE = pattern(r"(?: {0,3}> ?){0,8}")
_FENCE = pattern(r"( {0,12})(`{3,}|~{3,})[^`\n]{0,200}")
_RULE = pattern(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_FORMULA = pattern(r" {0,12}(\$\$|\\\[)[ \t]*")
_HEADING = pattern(r" {0,3}#{1,6}[ \t]+")
_ITEM = pattern(r"([ \t]{0,40})([-+*]|\d{1,9}[.)])[ \t]+(\[[ xX]\][ \t]+)?(?=[^ \t])")

# The beginning of a line, without `> ` marks, that may become more than one of these.
_UNDECIDED = pattern(
    r"[ \t]*(?:#{1,6}[ \t]*|`{1,2}|~{1,2}|(?:`{3,}|~{3,})[^`\n]{0,200}|([-*_])[ \t]*(?:\1[ \t]*)*"
    r"|(?:[-+*]|\d{1,9}[.)]?)[ \t]*(?:\[[ xX]?\]?[ \t]*)?|\$\$?[ \t]*|\\(?:\[[ \t]*)?|> ?)?"
)

_PLAIN = pattern(r"[^\n*_`~\\\[\]$]+")
_MARK = pattern(r"([*_~`$])\1*|\\.?|[\[\]]")
_TARGET = pattern(r"\]\(((?:[^\s()]|\([^\s()]{0,500}\)){1,2000})(?: {1,4}\"[^\"\n]{0,200}\")?\)")
_PART_OF_TARGET = pattern(
    r"\](?:\((?:[^\s()]|\([^\s()]{0,500}\)){0,2000}(?:\([^\s()]{0,500}| {1,4}(?:\"[^\"\n]{0,200}\"?)?)?)?"
)
_LONGEST_TARGET = 2_000  # characters

_STYLES = {"**": BOLD, "__": BOLD, "*": ITALIC, "_": ITALIC, "~~": STRUCK}
_CLOSING = frozenset(").,;:!?]}/|>%=<")
_ESCAPED = frozenset("*_`~#")
_FORMULA_END = {"$$": "$$", "\\[": "\\]"}


class Reader:
    """Reads Markdown onto a page. `styled`: false sets only the lines and shows all markers. `line`: see the state.

    State: the text that is not read, from `_at` on; the kind of the line that is being read, "" at its beginning; how
    many blank lines come before it, -1 if its row has begun; the markers that are open, with their styles; the fence of
    a block of code (its marks, its indent, the depth of its quotes); whether a "list" goes on, or indented "code"; the
    table that is being read.
    """

    def __init__(self, page: Page, *, styled: bool, line: str = "") -> None:
        self._page = page
        self._styled = styled
        # The character before the text that is not read is kept.
        self._text, self._at = "\n", 1
        self._line = line
        self._blank = 0
        self._open: dict[str, int] = {}
        self._fence = _NO_FENCE
        self._context = ""
        self._table = table.Held()

    @property
    def holds(self) -> int:
        """How many lines of a table are held until it ends, the last one included."""
        return len(self._table.lines) + 1 if self._blank < 0 else 0

    @property
    def number(self) -> str:
        """The number that the text begins with, as long as it may become a list's."""
        begun = self._text[self._at :]
        return begun if self._page.width < 0 and begun.isalnum() and len(begun) < 6 else ""

    def feed(self, text: str) -> None:
        """Read a piece of the text."""
        self._text += text
        self._read(final=False)
        self._text, self._at = self._text[self._at - 1 :], 1

    def finish(self) -> None:
        """Read what is left: the text has ended."""
        self._read(final=True)
        while self._table.lines:
            self._end_table()
            self._read(final=True)
        self._end_paragraph()

    def release(self) -> None:
        """Show a table that has not ended, and the rest of it line by line."""
        self._let_go()
        self.feed("")

    def _read(self, *, final: bool) -> None:
        while self._at < len(self._text):
            if not (self._read_line(final) if self._line else self._begin_line(final)):
                return

    # --- Lines

    def _begin_line(self, final: bool) -> bool:
        """Read the beginning of a line; False if it needs more text."""
        end = self._text.find("\n", self._at)
        done = final or end >= 0
        head = self._text[self._at : end if end >= 0 else None]
        quote = _QUOTE.match(head)[0]  # type: ignore[index]
        depth = quote.count(">")
        if self._fence is not _NO_FENCE:
            if depth >= self._fence[2]:
                return self._begin_code(head, quote if self._fence[2] else "", done)
            if not done and not head.strip(" "):
                return False
            self._fence = _NO_FENCE
        body = head[len(quote) :]
        if not done and _UNDECIDED.fullmatch(body):
            return False
        if self._styled and body.lstrip(" \t").startswith("|"):
            if self._table.shape:
                return self._flow(self._table.shape, head, done)
            if not self._table.plain:
                return self._hold(self._table.lines, head, body, done)
        elif self._table.lines:
            self._end_table()
            return True
        elif self._table.shape or self._table.plain:
            self._table = table.Held()
        if body.strip(" \t") or depth:
            self._begin_block(head, quote, depth)
        else:
            self._end_paragraph()
            self._blank += 1
            self._skip(head)
        return True

    def _skip(self, line: str) -> None:
        """Go on after this line, which has ended."""
        self._at = min(self._at + len(line) + 1, len(self._text))

    def _begin_block(self, head: str, quote: str, depth: int) -> None:
        """Read the beginning of a line that is not blank and is in no block of code and no table."""
        body = head[len(quote) :]
        fence, formula = _FENCE.fullmatch(body), _FORMULA.fullmatch(body)
        rule, item, heading = _RULE.fullmatch(body), _ITEM.match(body), _HEADING.match(body)
        block = fence or formula or rule or item or heading or not body.strip(" \t")
        if block or self._blank or depth != sum(atom[0] == _BAR for atom in self._page.hang):
            self._end_paragraph()
        if fence:
            self._fence = (fence[2], len(fence[1]), depth)
            self._show_mark(head)
        elif rule and self._styled:
            self._row(quote, depth)
            self._page.text("─" * (self._page.width - 2 * depth), DIM)
            self._line = "rule"
            self._at += len(head)
        elif formula or rule:
            if formula:
                self._fence = (_FORMULA_END[formula[1]], 0, depth)
            self._row(quote, depth)
            self._line = "formula"
            self._at += len(quote)
        elif heading:
            self._row(quote, depth, "" if self._styled else heading[0])
            self._line = "heading"
            self._context = ""
            self._at += len(quote) + heading.end()
        else:
            self._begin_text(body, quote, depth, item)

    def _begin_text(self, body: str, quote: str, depth: int, item: re.Match[str] | None) -> None:
        """Read the beginning of an item, or of a line of a paragraph."""
        line = "text"
        if item:
            lead = item[0].expandtabs(4)
            if self._styled and item[2] in "-+*":
                mark = ("☐" if item[3][1] == " " else "☑") if item[3] else "•"
                lead = f"{item[1].expandtabs(4)}{mark} "
            self._context = "list"
            end = item.end()
        else:
            lead = body[: len(body) - len(body.lstrip(" \t"))].expandtabs(4)
            end = len(body) - len(body.lstrip(" \t"))
            if len(lead) >= 4 and self._context != "list" and (self._blank or self._context):
                line = self._context = "code"
            elif self._context == "code" or (not lead and self._blank):
                self._context = ""
        self._row(quote, depth, lead, len(lead))
        self._line = line
        self._at += len(quote) + end

    def _begin_code(self, head: str, quote: str, done: bool) -> bool:
        """Read the beginning of a line in a block of code, or a formula; False if it needs more text."""
        marks, indent, depth = self._fence
        body = head[len(quote) :]
        bare = body.strip(" \t")
        code = marks[0] in "`~"
        closing = len(body) <= _LONGEST_FENCE and not bare.strip(marks[0]) if code else bare.endswith(marks)
        if not done and (closing or not code):
            return False
        if not (bare or code) or (closing and len(bare) >= len(marks)):
            self._fence = _NO_FENCE
            if code:
                self._show_mark(head)
                return True
            if not bare:
                return True
        self._row(quote, depth)
        self._line = "code" if code else "formula"
        self._at += len(quote) + (min(indent, len(body) - len(body.lstrip(" "))) if self._styled else 0)
        return True

    def _show_mark(self, line: str) -> None:
        """Go on after the line of a fence, which is shown only where nothing is styled."""
        if not self._styled:
            self._row("", 0)
            self._page.verbatim(line, 0)
        self._skip(line)

    def _row(self, quote: str, depth: int, lead: str = "", hang: int = 0) -> None:
        """Begin a row of the page, after the blank lines before it. `hang`: the indent of the rows that continue it."""
        for _ in range(self._blank):
            self._page.line([], [])
        bars: list[Atom] = []
        if self._styled:
            bars = [(_BAR, DIM, LEAD)] * depth
        else:
            lead, hang = quote + lead, hang + len(quote)
        after: list[Atom] = [(" " * hang, 0, LEAD)] if hang else []
        self._page.line([*bars, (lead, 0, LEAD)] if lead else bars, bars + after, again=self._blank < 0)
        self._blank = 0

    # --- Tables

    def _hold(self, lines: list[str], head: str, body: str, done: bool) -> bool:
        """Hold a line of a table; False if it needs more text."""
        if not lines and self._blank >= 0:
            self._end_paragraph()
            self._row("", 0)
            self._blank = -1
        too_large = sum(map(len, lines)) + len(lines) + len(head) > _LARGEST_TABLE
        if not done and not too_large:
            return False
        if too_large or (len(lines) == 1 and not table.DELIMITERS.fullmatch(body)):
            self._let_go()
        else:
            lines.append(head)
            self._skip(head)
        return True

    def _let_go(self) -> None:
        """Hold the table no longer: show its rows, if they are any, and the rest of it as it comes."""
        lines, self._table = self._table.lines, table.Held()
        depth = _QUOTE.match(lines[0])[0].count(">") if lines else 0  # type: ignore[index]
        room = self._page.width - 2 * depth
        shape = table.shape_of(_bare(lines), room, _inline, grows=True) if len(lines) > 1 else None
        self._table.shape = shape
        self._table.plain = shape is None
        if shape:
            self._show_rows(_bare(lines), shape, depth)
        else:
            held = "".join(line + "\n" for line in lines)
            self._text, self._at = f"\n{held}{self._text[self._at :]}", 1

    def _flow(self, shape: table.Shape, head: str, done: bool) -> bool:
        """Show a line of a table that is not held any more; False if it needs more text."""
        if len(head) > _LARGEST_TABLE:
            self._table.shape, self._table.plain = None, True
            return True
        if done:
            quote = _QUOTE.match(head)[0]  # type: ignore[index]
            for row in table.rows_of(head[len(quote) :], shape, _inline):
                self._show_row(row, quote.count(">"))
            self._skip(head)
        return done

    def _end_table(self) -> None:
        """Show a table, in columns if they fit the screen, else with a line for each cell."""
        lines = self._table.lines
        if len(lines) < 2:
            self._let_go()
            return
        self._table = table.Held()
        depth = _QUOTE.match(lines[0])[0].count(">")  # type: ignore[index]
        lines = _bare(lines)
        shape = table.shape_of(lines, self._page.width - 2 * depth, _inline, grows=False)
        if shape:
            self._show_rows(lines, shape, depth)
        else:
            self._show_cells(lines, depth)

    def _show_rows(self, lines: list[str], shape: table.Shape, depth: int) -> None:
        for place, line in enumerate(lines):
            if place == 1 or (place > 2 and shape.wraps):
                self._show_row(table.rule_of(shape), depth)
            if place != 1:
                for row in table.rows_of(line, shape, _inline, 0 if place else BOLD):
                    self._show_row(row, depth)

    def _show_row(self, row: list[Atom], depth: int) -> None:
        self._row("", depth)
        for text, style, _ in row:
            self._page.verbatim(text, style)

    def _show_cells(self, lines: list[str], depth: int) -> None:
        names = table.read(lines[0])
        for place, line in enumerate(lines[2:]):
            self._blank += place > 0
            for name, cell in zip(names, table.read(line, len(names))):
                self._row("", depth, "", 2)
                for text, style, _ in _inline(f"{name}: ", UNLIMITED)[0]:
                    self._page.text(text, style | BOLD)
                for text, style, _ in _inline(cell, UNLIMITED)[0]:
                    self._page.text(text, style)

    # --- The text of a line

    def _read_line(self, final: bool) -> bool:
        """Read the next part of a line; False if it needs more text."""
        text, at = self._text, self._at
        if text[at] == "\n":
            self._at += 1
            self._open.pop("$", None)
            if self._line != "text":
                self._end_paragraph()
            self._line = ""
            return True
        if self._line not in ("text", "heading") or not self._styled:
            end = text.find("\n", at)
            part = text[at : end if end >= 0 else None]
            if self._line in ("text", "heading"):
                self._page.text(part, 0)
            else:
                self._page.verbatim(part, CODE if self._line == "code" and self._styled else 0)
            self._at += len(part)
            return True
        plain = _PLAIN.match(text, at)
        if plain:
            self._page.text(plain[0], self._style)
            self._at = plain.end()
            return True
        return self._read_mark(final)

    @property
    def _style(self) -> int:
        style = HEADING if self._line == "heading" else 0
        for part in self._open.values():
            style |= part
        return style

    def _read_mark(self, final: bool) -> bool:
        """Read characters that may have a meaning; False if that needs more text."""
        text, at = self._text, self._at
        mark = _MARK.match(text, at)[0]  # type: ignore[index]
        after = text[at + len(mark) : at + len(mark) + 1]
        code = next((key for key in self._open if key[0] == "`"), "")
        if not after and not final and mark not in ("[", "]"):
            return False
        if code or mark[0] == "`":
            if mark == code:
                del self._open[code]
            elif code or not after or after == "\n":
                self._page.text(mark, self._style)
            else:
                self._begin_style(mark, CODE)
        elif mark == "]":
            return self._end_link(final)
        elif mark[0] in "*_~":
            self._read_emphasis(mark, text[at - 1], after)
        elif mark[0] == "\\":
            self._read_escape(mark)
        else:
            if mark == "[":
                self._page.mark("[")
            elif "$" in self._open:
                del self._open["$"]
            elif after > " " and not after.isdigit() and not text[at - 1].isalnum():
                self._open["$"] = 0
            self._page.text(mark, self._style)
        self._at += len(mark)
        return True

    def _begin_style(self, mark: str, style: int) -> None:
        self._page.mark(mark)
        self._open[mark] = style

    def _read_escape(self, mark: str) -> None:
        if mark in ("\\(", "\\["):
            self._open["$"] = 0
        elif mark in ("\\)", "\\]"):
            self._open.pop("$", None)
        escaped = mark[1:] in _ESCAPED and "$" not in self._open
        self._page.text(mark[1:] if escaped else mark, self._style)

    def _read_emphasis(self, run: str, before: str, after: str) -> None:
        """Read a run of *, _ or ~, which opens or closes styles, or is text."""
        char = run[0]
        for mark in (char * 2, char) if len(run) == 3 else (run,):
            style = _STYLES.get(mark, 0)
            inside = char == "_" and after.isalnum()
            if mark in self._open and not before.isspace() and not inside:
                del self._open[mark]
            elif style and mark not in self._open and self._opens(mark, before, after):
                self._begin_style(mark, style)
            else:
                self._page.text(mark, self._style)

    def _opens(self, mark: str, before: str, after: str) -> bool:
        """Return whether a marker opens a style: as in CommonMark, but not in words and products (2*3, 2**10)."""
        if after <= " " or after.isspace():
            return False
        if mark[0] == "_" and before.isalnum():
            return False
        if before.isascii() and before.isalnum() and after.isascii() and after.isalnum():
            return False
        return len(mark) == 2 or not ("$" in self._open or after in _CLOSING)

    def _end_link(self, final: bool) -> bool:
        text, at = self._text, self._at
        most = at + _LONGEST_TARGET
        found = _TARGET.match(text, at, most) if self._page.has("[") else None
        if not (found or final) and len(text) < most and self._page.has("[") and _PART_OF_TARGET.fullmatch(text, at):
            return False
        target = found[1] if found else ""

        def linked(atoms: list[Atom]) -> list[Atom]:
            shown = "".join(atom[0] for atom in atoms[1:])
            parts = [(part, style | LINK, name) if part else (part, style, name) for part, style, name in atoms[1:]]
            return parts if shown == target else [*parts, (f" ({target})", DIM, "")]

        if found and self._page.reset("[", linked):
            self._at = found.end()
        else:
            self._page.text("]", self._style)
            self._at += 1
        return True

    def _end_paragraph(self) -> None:
        """End the styles that are open, and put their markers back."""
        while self._open:
            mark, ended = next(iter(self._open.items()))
            del self._open[mark]
            style = self._style
            if not ended:
                continue

            def restored(atoms: list[Atom], mark: str = mark, style: int = style, ended: int = ended) -> list[Atom]:
                own = next((own for text, own, _ in atoms if text), style) & ~ended
                return [(mark, own, ""), *((text, own & ~ended, name) for text, own, name in atoms)]

            if not self._page.reset(mark, restored):
                self._page.text(mark, style)


def _bare(lines: list[str]) -> list[str]:
    """Return lines without the marks of their quotes."""
    return [line[_QUOTE.match(line).end() :] for line in lines]  # type: ignore[union-attr]


def _inline(text: str, columns: int) -> list[list[Atom]]:
    """Return the text of a cell in rows of at most `columns`."""
    page = Page(lambda: columns)
    page.line([], [])
    reader = Reader(page, styled=True, line="text")
    reader.feed(text)
    reader.finish()
    return page.take()[1]
