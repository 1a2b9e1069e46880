"""The heads of HTTP messages: what is read, what is refused, and what is written.

Each row of the tables goes over a real socket, so that it shows what a user gets: a status, a body and whether the
connection is kept, or the one line of an error.
"""

from __future__ import annotations

import gc
import time
from typing import NamedTuple

import pytest

from kaito.net.connection import Connection
from kaito.net.errors import ResponseError, TransportError
from kaito.net.head import (
    Framing,
    HeadError,
    end_of_head,
    read_request,
    read_response,
    request_framing,
    response_framing,
    write_request,
)
from kaito.net.request import Request, Timeouts
from kaito.net.url import Url
from tests.servers import RawServer

OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
BODY = FIVE + b"\r\nhello"

# How the errors begin.
STATUS = "the answer's status line is malformed: "
MALFORMED = "the answer's headers are malformed: "
NAME = MALFORMED + "a header has no valid name: "
CONTROL = MALFORMED + "a bare CR or a NUL is in them"
CHUNKS_ERROR = "the answer's chunks are malformed: "
LARGE = "the answer's headers are larger than 1 MiB"
LENGTH = "the answer's Content-Length is wrong: "
CODING = "the answer's Transfer-Encoding is not chunked, but "


class Whole(NamedTuple):
    """A complete answer. `kept`: the next request goes over the same connection."""

    status: int
    body: bytes
    kept: bool


HELLO = Whole(200, b"hello", True)
CLOSED = Whole(200, b"hello", False)


def ask_twice(answer, method="GET", *, closes=False):
    """Send two requests to a server that gives each of them `answer` (and then `closes`); return the result."""

    def script(peer):
        while peer.request():
            peer.send(answer)
            if closes:
                return

    with RawServer(script) as server:
        connection = Connection(Url("http", server.host, server.port, ""))
        request = Request(method, "/", timeouts=Timeouts(idle=5))
        try:
            results = []
            for _ in range(2):
                response = connection.request(request)
                results.append((response.status, response.read(1 << 20)))
        finally:
            connection.close()
        assert results[0] == results[1]
        return Whole(*results[0], kept=server.connections == 1)


def row(name, answer, result, **options):
    return pytest.param(answer, result, options, id=name)


READ = [
    # Lines.
    row("plain", OK + BODY, HELLO),
    row("bare line feeds", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", HELLO),
    row("mixed line ends", b"HTTP/1.1 200 OK\r\nContent-Length: 5\nA: b\r\n\nhello", HELLO),
    row("a bare line feed as the last line", OK + FIVE + b"\nhello", HELLO),
    # The status line.
    row("no reason", b"HTTP/1.1 200\r\n" + BODY, HELLO),
    row("an empty reason", b"HTTP/1.1 200 \r\n" + BODY, HELLO),
    row("a reason of many words", b"HTTP/1.1 200 It is all fine: yes\r\n" + BODY, HELLO),
    row("a reason that is not ASCII", b"HTTP/1.1 200 \xc3\xa4\xff\r\n" + BODY, HELLO),
    row("a reason of 60 KB", b"HTTP/1.1 200 " + b"x" * 60_000 + b"\r\n" + BODY, HELLO),
    row("HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + BODY, CLOSED),
    row("HTTP/1.0, kept alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + BODY, HELLO),
    row("HTTP/1.0 until it closes", b"HTTP/1.0 200 OK\r\nServer: SimpleHTTP\r\n\r\nhello", CLOSED, closes=True),
    row("a later HTTP/1", b"HTTP/1.2 200 OK\r\n" + BODY, HELLO),
    row("an unknown status", b"HTTP/1.1 799 What\r\n" + BODY, Whole(799, b"hello", True)),
    # Header lines.
    row("no headers at all", b"HTTP/1.1 200 OK\r\n\r\nhello", CLOSED, closes=True),
    row("no blank after the colon", OK + b"Content-Length:5\r\n\r\nhello", HELLO),
    row("blanks and tabs around a value", OK + b"Content-Length: \t 5 \t\r\n\r\nhello", HELLO),
    row("names in any case", OK + b"cOnTeNt-LeNgTh: 5\r\n\r\nhello", HELLO),
    row("an empty value", OK + b"A:\r\n" + BODY, HELLO),
    row("a value of colons", OK + b"A: :::\r\n" + BODY, HELLO),
    row("a name of odd characters", OK + b"!#$%&'*+-.^_`|~1: x\r\n" + BODY, HELLO),
    row("a value that is not ASCII", OK + b"A: \xff\xfe\xc3\xa4\r\n" + BODY, HELLO),
    row("a control character in a value", OK + b"A: \x1b[31m\x07\x7f\r\n" + BODY, HELLO),
    row("150 headers", OK + b"A: b\r\n" * 150 + BODY, HELLO),
    row("10,000 headers", OK + b"A: b\r\n" * 10_000 + BODY, HELLO),
    row("a header of 900 KB", OK + b"A: " + b"x" * 900_000 + b"\r\n" + BODY, HELLO),
    row("a boundary in RFC 2231's pieces", OK + b"Content-Type: a/b; boundary*=a; boundary*0=b\r\n" + BODY, HELLO),
    row("4,400 digits in a boundary", OK + b"Content-Type: a/b; boundary*" + b"1" * 4400 + b"*=a\r\n" + BODY, HELLO),
    row("65,000 semicolons", OK + b'Content-Type: multipart/mixed; x="' + b";" * 65_000 + b"\r\n" + BODY, HELLO),
    row("multipart", OK + b"Content-Type: multipart/mixed\r\n" + BODY, HELLO),
    # Lengths.
    row("a length with leading zeros", OK + b"Content-Length: 0005\r\n\r\nhello", HELLO),
    row("equal lengths in two headers", OK + FIVE + BODY, HELLO),
    row("equal lengths in one header", OK + b"Content-Length: 5, 5\r\n\r\nhello", HELLO),
    row("a length of 0", OK + b"Content-Length: 0\r\n\r\n", Whole(200, b"", True)),
    row("bytes after the length", OK + b"Content-Length: 4\r\n\r\nhello", Whole(200, b"hell", False)),
    # Codings.
    row("chunked", OK + CHUNKED + b"\r\n" + CHUNKS, HELLO),
    row("chunked in capitals", OK + b"Transfer-Encoding: CHUNKED\r\n\r\n" + CHUNKS, HELLO),
    row("chunked beside a length", OK + FIVE + CHUNKED + b"\r\n" + CHUNKS, CLOSED),
    row("chunked beside a wrong length", OK + CHUNKED + b"Content-Length: x\r\n\r\n" + CHUNKS, CLOSED),
    row("chunked in HTTP/1.0", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + CHUNKED + b"\r\n" + CHUNKS, CLOSED),
    # The connection.
    row("close", OK + b"Connection: close\r\n" + BODY, CLOSED),
    row("close among others", OK + b"Connection: x, CLOSE ,y\r\n" + BODY, CLOSED),
    row("close in a second header", OK + b"Connection: keep-alive\r\nConnection: close\r\n" + BODY, CLOSED),
    row("a word that contains close", OK + b"Connection: closed, disclose\r\n" + BODY, HELLO),
    # Answers without a body, whatever their headers say.
    row("204", b"HTTP/1.1 204 No Content\r\n\r\n", Whole(204, b"", True)),
    row("204 with a length of 0", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Whole(204, b"", True)),
    row("204 with a length", b"HTTP/1.1 204 No Content\r\n" + FIVE + b"\r\n", Whole(204, b"", False)),
    row("204 that is chunked", b"HTTP/1.1 204 No Content\r\n" + CHUNKED + b"\r\n", Whole(204, b"", False)),
    row("204 with a body", b"HTTP/1.1 204 No Content\r\n" + CHUNKED + b"\r\n" + CHUNKS, Whole(204, b"", False)),
    row("HEAD", OK + FIVE + b"\r\n", Whole(200, b"", True), method="HEAD"),
    row("HEAD without a length", OK + b"\r\n", Whole(200, b"", True), method="HEAD"),
    # Interim answers.
    row("100", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + BODY, HELLO),
    row("102 and 103", b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + OK + BODY, HELLO),
    row("an interim answer with a length", b"HTTP/1.1 103 Hints\r\n" + FIVE + b"\r\n" + OK + BODY, HELLO),
    row("1,000 interim answers", b"HTTP/1.1 102 Wait\r\n\r\n" * 1000 + OK + BODY, HELLO),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "result", "options"), READ)
def test_what_is_read(answer, result, options):
    assert ask_twice(answer, **options) == result


REFUSED = [
    # Not HTTP/1.
    row("HTTP/2", b"HTTP/2.0 200 OK\r\n\r\n", STATUS + "HTTP/2.0 200 OK"),
    row("HTTP/0.9", b"HTTP/0.9 200 OK\r\n\r\n", STATUS + "HTTP/0.9 200 OK"),
    row("a long version", b"HTTP/1.01 200 OK\r\n\r\n", STATUS + "HTTP/1.01 200 OK"),
    row("a version without a dot", b"HTTP/1 200 OK\r\n\r\n", STATUS + "HTTP/1 200 OK"),
    row("http", b"http/1.1 200 OK\r\n\r\n", "the answer is not HTTP: http/1.1 200 OK"),
    row("ICY", b"ICY 200 OK\r\n\r\n", "the answer is not HTTP: ICY 200 OK"),
    row("an empty line first", b"\r\nHTTP/1.1 200 OK\r\n\r\n", "the answer is not HTTP"),
    row("a blank first", b" HTTP/1.1 200 OK\r\n\r\n", "the answer is not HTTP: HTTP/1.1 200 OK"),
    row("a TLS alert", b"\x15\x03\x03\x00\x02\x02\x46", "the server speaks HTTPS, not plain HTTP"),
    row("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP: SSH-2.0-OpenSSH_9.2"),
    row("SMTP", b"220 mail ESMTP\r\n", "the answer is not HTTP: 220 mail ESMTP"),
    row("HTML", b"<html>\r\n\r\n", "the answer is not HTTP: <html>"),
    # The status line.
    row("+200", b"HTTP/1.1 +200 OK\r\n\r\n", STATUS + "HTTP/1.1 +200 OK"),
    row("0200", b"HTTP/1.1 0200 OK\r\n\r\n", STATUS + "HTTP/1.1 0200 OK"),
    row("20", b"HTTP/1.1 20 OK\r\n\r\n", STATUS + "HTTP/1.1 20 OK"),
    row("2000", b"HTTP/1.1 2000 OK\r\n\r\n", STATUS + "HTTP/1.1 2000 OK"),
    row("000", b"HTTP/1.1 000 OK\r\n\r\n", STATUS + "HTTP/1.1 000 OK"),
    row("-200", b"HTTP/1.1 -200 OK\r\n\r\n", STATUS + "HTTP/1.1 -200 OK"),
    row("letters", b"HTTP/1.1 2x0 OK\r\n\r\n", STATUS + "HTTP/1.1 2x0 OK"),
    row("digits of another script", "HTTP/1.1 ２００ OK\r\n\r\n".encode(), STATUS),
    row("no status", b"HTTP/1.1\r\n\r\n", STATUS + "HTTP/1.1"),
    row("two blanks", b"HTTP/1.1  200 OK\r\n\r\n", STATUS + "HTTP/1.1 200 OK"),
    row("a tab", b"HTTP/1.1\t200 OK\r\n\r\n", STATUS + "HTTP/1.1 200 OK"),
    # Header lines.
    row("a blank before the colon", OK + b"Content-Length : 5\r\n\r\nhello", NAME + "Content-Length : 5"),
    row("a tab before the colon", OK + b"Content-Length\t: 5\r\n\r\nhello", NAME + "Content-Length : 5"),
    row("an empty name", OK + b": 5\r\n\r\n", NAME + ": 5"),
    row("a name of two words", OK + b"Content Length: 5\r\n\r\n", NAME + "Content Length: 5"),
    row("a name that is not ASCII", OK + "Cöntent: 5\r\n\r\n".encode(), NAME),
    row("a control character in a name", OK + b"A\x01: 5\r\n\r\n", NAME + "A\ufffd: 5"),
    row("brackets in a name", OK + b"A[0]: 5\r\n\r\n", NAME + "A[0]: 5"),
    row("no colon", OK + b"no colon here\r\n\r\n", MALFORMED + "a line has no colon: no colon here"),
    row("a folded line", OK + b"A: b\r\n c\r\n" + BODY, MALFORMED + "a line is folded"),
    row("a folded line with a tab", OK + b"A: b\r\n\tc: d\r\n" + BODY, MALFORMED + "a line is folded"),
    row("a first line that is folded", OK + b" A: b\r\n" + BODY, MALFORMED + "a line is folded"),
    row("a line of blanks", OK + b"  \r\n" + BODY, MALFORMED + "a line is folded"),
    row("a bare CR in a value", OK + b"Foo: 1\rContent-Length: 2\r\n\r\nhello", CONTROL),
    row("a bare CR in a name", OK + b"Fo\ro: 1\r\n\r\n", CONTROL),
    row("a bare CR in the status line", b"HTTP/1.1 200 O\rK\r\n\r\n", CONTROL),
    row("two CRs at a line's end", OK + b"A: b\r\r\n\r\n", CONTROL),
    row("a NUL in a value", OK + b"A: b\0c\r\n\r\n", CONTROL),
    row("a NUL in a name", OK + b"A\0: c\r\n\r\n", CONTROL),
    row("a NUL in the reason", b"HTTP/1.1 200 O\0K\r\n\r\n", CONTROL),
    row("headers without end", OK + b"A: b\r\n" * 200_000, LARGE),
    row("a header without end", OK + b"A: " + b"x" * 2_000_000, LARGE),
    row("interim answers without end", b"HTTP/1.1 102 Wait\r\n\r\n" * 100_000, LARGE),
    row("101", b"HTTP/1.1 101 Switching\r\n\r\n", "the answer is 101 Switching, which was not asked for"),
    # Lengths.
    row("lengths that differ", OK + FIVE + b"Content-Length: 6\r\n\r\nhello", LENGTH + "5, 6"),
    row("lengths that differ in one header", OK + b"Content-Length: 5, 6\r\n\r\nhello", LENGTH + "5, 6"),
    row("a negative length", OK + b"Content-Length: -5\r\n\r\n", LENGTH + "-5"),
    row("a length with a sign", OK + b"Content-Length: +5\r\n\r\nhello", LENGTH + "+5"),
    row("a length in hexadecimal", OK + b"Content-Length: 0x5\r\n\r\nhello", LENGTH + "0x5"),
    row("a length with a point", OK + b"Content-Length: 5.0\r\n\r\nhello", LENGTH + "5.0"),
    row("a length with an underscore", OK + b"Content-Length: 1_0\r\n\r\nhello", LENGTH + "1_0"),
    row("two numbers", OK + b"Content-Length: 5 5\r\n\r\nhello", LENGTH + "5 5"),
    row("an empty length", OK + b"Content-Length:\r\n\r\nhello", LENGTH[:-2]),
    row("a length and an empty one", OK + b"Content-Length: 5,\r\n\r\nhello", LENGTH + ", 5"),
    row("a length of 40 digits", OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", LENGTH + "9" * 40),
    row("a length in digits of another script", OK + "Content-Length: ５\r\n\r\n".encode(), LENGTH),
    # Codings.
    row("gzip", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", CODING + "gzip, chunked"),
    row("chunked, then gzip", OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n", CODING + "chunked, gzip"),
    row("two coding headers", OK + CHUNKED + CHUNKED + b"\r\n" + CHUNKS, CODING + "chunked, chunked"),
    row("identity", OK + b"Transfer-Encoding: identity\r\n" + BODY, CODING + "identity"),
    row("chunked with a parameter", OK + b"Transfer-Encoding: chunked;q=1\r\n\r\n" + CHUNKS, CODING + "chunked;q=1"),
    row("a vertical tab before chunked", OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS, CODING),
    row("an empty coding", OK + b"Transfer-Encoding:\r\n" + BODY, CODING),
    # Chunks.
    row("a bare line feed after a size", OK + CHUNKED + b"\r\n5\nhello\r\n0\r\n\r\n", CHUNKS_ERROR),
    row("a size with a sign", OK + CHUNKED + b"\r\n+5\r\nhello\r\n0\r\n\r\n", CHUNKS_ERROR),
    row("a size with 0x", OK + CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n", CHUNKS_ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "error", "options"), REFUSED)
def test_what_is_refused(answer, error, options):
    with pytest.raises(ResponseError) as failure:
        ask_twice(answer, **options)
    assert failure.value.why.startswith(error)
    assert "\n" not in failure.value.message and len(failure.value.message) < 250


def test_the_tables_have_at_least_80_rows():
    assert len(READ) + len(REFUSED) >= 80


def test_hostile_heads_take_little_time():
    """14 interim answers, each with 65,000 semicolons, take 52 s in a reader that splits parameters."""
    hints = b'HTTP/1.1 103 Hints\r\nContent-Type: multipart/mixed; x="' + b";" * 65_000 + b"\r\n\r\n"
    before = time.process_time()
    assert ask_twice(hints * 14 + OK + FIVE + b"\r\nhello") == HELLO
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "unit", [b"A: b\r\n", b"a:\n", b":", b" ", b"\t:", b"x" * 50 + b": y\r\n", b"HTTP/1.1 100 \n\n"]
)
def test_reading_takes_linear_time(unit, request):
    """10 times the size takes far less than 100 times the time, as quadratic reading would."""
    # Garbage collection would visit every object of the other tests.
    gc.disable()
    request.addfinalizer(gc.enable)

    def seconds(size):
        data = OK + unit * (size // len(unit)) + b"\r\n\r\n"
        best = 9.0
        for _ in range(5):
            before = time.thread_time()
            try:
                read_response(data[: end_of_head(data, 0)])
            except HeadError:
                pass
            best = min(best, time.thread_time() - before)
        return best

    assert seconds(400_000) < 40 * seconds(40_000)


class TestUpgrade:
    def test_101_is_final_where_it_was_asked_for(self):
        head = read_response(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        assert response_framing(head, "GET") == Framing(chunked=False, length=0, keep_alive=True)


class TestRequests:
    """The heads of requests, as a server reads them."""

    def test_a_request(self):
        head = read_request(
            b"POST /v1/chat?x=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 2\r\nx-a: 1\r\nX-A: 2\r\n\r\n"
        )
        assert (head.version, head.method, head.target) == (1, "POST", "/v1/chat?x=1")
        assert (head.values("host"), head.values("x-a"), head.values("b")) == (["a:80"], ["1", "2"], [])
        assert request_framing(head) == Framing(chunked=False, length=2, keep_alive=True)

    @pytest.mark.parametrize(
        ("lines", "body"),
        [
            pytest.param(b"GET / HTTP/1.1\r\n", Framing(False, 0, True), id="no body"),
            pytest.param(b"GET / HTTP/1.0\r\n", Framing(False, 0, False), id="HTTP/1.0"),
            pytest.param(b"GET / HTTP/1.1\r\nConnection: close\r\n", Framing(False, 0, False), id="close"),
            pytest.param(b"POST / HTTP/1.1\r\n" + CHUNKED, Framing(True, None, True), id="chunked"),
            pytest.param(b"POST / HTTP/1.1\nContent-Length: 3\n", Framing(False, 3, True), id="bare line feeds"),
        ],
    )
    def test_bodies(self, lines, body):
        assert request_framing(read_request(lines + b"\r\n")) == body

    @pytest.mark.parametrize(
        "lines",
        [
            pytest.param(b"POST / HTTP/1.1\r\n" + FIVE + CHUNKED, id="a length beside a coding"),
            pytest.param(b"POST / HTTP/1.0\r\n" + CHUNKED, id="a coding in HTTP/1.0"),
            pytest.param(b"POST / HTTP/1.1\r\n" + CHUNKED + CHUNKED, id="two codings"),
            pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n", id="an unknown coding"),
            pytest.param(b"POST / HTTP/1.1\r\n" + FIVE + b"Content-Length: 6\r\n", id="lengths that differ"),
            pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 5x\r\n", id="a length that is not a number"),
        ],
    )
    def test_ambiguous_bodies(self, lines):
        with pytest.raises(HeadError):
            request_framing(read_request(lines + b"\r\n"))

    @pytest.mark.parametrize(
        "line",
        [
            *(b"GET /", b"GET / HTTP/2.0", b"GET  / HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 ", b"", b"GET"),
            *(b"G\xc3\x84T / HTTP/1.1", b"GET /\xc3\xa4 HTTP/1.1", b"GET /a b HTTP/1.1", b"GET\t/ HTTP/1.1"),
            *(b"GET / http/1.1", b"GET /\x7f HTTP/1.1", b"(GET) / HTTP/1.1"),
        ],
    )
    def test_request_lines_that_are_refused(self, line):
        with pytest.raises(HeadError, match="request line is malformed"):
            read_request(line + b"\r\nHost: a\r\n\r\n")

    @pytest.mark.parametrize("line", [b"A : b", b": b", b" folded", b"no colon", b"A: \rb", b"A: \0", b"A\xff: b"])
    def test_header_lines_that_are_refused(self, line):
        with pytest.raises(HeadError, match="headers are malformed"):
            read_request(b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n")


class TestWriting:
    def test_a_request(self):
        assert (
            write_request("GET", "/a?b", [("Host", "a"), ("B", "ä")])
            == b"GET /a?b HTTP/1.1\r\nHost: a\r\nB: \xc3\xa4\r\n\r\n"
        )

    @pytest.mark.parametrize(
        ("method", "target", "headers", "named"),
        [
            pytest.param("G T", "/", [], "request line", id="a method of two words"),
            pytest.param("", "/", [], "request line", id="no method"),
            pytest.param("GET", "", [], "request line", id="no target"),
            pytest.param("GET", "/a b", [], "request line", id="a blank in the target"),
            pytest.param("GET", "/ä", [], "request line", id="a target that is not ASCII"),
            pytest.param("GET", "/a\r\nB: c", [], "request line", id="a target of two lines"),
            pytest.param("GET", "/", [("A", "secret\r\nB: c")], "A", id="a value of two lines"),
            pytest.param("GET", "/", [("A", "secret\n folded")], "A", id="a folded value"),
            pytest.param("GET", "/", [("A", "secret\0")], "A", id="a NUL in a value"),
            pytest.param("GET", "/", [("A", "secret\udcff")], "A", id="half a character in a value"),
            pytest.param("GET", "/", [("A b", "secret")], "A b", id="a name of two words"),
            pytest.param("GET", "/", [("", "secret")], "", id="an empty name"),
            pytest.param("GET", "/", [("Ä", "secret")], "Ä", id="a name that is not ASCII"),
        ],
    )
    def test_what_cannot_be_sent(self, method, target, headers, named):
        with pytest.raises(HeadError) as failure:
            write_request(method, target, headers)
        assert str(failure.value) == f"{named} cannot be sent as it is"


def test_transport_errors_name_the_server():
    with pytest.raises(TransportError, match=r"^127\.0\.0\.1:[0-9]+: the answer's Content-Length is wrong: x$"):
        ask_twice(OK + b"Content-Length: x\r\n\r\n")
