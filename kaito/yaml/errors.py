"""The error for a text that cannot be read, with the place in it."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING
from kaito.yaml.characters import BREAKS

if TYPE_CHECKING:
    from typing import NoReturn


class YamlError(ValueError):
    """The text is not YAML that kubectl reads.

    `message` says in one line what is wrong and what was expected, without the place. `line` and `column` count
    from 1; columns are characters.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


def fail(text: str, position: int, message: str) -> NoReturn:
    """Raise YamlError for a position in `text`."""
    before = text[:position]
    line = 1 + sum(before.count(mark) for mark in BREAKS)
    column = position - max(before.rfind(mark) for mark in BREAKS)
    raise YamlError(message, line, column)
