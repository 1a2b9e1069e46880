"""The conversation so far, as a value. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Turn(NamedTuple):
    """A question and its answer's content (no reasoning); `cut_off`: the user stopped the answer there."""

    question: str
    answer: str
    cut_off: bool = False


class Conversation(NamedTuple):
    """What has been said. It is sent whole with each question, since the server remembers nothing."""

    turns: tuple[Turn, ...] = ()

    def add(self, turn: Turn) -> Conversation:
        """This conversation with one more turn."""
        return self._replace(turns=(*self.turns, turn))

    def messages(self, question: str, left_out: int = 0) -> list[dict[str, str]]:
        """The messages of a request that asks `question` next, without the `left_out` oldest turns."""
        messages = []
        for turn in self.turns[left_out:]:
            messages.append({"role": "user", "content": turn.question})
            messages.append({"role": "assistant", "content": turn.answer})
        messages.append({"role": "user", "content": question})
        return messages
