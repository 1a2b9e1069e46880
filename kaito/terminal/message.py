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

    A line that begins with three quotation marks opens a block, and the next line that ends with three closes it;
    a line that ends in a backslash goes on in the next one. Several lines at once are a paste, taken as they are.
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
        entered = entered.strip("\n")
        pasted = "\n" in entered
        begun = entered.lstrip()
        if not self._lines and begun.startswith(FENCE):
            inside = begun[len(FENCE) :]
            # A pasted program may well begin with a docstring, and opens nothing.
            if not pasted or _closes(inside):
                return self._in_block(inside)
        if entered.endswith("\\") and not pasted:
            self._lines.append(entered[:-1])
            return None
        block = pasted or bool(self._lines)
        self._lines.append(entered)
        return self._take(block)

    def _in_block(self, entered: str) -> Message | None:
        self._fenced = not _closes(entered)
        self._lines.append(entered if self._fenced else entered.rstrip()[: -len(FENCE)])
        return None if self._fenced else self._take(True)

    def _take(self, block: bool) -> Message:
        text = "\n".join(self._lines).strip("\n")
        self._lines = []
        return Message(text, block)


def _closes(entered: str) -> bool:
    """Whether this ends a block; a docstring within it, with marks on both its sides, does not."""
    return entered.rstrip().endswith(FENCE) and entered.count(FENCE) == 1


def recalled(message: Message) -> str:
    """What to enter at once to send that message again: for the arrow keys."""
    return message.text if Assembler().feed(message.text) == message else f"{FENCE}{message.text}{FENCE}"
