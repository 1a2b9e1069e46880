"""One question, one answer: what a chat on a terminal and a chat in a pipe have in common."""

from __future__ import annotations

from kaito.chat.answer import LIMIT, PartialAnswer, with_thoughts_apart
from kaito.chat.conversation import Conversation, Turn
from kaito.chat.served_model import ServedModel
from kaito.chat.window import Draft
from kaito.errors import InferenceError, NotReadyError
from kaito.model.errors import WindowExceeded
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.chat.answer import Answer
    from kaito.errors import KaitoError
    from kaito.kube.kubeconfig.model import Target
    from kaito.model.client import ChatModel, Sampling
    from kaito.model.events import Event
    from kaito.workspaces.endpoint import Found


class Destination(NamedTuple):
    """Where a chat goes: the cluster, and what was found there of the workspace.

    `explain` adds to the error of a workspace that is not ready why it is not.
    """

    target: Target
    found: Found
    explain: Callable[[NotReadyError], KaitoError] = lambda error: error


class LastQuestion(NamedTuple):
    """The newest question that is not forgotten; `text` is "" if there is none.

    `answered`: it is the question of the conversation's last turn. `before`: set while the question is about to be
    asked again: the conversation to go back to if nothing comes of that.
    """

    text: str = ""
    answered: bool = False
    before: Conversation | None = None


_EMPTY = Conversation()

# Finish reasons that need no words: the model's own end, a limit (`Answer.cut_by`), and none.
_USUAL_ENDS = ("", "stop", "length")


class Session:
    """A chat with one workspace. State: the conversation, the settings, and the last question and answer.

    `answer`: the last one that came, None before. `notice` is called with a line for the user now and then.
    `keeps_reasoning`: answers hold the model's reasoning, which otherwise is only shown.

    `max_tokens_chosen`: the user gave --max-tokens, so a value above the context window is an error; without it the
    default is reduced to what fits.
    """

    def __init__(
        self,
        destination: Destination,
        client: ChatModel,
        sampling: Sampling,
        conversation: Conversation = _EMPTY,
        *,
        notice: Callable[[str], None] = lambda line: None,
        max_tokens_chosen: bool = True,
        keeps_reasoning: bool = True,
    ) -> None:
        found = destination.found
        self.destination = destination
        self.model = ServedModel(client, found.model, found.endpoint.models)
        self.sampling = sampling
        self.conversation = conversation
        self.last = LastQuestion()
        self.answer: Answer | None = None
        self._partial = PartialAnswer(keeps_reasoning=keeps_reasoning)
        self._notice = notice
        self._max_tokens_chosen = max_tokens_chosen
        self._left_out_noted = False

    def ask(self, question: str, show: Callable[[Event], None]) -> Answer:
        """Ask, pass each event to `show` as it comes, add the turn to the conversation, and return the answer.

        An interrupt (Ctrl-C) ends the answer, not the program: what came of it is kept. If no content came, or if
        KaitoError is raised, the conversation is as it was before.
        """
        before = self.last.before or self.conversation
        # A question that leads to nothing costs no turns either: a shorter one is sent with as many as before.
        left_out = self.model.window.left_out
        self.last = LastQuestion(question)
        answer = None
        try:
            answer = self._answer(question, show)
        finally:
            if answer is None or not answer.content:
                self.conversation = before
                self.model.window.left_out = left_out
        self.answer = answer
        if answer.content:
            cut_off = answer.stopped or answer.outgrew != ""
            self.conversation = self.conversation.add(Turn(question, answer.content, cut_off))
            self.last = LastQuestion(question, answered=True)
        return answer

    def set_sampling(self, sampling: Sampling) -> None:
        """Use these parameters from now on."""
        if sampling.max_tokens != self.sampling.max_tokens:
            self._max_tokens_chosen = True
        self.sampling = sampling

    def go_on_from(self, conversation: Conversation) -> None:
        """Go on from another conversation, with the same settings."""
        self._replace(conversation)
        turns = conversation.turns
        self.last = LastQuestion(turns[-1].question, answered=True) if turns else LastQuestion()

    def set_system_prompt(self, system: str) -> None:
        """Use this system prompt from now on; "" for none."""
        self._replace(self.conversation._replace(system=system))

    def take_back(self) -> None:
        """Prepare to ask the last question again: its answer is forgotten once another one has come."""
        before = self.conversation
        if self.last.answered and before.turns:
            self._replace(before.undo())
            self.last = LastQuestion(self.last.text, before=before)

    def _replace(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.model.window.clear()
        self._left_out_noted = False

    def partial_answer(self, *, stopped: bool = True) -> Answer:
        """Return what has come of the current question, or of the last one, even if it failed."""
        partial = self._partial
        cut_by = self._limit_reached(partial) if partial.finish_reason == "length" else ""
        ending = ""
        if partial.tools or partial.finish_reason not in _USUAL_ENDS:
            from kaito.chat.endings import in_words

            ending = in_words(partial.finish_reason, partial.tools)
        return partial.as_answer(stopped=stopped, cut_by=cut_by, ending=ending)

    def _answer(self, question: str, show: Callable[[Event], None]) -> Answer:
        partial = self._partial = PartialAnswer(keeps_reasoning=self._partial.keeps_reasoning)
        stopped = False
        try:
            self._stream(question, partial, show)
        except KeyboardInterrupt:
            stopped = True
        except NotReadyError as error:
            raise self.destination.explain(error) from None
        if partial.plan:
            self.model.window.answered(partial.plan, partial.usage)
        self.model.id = partial.model or self.model.id
        answer = self.partial_answer(stopped=stopped)
        if not stopped and (not answer.content or answer.finish_reason == "abort"):
            raise _failure(answer)
        return answer

    def _stream(self, question: str, partial: PartialAnswer, show: Callable[[Event], None]) -> None:
        """Send the question, in smaller requests as long as the window is exceeded, and collect what comes."""
        window = self.model.window
        draft = Draft(self.conversation, question, self.sampling.max_tokens)
        self._check_max_tokens(window.size)
        partial.plan = plan = window.plan(draft, self.model.id)
        while True:
            events = self.model.client.stream(plan.messages, self.sampling._replace(max_tokens=plan.max_tokens))
            try:
                for event in with_thoughts_apart(events):
                    # Only now, after the server has accepted the request: a refusal may have cost more turns.
                    self._note_left_out()
                    partial.take(event)
                    show(event)
                    if partial.outgrew:
                        break
                return
            except WindowExceeded as refusal:
                from kaito.chat.refused import smaller_plan

                self._check_max_tokens(refusal.window)
                partial.plan = plan = smaller_plan(window, refusal, plan, draft)
            finally:
                events.close()

    def _check_max_tokens(self, window: int) -> None:
        """Raise InferenceError if the user chose more tokens than the context window holds (0: not known)."""
        wanted = self.sampling.max_tokens
        if self._max_tokens_chosen and wanted > window > 0:
            raise InferenceError(
                f"--max-tokens {wanted} is more than the model's context window of {window} tokens",
                "ask for less: the prompt and the reply must fit into it together",
            )

    def _note_left_out(self) -> None:
        count = self.model.window.left_out
        if count and not self._left_out_noted:
            self._left_out_noted = True
            self._notice(
                "note: the conversation outgrew the model's context window; "
                + (f"the {count} oldest turns are" if count > 1 else "the oldest turn is")
                + " left out from now on"
            )

    def _limit_reached(self, partial: PartialAnswer) -> str:
        """Return, in words, which limit ended an answer with the finish reason "length"."""
        max_tokens, plan, usage = self.sampling.max_tokens, partial.plan, partial.usage
        asked_for_all = plan is not None and plan.max_tokens == max_tokens
        if asked_for_all and (usage is None or usage.completion_tokens >= max_tokens):
            return f"--max-tokens {max_tokens}"
        size = self.model.window.size
        return "the model's context window" + (f" of {size} tokens" if size else "")


def too_long(answer: Answer) -> InferenceError:
    """Return the error for an answer that was cut because it outgrew what is kept of one."""
    message = f"the {answer.outgrew} is longer than {LIMIT >> 20} MiB and was cut"
    return InferenceError(message, "the model's server does not keep to --max-tokens")


def _failure(answer: Answer) -> InferenceError:
    """Return the error for an answer that has no content, or was aborted."""
    if answer.outgrew:
        return too_long(answer)
    from kaito.chat.endings import failure

    return failure(answer)
