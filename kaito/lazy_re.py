"""Regular expressions that are compiled when they are first used, so that a start pays only for those it needs."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Pattern:
    """Stands for the compiled pattern. State: its methods, once one of them has been asked for."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._text, self._flags)
        # Kept, so that this is never asked again: the readers of large texts use them a million times.
        for method in ("match", "fullmatch", "search", "finditer", "sub"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, made at its first use."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
