"""The bytes of an answer to events, whatever servers send."""

from __future__ import annotations

import json

import pytest

from kaito.errors import InferenceError
from kaito.model.client import ChatModel, Sampling
from kaito.model.events import Content, Finish, Reasoning, Served, ToolCall, Usage

from .answers import DONE, FINISH, HI, Answer, Link, as_json, ask, event


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param((event(content="a") + FINISH + DONE,), [Content("a"), Finish("stop")], id="an answer"),
        pytest.param((event(content="a") + event(content="b") + DONE,), [Content("ab")], id="one read is merged"),
        pytest.param((event(content="a"), event(content="b") + DONE), [Content("a"), Content("b")], id="two are not"),
        pytest.param(
            (event(reasoning="r") + event(reasoning_content="s") + event(content="a") + DONE,),
            [Reasoning("rs"), Content("a")],
            id="reasoning under both its names",
        ),
        pytest.param(
            (event(reasoning="r", reasoning_content="r", content="a") + DONE,),
            [Reasoning("r"), Content("a")],
            id="both names at once",
        ),
        pytest.param((event(role="assistant", content="") + DONE,), [], id="empty content"),
        pytest.param((event(content=None) + event(content=[1]) + DONE,), [], id="content of another type"),
        pytest.param(
            (b'data: {"model":"phi","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n' + DONE,),
            [Served("phi"), Usage(3, 2, 0)],
            id="the model, usage without a total",
        ),
        pytest.param(
            (
                event(tool_calls=[{"index": 0, "function": {"name": "search", "arguments": ""}}])
                + event(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}, {"function": {"name": "read"}}])
                + event(tool_calls=[7, {"function": None}, {"function": {"name": "a\nb"}}])
                + event(tool_calls="x")
                + DONE,
            ),
            [ToolCall("search"), ToolCall("read")],
            id="tool calls by their names",
        ),
        pytest.param((b'data: {"error":null,"choices":[]}\n\n' + DONE,), [], id="a null error"),
        pytest.param((DONE + event(content="a"),), [], id="nothing counts after [DONE]"),
        pytest.param((b"data: \n\n: x\n\n" + DONE,), [], id="heartbeats"),
        pytest.param((event(content="a"), FINISH), [Content("a"), Finish("stop")], id="no [DONE]"),
    ],
)
def test_events_of_a_stream(pieces, expected):
    assert ask(Answer(pieces=list(pieces))) == expected


def test_events_of_a_document():
    answer = as_json(
        {
            "model": "phi",
            "choices": [{"message": {"reasoning": "r", "content": "a"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        }
    )
    assert ask(answer) == [Served("phi"), Reasoning("r"), Content("a"), Finish("length"), Usage(1, 2, 3)]


@pytest.mark.parametrize("choices", [[], [{"message": {"content": "a"}, "finish_reason": "error"}]])
def test_a_document_with_an_error(choices):
    with pytest.raises(InferenceError, match="the model failed: out of memory"):
        ask(as_json({"choices": choices, "error": {"message": "out of memory"}}))


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((), id="nothing"),
        pytest.param((event(content="a"),), id="no finish reason"),
        pytest.param((event(content="a") + FINISH[:-2],), id="an unfinished event"),
        pytest.param((b'data: {"error":{"message":"x"}}\n\n',), id="an error"),
        pytest.param((b'data: {"error":"x"}\n\n',), id="an error that is a string"),
        pytest.param(
            (b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"e"}],"error":{"x":1}}\n\n' + DONE,),
            id="an error beside content",
        ),
        pytest.param((b"data: {\n\n",), id="half a JSON object"),
        pytest.param((event(content="a") + b"data: " + b"x" * (16 << 20),), id="an event without bound"),
    ],
)
def test_anything_else_is_an_error_after_the_events_that_arrived(pieces):
    link = Link(answer := Answer(pieces=list(pieces)))
    got = []
    with pytest.raises(InferenceError):
        for one in ChatModel(link).stream(HI, Sampling()):
            got.append(one)
    assert got == ([Content("a")] if pieces and b'"a"' in pieces[0] else [])
    assert answer.closed


@pytest.mark.parametrize("number", [True, -1, 2.5, "7", None, 2**53 + 1, pytest.param(10**400, id="huge")])
def test_a_number_of_tokens_that_is_not_one_is_read_as_0(number):
    usage = b'data: {"usage":{"prompt_tokens":3,"completion_tokens":%s}}\n\n' % json.dumps(number).encode()
    assert ask(Answer(pieces=[usage, DONE])) == [Usage(3, 0, 0)]
