"""Typed lines made into messages: blocks, continued lines and pastes. Pure."""

from __future__ import annotations

from kaito.values import NamedTuple

FENCE = '"""'


class Message(NamedTuple):
    """What the user sends. `block`: it is a block or a paste, so never a command, whatever it begins with."""

    text: str
    block: bool


class Assembler:
    """Puts lines together into messages. State: the lines of a message that is not complete yet.

    A line that begins with three quotation marks opens a block, and the next line that ends with three closes it.
    A line that ends with a backslash continues on the next one. Several lines at once are a paste, kept as they are.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._fenced = False

    @property
    def open(self) -> bool:
        """Whether the message needs more lines."""
        return bool(self._lines) or self._fenced

    def feed(self, entered: str) -> Message | None:
        """Take what one Enter sent, several lines if it was a paste; return the message that it completes, if any."""
        if self._fenced:
            return self._in_block(entered)
        entered = entered.strip("\n")
        pasted = "\n" in entered
        begun = entered.lstrip()
        if not self._lines and begun.startswith(FENCE):
            inside = begun[len(FENCE) :]
            # A pasted program may well begin with a docstring, which does not open a block.
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
    """Return whether this ends a block. A docstring inside the block, with marks on both sides, does not."""
    last_line = entered.rstrip().rpartition("\n")[2]
    return last_line.strip() == FENCE or (last_line.endswith(FENCE) and entered.count(FENCE) == 1)


def recalled(message: Message) -> str:
    """Return what to enter to send that message again, for the arrow keys."""
    if Assembler().feed(message.text) == message:
        return message.text
    around = f"\n{message.text}\n" if FENCE in message.text else message.text
    return f"{FENCE}{around}{FENCE}"
