"""Event streams: the WHATWG's grammar, in any pieces, within a bound."""

from __future__ import annotations

import random
import time

import pytest

from kaito.model import sse
from kaito.model.sse import Parser, ServerEvent


def message(data):
    return ServerEvent("message", data)


GRAMMAR = [
    pytest.param(b"data: a\n\n", [message("a")], id="one line"),
    pytest.param(b"data:a\n\n", [message("a")], id="no space after the colon"),
    pytest.param(b"data:  a\n\n", [message(" a")], id="one space is dropped, not two"),
    pytest.param(b"data: a\ndata: b\n\n", [message("a\nb")], id="several data lines"),
    pytest.param(b"data\n\n", [message("")], id="a field without a colon has no value"),
    pytest.param(b"data\ndata\n\n", [message("\n")], id="two empty data lines"),
    pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")], id="CRLF"),
    pytest.param(b"data: a\r\rdata: b\r\r", [message("a"), message("b")], id="CR"),
    pytest.param(b"data: a\n\r\ndata: b\r\n\n", [message("a"), message("b")], id="line ends mixed"),
    pytest.param(b"data: a\r\n\ndata: b\n\r", [message("a"), message("b")], id="CRLF then LF"),
    pytest.param(b"data: a\n\n\n\n\ndata: b\n\n", [message("a"), message("b")], id="more blank lines"),
    pytest.param(b"\n\ndata: a\n\n", [message("a")], id="blank lines at the start"),
    pytest.param(b": ping\n\n: ping\n\n", [], id="comments"),
    pytest.param(b": ping\ndata: a\n:\ndata: b\n\n", [message("a\nb")], id="comments within an event"),
    pytest.param(b"event: error\ndata: a\n\ndata: b\n\n", [ServerEvent("error", "a"), message("b")], id="event type"),
    pytest.param(b"event: a\nevent: b\ndata: c\n\n", [ServerEvent("b", "c")], id="the last event type counts"),
    pytest.param(b"event: a\n\ndata: b\n\n", [message("b")], id="an event without data is dropped"),
    pytest.param(b"id: 7\nretry: 10\nfoo: x\ndata: a\n\n", [message("a")], id="id, retry and unknown fields"),
    pytest.param(b"Data: a\n data: b\n\n", [], id="field names are exact"),
    pytest.param(b"\xef\xbb\xbfdata: a\n\n", [message("a")], id="a BOM at the start"),
    pytest.param(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [message("a")], id="a BOM later is part of a name"),
    pytest.param(b"data: a", [], id="no line end"),
    pytest.param(b"data: a\n", [], id="no blank line at the end"),
    pytest.param(b"data: \xc3\xa9\xf0\x9f\x98\x80\n\n", [message("é😀")], id="UTF-8"),
    pytest.param(b"data: a\xffb\n\n", [message("a\ufffdb")], id="an invalid byte"),
    pytest.param(b"data: \xf0\x9f\x98\n\n", [message("\ufffd")], id="a character cut by the line end"),
    pytest.param(b"data: \xed\xa0\x80\n\n", [message("\ufffd\ufffd\ufffd")], id="a lone surrogate"),
    pytest.param(b"data: a\0b\xe2\x80\xa8c\x0bd\x85\n\n", [message("a\0b\u2028c\x0bd\ufffd")], id="not line ends"),
    pytest.param(b"data: [DONE]\n\n", [message("[DONE]")], id="OpenAI's last event"),
]


@pytest.mark.parametrize(("stream", "events"), GRAMMAR)
def test_grammar(stream, events):
    assert Parser().feed(stream) == events


@pytest.mark.parametrize(("stream", "events"), GRAMMAR)
def test_the_same_byte_by_byte(stream, events):
    parser = Parser()
    assert [event for at in range(len(stream)) for event in parser.feed(stream[at : at + 1])] == events


@pytest.mark.parametrize(("stream", "events"), GRAMMAR)
def test_the_same_in_two_pieces(stream, events):
    for at in range(len(stream) + 1):
        parser = Parser()
        assert parser.feed(stream[:at]) + parser.feed(stream[at:]) == events


def test_an_event_is_returned_with_the_read_that_completes_it():
    parser = Parser()
    assert parser.feed(b"data: a\n") == []
    assert parser.feed(b"\ndata: b\r\n\r") == [message("a"), message("b")]
    assert parser.feed(b"") == []
    assert parser.feed(b"\ndata: c\n\n") == [message("c")]


def slow_parser(stream):
    """Parse by the grammar, spelled out: slow, and easy to verify."""
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]
    events, kind, data = [], "", []
    for number, line in enumerate(lines):
        if number == 0 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        if not line:
            if data:
                events.append(ServerEvent(kind or "message", "\n".join(data)))
            kind, data = "", []
            continue
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
    return events


def test_any_stream_in_any_pieces_is_read_as_the_grammar_says():
    pieces = [b"data: x", b"data", b"data:", b"event: e", b": c", b"id: 1", b":", b" ", b"\xef\xbb\xbf", b"a"]
    pieces += [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xff", b"\xf0\x9f"]
    source = random.Random(5)
    for _ in range(3000):
        stream = b"".join(source.choice(pieces) for _ in range(source.randrange(30)))
        expected = slow_parser(stream if not stream.endswith(b"\r") else stream + b"\n")
        parser, events, at = Parser(), [], 0
        while at < len(stream):
            step = source.choice((1, 2, 3, 10, 100))
            events += parser.feed(stream[at : at + step])
            at += step
        assert events == expected, stream


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(sse, "LIMIT", 1 << 20)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("step", [1000, 1 << 22])
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"data: " + b"x" * (1 << 20) + b"\n\n", id="one line"),
        pytest.param(b"data: " + b"x" * (1 << 20), id="a line without end"),
        pytest.param(b": " + b"x" * (1 << 20), id="a comment without end"),
        pytest.param(b"data: x\n" * ((1 << 17) + 1) + b"\n", id="many lines"),
        pytest.param(b"data: a\n\ndata: b\n" + b"data:\n" * (1 << 18), id="many empty lines after an event"),
        pytest.param(b"event: x\n" * (1 << 17), id="many types"),
    ],
)
def test_an_event_larger_than_the_bound_is_refused(stream, step):
    parser = Parser()
    for at in range(0, len(stream), step):
        assert not parser.failure
        parser.feed(stream[at : at + step])
        if parser.failure:
            break
    assert parser.failure == "an event is larger than 1 MiB"
    assert parser.feed(b"\n\ndata: a\n\n") == [], "nothing counts after it"


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\n\ndata: c\n\n"])
@pytest.mark.parametrize("event", [b"data: a\n\ndata: b\n\n", b"data: a\n\n: x\ndata: b\r\n\r\n"])
def test_complete_events_before_it_are_returned(event, end):
    parser = Parser()
    assert parser.feed(event + b"data: " + b"x" * (1 << 20) + end) == [message("a"), message("b")]
    assert parser.failure


@pytest.mark.usefixtures("small_limit")
def test_the_bound_holds_for_each_event_alone():
    half = b"data: " + b"x" * (600 << 10)
    parser = Parser()
    assert parser.feed(half + b"\n") == []
    assert len(parser.feed(b"\n" + half)) == 1
    assert not parser.failure


@pytest.mark.usefixtures("small_limit")
def test_lines_that_are_dropped_do_not_count():
    parser = Parser()
    parser.feed(b"data: a\n")
    for _ in range(300):
        parser.feed(b": a heartbeat, without a blank line\n" * 1000)
    assert parser.feed(b"\n") == [message("a")]
    assert len(parser.feed(b"data: x\n\n" * (1 << 18))) == 1 << 18


def test_the_bound_leaves_room_for_ten_megabytes_in_linear_time():
    stream = b"data: " + b"x" * 10_000_000 + b"\n\n"
    parser, events = Parser(), []
    started = time.process_time()
    for at in range(0, len(stream), 100):
        events += parser.feed(stream[at : at + 100])
    assert time.process_time() - started < 2
    assert [len(event.data) for event in events] == [10_000_000]


def test_single_bytes_take_linear_time():
    stream = b"data: " + b"x" * 300_000 + b"\n\n"
    parser = Parser()
    started = time.process_time()
    for at in range(len(stream)):
        parser.feed(stream[at : at + 1])
    assert time.process_time() - started < 2
