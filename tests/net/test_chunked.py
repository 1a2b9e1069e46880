"""The chunked coding: strict about sizes and ends, however the stream is split."""

from __future__ import annotations

import random

import pytest

from kaito.net.chunked import ChunkDecoder

BODIES = [
    pytest.param(b"3\r\nabc\r\n0\r\n\r\n", b"abc", b"", id="one chunk"),
    pytest.param(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", b"abc0123456789", b"", id="hexadecimal sizes"),
    pytest.param(b"0003\r\nabc\r\n000\r\n\r\n", b"abc", b"", id="leading zeros"),
    pytest.param(b'3;a=b;c="d"\r\nabc\r\n0 ;x\r\n\r\n', b"abc", b"", id="extensions"),
    pytest.param(b"3;" + b"x" * 4092 + b"\r\nabc\r\n0\r\n\r\n", b"abc", b"", id="the longest header"),
    pytest.param(b"3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"abc", b"", id="trailers"),
    pytest.param(b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", b"", id="line ends as data"),
    pytest.param(b"0\r\n\r\nHTTP/1.1", b"", b"HTTP/1.1", id="bytes after the end"),
]


@pytest.mark.parametrize(("stream", "body", "rest"), BODIES)
def test_bodies(stream, body, rest):
    decoder = ChunkDecoder()
    assert (decoder.feed(stream), decoder.done, decoder.rest) == (body, True, rest)


@pytest.mark.parametrize(("stream", "body", "rest"), BODIES)
def test_the_same_in_two_pieces_and_never_done_before_the_end(stream, body, rest):
    end = len(stream) - len(rest)
    for at in range(end):
        decoder = ChunkDecoder()
        first = decoder.feed(stream[:at])
        assert not decoder.done
        assert (first + decoder.feed(stream[at:]), decoder.done, decoder.rest) == (body, True, rest)


def test_data_is_returned_as_it_arrives():
    decoder = ChunkDecoder()
    assert [decoder.feed(piece) for piece in (b"5\r", b"\nab", b"c", b"de\r", b"\n0\r\n", b"\r\n")] == [
        b"",
        b"ab",
        b"c",
        b"de",
        b"",
        b"",
    ]
    assert decoder.done


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        pytest.param(b"xyz\r\n", "there is no chunk size, but xyz", id="not a number"),
        pytest.param(b"0x3\r\nabc", "there is no chunk size, but 0x3 abc", id="0x"),
        pytest.param(b"-3\r\nabc", "there is no chunk size, but -3 abc", id="negative"),
        pytest.param(b"+3\r\nabc", "there is no chunk size, but +3 abc", id="plus"),
        pytest.param(b"1_0\r\n", "there is no chunk size, but 1_0", id="underscore"),
        pytest.param(b"\r\n3\r\nabc", "there is no chunk size, but 3 abc", id="empty line"),
        pytest.param(b"f" * 16, "there is no chunk size, but " + "f" * 16, id="2^64"),
        pytest.param(b"data: {}\n\n", "there is no chunk size, but data: {}", id="not chunked at all"),
        pytest.param(b"3\nabc\r\n", "there is no chunk size, but 3 abc", id="a bare line feed after a size"),
        pytest.param(
            b"3\r\nabc\n0\r\n\r\n",
            "a chunk does not end where its size says, but goes on with 0",
            id="a bare line feed after a chunk",
        ),
        pytest.param(b"3;" + b"x" * 4093 + b"\r\nabc", "a chunk's header has no end", id="a header one byte too long"),
        pytest.param(b"1;" + b"x" * 5000, "a chunk's header has no end", id="extension without end"),
        pytest.param(
            b"3\r\nabcdef\r\n",
            "a chunk does not end where its size says, but goes on with def",
            id="longer than its size",
        ),
        pytest.param(b"0\r\n" + b"a: b\r\n" * 20_000, "the trailers have no end", id="trailers without end"),
        pytest.param(b"0\r\n" + b"a" * 70_000, "the trailers have no end", id="a trailer without end"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
def test_what_is_not_chunked_is_refused(stream, reason, step):
    decoder = ChunkDecoder()
    at = 0
    while not decoder.failure and at < len(stream):
        decoder.feed(stream[at : at + step])
        at += step
    if step > 1:
        assert decoder.failure == reason
    else:
        # The failure is noticed at the first wrong byte, so the message shows fewer of them.
        assert decoder.failure.split(", ")[0] == reason.split(", ")[0]
    assert not decoder.done


def test_the_body_before_the_failure_is_returned():
    decoder = ChunkDecoder()
    assert decoder.feed(b"3\r\nabc\r\n2\r\nde\r\nxyz\r\n") == b"abcde"
    assert decoder.failure == "there is no chunk size, but xyz"


def test_random_bodies_in_random_pieces():
    source = random.Random(7)
    for _ in range(2000):
        chunks = [bytes(source.choices(b"ab\r\n0", k=source.randrange(1, 40))) for _ in range(source.randrange(6))]
        stream = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), source.choice((b"", b";x=y")), chunk) for chunk in chunks)
        stream += b"0\r\n" + b"T: x\r\n" * source.randrange(3) + b"\r\n"
        decoder, body, at = ChunkDecoder(), b"", 0
        while at < len(stream):
            step = source.choice((1, 2, 3, 17, 100))
            body += decoder.feed(stream[at : at + step])
            at += step
        assert (body, decoder.done, decoder.rest) == (b"".join(chunks), True, b"")
