"""Styles of text, and the control sequences (ECMA-48, SGR) that show them. Pure."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kaito.terminal.wrap import Atom

BOLD, ITALIC, STRUCK, LINK, CODE, DIM, HEADING = (1 << place for place in range(7))
"""Parts of a style, which is their sum. The colours are the terminal's own, so they suit light and dark ones."""

_SEQUENCES = {BOLD: "1", ITALIC: "3", STRUCK: "9", LINK: "4", CODE: "36", DIM: "2", HEADING: "1;35"}

RESET = "\033[0m"


def paint(atoms: Iterable[Atom], base: int = 0) -> str:
    """Return what shows these texts; `base` is added to each style. The terminal's style is as before at its end."""
    painted, current = [], 0
    for text, style, _ in atoms:
        style |= base
        if text and style != current:
            if current:
                painted.append(RESET)
            if style:
                painted.append(f"\033[{';'.join(code for part, code in _SEQUENCES.items() if style & part)}m")
            current = style
        painted.append(text)
    return "".join(painted) + (RESET if current else "")
