"""Typed lines → messages: blocks, continued lines and pastes. Pure."""

from __future__ import annotations

from typing import NamedTuple

FENCE = '"""'


class Message(NamedTuple):
    """What the user sends. `block`: a block or a paste, which is a message whatever it begins with."""

    text: str
    block: bool


class Assembler:
    """Puts lines together. State: the lines of a message that is not complete yet.

    A line that begins with three quotation marks opens a block, which the next three close; a line that ends in a
    backslash goes on in the next one.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._fenced = False

    @property
    def open(self) -> bool:
        """Whether more lines are wanted."""
        return bool(self._lines) or self._fenced

    def feed(self, entered: str) -> Message | None:
        """Takes what one Enter sent, several lines when it was pasted; gives the message that it completes."""
        if self._fenced:
            return self._in_block(entered)
        if not self._lines and entered.lstrip().startswith(FENCE):
            self._fenced = True
            return self._in_block(entered.lstrip()[len(FENCE) :])
        if entered.endswith("\\"):
            self._lines.append(entered[:-1])
            return None
        block = bool(self._lines) or "\n" in entered.strip("\n")
        self._lines.append(entered)
        return self._take(block)

    def _in_block(self, entered: str) -> Message | None:
        before, fence, _ = entered.rstrip().rpartition(FENCE)
        if fence and entered.rstrip().endswith(FENCE):
            self._lines.append(before)
            self._fenced = False
            return self._take(True)
        self._lines.append(entered)
        return None

    def _take(self, block: bool) -> Message:
        text = "\n".join(self._lines)
        self._lines = []
        return Message(text.strip("\n") if block else text, block)
