"""How many requests a refused question takes, and what is lost of its reply, by the server's wording and the sizes."""

from __future__ import annotations

import json

import pytest

from kaito.chat.conversation import Conversation, Turn
from kaito.chat.refused import raised, smaller_plan
from kaito.chat.window import FLOOR, Draft, Measure
from kaito.errors import InferenceError
from kaito.model.refusals import refusal_error

from .test_window import WORD, Server, answered, count, talk, window_of

IDEOGRAM = "竜 "


def vllm_25(window, prompt, asked, messages):
    """VLLM 0.25: the prompt is counted only as far as the reply's budget leaves room for it."""
    if asked > window:
        return f"max_tokens={asked} cannot be greater than max_model_len=max_total_tokens={window}. Please request …"
    if prompt + max(asked, 1) <= window:
        return ""
    room, characters = window - asked, sum(len(message["content"]) for message in messages)
    size = f"at least {room + 1} input tokens, for a total of at least {window + 1} tokens"
    if characters > 81 * room:
        size = f"{characters} characters (more than {81 * room} characters, which is the upper bound for {room} input "
        size += "tokens)"
    return (
        f"This model's maximum context length is {window} tokens. However, you requested {asked} output tokens and "
        f"your prompt contains {size}. Please reduce the length of the input prompt or the number of requested output "
        "tokens."
    )


def vllm_32(window, prompt, asked, messages):
    """VLLM 0.32: a reply gets what the prompt leaves."""
    if asked > window:
        return f"max_tokens={asked} cannot be greater than max_model_len={window}. Please request fewer output tokens."
    return prompt >= window and (
        f"This model's maximum context length is {window} tokens. However, your prompt contains at least {window + 1} "
        "input tokens, which exceeds this limit even without any output tokens."
    )


def wording(text):
    """Return a server that refuses with this text what does not fit together."""

    def refuse(window, prompt, asked, messages):
        return prompt + max(asked, 1) > window and text.format(window=window, prompt=prompt, asked=asked)

    return refuse


VLLM_9 = wording(
    "'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is {window} "
    "tokens and your request has {prompt} input tokens ({asked} > {window} - {prompt})."
)
VLLM_2 = wording(
    "This model's maximum context length is {window} tokens. However, you requested … tokens ({prompt} in the "
    "messages, {asked} in the completion). Please reduce the length of the messages or completion."
)
OPENAI = wording(
    "This model's maximum context length is {window} tokens. However, your messages resulted in {prompt} …"
)
TGI = wording(
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}. Given: {prompt} `inputs` tokens "
    "and {asked} `max_new_tokens`"
)
LLAMA_CPP = wording("the request exceeds the available context size ({window} tokens), try increasing it")
NO_NUMBERS = wording("The prompt is too long.")


def ask(refuse, size, draft, window=None, tokens=1):
    """Ask until the server accepts. Returns (the requests, the plan, the longest reply); None where it is an error.

    `tokens`: those of a word.
    """
    window = window or window_of(Server())
    plan = window.plan(draft, "")
    for requests in range(1, 30):
        prompt = tokens * count(plan.messages)
        said = refuse(size, prompt, plan.max_tokens, plan.messages)
        if not said:
            room = size - prompt
            return requests, plan, min(plan.max_tokens or room, room)
        error = refusal_error(400, "Bad Request", "", json.dumps({"error": {"message": said}}).encode())
        try:
            plan = smaller_plan(window, error, plan, draft)
        except InferenceError:
            return requests, None, None
    raise AssertionError("asked without end")


class TestARefusedFirstQuestion:
    """No turns can be left out. `lost`: the part of the possible reply that is lost at worst."""

    @pytest.mark.parametrize("prompt", [1, 100, 1530, 2040, 2047, 2048, 2100, 100_000])
    @pytest.mark.parametrize("size", [512, 2048, 4096, 131_072])
    @pytest.mark.parametrize(
        ("refuse", "most", "lost"),
        [
            pytest.param(vllm_25, 2, 0, id="vLLM 0.25"),
            pytest.param(vllm_32, 2, 0, id="vLLM 0.32"),
            pytest.param(VLLM_9, 2, 0, id="vLLM 0.9"),
            pytest.param(VLLM_2, 2, 0, id="vLLM 0.2"),
            pytest.param(OPENAI, 2, 0, id="OpenAI"),
            pytest.param(TGI, 2, 0, id="TGI"),
            pytest.param(LLAMA_CPP, 3, 0.5, id="llama.cpp"),
            pytest.param(NO_NUMBERS, 3, 0.5, id="no numbers"),
        ],
    )
    def test_requests_and_reply(self, refuse, most, lost, size, prompt):
        requests, plan, reply = ask(refuse, size, Draft(talk(), WORD * prompt, 1024))
        assert requests <= most
        best = min(1024, size - prompt)
        # Without numbers, a reply below the floor is not tried.
        assert (plan is not None) == (best >= (FLOOR if lost else 1))
        assert plan is None or best * (1 - lost) <= reply <= best

    @pytest.mark.parametrize("wanted", [1, 300, 1024, 2048, 30_000])
    def test_the_reply_is_never_longer_than_the_user_wants(self, wanted):
        for prompt in (100, 1530, 1900):
            requests, _, reply = ask(vllm_25, 2048, Draft(talk(), WORD * prompt, wanted))
            assert (requests <= 2, reply) == (True, min(wanted, 2048 - prompt))


class TestARefusedConversation:
    """VLLM 0.25 where nothing can be counted: it reports a size only after it has answered."""

    @pytest.mark.parametrize("wanted", [100, 1024, 16_000])
    @pytest.mark.parametrize("size", [2048, 32_768])
    @pytest.mark.parametrize(
        ("turns", "unit", "tokens", "most"),
        [
            pytest.param([200] * 200, WORD, 1, 2, id="ordinary text, far too long"),
            pytest.param([200] * 200, IDEOGRAM, 1, 4, id="a token in two characters"),
            pytest.param([50] * 800, IDEOGRAM, 4, 5, id="two tokens in a character"),
            pytest.param([200] * 6, WORD, 1, 2, id="short"),
            pytest.param([1800], WORD, 1, 2, id="one turn"),
        ],
    )
    def test_one_that_was_never_measured(self, turns, unit, tokens, most, size, wanted):
        conversation = Conversation(tuple(Turn(unit * (turn // 2), unit * (turn // 2)) for turn in turns))
        requests, plan, reply = ask(vllm_25, size, Draft(conversation, unit * 10, wanted), tokens=tokens)
        assert requests <= most
        assert reply >= min(FLOOR, wanted)
        everything = tokens * count(conversation.messages(unit * 10))
        # At worst, two thirds of the window are lost, and only to this question: its answer's usage is a measure.
        assert tokens * count(plan.messages) + reply >= min(everything + min(FLOOR, wanted), size // 3)

    @pytest.mark.parametrize("question", [1, 50, 400, 1000])
    def test_one_that_grows_turn_by_turn(self, question):
        """Each answer's usage measures the prompt, so the next one is known but for the question."""
        window, conversation = window_of(Server(2048)), talk()
        for number in range(40):
            unit = IDEOGRAM if number % 7 == 3 else WORD
            draft = Draft(conversation, unit * question, 1024)
            requests, plan, reply = ask(vllm_25, 2048, draft, window)
            assert requests <= 4
            assert FLOOR <= reply <= 1024
            assert count(plan.messages) + min(reply, 1024) >= 1024
            answered(window, plan)
            conversation = conversation.add(Turn(draft.question, WORD * 10))


@pytest.mark.parametrize(
    ("measured", "bound", "guess"),
    [
        pytest.param(Measure(), 10, Measure(125, 501, 3), id="never measured: four characters are a token"),
        pytest.param(Measure(), 200, Measure(200, 501, 3), id="but no less than the bound"),
        pytest.param(Measure(100, 501), 90, Measure(100, 501, 1), id="a measure that agrees with the bound"),
        pytest.param(Measure(1600, 501), 1601, Measure(1700, 501, 1), id="one that was too low: a sixteenth more"),
        pytest.param(Measure(1600, 501, 3), 1601, Measure(2400, 501, 4), id="for the fourth time: half as much again"),
        pytest.param(Measure(200, 1002), 90, Measure(100, 501, 1), id="a measure of other messages is scaled"),
    ],
)
def test_a_guess_is_raised(measured, bound, guess):
    assert raised(measured, bound, [{"role": "user", "content": "x" * 500}]) == guess
