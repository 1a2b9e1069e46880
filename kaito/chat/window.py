"""Keeping a conversation within the model's context window.

The reply's budget shrinks first, down to a floor; then the oldest turns are left out of the request. Sizes are the
server's: the usage of the last answer, `/tokenize`, `max_model_len`, and failing all of them its refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kaito.chat.conversation import Conversation
from kaito.errors import InferenceError, KaitoError
from kaito.model.client import ChatModel, Model
from kaito.model.errors import WindowExceeded
from kaito.model.events import Usage

# The reply that turns are given up for, in tokens; a smaller --max-tokens needs no more than itself.
FLOOR = 256

# Tokens that a chat template puts around one message are few; a token of text is at least one byte.
_TEMPLATE_TOKENS = 32

# How many questions wait for a look at what the server lists, when it fails; some may never list anything.
_LOOKS = 3


class Plan(NamedTuple):
    """A request that should fit: its messages and the reply's budget in tokens."""

    messages: list[dict[str, str]]
    max_tokens: int


class Window:
    """What is known of the window. State: its `size` in tokens (0: unknown), and how many turns are left out.

    `left_out` grows with each request that must be smaller; whoever asks sets it back when nothing comes of that.
    `models` gives what the server lists, and may raise KaitoError.
    """

    def __init__(self, model: ChatModel, models: Callable[[], Sequence[Model]]) -> None:
        self.size = 0
        self.left_out = 0
        self._model = model
        self._models = models
        self._looks_left = _LOOKS
        self._counts_tokens = True
        # The reply's budget that a server which tells no sizes let pass; 0: it has refused none.
        self._passed_budget = 0
        # The last prompt whose size the server told: (tokens, characters), and that with its answer.
        self._measured = (0, 0)
        self._used = 0

    @property
    def used(self) -> int:
        """Tokens of the conversation by the last answer's usage; 0 while that is not known."""
        return self._used

    def clear(self) -> None:
        """Forgets the conversation's sizes; the window stays known."""
        self.left_out = 0
        self._measured = (0, 0)
        self._used = 0
        self._passed_budget = 0

    def plan(self, conversation: Conversation, question: str, max_tokens: int, served: str) -> Plan:
        """The largest request that should fit. `served`: the id of the model that answers, if known.

        Raises InferenceError when the question alone is too long.
        """
        if conversation.turns and not self.size:
            self._look_up(served)
        return self._fit(conversation, question, max_tokens)

    def answered(self, plan: Plan, usage: Usage | None) -> None:
        """Notes the sizes that an answer's usage tells; None: it tells none, as when the user stopped it."""
        self._used = 0
        if usage and usage.prompt_tokens:
            self._measured = (usage.prompt_tokens, _characters(plan.messages))
            self._used = usage.prompt_tokens + usage.completion_tokens

    def refused(
        self, refusal: WindowExceeded, plan: Plan, conversation: Conversation, question: str, max_tokens: int
    ) -> Plan:
        """The request to try after a refusal. Raises InferenceError when nothing is left to shrink."""
        self.size = refusal.window or self.size
        self._used = 0
        if refusal.prompt:
            self._measured = (refusal.prompt, _characters(plan.messages))
        smaller = self._fit(conversation, question, max_tokens)
        # Each request is smaller than the one before, whatever a server says, so that they come to an end.
        if (len(smaller.messages), smaller.max_tokens) < (len(plan.messages), plan.max_tokens):
            return smaller
        # It told nothing to plan with, so step by step.
        if plan.max_tokens > FLOOR:
            self._passed_budget = max(FLOOR, plan.max_tokens // 2)
            return Plan(plan.messages, self._passed_budget)
        left = len(conversation.turns) - self.left_out
        if not left:
            raise InferenceError(refusal.message, refusal.hint)
        self.left_out += (left + 3) // 4
        return Plan(conversation.messages(question, self.left_out), plan.max_tokens)

    def _fit(self, conversation: Conversation, question: str, max_tokens: int) -> Plan:
        """The largest request that fits by what is known. Raises InferenceError."""
        while True:
            messages = conversation.messages(question, self.left_out)
            if not self.size:
                return Plan(messages, min(max_tokens, self._passed_budget or max_tokens))
            if self._surely_fits(question, max_tokens):
                return Plan(messages, max_tokens)
            prompt = self._prompt_tokens(messages)
            if not prompt:
                return Plan(messages, max_tokens)
            room = self.size - prompt
            if room >= min(FLOOR, max_tokens):
                return Plan(messages, min(max_tokens, room))
            if self.left_out == len(conversation.turns):
                if room > 0:
                    return Plan(messages, room)
                raise _too_long(self.size, prompt)
            self._leave_out(conversation, min(FLOOR, max_tokens) - room, prompt, messages)

    def _look_up(self, served: str) -> None:
        if not self._looks_left:
            return
        self._looks_left -= 1
        try:
            self.size = size_of(self._models(), served)
        except KaitoError:
            return
        self._looks_left = 0

    def _surely_fits(self, question: str, max_tokens: int) -> bool:
        if not self._used:
            return False
        return self._used + len(question.encode("utf-8", "replace")) + _TEMPLATE_TOKENS + max_tokens <= self.size

    def _prompt_tokens(self, messages: Sequence[Mapping[str, str]]) -> int:
        """The prompt's size as the server counts it; else by its last count, scaled; 0: not to be known."""
        if self._counts_tokens:
            try:
                tokens = self._model.count_tokens(messages)
            except KaitoError:
                self._counts_tokens = False
            else:
                self._measured = (tokens, _characters(messages))
                return tokens
        tokens, characters = self._measured
        return -(-tokens * _characters(messages) // characters) if characters else 0

    def _leave_out(
        self, conversation: Conversation, excess: int, prompt: int, messages: Sequence[Mapping[str, str]]
    ) -> None:
        """Leaves out as many of the oldest turns as make up `excess` tokens, at least one."""
        per_character = prompt / _characters(messages)
        while self.left_out < len(conversation.turns):
            turn = conversation.turns[self.left_out]
            self.left_out += 1
            self._used = 0
            excess -= int((len(turn.question) + len(turn.answer)) * per_character)
            if excess <= 0:
                return


def size_of(models: Sequence[Model], served: str) -> int:
    """The context window, in tokens, of the model of the id `served`; 0: not told. An adapter's is its base model's."""
    sizes = {model.id: model.max_model_len for model in models}
    return sizes.get(served) or max(sizes.values(), default=0)


def _too_long(window: int, prompt: int) -> InferenceError:
    """The newest message alone is too long: `prompt` tokens with the template leave no room for a reply."""
    over = prompt + 1 - window
    return InferenceError(
        f"the message is too long: {prompt} tokens with the model's template, and its context window holds {window}",
        f"shorten it by at least {over} token{'' if over == 1 else 's'}",
    )


def _characters(messages: Sequence[Mapping[str, str]]) -> int:
    """The size of a prompt where tokens are not counted; one for each message stands for the template's."""
    return sum(len(message["content"]) + 1 for message in messages)
