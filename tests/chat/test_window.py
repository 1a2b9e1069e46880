"""How many turns and how long a reply a request has, by how much the server reports of its sizes."""

from __future__ import annotations

import pytest

from kaito.chat.conversation import Conversation, Turn
from kaito.chat.refused import smaller_plan
from kaito.chat.window import FLOOR, Draft, Plan, Window, size_of
from kaito.errors import InferenceError
from kaito.model.client import Model
from kaito.model.errors import Busy, WindowExceeded
from kaito.model.events import Usage

WORD = "word "


class Server:
    """The part of a client that a window uses; a token is a word. `requests`: what it was asked, in order.

    `busy`: how often it has no time to count.
    """

    def __init__(self, size=0, counts=False, fails=0, busy=0):
        self.requests = []
        self._busy = busy
        self._fails = fails
        self._size = size
        self._counts = counts

    def models(self):
        self.requests.append("models")
        if self.requests.count("models") <= self._fails:
            raise InferenceError("no answer to /v1/models")
        return [Model("phi", self._size, ""), Model("adapter", 0, "phi")]

    def count_tokens(self, messages):
        self.requests.append("tokenize")
        if self.requests.count("tokenize") <= self._busy:
            raise Busy("Too many requests")
        if not self._counts:
            raise InferenceError("the model's server does not count tokens")
        return count(messages)


def window_of(server):
    """Return the window of a model on that server."""
    return Window(server, server.models)


def count(messages):
    return sum(len(message["content"].split()) for message in messages)


def talk(*sizes):
    """Return a conversation whose turns have that many tokens each, half in the question, half in the answer."""
    return Conversation(tuple(Turn(WORD * (size // 2), WORD * (size // 2)) for size in sizes))


def answered(window, plan):
    """Let the server accept the plan and report the usage of a reply of 10 tokens."""
    window.answered(plan, Usage(count(plan.messages), 10, count(plan.messages) + 10))


def refusal(window=0, prompt=0, asked=0):
    return WindowExceeded("too long, it says", "send a shorter message", window, prompt, asked)


class TestWithSizes:
    """A server that reports its window and counts tokens, as vLLM does."""

    def test_the_first_question_costs_no_other_request(self):
        server = Server(2048, counts=True)
        plan = window_of(server).plan(Draft(talk(), WORD, 1024), "")
        assert plan == Plan([{"role": "user", "content": WORD}], 1024)
        assert server.requests == []

    def test_nor_does_a_question_that_surely_fits_by_the_last_usage(self):
        server = Server(2048, counts=True)
        window = window_of(server)
        answered(window, window.plan(Draft(talk(), WORD, 1024), "phi"))
        window.plan(Draft(talk(11), WORD, 1024), "phi")
        window.plan(Draft(talk(11, 11), WORD, 1024), "phi")
        assert server.requests == ["models"]

    @pytest.mark.parametrize(
        ("turns", "question", "wanted", "left_out", "budget"),
        [
            pytest.param((500, 500), 10, 1024, 0, 1024, id="everything fits"),
            pytest.param((700, 700), 10, 1024, 0, 638, id="the reply shrinks"),
            pytest.param((800, 900), 92, 1024, 0, 256, id="to the floor"),
            pytest.param((800, 900), 93, 1024, 1, 1024, id="then the oldest turn goes"),
            pytest.param((800, 1500, 900), 10, 1024, 2, 1024, id="or two"),
            pytest.param((800, 900), 298, 50, 0, 50, id="a small reply is its own floor"),
            pytest.param((800, 900), 299, 50, 1, 50, id="and makes a turn go too"),
            pytest.param((10,), 2000, 1024, 1, 48, id="below the floor when nothing is left to go"),
            pytest.param((10,), 2047, 1024, 1, 1, id="down to a token"),
        ],
    )
    def test_what_is_sent(self, turns, question, wanted, left_out, budget):
        window = window_of(Server(2048, counts=True))
        conversation = talk(*turns)
        plan = window.plan(Draft(conversation, WORD * question, wanted), "phi")
        assert (window.left_out, plan.max_tokens) == (left_out, budget)
        assert plan.messages == conversation.messages(WORD * question, left_out)

    def test_the_window_is_that_of_the_model_that_answers(self):
        window = window_of(Server(2048))
        window.plan(Draft(talk(2), WORD, 10), "phi")
        assert window.size == 2048
        window = window_of(Server(2048))
        window.plan(Draft(talk(2), WORD, 10), "adapter")
        assert window.size == 2048

    @pytest.mark.parametrize(
        ("sizes", "served", "size"),
        [
            pytest.param({"phi": 2048, "adapter": 1024}, "adapter", 1024, id="its own"),
            pytest.param({"phi": 2048, "adapter": 0}, "adapter", 2048, id="its base model's"),
            pytest.param({"phi": 2048}, "", 2048, id="it is unknown which one answers"),
            pytest.param({"phi": 0}, "phi", 0, id="no size reported"),
            pytest.param({}, "phi", 0, id="nothing listed"),
        ],
    )
    def test_the_size_by_what_is_listed(self, sizes, served, size):
        assert size_of([Model(name, length, "") for name, length in sizes.items()], served) == size

    def test_a_failed_request_for_the_models_is_repeated_with_the_next_question(self):
        window = window_of(server := Server(2048, fails=1))
        window.plan(Draft(talk(2), WORD, 10), "phi")
        assert window.size == 0
        window.plan(Draft(talk(2), WORD, 10), "phi")
        assert window.size == 2048
        assert server.requests.count("models") == 2

    def test_a_request_for_the_models_that_always_fails_is_given_up(self):
        window = window_of(server := Server(2048, fails=100))
        for _ in range(10):
            window.plan(Draft(talk(2), WORD, 10), "phi")
        assert server.requests == ["models"] * 3

    def test_the_system_prompt_and_the_newest_message_stay(self):
        window = window_of(Server(2048, counts=True))
        conversation = talk(1000, 1000, 1000)._replace(system=WORD * 100)
        plan = window.plan(Draft(conversation, WORD * 1600, 1024), "phi")
        assert [message["role"] for message in plan.messages] == ["system", "user"]
        assert plan.max_tokens == 2048 - 1700

    def test_turns_that_are_left_out_stay_left_out(self):
        window = window_of(Server(2048, counts=True))
        window.plan(Draft(talk(1000, 1000), WORD * 10, 1024), "phi")
        assert window.left_out == 1
        window.plan(Draft(talk(1000, 1000, 10), WORD, 10), "phi")
        assert window.left_out == 1

    @pytest.mark.parametrize(("size", "over"), [(2048, "1 token"), (2049, "2 tokens"), (3000, "953 tokens")])
    def test_a_message_that_is_too_long_by_itself(self, size, over):
        window = window_of(Server(2048, counts=True))
        with pytest.raises(InferenceError) as caught:
            window.plan(Draft(talk(10), WORD * size, 1024), "phi")
        assert caught.value.message.startswith(f"the message is too long: {size} tokens ")
        assert caught.value.message.endswith("its context window holds 2048")
        assert caught.value.hint == f"shorten it by at least {over}"

    def test_clear_forgets_the_sizes_of_the_conversation_but_not_the_window(self):
        server = Server(2048, counts=True)
        window = window_of(server)
        answered(window, window.plan(Draft(talk(1000, 1000), WORD * 10, 1024), "phi"))
        window.clear()
        assert (window.left_out, window.used, window.size) == (0, 0, 2048)
        del server.requests[:]
        window.plan(Draft(talk(), WORD, 10), "phi")
        assert "models" not in server.requests


class TestWithoutCounts:
    """A server that reports usage, or what did not fit, and does not count tokens beforehand."""

    def test_usage_is_scaled(self):
        window = window_of(Server(2048))
        answered(window, window.plan(Draft(talk(1000), WORD * 10, 10), "phi"))
        plan = window.plan(Draft(talk(1000, 500), WORD * 10, 1024), "phi")
        assert window.left_out == 0
        assert plan.max_tokens == pytest.approx(2048 - 1510, abs=10)

    def test_a_server_is_asked_once_whether_it_counts_tokens(self):
        server = Server(2048)
        window = window_of(server)
        for _ in range(3):
            window.plan(Draft(talk(1000), WORD * 10, 1024), "phi")
        assert server.requests == ["models", "tokenize"]

    def test_a_server_that_is_too_busy_to_count_is_asked_again_with_the_next_question(self):
        """KAITO's rate guard turns away requests to /tokenize, too."""
        window = window_of(server := Server(2048, counts=True, busy=2))
        budgets = [window.plan(Draft(talk(1000, 500), WORD * 10, 1024), "phi").max_tokens for _ in range(4)]
        assert server.requests == ["models", *["tokenize"] * 4]
        assert budgets == [1024, 1024, 538, 538]

    def test_an_estimate_alone_does_not_make_a_message_too_long(self):
        """After an answer in another language, a token may stand for more characters."""
        window = window_of(Server(2048))
        window.answered(window.plan(Draft(talk(), "word", 10), "phi"), Usage(4, 10, 14))
        assert window.plan(Draft(talk(), WORD * 1000, 1024), "phi").max_tokens == 1024

    def test_a_refusal_with_numbers_is_enough(self):
        window = window_of(Server())
        conversation, question = talk(900, 900), WORD * 10
        plan = window.plan(Draft(conversation, question, 1024), "phi")
        assert plan.max_tokens == 1024
        plan = smaller_plan(window, refusal(2048, 1810, 1024), plan, Draft(conversation, question, 1024))
        assert (window.size, window.left_out, plan.max_tokens) == (2048, 1, 1024)

    def test_the_newest_message_is_too_long_by_a_refusal_s_numbers(self):
        window = window_of(Server())
        plan = window.plan(Draft(talk(), WORD * 3000, 1024), "")
        with pytest.raises(InferenceError, match="too long: 2049 tokens"):
            smaller_plan(window, refusal(2048, 2049), plan, Draft(talk(), WORD * 3000, 1024))


class TestWithNothing:
    """A server that refuses without a number."""

    def ask(self, window, conversation, limit, wanted=1024):
        """Ask until the server accepts: at most `limit` tokens in all. Returns (the plan, the attempts)."""
        attempts = 1
        plan = window.plan(Draft(conversation, WORD, wanted), "")
        while count(plan.messages) + plan.max_tokens > limit:
            smaller = smaller_plan(window, refusal(), plan, Draft(conversation, WORD, wanted))
            assert (len(smaller.messages), smaller.max_tokens) < (len(plan.messages), plan.max_tokens)
            plan = smaller
            attempts += 1
        window.answered(plan, None)
        return plan, attempts

    def test_the_reply_shrinks_before_turns_go(self):
        plan, _ = self.ask(window_of(Server()), talk(100, 100), 1000)
        assert (len(plan.messages), plan.max_tokens) == (5, 512)
        plan, _ = self.ask(window_of(Server()), talk(100, 100), 500)
        assert (len(plan.messages), plan.max_tokens) == (5, FLOOR)
        plan, _ = self.ask(window_of(Server()), talk(100, 100), 400)
        assert (len(plan.messages), plan.max_tokens) == (3, FLOOR)

    def test_the_reply_that_was_accepted_is_remembered(self):
        window = window_of(Server())
        _, attempts = self.ask(window, talk(300, 300), 900)
        assert attempts == 3
        plan, attempts = self.ask(window, talk(300, 300, 10), 900)
        assert (attempts, plan.max_tokens) == (1, FLOOR)

    def test_the_last_refusal_is_reported_in_the_server_s_own_words(self):
        window = window_of(Server())
        with pytest.raises(InferenceError) as caught:
            self.ask(window, talk(10, 10), 0)
        assert (caught.value.message, caught.value.hint) == ("too long, it says", "send a shorter message")

    def test_a_server_that_contradicts_itself_is_not_asked_forever(self):
        """It counts few tokens and refuses them as too many."""
        window = window_of(Server(2048, counts=True))
        conversation = talk(10, 10)
        plan = window.plan(Draft(conversation, WORD, 1024), "phi")
        with pytest.raises(InferenceError):
            for _ in range(100):
                plan = smaller_plan(window, refusal(2048, 5000), plan, Draft(conversation, WORD, 1024))
