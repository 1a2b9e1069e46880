"""Regular expressions that are compiled at their first use, so that a run compiles only those that it needs."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Pattern:
    """A stand-in for the compiled pattern. State: the compiled methods, from the first use on."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._text, self._flags)
        # Stored, so that __getattr__ runs only once: the parsers of large texts call these a million times.
        for method in ("match", "fullmatch", "search", "finditer", "sub"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return the equivalent of `re.compile(text, flags)`, which compiles at its first use."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
