"""Colours, where a person sees them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

DIM, RESET = "\033[2m", "\033[0m"


def wanted(choice: str, environ: Mapping[str, str]) -> bool:
    """Whether to use colours on a terminal. `choice`: --color's auto, always or never.

    With auto, NO_COLOR (no-color.org: set to anything but "") and a terminal that knows no colours turn them off.
    """
    if choice == "auto":
        return not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
    return choice == "always"
