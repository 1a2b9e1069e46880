"""Keeping a conversation within the model's context window.

A request that does not fit asks for a shorter reply first, down to a floor; then it leaves out the oldest turns.
Sizes come from the server: the usage of the last answer, `/tokenize`, `max_model_len`. Where it reports none of them,
its refusals show when a request is too large (`kaito.chat.refused`).
"""

from __future__ import annotations

from kaito.errors import InferenceError, KaitoError
from kaito.model.errors import Busy
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Messages = Sequence[Mapping[str, str]]

    from kaito.chat.conversation import Conversation
    from kaito.model.client import ChatModel, Model
    from kaito.model.events import Usage

# Tokens of a reply for which turns are left out; if --max-tokens is smaller, it is enough.
FLOOR = 256

# Tokens that a chat template adds to one message, rounded up; a token of text is at least one byte.
_TEMPLATE_TOKENS = 32

# How often a failed request for the server's list is repeated, once per question; some servers never list anything.
_ATTEMPTS_TO_LIST = 3


class Draft(NamedTuple):
    """A request as the user wants it: the whole conversation, the new question, and a reply of `max_tokens`."""

    conversation: Conversation
    question: str
    max_tokens: int

    @property
    def shortest_reply(self) -> int:
        """The tokens of a reply that must be possible before turns are kept."""
        return min(FLOOR, self.max_tokens)

    def plan(self, left_out: int, max_tokens: int) -> Plan:
        """Return the request without the `left_out` oldest turns and with at most `max_tokens` for the reply."""
        return Plan(self.conversation.messages(self.question, left_out), min(max_tokens, self.max_tokens))


class Plan(NamedTuple):
    """A request that should fit: its messages, and the longest reply in tokens; 0 for what remains of the window."""

    messages: list[dict[str, str]]
    max_tokens: int

    @property
    def extent(self) -> tuple[int, int]:
        """What must shrink from one attempt to the next, so that attempts come to an end."""
        return len(self.messages), self.max_tokens


class Measure(NamedTuple):
    """A prompt whose size the server reported: its tokens, and the characters that they stand for.

    `guesses`: 0 for a size that was reported, otherwise how often it was guessed from lower bounds.
    """

    tokens: int = 0
    characters: int = 0
    guesses: int = 0

    def scaled_to(self, messages: Messages) -> int:
        """Return the tokens of other messages by this measure, rounded up; 0 if nothing was measured."""
        return -(-self.tokens * characters(messages) // self.characters) if self.characters else 0

    def is_of(self, messages: Messages) -> bool:
        """Return whether this is the size of these messages, not an estimate."""
        return not self.guesses and self.characters == characters(messages)


class Window:
    """What is known about the context window. State: its `size`, what was measured, and how many turns are left out.

    `size`: in tokens, 0 while it is not known. `left_out`: grows with each request that must be smaller; the caller
    sets it back if nothing comes of the request. `used`: tokens of the conversation by the last answer's usage, 0
    while they are not known. `measured`: the last size that the server reported. `accepted_reply`: the longest reply
    that was asked for after a refusal without numbers, 0 if there was none. `models` returns what the server lists, and
    may raise KaitoError.
    """

    def __init__(self, client: ChatModel, models: Callable[[], Sequence[Model]]) -> None:
        self.size = 0
        self.left_out = 0
        self.used = 0
        self._client = client
        self._models = models
        self._attempts_to_list = _ATTEMPTS_TO_LIST
        self._counts_tokens = True
        self._too_busy_to_count = False
        self.accepted_reply = 0
        self.measured = Measure()

    def clear(self) -> None:
        """Forget the sizes of the conversation and keep that of the window."""
        self.left_out = 0
        self.used = 0
        self.accepted_reply = 0
        self.measured = Measure()

    def plan(self, draft: Draft, served: str) -> Plan:
        """Return the largest request that should fit. `served`: the id of the model that answers, "" if unknown.

        Raises InferenceError if the question alone is too long.
        """
        if draft.conversation.turns and not self.size:
            self._learn_size(served)
        if self._too_busy_to_count:
            self._counts_tokens, self._too_busy_to_count = True, False
        return self.fit(draft)

    def answered(self, plan: Plan, usage: Usage | None) -> None:
        """Note the sizes in an answer's usage; None if it has none, as when the user stopped it."""
        self.used = 0
        if usage and usage.prompt_tokens:
            self.measured = Measure(usage.prompt_tokens, characters(plan.messages))
            self.used = usage.prompt_tokens + usage.completion_tokens

    def fit(self, draft: Draft) -> Plan:
        """Return the largest request that fits by what is known, leaving out turns. Raises InferenceError."""
        if not self.size:
            return draft.plan(self.left_out, self.accepted_reply or draft.max_tokens)
        if self.surely_fits(draft, draft.max_tokens):
            return draft.plan(self.left_out, draft.max_tokens)
        while True:
            plan = draft.plan(self.left_out, draft.max_tokens)
            prompt = self.prompt_tokens(plan.messages)
            if not prompt:
                return plan
            room = self.size - prompt
            nothing_left = self.left_out == len(draft.conversation.turns)
            if nothing_left and room < draft.shortest_reply and not self.measured.is_of(plan.messages):
                # That is an estimate. The server knows.
                return plan
            if room >= draft.shortest_reply or (nothing_left and room > 0):
                return plan._replace(max_tokens=min(room, draft.max_tokens))
            if nothing_left:
                raise message_too_long(self.size, prompt)
            tokens_per_character = prompt / characters(plan.messages)
            self._leave_out(draft.conversation, draft.shortest_reply - room, tokens_per_character)

    def _learn_size(self, served: str) -> None:
        if not self._attempts_to_list:
            return
        self._attempts_to_list -= 1
        try:
            self.size = size_of(self._models(), served)
        except KaitoError:
            return
        # It lists its models, so a size that is missing now will not be there later either.
        self._attempts_to_list = 0

    def surely_fits(self, draft: Draft, reply: int) -> bool:
        """Return whether the last usage, an upper bound for the question and `reply` tokens fit together."""
        if not self.used:
            return False
        question = len(draft.question.encode("utf-8", "replace")) + _TEMPLATE_TOKENS
        return self.used + question + reply <= self.size

    def prompt_tokens(self, messages: Messages) -> int:
        """Return a prompt's size as the server counts it, or else scaled from its last measure; 0 if unknown."""
        if self._counts_tokens:
            try:
                tokens = self._client.count_tokens(messages)
            except KaitoError as error:
                # KAITO turns requests away while its queue is long; what a server lacks, it lacks for good.
                self._too_busy_to_count = isinstance(error, Busy)
                self._counts_tokens = False
            else:
                self.measured = Measure(tokens, characters(messages))
                return tokens
        return self.measured.scaled_to(messages)

    def _leave_out(self, conversation: Conversation, excess: int, tokens_per_character: float) -> None:
        """Leave out as many of the oldest turns as save `excess` tokens, and at least one."""
        self.used = 0
        while self.left_out < len(conversation.turns):
            turn = conversation.turns[self.left_out]
            self.left_out += 1
            excess -= int((len(turn.question) + len(turn.answer)) * tokens_per_character)
            if excess <= 0:
                return


def size_of(models: Sequence[Model], served: str) -> int:
    """Return the context window, in tokens, of the model of the id `served`; 0 if unknown.

    An adapter has its base model's window.
    """
    sizes = {model.id: model.max_model_len for model in models}
    return sizes.get(served) or max(sizes.values(), default=0)


def message_too_long(window: int, prompt: int, *, at_least: bool = False) -> InferenceError:
    """Return the error for a message that leaves no room for a reply: `prompt` tokens with the template, or more."""
    over = prompt + 1 - window
    size = f"{'at least ' if at_least else ''}{prompt} tokens"
    return InferenceError(
        f"the message is too long: {size} with the model's template, and its context window holds {window}",
        f"shorten it by at least {over} token{'' if over == 1 else 's'}",
    )


def characters(messages: Messages) -> int:
    """Return the size of a prompt whose tokens are not counted; one character per message stands for the template."""
    return sum(len(message["content"]) + 1 for message in messages)
