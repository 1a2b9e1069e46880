"""The chat-completions client on a link of the test's own, with a clock that nobody waits for."""

from __future__ import annotations

import json
import threading

import pytest

from kaito.errors import ClusterError, InferenceError, KaitoError, WorkspaceError
from kaito.model.client import ChatModel, Model, Sampling
from kaito.model.errors import WindowExceeded
from kaito.model.events import Content, Finish, Reasoning, Served, Usage
from kaito.model.retry import Clock
from kaito.net.url import Url
from kaito.timelimit import TimeUp
from kaito.workspaces.routes import DirectLink
from tests.servers import RawServer

HI = [{"role": "user", "content": "Hi"}]
DATE = "Sun, 22 Nov 2026 20:46:27 GMT"


class Answer:
    """What a link gives: `kaito.net.connection.Response` as far as the client uses it."""

    def __init__(self, status=200, body=b"", kind="text/event-stream", pieces=None, **headers):
        self.status = status
        self.reason = "Whatever"
        self.closed = False
        self._pieces = [body] if pieces is None else pieces
        self._headers = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def header(self, name):
        return self._headers.get(name.lower(), "")

    def read(self, limit):
        return b"".join(self._pieces)

    def chunks(self):
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def hasten(self, seconds):
        pass

    def close(self):
        self.closed = True


class Link:
    """Gives one answer after the other; `asked` holds (method, path, JSON) of each request."""

    def __init__(self, *answers, own=None, lasting=()):
        self.asked = []
        self.answers = list(answers)
        self._own = own
        self._lasting = lasting

    def request(self, request):
        self.asked.append((request.method, request.path, request.body and json.loads(request.body)))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def refusal(self, status, body):
        return self._own

    def is_transient(self, status, body):
        return status not in self._lasting


class Time:
    """A clock that moves only when somebody sleeps; `slept` is every wait."""

    def __init__(self):
        self.seconds = 1000.0
        self.slept = []
        self.clock = Clock(lambda: self.seconds, lambda: 1_795_380_387.0, self.sleep)  # DATE

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds


def event(**delta):
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def events(*pieces, **options):
    return list(ChatModel(Link(Answer(pieces=list(pieces))), **options).stream(HI, Sampling()))


def as_json(document, status=200, **headers):
    return Answer(status, json.dumps(document).encode(), "application/json", **headers)


class TestEvents:
    @pytest.mark.parametrize(
        ("pieces", "expected"),
        [
            pytest.param((event(content="a") + FINISH + DONE,), [Content("a"), Finish("stop")], id="an answer"),
            pytest.param((event(content="a") + event(content="b") + DONE,), [Content("ab")], id="of one read are one"),
            pytest.param((event(content="a"), event(content="b") + DONE), [Content("a"), Content("b")], id="of two"),
            pytest.param(
                (event(reasoning="r") + event(reasoning_content="s") + event(content="a") + DONE,),
                [Reasoning("rs"), Content("a")],
                id="reasoning by both its names",
            ),
            pytest.param(
                (event(reasoning="r", reasoning_content="r", content="a") + DONE,),
                [Reasoning("r"), Content("a")],
                id="both names at once are one",
            ),
            pytest.param((event(role="assistant", content="") + DONE,), [], id="empty content is none"),
            pytest.param((event(content=None) + event(content=[1]) + DONE,), [], id="content of another shape"),
            pytest.param(
                (b'data: {"model":"phi","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n' + DONE,),
                [Served("phi"), Usage(3, 2, 0)],
                id="the model, usage without a total",
            ),
            pytest.param((b'data: {"error":null,"choices":[]}\n\n' + DONE,), [], id="an error that is none"),
            pytest.param((DONE + event(content="a"),), [], id="nothing counts behind [DONE]"),
            pytest.param((b"data: \n\n: x\n\n" + DONE,), [], id="heartbeats"),
            pytest.param((event(content="a"), FINISH), [Content("a"), Finish("stop")], id="no [DONE]"),
        ],
    )
    def test_of_a_stream(self, pieces, expected):
        assert events(*pieces) == expected

    def test_of_a_document(self):
        answer = as_json(
            {
                "model": "phi",
                "choices": [{"message": {"reasoning": "r", "content": "a"}, "finish_reason": "length"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            }
        )
        got = list(ChatModel(Link(answer)).stream(HI, Sampling()))
        assert got == [Served("phi"), Reasoning("r"), Content("a"), Finish("length"), Usage(1, 2, 3)]

    @pytest.mark.parametrize("choices", [[], [{"message": {"content": "a"}, "finish_reason": "error"}]])
    def test_a_document_with_an_error(self, choices):
        answer = as_json({"choices": choices, "error": {"message": "out of memory"}})
        with pytest.raises(InferenceError, match="the model failed: out of memory"):
            list(ChatModel(Link(answer)).stream(HI, Sampling()))

    @pytest.mark.parametrize(
        "pieces",
        [
            pytest.param((), id="nothing"),
            pytest.param((event(content="a"),), id="no finish reason"),
            pytest.param((event(content="a") + FINISH[:-2],), id="an unfinished event"),
            pytest.param((b'data: {"error":{"message":"x"}}\n\n',), id="an error"),
            pytest.param(
                (b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"e"}],"error":{"x":1}}\n\n' + DONE,),
                id="an error beside what came",
            ),
            pytest.param((b"data: {\n\n",), id="half a JSON object"),
            pytest.param((event(content="a") + b"data: " + b"x" * (16 << 20),), id="an event without bound"),
        ],
    )
    def test_anything_else_is_an_error_after_what_came(self, pieces):
        link = Link(answer := Answer(pieces=list(pieces)))
        got = []
        with pytest.raises(InferenceError):
            for one in ChatModel(link).stream(HI, Sampling()):
                got.append(one)
        assert got == ([Content("a")] if pieces and b'"a"' in pieces[0] else [])
        assert answer.closed

    def test_leaving_early_closes_the_answer(self):
        answer = Answer(pieces=[event(content="a"), event(content="b")])
        stream = ChatModel(Link(answer)).stream(HI, Sampling())
        assert next(stream) == Content("a")
        stream.close()
        assert answer.closed

    @pytest.mark.parametrize("look", ["stream", "models"])
    @pytest.mark.parametrize("end", [KeyboardInterrupt(), TimeUp(1.0)], ids=repr)
    def test_an_interrupt_right_behind_the_head_closes_the_connection(self, look, end):
        def trace(line):
            if " 200 " in line:
                raise end

        left = threading.Event()

        def script(peer):
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\n")
            peer.wait_for_end()
            left.set()

        with RawServer(script) as server:
            model = ChatModel(DirectLink(Url("http", server.host, server.port, ""), None, trace))
            with pytest.raises(type(end)):
                model.models() if look == "models" else next(model.stream(HI, Sampling()))
            assert left.wait(5)


class TestRequest:
    def test_carries_the_settings_and_no_model(self):
        link = Link(Answer(body=DONE))
        list(ChatModel(link).stream(HI, Sampling(0.0, 5, 1.0)))
        assert link.asked == [
            (
                "POST",
                "/v1/chat/completions",
                {
                    "messages": HI,
                    "temperature": 0.0,
                    "max_tokens": 5,
                    "top_p": 1.0,
                    "stream": True,
                    "stream_options": {"include_usage": True},
                },
            )
        ]

    def test_a_lone_surrogate_is_no_reason_to_fail(self):
        link = Link(Answer(body=DONE))
        list(ChatModel(link).stream([{"role": "user", "content": "a\udcffb"}], Sampling()))
        assert link.asked[0][2]["messages"][0]["content"] == "a?b"


class TestModels:
    def test_base_models_come_first(self):
        served = [
            {"id": "adapter", "parent": "phi", "max_model_len": None},
            {"id": "phi", "parent": None, "max_model_len": 2048},
            {"id": 5},
            "junk",
            {"id": "plain"},
        ]
        models = ChatModel(Link(as_json({"data": served}))).models()
        assert models == [Model("phi", 2048, ""), Model("plain", 0, ""), Model("adapter", 0, "phi")]

    @pytest.mark.parametrize("document", [{}, {"data": None}, {"data": {"id": "x"}}])
    def test_a_list_that_is_none(self, document):
        assert ChatModel(Link(as_json(document))).models() == []

    def test_tokens_are_counted(self):
        link = Link(as_json({"count": 7, "max_model_len": 2048}))
        assert ChatModel(link, model="phi").count_tokens(HI) == 7
        assert link.asked == [("POST", "/tokenize", {"model": "phi", "messages": HI})]

    @pytest.mark.parametrize("number", [True, -1, 2.5, "7", None, 2**53 + 1, pytest.param(10**400, id="huge")])
    def test_a_number_that_counts_nothing_is_as_good_as_none(self, number):
        listed = ChatModel(Link(as_json({"data": [{"id": "phi", "max_model_len": number}]}))).models()
        assert listed == [Model("phi", 0, "")]
        usage = b'data: {"usage":{"prompt_tokens":3,"completion_tokens":%s}}\n\n' % json.dumps(number).encode()
        assert events(usage, DONE) == [Usage(3, 0, 0)]

    @pytest.mark.parametrize("answer", [as_json({}), as_json({"detail": "Not Found"}, 404), Answer(200, b"hello")])
    def test_or_not(self, answer):
        with pytest.raises(KaitoError):
            ChatModel(Link(answer)).count_tokens(HI)


# What Python's own reader of dates takes for one, and then cannot count with.
ABSURD_DATES = ("Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT")


class TestRetries:
    def busy(self, answer, seconds=60.0, **options):
        """Ask a server that stays busy; returns (what it ended with, the waits, the notices)."""
        time, told = Time(), []
        link = Link(answer, **options)
        model = ChatModel(link, retry_seconds=seconds, notice=told.append, clock=time.clock)
        with pytest.raises(KaitoError) as caught:
            list(model.stream(HI, Sampling()))
        assert len(link.asked) == len(time.slept) + 1
        return caught.value, time.slept, told

    def test_waits_grow_and_are_bounded_in_all(self):
        error, slept, told = self.busy(as_json({"error": {"message": "busy"}}, 429))
        assert isinstance(error, InferenceError)
        for wait, middle in zip(slept[:-1], (0.5, 1, 2, 4, 8, 10, 10, 10, 10, 10)):
            assert middle * 0.75 <= wait <= middle * 1.25
        assert len(slept) >= 7
        assert sum(slept) <= 60.0 + 1e-9  # a sum of many
        assert told == ["note: the model's server answers 429 Whatever: busy; trying again for up to 60 s"]

    def test_waits_are_spread(self):
        first = {self.busy(Answer(429), 1.0)[1][0] for _ in range(10)}
        assert len(first) > 1

    @pytest.mark.parametrize(
        ("headers", "least"),
        [
            pytest.param({"retry_after": "7"}, 7, id="seconds"),
            pytest.param({"retry_after": "Sun, 22 Nov 2026 20:46:37 GMT"}, 10, id="a date"),
            pytest.param(
                {"retry_after": "Sun, 22 Nov 2026 10:00:05 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"},
                5,
                id="a date by the server's own clock",
            ),
            pytest.param({"retry_after": "Sunday, 22-Nov-26 20:46:37 GMT"}, 10, id="an obsolete date"),
        ],
    )
    def test_a_server_is_not_asked_before_the_time_it_names(self, headers, least):
        _, slept, _ = self.busy(Answer(503, **headers))
        assert len(slept) > 1
        assert all(wait >= least for wait in slept[:-1])
        assert slept[0] <= least * 1.25
        assert sum(slept) <= 60.0 + 1e-9  # a sum of many

    def test_a_time_that_just_fits_is_used(self):
        _, slept, _ = self.busy(Answer(429, retry_after="60"))
        assert slept == [60.0]

    def test_one_that_does_not_is_told_at_once(self):
        error, slept, told = self.busy(Answer(429, retry_after="61"))
        assert (slept, told) == ([], [])
        assert error.hint == ("the server asks to wait 61 s: try again later, or wait longer with --retry-timeout")

    @pytest.mark.parametrize("value", ["soon", "-5", "1.5", "²", "", *ABSURD_DATES])
    def test_nonsense_is_as_good_as_nothing(self, value):
        _, slept, _ = self.busy(Answer(429, retry_after=value))
        assert 0.375 <= slept[0] <= 0.625

    def test_no_time_at_all_is_one_try(self):
        assert self.busy(Answer(429), 0.0)[1:] == ([], [])

    def test_the_way_s_own_refusal_ends_them(self):
        own = WorkspaceError("not there", "look")
        error, slept, _ = self.busy(Answer(503), 1.0, own=own)
        assert error is own and error.hint == "look" and slept

    def test_what_lasts_is_not_asked_again(self):
        assert self.busy(Answer(503), own=WorkspaceError("no port"), lasting=(503,))[1] == []

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 500, 502, 504])
    def test_nor_is_anything_else(self, status):
        assert self.busy(Answer(status))[1] == []


class TestRefusals:
    def refused(self, answer, **options):
        with pytest.raises(KaitoError) as caught:
            list(ChatModel(Link(answer), **options).stream(HI, Sampling()))
        return caught.value

    def test_sizes_are_told(self):
        said = "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens (1076 in the "
        said += "messages, 1024 in the completion)."
        error = self.refused(as_json({"error": {"message": said}}, 400))
        assert isinstance(error, WindowExceeded)
        assert (error.window, error.prompt, error.asked) == (2048, 1076, 1024)

    @pytest.mark.parametrize("answer", [Answer(400), as_json({"error": {"message": ""}}, 422), Answer(413, b"no")])
    def test_one_without_a_word_may_mean_the_size(self, answer):
        error = self.refused(answer)
        assert isinstance(error, WindowExceeded)
        assert (error.window, error.prompt, error.asked) == (0, 0, 0)

    def test_an_error_of_the_way_is_told_as_it_is(self):
        own = ClusterError("forbidden")
        with pytest.raises(ClusterError) as caught:
            list(ChatModel(Link(Answer(403), own=own)).stream(HI, Sampling()))
        assert caught.value is own
