"""Text for one line of a screen: untrusted words made harmless, widths, the name that was probably meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What could move the cursor, reorder the line or hide in it: control characters (C0, DEL, C1), bidirectional marks,
# overrides and isolates, zero-width characters, lone surrogates and the other code points that are no characters.
_HARMFUL = (
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def excerpt(data: bytes | str, limit: int = 120) -> str:
    """Give the first words of `data` as one harmless line of at most `limit` characters.

    White space is folded to single spaces; invalid UTF-8 and characters that a terminal would obey become U+FFFD;
    an ellipsis stands for what was cut off.
    """
    # White space is folded, so more of the source than `limit` can be needed, but never all of a large body.
    head = data[: 8 * limit]
    if isinstance(head, bytes):
        head = head.decode("utf-8", "replace")
    line = re.sub(_HARMFUL, "\ufffd", " ".join(head.split()))
    if len(line) > limit or len(data) > 8 * limit:
        return line[: limit - 1].rstrip() + "…"
    return line


# What a terminal would obey rather than show. C0 controls become their pictures, so that one sees what was there; a
# carriage return would only hide what stands before it. Joiners and direction marks stay: scripts and emoji need them.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}
_DISARMED = {
    **_PICTURES,
    0x0D: None,
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}


def harmless(text: str) -> str:
    """`text` for a terminal: line feeds and tabs stay, every other control and bidirectional override is disarmed.

    Each character is judged alone, so that a sequence that is split between two pieces is as harmless as a whole one.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_DISARMED)


def width(text: str) -> int:
    """How many columns of a terminal a line without controls takes: East Asian wide characters two, marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(char) in ("Mn", "Me", "Cf") else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def nearest(wanted: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return up to `most` of `names` that look most like `wanted`, the best first.

    `cutoff`: how alike two names must be, from 0 to 1 (difflib's ratio).
    """
    # Imported where a name is wrong: it takes longer to import than a whole run of help.
    from difflib import get_close_matches

    return get_close_matches(wanted, list(names), most, cutoff)
