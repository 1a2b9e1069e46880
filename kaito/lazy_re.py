"""Regular expressions that are compiled at their first use, so that a run compiles only those that it needs.

A run that needs none, such as help, does not import re either, which takes as long as the rest of it. Flags are written
into the pattern: `(?s)` and the like.
"""

from __future__ import annotations

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from typing import Any, AnyStr


class _Pattern:
    """A stand-in for the compiled pattern. State: the compiled methods, from the first use on."""

    def __init__(self, text: str | bytes) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        import re

        compiled = re.compile(self._text)
        # Stored, so that __getattr__ runs only once: the parsers of large texts call these a million times.
        for method in ("match", "fullmatch", "search", "finditer", "findall", "sub"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: AnyStr) -> re.Pattern[AnyStr]:
    """Return the equivalent of `re.compile(text)`, which compiles at its first use."""
    made: re.Pattern[AnyStr] = _Pattern(text)  # type: ignore[assignment]
    return made
