"""One question, one answer: what the terminal's loop and the pipe have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from kaito.chat.conversation import Conversation, Turn
from kaito.chat.window import Plan, Window
from kaito.errors import InferenceError, KaitoError, NotReadyError
from kaito.kube.kubeconfig import Target
from kaito.model.client import ChatModel, Model, Sampling
from kaito.model.errors import WindowExceeded
from kaito.model.events import Content, Event, Finish, Reasoning, Served, Usage
from kaito.workspaces.endpoint import Found


class Answer(NamedTuple):
    """What came of one question. Times in seconds from the question on.

    `stopped`: the user ended it. `cut_by`: the limit that ended it, in words, or "". `first_token_seconds`: until
    the first word, reasoning included, or None.
    """

    content: str
    reasoning: str
    finish_reason: str
    usage: Usage | None
    stopped: bool
    cut_by: str
    first_token_seconds: float | None
    seconds: float


_NOTHING_SAID = Conversation()


class Session:
    """A chat with one workspace. State: the conversation, the settings, and what is known of the model.

    `question`: the last one asked that is not forgotten, answered or not; `answer`: the last one that came;
    `served`: the id of the model that answers, "" while that is not known.

    `notice` gets a line for the person now and then; `explain` adds to a workspace that is not ready why it is not.
    `max_tokens_chosen`: the user gave --max-tokens, so a model
    that cannot do it refuses it; the default is cut to what the model can.
    """

    def __init__(
        self,
        target: Target,
        found: Found,
        model: ChatModel,
        sampling: Sampling,
        conversation: Conversation = _NOTHING_SAID,
        *,
        notice: Callable[[str], None] = lambda line: None,
        explain: Callable[[NotReadyError], KaitoError] = lambda error: error,
        max_tokens_chosen: bool = True,
    ) -> None:
        self.target = target
        self.found = found
        self.sampling = sampling
        self.conversation = conversation
        self.question = ""
        self.answer: Answer | None = None
        self.served = found.model
        self.window = Window(model, self.models)
        self._model = model
        self._models: list[Model] = list(found.endpoint.models)
        self._taken_back: Conversation | None = None
        self._answered = False  # the last question is the last turn's
        self._coming = _Coming()
        self._notice = notice
        self._explain = explain
        self._max_tokens_chosen = max_tokens_chosen
        self._told_left_out = False

    def ask(self, question: str, show: Callable[[Event], None]) -> Answer:
        """Asks, hands each event to `show` as it comes, and adds the turn to the conversation.

        An interrupt (Ctrl-C) ends the answer, not the program: what came of it stays. Raises KaitoError, and
        then the conversation is as it was.
        """
        before, self._taken_back = self._taken_back or self.conversation, None
        # A question of which nothing came costs no turns: a shorter one is sent with as many as before.
        left_out = self.window.left_out
        self.question = question
        self._answered = False
        try:
            answer = self._answer(question, show)
        except BaseException:
            self.conversation = before
            self.window.left_out = left_out
            raise
        self.answer = answer
        if answer.content:
            self.conversation = self.conversation.add(Turn(question, answer.content, answer.stopped))
            self._answered = True
        else:
            self.conversation = before
            self.window.left_out = left_out
        return answer

    def models(self) -> list[Model]:
        """What the server serves, asked once. Raises KaitoError."""
        if not self._models:
            self._models = self._model.models()
        return self._models

    def choose_model(self, name: str) -> None:
        """Asks the model of that id from now on."""
        self._model.choose(name)
        self.served = name
        self.window = Window(self._model, self.models)

    def set_sampling(self, sampling: Sampling) -> None:
        """Changes the parameters from now on."""
        if sampling.max_tokens != self.sampling.max_tokens:
            self._max_tokens_chosen = True
        self.sampling = sampling

    def converse(self, conversation: Conversation) -> None:
        """Goes on from another conversation; the settings stay."""
        self._replace(conversation)
        self.question = conversation.turns[-1].question if conversation.turns else ""
        self._answered = bool(conversation.turns)

    def instruct(self, system: str) -> None:
        """Changes the system prompt from now on, "" to none."""
        self._replace(self.conversation._replace(system=system))

    def take_back(self) -> None:
        """Prepares to ask the last question again: its answer is forgotten once there is another."""
        if self._answered and self.conversation.turns:
            before = self.conversation
            self._replace(before.undo())
            self._taken_back = before

    def _replace(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.window.clear()
        self._told_left_out = False

    def partial(self, stopped: bool = True) -> Answer:
        """What has come of the question in hand, or of the last one, also where it failed."""
        coming = self._coming
        return Answer(
            coming.content.decode(),
            coming.reasoning.decode(),
            coming.finish_reason,
            coming.usage,
            stopped,
            self._cut_by(coming) if coming.finish_reason == "length" else "",
            coming.first_token_seconds,
            time.monotonic() - coming.start,
        )

    def _answer(self, question: str, show: Callable[[Event], None]) -> Answer:
        coming = self._coming = _Coming()
        stopped = False
        try:
            self._stream(question, coming, show)
        except KeyboardInterrupt:
            stopped = True
        except NotReadyError as error:
            raise self._explain(error) from None
        if coming.plan:
            self.window.answered(coming.plan, coming.usage)
        self.served = coming.model or self.served
        answer = self.partial(stopped)
        if not answer.content and not stopped:
            raise _empty(answer)
        return answer

    def _stream(self, question: str, coming: _Coming, show: Callable[[Event], None]) -> None:
        """Sends the question, smaller each time it does not fit the window, and collects what comes."""
        wanted = self.sampling.max_tokens
        self._check_budget(wanted, self.window.size)
        coming.plan = plan = self.window.plan(self.conversation, question, wanted, self.served)
        while True:
            events = self._model.stream(plan.messages, self.sampling._replace(max_tokens=plan.max_tokens))
            try:
                for event in events:
                    # Not before the server took the request: a refusal may cost more turns.
                    self._tell_left_out()
                    coming.take(event)
                    show(event)
                return
            except WindowExceeded as refusal:
                self._check_budget(wanted, refusal.window)
                coming.plan = plan = self.window.refused(refusal, plan, self.conversation, question, wanted)
            finally:
                events.close()

    def _check_budget(self, wanted: int, window: int) -> None:
        """Refuses a --max-tokens of the user's own that the model cannot do; the default is cut to what it can."""
        if self._max_tokens_chosen and wanted > window > 0:
            raise InferenceError(
                f"--max-tokens {wanted} is more than the model's context window of {window} tokens",
                "ask for less: the prompt and the reply must fit it together",
            )

    def _tell_left_out(self) -> None:
        count = self.window.left_out
        if count and not self._told_left_out:
            self._told_left_out = True
            self._notice(
                "note: the conversation outgrew the model's context window; "
                + (f"the {count} oldest turns are" if count > 1 else "the oldest turn is")
                + " left out from now on"
            )

    def _cut_by(self, coming: _Coming) -> str:
        plan, usage = coming.plan, coming.usage
        whole = plan is not None and plan.max_tokens == self.sampling.max_tokens
        if whole and (usage is None or usage.completion_tokens >= self.sampling.max_tokens):
            return f"--max-tokens {self.sampling.max_tokens}"
        return "the model's context window" + (f" of {self.window.size} tokens" if self.window.size else "")


class _Coming:
    """State: what has come of an answer so far."""

    def __init__(self) -> None:
        # Bytes, since a list of a million small strings takes many times their size.
        self.content = bytearray()
        self.reasoning = bytearray()
        self.finish_reason = ""
        self.model = ""
        self.usage: Usage | None = None
        self.plan: Plan | None = None
        self.start = time.monotonic()
        self.first_token_seconds: float | None = None

    def take(self, event: Event) -> None:
        if isinstance(event, (Content, Reasoning)):
            if self.first_token_seconds is None:
                self.first_token_seconds = time.monotonic() - self.start
            (self.content if isinstance(event, Content) else self.reasoning).extend(event.text.encode())
        elif isinstance(event, Finish):
            self.finish_reason = event.reason
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Served):
            self.model = event.model


def _empty(answer: Answer) -> InferenceError:
    why = f" (finish reason: {answer.finish_reason})" if answer.finish_reason else ""
    if answer.reasoning:
        hint = "allow it more with a larger --max-tokens" if answer.cut_by else ""
        return InferenceError(f"the model only reasoned and gave no answer{why}", hint)
    return InferenceError(f"the model gave an empty answer{why}")
