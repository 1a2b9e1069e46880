"""Regular expressions that are compiled at their first use, so that a run compiles only those that it needs.

A run that uses none, such as `--help`, does not import re either; that import takes as long as the rest of such a run.
Flags are part of the pattern, for example `(?s)`.
"""

from __future__ import annotations

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from typing import Any, AnyStr


class _Pattern:
    """A stand-in for a compiled pattern. State: after the first use, the methods of the compiled pattern."""

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
    """Return a stand-in for `re.compile(text)` that compiles at its first use. An invalid pattern fails only then."""
    made: re.Pattern[AnyStr] = _Pattern(text)  # type: ignore[assignment]
    return made
