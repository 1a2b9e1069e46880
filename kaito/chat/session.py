"""One question, one answer: what the terminal's loop and the pipe have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from kaito.chat.conversation import Conversation, Turn
from kaito.endpoint import Found
from kaito.errors import InferenceError
from kaito.kube.kubeconfig import Target
from kaito.openai import ChatModel, Content, Event, Finish, Reasoning, Sampling, Served, Usage


class Answer(NamedTuple):
    """What came of one question. Times in seconds from the question on.

    `stopped`: the user ended it. `first_token_seconds`: until the first word, reasoning included, or None.
    """

    content: str
    reasoning: str
    finish_reason: str
    usage: Usage | None
    model: str
    stopped: bool
    first_token_seconds: float | None
    seconds: float


class Session:
    """A chat with one workspace. State: the conversation, the settings, and what is known of the model."""

    def __init__(self, target: Target, found: Found, model: ChatModel, sampling: Sampling) -> None:
        self.target = target
        self.found = found
        self.sampling = sampling
        self.conversation = Conversation()
        self.served = found.workspace.model
        self._model = model

    def ask(self, question: str, show: Callable[[Event], None]) -> Answer:
        """Asks, hands each event to `show` as it comes, and adds the turn to the conversation.

        An interrupt (Ctrl-C) ends the answer, not the program: what came of it stays. Raises KaitoError, and
        then the conversation is as it was.
        """
        # Bytes, since a list of a million small strings takes many times their size.
        content, reasoning = bytearray(), bytearray()
        finish_reason, usage, first = "", None, None
        stopped = False
        start = time.monotonic()
        events = self._model.stream(self.conversation.messages(question), self.sampling)
        try:
            for event in events:
                if isinstance(event, (Content, Reasoning)):
                    first = first or time.monotonic() - start
                    (content if isinstance(event, Content) else reasoning).extend(event.text.encode())
                elif isinstance(event, Finish):
                    finish_reason = event.reason
                elif isinstance(event, Usage):
                    usage = event
                elif isinstance(event, Served):
                    self.served = event.model
                show(event)
        except KeyboardInterrupt:
            stopped = True
        finally:
            events.close()
        answer = Answer(
            content.decode(),
            reasoning.decode(),
            finish_reason,
            usage,
            self.served,
            stopped,
            first,
            time.monotonic() - start,
        )
        if answer.content:
            self.conversation = self.conversation.add(Turn(question, answer.content, stopped))
        elif not stopped:
            raise _empty(answer)
        return answer

    def clear(self) -> None:
        """Forgets the conversation; the settings stay."""
        self.conversation = Conversation()


def _empty(answer: Answer) -> InferenceError:
    why = f" (finish reason: {answer.finish_reason})" if answer.finish_reason else ""
    if answer.reasoning:
        return InferenceError(
            f"the model only reasoned and gave no answer{why}", "allow it more with a larger --max-tokens"
        )
    return InferenceError(f"the model gave an empty answer{why}")
