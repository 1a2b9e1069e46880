"""The chat-completions client: what it requests, and what it makes of the answers."""

from __future__ import annotations

import threading

import pytest

from kaito.errors import ClusterError, KaitoError
from kaito.model.client import ChatModel, Model, Sampling
from kaito.model.errors import WindowExceeded
from kaito.model.events import Content
from kaito.net.url import Url
from kaito.timelimit import TimeUp
from kaito.workspaces.routes import DirectLink
from tests.servers import RawServer

from .answers import DONE, HI, Answer, Link, as_json, ask, event


def test_a_request_carries_the_settings_and_no_model():
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


def test_a_lone_surrogate_is_replaced():
    link = Link(Answer(body=DONE))
    list(ChatModel(link).stream([{"role": "user", "content": "a\udcffb"}], Sampling()))
    assert link.asked[0][2]["messages"][0]["content"] == "a?b"


class TestClosing:
    def test_leaving_early_closes_the_answer(self):
        answer = Answer(pieces=[event(content="a"), event(content="b")])
        stream = ChatModel(Link(answer)).stream(HI, Sampling())
        assert next(stream) == Content("a")
        stream.close()
        assert answer.closed

    @pytest.mark.parametrize("request_of", ["stream", "models"])
    @pytest.mark.parametrize("end", [KeyboardInterrupt(), TimeUp(1.0)], ids=repr)
    def test_an_interrupt_right_after_the_head_closes_the_connection(self, request_of, end):
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
                model.models() if request_of == "models" else next(model.stream(HI, Sampling()))
            assert left.wait(5)


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
    def test_a_document_of_another_shape_lists_no_models(self, document):
        assert ChatModel(Link(as_json(document))).models() == []

    @pytest.mark.parametrize("number", [True, -1, 2.5, "7", None, 2**53 + 1, pytest.param(10**400, id="huge")])
    def test_a_window_that_is_not_a_number_of_tokens_is_unknown(self, number):
        listed = ChatModel(Link(as_json({"data": [{"id": "phi", "max_model_len": number}]}))).models()
        assert listed == [Model("phi", 0, "")]

    @pytest.mark.parametrize("wrong", ["", "a\nb", "w\x1b]0;pwned\x07", "a\x9bb", "a\u202eb", "x" * 513, 7])
    def test_an_id_that_cannot_be_one_is_left_out(self, wrong):
        listed = ChatModel(Link(as_json({"data": [{"id": wrong}, {"id": "phi", "parent": wrong}]}))).models()
        assert listed == [Model("phi", 0, "")]

    def test_the_list_is_bounded(self):
        listed = ChatModel(Link(as_json({"data": [{"id": f"model-{number}"} for number in range(5000)]}))).models()
        assert len(listed) == 1000


class TestTokens:
    def test_tokens_are_counted_by_the_server(self):
        link = Link(as_json({"count": 7, "max_model_len": 2048}))
        assert ChatModel(link, model="phi").count_tokens(HI) == 7
        assert link.asked == [("POST", "/tokenize", {"model": "phi", "messages": HI})]

    @pytest.mark.parametrize("answer", [as_json({}), as_json({"detail": "Not Found"}, 404), Answer(200, b"hello")])
    def test_a_server_that_does_not_count_is_an_error(self, answer):
        with pytest.raises(KaitoError):
            ChatModel(Link(answer)).count_tokens(HI)


class TestRefusals:
    def test_one_by_the_model_s_server_is_read(self):
        said = "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens (1076 in the "
        said += "messages, 1024 in the completion)."
        with pytest.raises(WindowExceeded) as caught:
            ask(as_json({"error": {"message": said}}, 400))
        assert (caught.value.window, caught.value.prompt, caught.value.asked) == (2048, 1076, 1024)

    def test_one_by_the_way_is_raised_as_it_is(self):
        own = ClusterError("forbidden")
        with pytest.raises(ClusterError) as caught:
            list(ChatModel(Link(Answer(403), own=own)).stream(HI, Sampling()))
        assert caught.value is own
