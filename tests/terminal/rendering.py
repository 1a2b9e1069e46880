"""Rendering a text in pieces, and what a screen shows then."""

from __future__ import annotations

from pathlib import Path

from kaito.terminal.render import Renderer

from .screen import Screen

SAMPLES = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parent.parent / "data" / "markdown").glob("*.md"))
}


def show(pieces, columns=80, *, styled=True, finish=True, clock=lambda: 1.0, **options):
    """Return the screen after an answer that came in these pieces, or in one if it is a text."""
    screen = Screen(columns)
    renderer = Renderer(lambda: screen.columns, styled=styled, clock=clock, **options)
    for piece in [pieces] if isinstance(pieces, str) else pieces:
        screen.write(renderer.feed(piece))
        assert screen.style == "", "each piece ends in the terminal's own style"
    if finish:
        screen.write(renderer.finish())
    return screen


def marked(screen):
    """Return the lines of a screen with their styles: `bold` as <1>bold</>."""
    lines = []
    for row in screen.looks:
        line, current = "", ""
        for char, style in row:
            if char and style != current:
                line += ("</>" if current else "") + (f"<{style}>" if style else "")
                current = style
            line += char
        lines.append((line + ("</>" if current else "")).rstrip())
    return lines
