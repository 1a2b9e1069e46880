"""How many columns of a terminal a text takes. Pure."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JOINER, _EMOJI_STYLE = "\u200d", "\ufe0f"


def width(text: str) -> int:
    """Return how many columns a line takes; it holds no control characters.

    Two for an East Asian wide character (UAX 11), none for a combining mark. An emoji sequence (UTS 51: joined, with a
    skin tone, in emoji style, a flag) takes two, as in the terminals that draw it as one picture.
    """
    return len(text) if text.isascii() else sum(_columns(text))


def is_wide(char: str) -> bool:
    """Return whether a character takes two columns alone."""
    from unicodedata import east_asian_width

    return not char.isascii() and east_asian_width(char) in "WF"


def extends(char: str) -> bool:
    """Return whether a character belongs to the one before it, so that no line breaks between them."""
    from unicodedata import category

    return not char.isascii() and (category(char) in ("Mn", "Me", "Mc", "Cf") or "\U0001f3fb" <= char <= "\U0001f3ff")


def _columns(text: str) -> Iterator[int]:
    """Yield what each character adds."""
    from unicodedata import category, east_asian_width

    before, flag = "", False
    drawn = 0  # columns of the last character that took any
    for char in text:
        added = 1
        if char.isascii():
            pass
        elif char == _EMOJI_STYLE:
            added = int(drawn == 1)
        elif category(char) in ("Mn", "Me", "Cf") or "\u1160" <= char <= "\u11ff":
            added = 0
        elif east_asian_width(char) in "WF":
            part = drawn == 2 and (before == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff")
            added = 0 if part else 2
        elif before == _JOINER and drawn == 2 and category(char) == "So":
            added = 0
        is_flag = "\U0001f1e6" <= char <= "\U0001f1ff"
        flag = is_flag and not flag
        if added:
            drawn = 2 if is_flag or char == _EMOJI_STYLE else added
        before = char
        yield added
