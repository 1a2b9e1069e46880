"""The conversation so far, as a value, and its form in a file. Pure."""

from __future__ import annotations

import json

from kaito.values import NamedTuple


class Turn(NamedTuple):
    """A question and the content of its answer (no reasoning). `cut_off`: the answer was stopped there."""

    question: str
    answer: str
    cut_off: bool = False


class Conversation(NamedTuple):
    """What has been said, oldest first. Each request carries all of it, since the server remembers nothing."""

    turns: tuple[Turn, ...] = ()
    system: str = ""

    def add(self, turn: Turn) -> Conversation:
        """Return this conversation with one more turn."""
        return self._replace(turns=(*self.turns, turn))

    def undo(self) -> Conversation:
        """Return this conversation without its last turn."""
        return self._replace(turns=self.turns[:-1])

    def clear(self) -> Conversation:
        """Return an empty conversation with the same system prompt."""
        return self._replace(turns=())

    def messages(self, question: str, left_out: int = 0) -> list[dict[str, str]]:
        """Return the messages of a request that asks `question` next, without the `left_out` oldest turns."""
        messages = [{"role": "system", "content": self.system}] if self.system else []
        for turn in self.turns[left_out:]:
            messages.append({"role": "user", "content": turn.question})
            messages.append({"role": "assistant", "content": turn.answer})
        messages.append({"role": "user", "content": question})
        return messages


def count_of_turns(conversation: Conversation) -> str:
    """Return how long the conversation is, in words: "1 turn"."""
    count = len(conversation.turns)
    return f"{count} turn{'' if count == 1 else 's'}"


def dump(conversation: Conversation, **about: str) -> str:
    """Return the conversation as a JSON object: `about` it, then `messages` in the form of a request."""
    messages: list[dict[str, object]] = [dict(message) for message in conversation.messages("")[:-1]]
    answers = [message for message in messages if message["role"] == "assistant"]
    for turn, message in zip(conversation.turns, answers):
        if turn.cut_off:
            message["cut_off"] = True
    return json.dumps({**about, "messages": messages}, ensure_ascii=False, indent=2) + "\n"


def load(text: str) -> Conversation:
    """Return the conversation that `dump` wrote, or that a JSON list of messages holds. Raises ValueError (why)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    messages = document.get("messages") if isinstance(document, dict) else document
    if not isinstance(messages, list):
        raise ValueError("it holds no messages")
    system = ""
    if messages and _content(messages[0], 0, "system", "user")[0] == "system":
        system = _content(messages[0], 0, "system")[1]
        messages = messages[1:]
    if len(messages) % 2:
        raise ValueError("its last message has no answer")
    turns = []
    for place in range(0, len(messages), 2):
        question = _content(messages[place], place, "user")[1]
        answer = _content(messages[place + 1], place + 1, "assistant")[1]
        turns.append(Turn(question, answer, bool(messages[place + 1].get("cut_off"))))
    return Conversation(tuple(turns), system)


def _content(message: object, place: int, *roles: str) -> tuple[str, str]:
    """Return a message's (role, content), the role being one of `roles`. Raises ValueError."""
    if isinstance(message, dict):
        role, content = message.get("role"), message.get("content")
        if role in roles and isinstance(content, str):
            return role, content
    raise ValueError(f"message {place + 1} must have the role {' or '.join(roles)} and text as its content")
