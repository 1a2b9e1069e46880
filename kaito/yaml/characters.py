"""The characters that have a meaning in YAML, and the smallest patterns made of them."""

from __future__ import annotations

from kaito.lazy_re import pattern

# A NUL, which no text may contain, marks the end of each text. So reading one character ahead is always safe.
END = "\0"
# `load.decode` replaces CR, CR LF and NEL by LF. U+2028 and U+2029 stay as they are, even in a scalar.
BREAKS = "\n\u2028\u2029"
BLANKS = " \t"
BLANK_OR_END = BLANKS + BREAKS + END
# A plain scalar does not begin with these, except with "-", "?" or ":" before a character that is not a blank.
NOT_PLAIN_START = "-?:,[]{}#&*!|>'\"%@`" + BLANK_OR_END

REST_OF_LINE = pattern(f"[^{BREAKS}{END}]*")
DOCUMENT_MARKER = pattern(rf"(?:---|\.\.\.)(?=[{BLANK_OR_END}])")


def last_line_start(text: str, start: int, end: int) -> int:
    """Return where the line of `end` begins, or 0 if there is no line break in text[start:end]."""
    return 1 + max(text.rfind(mark, start, end) for mark in BREAKS)
