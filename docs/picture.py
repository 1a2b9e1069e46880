#!/usr/bin/env python3
"""Turn what a terminal shows into an SVG: `tmux capture-pane -p -e | python3 docs/picture.py > docs/session.svg`.

The text can be selected, and the colours follow the reader's light or dark mode. For the README's picture, start the
stand-in cluster in a tmux of 80 columns (`tmux new -x 80 -y 44`, then `python3 -m tests.cluster`), ask
"Why does my pod restart?", and capture the pane.
"""

from __future__ import annotations

import re
import sys
from html import escape

WIDTH, HEIGHT, MARGIN = 8.4, 19, 16  # of a character at a size of 14 px, of a line, around the text

STYLE = """
text { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328 }
rect { fill: #f6f8fa; stroke: #d1d9e0 }
.s1 { font-weight: bold } .s2 { opacity: .6 } .s3 { font-style: italic }
.s4 { text-decoration: underline } .s9 { text-decoration: line-through }
.s31 { fill: #cf222e } .s32 { fill: #116329 } .s33 { fill: #7d4e00 } .s34 { fill: #0550ae } .s35 { fill: #8250df }
.s36 { fill: #0a6c74 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } rect { fill: #0d1117; stroke: #30363d }
.s31 { fill: #ff7b72 } .s32 { fill: #7ee787 } .s33 { fill: #e3b341 } .s34 { fill: #79c0ff } .s35 { fill: #d2a8ff }
.s36 { fill: #76e3ea }
}
"""


def runs(line, style):
    """Return the runs of one style in a line as (column, style, text), and the style at its end (SGR numbers)."""
    found, column = [], 0
    for codes, text in re.findall(r"\033\[([0-9;]*)m|([^\033]+)", line):
        if text:
            found.append((column, style, text))
            column += len(text)
            continue
        for code in map(int, (codes or "0").split(";")):
            if code == 0:
                style = frozenset()
            elif code in (22, 23, 24, 29):
                style -= {1, 2} if code == 22 else {code - 20}
            elif 30 <= code <= 39:
                style = frozenset(part for part in style if part < 30) | ({code} if code < 38 else set())
            elif code < 10:
                style |= {code}
    return found, style


def svg(capture):
    """Return the SVG of a capture with its control sequences for styles (SGR)."""
    lines = capture.rstrip().split("\n")
    plain = [re.sub("\033\\[[0-9;]*m", "", line).rstrip() for line in lines]
    width, height = max(map(len, plain)) * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">']
    parts.append(f"<style>{STYLE}</style>")
    parts.append(f'<rect x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1}" rx="8"/>')
    style = frozenset()
    for number, line in enumerate(lines):
        found, style = runs(line, style)
        spans = []
        for column, own, text in found:
            if text.strip():
                names = " ".join(f"s{code}" for code in sorted(own))
                named = f' class="{names}"' if names else ""
                at = f' x="{MARGIN + column * WIDTH:.1f}"'
                spans.append(f'<tspan{at}{named} textLength="{len(text) * WIDTH:.1f}">{escape(text)}</tspan>')
        if spans:
            parts.append(f'<text y="{MARGIN + (number + 0.75) * HEIGHT:.1f}">{"".join(spans)}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(svg(sys.stdin.read()))
