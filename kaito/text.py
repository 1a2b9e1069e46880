"""Text for a terminal: untrusted text made harmless, the nearest name. Pure."""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Characters that move the cursor, reorder the line or are invisible in it: controls (C0, DEL, C1), bidirectional
# marks, overrides and isolates, zero-width characters, lone surrogates and code points that are not characters.
_HARMFUL = pattern(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def excerpt(data: bytes | str, limit: int = 120) -> str:
    """Return the beginning of `data` as one harmless line of at most `limit` characters.

    Each run of white space becomes one space; invalid UTF-8 and characters that a terminal would act on become
    U+FFFD; an ellipsis marks where text was cut off.
    """
    # Folding shortens the text, so more than `limit` characters are read, but never all of a large body.
    head = data[: 8 * limit]
    if isinstance(head, bytes):
        head = head.decode("utf-8", "replace")
    line = " ".join(head.split())
    if not (line.isascii() and line.isprintable()):
        line = _HARMFUL.sub("\ufffd", line)
    if len(line) > limit or len(data) > 8 * limit:
        return line[: limit - 1].rstrip() + "…"
    return line


# Characters that a terminal acts on instead of showing them. C0 controls become their pictures (U+2400 …), so that the
# reader sees them. Carriage returns are dropped, since all they do is hide the text before them. Joiners and direction
# marks stay, since scripts and emoji need them.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}
_DISARMED = {
    **_PICTURES,
    0x0D: None,
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}


def harmless(text: str) -> str:
    """Return `text` for a terminal: line feeds and tabs stay, other controls and bidirectional overrides do not.

    Each character is treated alone, so a control sequence that is split between two texts becomes harmless, too.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_DISARMED)


def nearest(wanted: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return up to `most` of `names` that are similar to `wanted`, the most similar first.

    `cutoff`: the least similarity of two names, from 0 to 1 (difflib's ratio).
    """
    # Imported only for a wrong name: importing difflib takes longer than all of `--help`.
    from difflib import get_close_matches

    return get_close_matches(wanted, list(names), most, cutoff)
