"""One question, one answer: what is kept, what is noted, what is an error. The model follows a script."""

from __future__ import annotations

import pytest

from kaito.chat import answer as answers
from kaito.chat.conversation import Turn
from kaito.chat.session import Destination, Session
from kaito.errors import InferenceError
from kaito.model.client import Model, Sampling
from kaito.model.errors import WindowExceeded
from kaito.model.events import Content, Finish, Reasoning, Served, ToolCall, Usage
from kaito.workspaces.endpoint import Found
from kaito.workspaces.routes import Endpoint
from kaito.workspaces.ways import API_PROXY
from kaito.workspaces.workspace import Workspace


class Script:
    """A client that answers each question with the next list of events, and raises the exceptions among them.

    `listed`: the models that it lists; `listings` counts how often it was asked for them.
    """

    def __init__(self, *answers):
        self.asked = []
        self.listings = 0
        self.listed = []
        self._answers = list(answers)

    def models(self):
        self.listings += 1
        return self.listed

    def choose(self, model):
        pass

    def count_tokens(self, messages):
        raise InferenceError("it counts no tokens")

    def stream(self, messages, sampling):
        self.asked.append((messages, sampling.max_tokens))
        for event in self._answers.pop(0):
            if isinstance(event, BaseException):
                raise event
            yield event


def session(*answers, max_tokens=1024, probed=(), **options):
    model = Script(*answers)
    found = Found(Workspace("phi", "default"), Endpoint(API_PROXY, "", None, probed), "phi")
    notices = []
    made = Session(Destination(None, found), model, Sampling(max_tokens=max_tokens), notice=notices.append, **options)
    return made, model, notices


def ask(made, question="Hi"):
    """Ask and return (the answer, what was shown)."""
    shown = []
    return made.ask(question, shown.append), shown


OK = [Content("O"), Content("K"), Finish("stop"), Usage(5, 2, 7)]


def test_the_answer_and_its_events():
    made, model, _ = session([Served("phi-3"), Reasoning("hm"), *OK])
    answer, shown = ask(made)
    assert (answer.content, answer.reasoning, answer.finish_reason) == ("OK", "hm", "stop")
    assert answer.usage == Usage(5, 2, 7)
    assert (answer.stopped, answer.cut_by) == (False, "")
    assert 0 <= answer.first_token_seconds <= answer.seconds
    assert shown == [Served("phi-3"), Reasoning("hm"), *OK]
    assert made.model.id == "phi-3"
    assert model.asked == [([{"role": "user", "content": "Hi"}], 1024)]


class TestAnAnswerWithoutEnd:
    """It is cut at the limit, here 4 bytes; what came is kept."""

    @pytest.fixture(autouse=True)
    def small_limit(self, monkeypatch):
        monkeypatch.setattr(answers, "LIMIT", 4)

    def test_content(self):
        made, _, _ = session([*[Content("é")] * 9, *OK], OK)
        answer, shown = ask(made)
        assert (answer.content, answer.outgrew) == ("ééé", "answer")
        assert shown == [Content("é")] * 3
        assert made.conversation.turns == (Turn("Hi", "ééé", cut_off=True),)

    def test_reasoning_that_is_kept(self):
        made, _, _ = session([*[Reasoning("hm")] * 9, *OK])
        with pytest.raises(InferenceError, match=r"^the model's reasoning is longer than 128 MiB and was cut$"):
            ask(made)
        assert made.partial_answer().reasoning == "hmhmhm"

    def test_reasoning_that_is_not_kept(self):
        made, _, _ = session([*[Reasoning("hm")] * 9, *OK], keeps_reasoning=False)
        answer, shown = ask(made)
        assert (answer.content, answer.reasoning, answer.outgrew) == ("OK", "", "")
        assert len(shown) == 9 + len(OK)


def test_the_next_question_carries_what_was_said_without_the_reasoning():
    made, model, _ = session([Reasoning("hm"), *OK], OK)
    ask(made)
    ask(made, "And?")
    assert [message["content"] for message in model.asked[1][0]] == ["Hi", "OK", "And?"]


def test_a_failure_leaves_the_conversation_as_it_was():
    made, _, _ = session(OK, [Content("ha"), InferenceError("broke")], OK)
    ask(made)
    before = made.conversation
    with pytest.raises(InferenceError, match="broke"):
        ask(made, "And?")
    assert made.conversation == before
    assert ask(made)[0].content == "OK"


def test_an_interrupt_keeps_what_came():
    made, _, _ = session([Content("ha"), KeyboardInterrupt()], [KeyboardInterrupt()])
    answer, _ = ask(made)
    assert (answer.content, answer.stopped) == ("ha", True)
    assert [(turn.answer, turn.cut_off) for turn in made.conversation.turns] == [("ha", True)]
    answer, _ = ask(made)
    assert (answer.content, answer.stopped) == ("", True)
    assert len(made.conversation.turns) == 1


@pytest.mark.parametrize(
    ("events", "message", "hint"),
    [
        ([Finish("stop")], "the model gave an empty answer (finish reason: stop)", ""),
        ([], "the model gave an empty answer", ""),
        (
            [Reasoning("hm"), Finish("length")],
            "the model only reasoned and gave no answer (finish reason: length)",
            "allow it more with a larger --max-tokens",
        ),
        (
            [Reasoning("hm"), Finish("repetition")],
            "the model only reasoned and gave no answer (finish reason: repetition)",
            "the server stopped it because it repeated itself: ask again, or raise --temperature",
        ),
        (
            [Finish("content_filter")],
            "the model gave an empty answer (finish reason: content_filter)",
            "the server's content filter blocked it: ask in another way",
        ),
        (
            [ToolCall("search"), ToolCall("read_file"), ToolCall("search"), Finish("tool_calls")],
            "the model asked for tools instead of answering: search, read_file",
            "this program offers no tools and runs none: ask in another way",
        ),
        (
            [Reasoning("hm"), ToolCall("search"), Finish("stop")],
            "the model asked for tools instead of answering: search",
            "this program offers no tools and runs none: ask in another way",
        ),
        (
            [Finish("tool_calls")],
            "the model asked for tools instead of answering",
            "this program offers no tools and runs none: ask in another way",
        ),
        (
            [Content("OK"), Finish("abort")],
            "the model's server broke off the answer (finish reason: abort)",
            "it is being stopped or paused, or somebody ended the request there: ask again",
        ),
    ],
)
def test_no_answer_is_an_error(events, message, hint):
    made, _, _ = session(events)
    with pytest.raises(InferenceError) as caught:
        ask(made)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert made.conversation.turns == ()


@pytest.mark.parametrize(
    ("events", "ending"),
    [
        ([Finish("stop")], ""),
        ([Finish("eos_token")], ""),
        ([Finish("content_filter")], "the answer was blocked or cut off by the server's content filter"),
        ([Finish("repetition")], "the answer was stopped by the server because it repeats itself"),
        (
            [ToolCall("search"), Finish("tool_calls")],
            "the model also asked for tools, which this program does not run: search",
        ),
    ],
)
def test_how_an_answer_with_content_ended(events, ending):
    made, _, _ = session([Content("OK"), *events])
    answer, _ = ask(made)
    assert (answer.content, answer.ending) == ("OK", ending)
    assert made.conversation.turns == (Turn("Hi", "OK"),)


def test_a_model_that_calls_tools_without_end():
    made, _, _ = session([*[ToolCall(f"{number}" * 90) for number in range(99)], Finish("tool_calls")])
    with pytest.raises(InferenceError) as caught:
        ask(made)
    assert len(caught.value.message) < 260
    assert len(made.partial_answer().tools) == 20


@pytest.mark.parametrize(
    ("usage", "cut_by"),
    [
        ([Usage(5, 1024, 1029)], "--max-tokens 1024"),
        ([], "--max-tokens 1024"),
        ([Usage(5, 100, 105)], "the model's context window"),
    ],
    ids=["all were used", "no usage", "fewer were used"],
)
def test_the_limit_that_cut_an_answer(usage, cut_by):
    made, _, _ = session([Content("O"), Finish("length"), *usage])
    assert ask(made)[0].cut_by == cut_by


def exceeded(window=0, prompt=0, asked=0):
    return WindowExceeded("too long", "", window, prompt, asked)


class TestWindow:
    def test_models_that_the_probe_of_an_endpoint_listed_are_not_asked_for_again(self):
        made, model, _ = session(OK, OK, probed=(Model("phi", 2048, ""),))
        ask(made)
        ask(made)
        assert (made.model.window.size, model.listings) == (2048, 0)

    def test_the_server_is_asked_once_for_its_models(self):
        made, model, _ = session(OK, OK, OK)
        model.listed = [Model("phi", 2048, ""), Model("adapter", 0, "phi")]
        ask(made)
        assert model.listings == 0
        ask(made)
        assert made.model.models() == model.listed
        made.model.choose("adapter")
        ask(made)
        assert (made.model.window.size, model.listings) == (2048, 1)

    def test_the_default_budget_is_cut_to_what_the_model_can(self):
        made, model, _ = session([exceeded(512, 12, 1024)], OK, max_tokens_chosen=False)
        ask(made)
        assert [asked for _, asked in model.asked] == [1024, 500]

    def test_a_budget_that_the_user_chose_is_refused(self):
        made, model, _ = session([exceeded(512, 12)])
        with pytest.raises(InferenceError) as caught:
            ask(made)
        assert caught.value.message == "--max-tokens 1024 is more than the model's context window of 512 tokens"
        assert len(model.asked) == 1

    @pytest.mark.parametrize(
        "end",
        [
            pytest.param([InferenceError("it broke")], id="a failure"),
            pytest.param([KeyboardInterrupt()], id="Ctrl-C before the first word"),
            pytest.param([Finish("stop")], id="an empty answer"),
        ],
    )
    def test_a_question_that_leads_to_nothing_costs_no_turns(self, end):
        """A shorter one is sent with as many turns as before."""
        made, model, _ = session(OK, OK, OK, [exceeded(0, 0)], end, OK, max_tokens=100)
        for _ in range(3):
            ask(made)
        try:
            ask(made, "a long one")
        except InferenceError:
            pass
        ask(made, "a short one")
        assert [len(messages) for messages, _ in model.asked[3:]] == [7, 5, 7]

    def test_turns_left_out_are_noted_once_and_only_after_the_server_accepts_a_request(self):
        too_long = [exceeded(0, 0)]
        made, model, notices = session(OK, OK, OK, too_long, too_long, OK, too_long, OK, max_tokens=100)
        for _ in range(3):
            ask(made)
        ask(made)
        assert [len(messages) for messages, _ in model.asked[3:]] == [7, 5, 3]
        ask(made)
        assert notices == [
            "note: the conversation outgrew the model's context window; the 2 oldest turns are left out from now on"
        ]


def test_asking_a_failed_question_again_keeps_an_earlier_answer_to_the_same_words():
    made, model, _ = session(OK, [InferenceError("it broke")], OK)
    ask(made, "Hi")
    with pytest.raises(InferenceError):
        ask(made, "Hi")
    made.take_back()
    ask(made, made.last.text)
    assert [turn.question for turn in made.conversation.turns] == ["Hi", "Hi"]
    assert [len(messages) for messages, _ in model.asked] == [1, 3, 3]


def test_a_retry_replaces_the_last_answer():
    made, model, _ = session(OK, [Content("new"), Finish("stop")])
    ask(made)
    made.take_back()
    ask(made, made.last.text)
    assert [(turn.question, turn.answer) for turn in made.conversation.turns] == [("Hi", "new")]
    assert [len(messages) for messages, _ in model.asked] == [1, 1]


def test_a_retry_that_fails_keeps_the_last_answer():
    made, _, _ = session(OK, [InferenceError("it broke")])
    ask(made)
    before = made.conversation
    made.take_back()
    with pytest.raises(InferenceError):
        ask(made, made.last.text)
    assert (made.conversation, made.last.text) == (before, "Hi")


def test_a_retry_that_never_asks_takes_back_one_turn():
    """Ctrl-C may come between `/retry` and its question; the next question brings the turn back if it fails."""
    made, _, _ = session(OK, OK, [InferenceError("it broke")])
    ask(made, "a")
    ask(made, "b")
    before = made.conversation
    made.take_back()
    made.take_back()
    assert [turn.question for turn in made.conversation.turns] == ["a"]
    with pytest.raises(InferenceError):
        ask(made, "c")
    assert made.conversation == before
