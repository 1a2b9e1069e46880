"""Connections to servers that fail at every stage, over real sockets."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import pytest

from kaito import __version__
from kaito.net import errors, url
from kaito.net.connection import Connection
from kaito.net.errors import (
    CancelledError,
    ConnectError,
    ProxyError,
    RedirectError,
    ResponseError,
    SettingError,
    TimedOutError,
    TlsError,
    TransportError,
    TruncatedError,
)
from kaito.net.proxy import Proxy
from kaito.net.request import Request, Timeouts
from kaito.net.url import Url, parse_url
from tests.servers import RawServer, answering, answering_once, http_proxy, ok, socks_proxy

SHORT = 0.15  # seconds: a bound that a test waits for
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def serve():
    """Return serve(script, …), which starts a RawServer that ends with the test."""
    servers = []

    def start(script, **options):
        servers.append(RawServer(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def connect():
    """Return connect(server, …), which makes a Connection to the server that is closed with the test."""
    connections = []

    def make(server, **options):
        connections.append(Connection(Url("http", server.host, server.port, ""), **options))
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


def get(connection, path="/", limit=1 << 20, **options):
    return connection.request(Request("GET", path, **options)).read(limit)


# What is sent.


def test_a_request_is_one_segment(serve, connect):
    segments = []

    def script(peer):
        segments.append(peer.socket.recv(65536))
        peer.send(ok())

    server = serve(script)
    connection = connect(server)
    connection.request(Request("POST", "/v1/chat?x=1", headers=[("A", "b"), ("C", "é"), ("C", "d")], body=b"{}"))
    assert segments == [
        b"POST /v1/chat?x=1 HTTP/1.1\r\nAccept-Encoding: identity\r\n"
        b"Host: %s\r\nUser-Agent: kubectl-kaito/%s\r\nContent-Length: 2\r\nA: b\r\nC: \xc3\xa9\r\nC: d\r\n\r\n{}"
        % (server.authority.encode(), __version__.encode())
    ]


def test_the_path_follows_the_prefix_of_the_url(serve):
    server = serve(answering(ok()))
    connection = Connection(parse_url(f"http://{server.authority}/k8s/clusters/c-1/"))
    assert get(connection, "/api/v1") == b"hello"
    assert server.requests[0].startswith(b"GET /k8s/clusters/c-1/api/v1 HTTP/1.1\r\n")
    connection.close()


def test_large_bodies_arrive_whole(serve, connect):
    body = os.urandom(3_000_000)
    server = serve(answering(ok()))
    assert connect(server).request(Request("POST", "/", body=body)).read(10) == b"hello"
    assert server.requests[0].partition(b"\r\n\r\n")[2] == body


def test_a_server_may_refuse_before_it_has_the_whole_request(serve, connect):
    def script(peer):
        peer.socket.recv(10)
        peer.send(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        peer.socket.shutdown(socket.SHUT_WR)
        peer.wait_for_end()

    assert connect(serve(script)).request(Request("POST", "/", body=bytes(5_000_000))).status == 413


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        pytest.param("/", [("Authorization", "Bearer secret\r\nX: y")], "Authorization", id="header value"),
        pytest.param("/", [("A\r\nb", "secret")], "A b", id="header name"),
        pytest.param("/a secret", [], "request line", id="space in the path"),
        pytest.param("/é", [], "request line", id="path beyond ASCII"),
    ],
)
def test_what_cannot_be_sent_is_named_without_its_value(serve, connect, path, headers, name):
    with pytest.raises(TransportError) as failure:
        connect(serve(answering(ok()))).request(Request("GET", path, headers=headers))
    assert f"the request's {name} cannot be sent as it is" in failure.value.message
    assert "secret" not in failure.value.message
    assert "\n" not in failure.value.message


# What is received when nothing fails.


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ok(), id="Content-Length"),
        pytest.param(CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", id="chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", id="until closed"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(), id="interim answer"),
        pytest.param(
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(),
            id="interim answers",
        ),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", id="bare line feeds"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", id="no reason"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", id="length twice"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed\r\nContent-Length: 5\r\n\r\nhello", id="multipart"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", id="identity"),
    ],
)
@pytest.mark.parametrize("piece", [1, 1 << 16])
def test_whole_answers(serve, connect, answer, piece):
    def script(peer):
        peer.request()
        for at in range(0, len(answer), piece):
            peer.send(answer[at : at + piece])

    response = connect(serve(script)).request(Request("GET", "/"))
    assert (response.status, response.read(5), response.read(5)) == (200, b"hello", b"hello")


def test_headers_are_found_by_any_case(serve, connect):
    response = connect(serve(answering(b"HTTP/1.1 404 No\x1b[1m\r\nA-b: c\r\nContent-Length: 0\r\n\r\n"))).request(
        Request("GET", "/")
    )
    assert (response.status, response.reason) == (404, "No\ufffd[1m")
    assert (response.header("a-B"), response.header("x")) == ("c", "")


def test_chunks_are_returned_as_they_arrive(serve, connect):
    seen = threading.Event()

    def script(peer):
        peer.request()
        peer.send(CHUNKED)
        for piece in (b"2\r\nhe", b"\r\n1\r\nl\r\n2\r\nlo\r\n"):
            peer.send(piece)
            seen.wait(5)
            seen.clear()
        peer.send(b"0\r\n\r\n")

    pieces = []
    for piece in connect(serve(script)).request(Request("GET", "/")).chunks():
        pieces.append(piece)
        seen.set()
    assert pieces == [b"he", b"llo"]


def test_what_has_arrived_is_returned_at_once(serve, connect):
    answer = CHUNKED + b"5\r\nhello\r\n" * 1000 + b"0\r\n\r\n"
    pieces = list(connect(serve(answering(answer))).request(Request("GET", "/")).chunks())
    assert b"".join(pieces) == b"hello" * 1000
    assert len(pieces) < 20


def test_a_body_is_read_once(serve, connect):
    response = connect(serve(answering(ok()))).request(Request("GET", "/"))
    list(response.chunks())
    with pytest.raises(RuntimeError):
        list(response.chunks())


# Keeping the connection.


def test_the_connection_is_kept(serve, connect):
    server = serve(answering(CHUNKED + b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"))
    connection = connect(server)
    assert [get(connection) for _ in range(3)] == [b"hello"] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 204 None\r\n\r\n", id="204"),
        pytest.param(ok(b""), id="empty"),
    ],
)
def test_an_answer_without_body_needs_no_read(serve, connect, answer):
    server = serve(answering(answer))
    connection = connect(server)
    for _ in range(2):
        connection.request(Request("GET", "/"))
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", id="close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", id="HTTP/1.0"),
        pytest.param(ok() + b"HTTP/1.1 200 OK\r\n", id="bytes after the answer"),
    ],
)
def test_the_connection_is_not_kept_when_it_should_not_be(serve, connect, answer):
    server = serve(answering(answer))
    connection = connect(server)
    assert [get(connection) for _ in range(2)] == [b"hello"] * 2
    assert server.connections == 2


def test_an_answer_that_was_not_read_is_abandoned_by_the_next_request(serve, connect):
    server = serve(answering(ok()))
    connection = connect(server)
    abandoned = connection.request(Request("GET", "/"))
    assert get(connection) == b"hello"
    with pytest.raises(CancelledError):
        abandoned.read(10)
    assert server.connections == 2


@pytest.mark.parametrize("end", ["close", "reset", "unasked"])
def test_an_idle_connection_that_the_server_closed_is_replaced_silently(serve, connect, end):
    ended = threading.Event()

    def script(peer):
        peer.request()
        peer.send(ok())
        if end == "reset":
            peer.reset()
        elif end == "unasked":
            peer.send(b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.socket.close()
        ended.set()
        if end == "unasked":
            peer.wait_for_end()

    server = serve(script)
    connection = connect(server)
    for _ in range(3):
        assert get(connection) == b"hello"
        assert ended.wait(5)
        ended.clear()
    assert (server.connections, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_request_that_the_server_drops_with_a_kept_connection_is_sent_again_once(serve, connect, end):
    def script(peer):
        peer.request()
        peer.send(ok())
        peer.request()
        if end == "reset":
            peer.reset()

    server = serve(script)
    connection = connect(server)
    assert get(connection) == b"hello"
    assert connection.request(Request("POST", "/", body=b"x" * 100)).read(10) == b"hello"
    assert (server.connections, len(server.requests)) == (2, 3)


def test_a_request_is_never_sent_a_third_time(serve, connect):
    def script(peer):
        if server.connections == 1:
            peer.request()
            peer.send(ok())
        peer.request()

    server = serve(script)
    connection = connect(server)
    assert get(connection) == b"hello"
    with pytest.raises(TruncatedError) as failure:
        get(connection)
    assert failure.value.why == "the connection was closed without an answer"
    assert (server.connections, len(server.requests)) == (2, 3)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(b"H", "the answer is cut off in its headers", id="one byte"),
        pytest.param(ok()[:-1], "the answer is cut off: 4 of 5 bytes came", id="body"),
    ],
)
def test_a_request_is_not_sent_again_once_an_answer_began(serve, connect, answer, why):
    def script(peer):
        peer.request()
        peer.send(ok())
        peer.request()
        peer.send(answer)

    server = serve(script)
    connection = connect(server)
    assert get(connection) == b"hello"
    with pytest.raises(TruncatedError) as failure:
        get(connection)
    assert failure.value.why == why
    assert server.connections == 1


def test_a_new_connection_that_is_closed_is_not_tried_again(serve, connect):
    server = serve(lambda peer: peer.request())
    with pytest.raises(TruncatedError):
        get(connect(server))
    assert server.connections == 1


# Broken answers. Each message is what a user reads after "host:port: ".

HTML = b"<html><body>Please   log in\r\n</body></html>"

BROKEN = [
    pytest.param(b"", TruncatedError, "the connection was closed without an answer", id="nothing"),
    pytest.param(b"HTTP/1.1 2", TruncatedError, "the answer is cut off in its headers", id="cut in the status line"),
    pytest.param(b"HTTP/1.1 200 OK", TruncatedError, "the answer is cut off in its headers", id="cut after the status"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\n", TruncatedError, "the answer is cut off in its headers", id="cut before the headers"
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Le", TruncatedError, "the answer is cut off in its headers", id="cut in a header"
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nA: b\r\n", TruncatedError, "the answer is cut off in its headers", id="cut after a header"
    ),
    pytest.param(ok()[:-2], TruncatedError, "the answer is cut off: 3 of 5 bytes came", id="short Content-Length"),
    pytest.param(CHUNKED, TruncatedError, "the answer is cut off", id="cut before the first chunk"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n", TruncatedError, "the answer is cut off", id="cut between chunks"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n1", TruncatedError, "the answer is cut off", id="cut in a chunk header"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n10;x", TruncatedError, "the answer is cut off", id="cut in an extension"),
    pytest.param(CHUNKED + b"5\r\nhel", TruncatedError, "the answer is cut off", id="cut in a chunk"),
    pytest.param(CHUNKED + b"5\r\nhello", TruncatedError, "the answer is cut off", id="cut after a chunk"),
    pytest.param(
        CHUNKED + b"5\r\nhello\r\n0\r\n", TruncatedError, "the answer is cut off", id="cut before the last line"
    ),
    pytest.param(CHUNKED + b"0\r\nA: b\r\n", TruncatedError, "the answer is cut off", id="cut in the trailers"),
    pytest.param(
        CHUNKED + b"5\r\nhello\r\ndata: x\r\n",
        ResponseError,
        "the answer's chunks are malformed: there is no chunk size, but data: x",
        id="garbage between chunks",
    ),
    pytest.param(
        b"\x00\x1b[2Jgarbage\x9b\xe2\x80\xae\n",
        ResponseError,
        "the answer is not HTTP: \ufffd\ufffd[2Jgarbage\ufffdâ\ufffd®",
        id="garbage",
    ),
    pytest.param(
        HTML,
        ResponseError,
        "the answer is not HTTP: <html><body>Please log in",
        id="HTML",
    ),
    pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", ResponseError, "the answer is not HTTP: SSH-2.0-OpenSSH_9.2", id="SSH"),
    pytest.param(b"\r\n", ResponseError, "the answer is not HTTP", id="an empty line"),
    pytest.param(
        b"\x15\x03\x01\x00\x02\x02F\n", ResponseError, "the server speaks HTTPS, not plain HTTP", id="a TLS alert"
    ),
    pytest.param(
        b"HTTP/2.0 200 OK\r\n\r\n", ResponseError, "the answer's status line is malformed: HTTP/2.0 200 OK", id="HTTP/2"
    ),
    pytest.param(
        b"HTTP/1.1 2x0 OK\r\n\r\n", ResponseError, "the answer's status line is malformed: HTTP/1.1 2x0 OK", id="status"
    ),
    pytest.param(
        b"x" * 70_000,
        ResponseError,
        f"the answer is not HTTP: {'x' * 119}…",
        id="a status line without end",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 10_000_000,
        ResponseError,
        "the answer's headers are larger than 1 MiB",
        id="a header of 10 MB",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200_000,
        ResponseError,
        "the answer's headers are larger than 1 MiB",
        id="headers without end",
    ),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        ResponseError,
        "the answer's headers are larger than 1 MiB",
        id="interim answers without end",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nno colon here\r\nTransfer-Encoding: chunked\r\n\r\n",
        ResponseError,
        "the answer's headers are malformed: a line has no colon: no colon here",
        id="a header without a colon",
    ),
    pytest.param(
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ResponseError,
        "the answer is 101 Switching Protocols, which was not asked for",
        id="101",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        ResponseError,
        "the answer's Transfer-Encoding is not chunked, but gzip, chunked",
        id="Transfer-Encoding",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
        ResponseError,
        "the answer is compressed (gzip), which was not asked for",
        id="gzip",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        ResponseError,
        "the answer's Content-Length is wrong: -5",
        id="negative length",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
        ResponseError,
        "the answer's Content-Length is wrong: 5x",
        id="length that is not a number",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ResponseError,
        "the answer's Content-Length is wrong: 5, 6",
        id="two lengths",
    ),
    pytest.param(ok(bytes(2 << 20)), ResponseError, "the answer is larger than 1,048,576 bytes", id="too large"),
]


# Too long to be sent byte by byte.
LARGE = (
    *("a status line without end", "a header of 10 MB", "headers without end"),
    *("interim answers without end", "too large"),
)


@pytest.mark.parametrize(("answer", "kind", "why"), BROKEN)
def test_broken_answers(serve, connect, answer, kind, why):
    server = serve(answering_once(answer))
    with pytest.raises(TransportError) as failure:
        get(connect(server))
    assert type(failure.value) is kind
    assert failure.value.message == f"{server.authority}: {why}"
    assert str(failure.value) == failure.value.message


@pytest.mark.parametrize(("answer", "kind", "why"), [case for case in BROKEN if case.id not in LARGE])
def test_broken_answers_byte_by_byte(serve, connect, answer, kind, why):
    def script(peer):
        peer.request()
        for at in range(len(answer)):
            peer.send(answer[at : at + 1])

    with pytest.raises(kind):
        get(connect(serve(script)))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(b"", "the connection was closed without an answer", id="before the answer"),
        pytest.param(b"HTTP/1.1 20", "the answer is cut off in its headers", id="in the headers"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n", "the answer is cut off", id="between chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", "the answer is cut off", id="in a body without length"),
    ],
)
def test_resets(serve, connect, answer, why):
    def script(peer):
        peer.request()
        peer.send(answer)
        sent.wait(5)
        peer.reset()

    sent = threading.Event()
    connection = connect(serve(script))
    timer = threading.Timer(0.05, sent.set)
    timer.start()
    with pytest.raises(TruncatedError) as failure:
        get(connection)
    timer.join()
    assert failure.value.why == why


def test_what_came_before_the_break_is_returned(serve, connect):
    pieces = []
    with pytest.raises(TruncatedError):
        for piece in (
            connect(serve(answering_once(CHUNKED + b"5\r\nhello\r\n5\r\nwor"))).request(Request("GET", "/")).chunks()
        ):
            pieces.append(piece)
    assert b"".join(pieces) == b"hellowor"


def test_what_came_before_garbage_is_returned(serve, connect):
    pieces = []
    response = connect(serve(answering_once(CHUNKED + b"5\r\nhello\r\ngarbage\r\n"))).request(Request("GET", "/"))
    with pytest.raises(ResponseError):
        for piece in response.chunks():
            pieces.append(piece)
    assert pieces == [b"hello"]


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        pytest.param("https://login.example.com/auth", "https://login.example.com/auth", id="plain"),
        pytest.param("https://me:secret@example.com/x", "https://example.com/x", id="credentials"),
        pytest.param("//me:secret@example.com/x", "//example.com/x", id="credentials without scheme"),
        pytest.param("/login?token=secret#secret", "/login", id="query"),
        pytest.param("/\x1b[1m", "/\ufffd[1m", id="control characters"),
        pytest.param("", "", id="none"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused(serve, connect, status, location, shown):
    answer = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    server = serve(answering(answer))
    connection = connect(server)
    with pytest.raises(RedirectError) as failure:
        connection.request(Request("GET", "/"))
    assert failure.value.location == shown
    to = f" to {shown}" if shown else ""
    assert failure.value.why == f"the server redirects ({status}){to}, which is not followed"


# No connection at all.


def test_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError) as failure:
        Connection(Url("http", "127.0.0.1", port, "")).request(Request("GET", "/"))
    assert failure.value.message == f"127.0.0.1:{port}: connection refused"
    assert type(failure.value) is ConnectError


def test_any_failure_of_a_name_look_up_reaches_the_caller(monkeypatch):
    """The look-up runs in another thread, whose exceptions would otherwise be lost."""

    def fail(host, port, flags=0, **_):
        raise OSError("as numeric") if flags else MemoryError("as a name")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(MemoryError, match="as a name"):
        Connection(Url("http", "a.example", 80, "")).request(Request("GET", "/"))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "-..-"])
def test_no_such_host(host):
    with pytest.raises(ConnectError) as failure:
        Connection(Url("http", host, 80, "")).request(Request("GET", "/"))
    assert failure.value.message in (
        f"{host}:80: no such host",
        f"{host}:80: the name cannot be looked up at the moment",
    )


def test_all_addresses_of_a_name_are_tried(serve, monkeypatch):
    server = serve(answering(ok()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    known = socket.getaddrinfo

    def addresses(host, port, **options):
        if host != b"api.example.com":
            return known(host, port, **options)
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        return [*known("127.0.0.1", closed, **options), *known("127.0.0.1", server.port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    connection = Connection(Url("http", "api.example.com", 80, ""))
    assert get(connection) == b"hello"
    connection.close()


def test_ipv6(serve, connect):
    try:
        server = serve(answering(ok()), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    assert get(connect(server)) == b"hello"
    assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


# Bounds. A hang ends within a second after its bound; these bounds are short.


@pytest.fixture
def full_listener():
    """Yield a port that accepts no more connections: its queue is full, so the TCP handshake hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    yield listener.getsockname()[1]
    for filler in fillers:
        filler.close()
    listener.close()


def silence(*pieces):
    """Return a script that waits for the request, sends what it is given, and then nothing more."""

    def script(peer):
        peer.request()
        for piece in pieces:
            peer.send(piece)
        peer.wait_for_end()

    return script


def trickle(head, piece):
    """Return a script that sends `piece` again and again, more often than any idle bound."""

    def script(peer):
        peer.request()
        peer.send(head)
        while True:
            peer.send(piece)
            ended.wait(SHORT / 5)

    ended = threading.Event()
    return script


IDLE = Timeouts(idle=SHORT)
TOTAL = Timeouts(total=SHORT)


@pytest.mark.parametrize(
    ("script", "timeouts", "stage", "why"),
    [
        pytest.param(silence(), IDLE, "headers", "no answer within 0.15 s", id="no answer"),
        pytest.param(silence(), TOTAL, "headers", "no answer within 0.15 s", id="no answer in all"),
        pytest.param(silence(b"HTTP/1.1 200 OK\r\n"), IDLE, "headers", "no answer within 0.15 s", id="in the headers"),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\nA: ", b"x"), TOTAL, "headers", "no answer within 0.15 s", id="slow headers"
        ),
        pytest.param(
            silence(CHUNKED), IDLE, "body", "the answer stopped: nothing came for 0.15 s", id="after the headers"
        ),
        pytest.param(
            silence(CHUNKED, b"5\r\nhello\r\n"),
            IDLE,
            "body",
            "the answer stopped: nothing came for 0.15 s",
            id="between chunks",
        ),
        pytest.param(silence(CHUNKED), TOTAL, "body", "the answer did not end within 0.15 s", id="body in all"),
        pytest.param(
            trickle(CHUNKED, b"1\r\nx\r\n"), TOTAL, "body", "the answer did not end within 0.15 s", id="slow body"
        ),
    ],
)
def test_a_hang_ends_at_its_bound(serve, connect, script, timeouts, stage, why):
    server = serve(script)
    started = time.monotonic()
    with pytest.raises(TimedOutError) as failure:
        get(connect(server), timeouts=timeouts)
    assert SHORT * 0.9 <= time.monotonic() - started < SHORT + 1
    assert (failure.value.message, failure.value.stage) == (f"{server.authority}: {why}", stage)


def test_each_byte_restarts_the_idle_bound(serve, connect):
    def script(peer):
        peer.request()
        peer.send(CHUNKED)
        for _ in range(10):
            pause.wait(SHORT / 3)
            peer.send(b"1\r\nx\r\n")
        peer.send(b"0\r\n\r\n")

    pause = threading.Event()
    assert get(connect(serve(script)), timeouts=IDLE) == b"x" * 10


def test_no_bounds_at_all(serve, connect):
    assert get(connect(serve(answering(ok()))), timeouts=Timeouts(None, None, None)) == b"hello"


def test_sending_is_bounded_too(serve, connect):
    stop = threading.Event()
    server = serve(lambda peer: stop.wait(10))
    with pytest.raises(TimedOutError):
        connect(server).request(Request("POST", "/", body=bytes(50_000_000), timeouts=IDLE))
    stop.set()


def test_connecting_is_bounded(full_listener):
    started = time.monotonic()
    with pytest.raises(TimedOutError) as failure:
        Connection(Url("http", "127.0.0.1", full_listener, "")).request(
            Request("GET", "/", timeouts=Timeouts(connect=SHORT))
        )
    assert time.monotonic() - started < SHORT + 1
    assert failure.value.message == f"127.0.0.1:{full_listener}: no connection within 0.15 s"
    assert failure.value.stage == "connect"


@pytest.fixture
def hanging_look_up(monkeypatch):
    """Let no look-up of a name end before the test; numeric addresses, which are asked for by flags, still resolve."""
    never = threading.Event()
    known = socket.getaddrinfo

    def hang(host, port, **options):
        if options.get("flags"):
            return known(host, port, **options)
        never.wait(10)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    never.set()


@pytest.mark.usefixtures("hanging_look_up")
@pytest.mark.parametrize("bound", [Timeouts(connect=SHORT), Timeouts(total=SHORT)], ids=["connect", "total"])
def test_a_name_look_up_is_bounded(bound):
    with pytest.raises(TimedOutError) as failure:
        Connection(Url("http", "api.example.com", 80, "")).request(Request("GET", "/", timeouts=bound))
    assert failure.value.message == "api.example.com:80: no name look-up within 0.15 s"


def test_the_rest_of_a_body_can_be_hastened(serve, connect):
    response = connect(serve(silence(CHUNKED, b"5\r\nhello\r\n"))).request(Request("GET", "/"))
    pieces = response.chunks()
    assert next(pieces) == b"hello"
    response.limit_rest(SHORT)
    with pytest.raises(TimedOutError):
        next(pieces)


# Proxies.


def test_an_http_proxy_gets_the_whole_url_of_an_http_server(serve):
    proxy = serve(http_proxy())
    connection = Connection(
        Url("http", "api.example.com", 8080, "/x"), proxy=Proxy("http", "127.0.0.1", proxy.port, "me", "pass word")
    )
    assert [get(connection, "/y"), get(connection, "/z")] == [b"from the proxy"] * 2
    head = proxy.requests[0]
    assert head.startswith(b"GET http://api.example.com:8080/x/y HTTP/1.1\r\n")
    assert b"\r\nHost: api.example.com:8080\r\n" in head
    assert b"\r\nProxy-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n" in head
    connection.close()


def test_socks_proxies_get_the_name(serve):
    server = serve(answering(ok()))
    asked = []
    proxy = serve(socks_proxy(asked, upstream=server.port))
    connection = Connection(Url("http", "api.example.com", 8080, ""), proxy=Proxy("socks5", "127.0.0.1", proxy.port))
    assert get(connection) == b"hello"
    assert asked == [("api.example.com", 8080)]
    connection.close()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param(
            socks_proxy([], reply=5),
            "the proxy refuses api.example.com:80: connection refused",
            id="refused",
        ),
        pytest.param(socks_proxy([], "me", "secret"), "the proxy asks for a name and password", id="credentials"),
        pytest.param(answering(b"HTTP/1.1 400 Bad\r\n\r\n"), "no answer within 0.15 s", id="silent"),
        pytest.param(lambda peer: peer.send(b"HTTP/1.1"), "the proxy does not speak SOCKS5", id="not SOCKS"),
        pytest.param(lambda peer: peer.send(b"\5"), "the answer is cut off in its headers", id="cut"),
    ],
)
def test_socks_failures(serve, script, why):
    proxy = serve(script)
    with pytest.raises((ProxyError, TimedOutError)) as failure:
        Connection(Url("http", "api.example.com", 80, ""), proxy=Proxy("socks5", "127.0.0.1", proxy.port)).request(
            Request("GET", "/", timeouts=Timeouts(connect=SHORT))
        )
    assert failure.value.message == f"proxy 127.0.0.1:{proxy.port}: {why}"


def test_the_error_names_a_proxy_that_cannot_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError) as failure:
        Connection(Url("http", "api.example.com", 80, ""), proxy=Proxy("http", "127.0.0.1", port)).request(
            Request("GET", "/")
        )
    assert failure.value.message == f"proxy 127.0.0.1:{port}: connection refused"


# Cancelling: the server sees the end within 0.2 s, and the connection can be used again.


class Watched:
    """A script that sends `head`, and notes when the client ends the connection.

    `waiting`: the head is sent. `ended`: the client has closed. Further connections get an answer.
    """

    def __init__(self, head=b"", asks=True):
        self.waiting = threading.Event()
        self.ended = threading.Event()
        self._head = head
        self._asks = asks

    def __call__(self, peer):
        if peer.server.connections > 1:
            answering(ok())(peer)
            return
        if self._asks:
            peer.request()
        peer.send(self._head)
        self.waiting.set()
        peer.wait_for_end()
        self.ended.set()


STATES = [
    pytest.param(b"", id="waiting for headers"),
    pytest.param(b"HTTP/1.1 200 OK\r\nA: ", id="within headers"),
    pytest.param(CHUNKED + b"5\r\nhel", id="within the body"),
]


@pytest.mark.parametrize("head", STATES)
def test_close_from_another_thread(serve, connect, head):
    script = Watched(head)
    connection = connect(serve(script))

    def cancel():
        script.waiting.wait(5)
        connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(CancelledError):
        get(connection, timeouts=Timeouts(idle=2))
    assert script.ended.wait(0.2)
    thread.join()
    assert get(connection) == b"hello"


@pytest.mark.parametrize("head", STATES)
def test_interrupt(serve, connect, head):
    script = Watched(head)
    connection = connect(serve(script))

    def interrupt():
        script.waiting.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        get(connection, timeouts=Timeouts(idle=2))
    assert script.ended.wait(0.2)
    thread.join()
    assert get(connection) == b"hello"


def test_close_while_no_thread_reads(serve, connect):
    script = Watched(CHUNKED + b"5\r\nhello\r\n")
    connection = connect(serve(script))
    pieces = connection.request(Request("GET", "/")).chunks()
    assert next(pieces) == b"hello"
    connection.close()
    assert script.ended.wait(0.2)
    with pytest.raises(CancelledError):
        next(pieces)
    assert get(connection) == b"hello"


def test_close_of_a_response(serve, connect):
    script = Watched(CHUNKED + b"5\r\nhello\r\n")
    connection = connect(serve(script))
    connection.request(Request("GET", "/")).close()
    assert script.ended.wait(0.2)
    assert get(connection) == b"hello"


def test_close_of_a_response_that_was_read_keeps_the_connection(serve, connect):
    server = serve(answering(ok()))
    connection = connect(server)
    response = connection.request(Request("GET", "/"))
    response.read(10)
    response.close()
    get(connection)
    assert server.connections == 1


def test_leaving_a_body_with_its_last_bytes_keeps_the_connection(serve, connect):
    for answer in (ok(), CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"):
        server = serve(answering(answer))
        connection = connect(server)
        for _ in range(3):
            for piece in connection.request(Request("GET", "/")).chunks():
                assert piece == b"hello"
                break
        assert server.connections == 1


def test_leaving_a_body_closes_the_connection(serve, connect):
    script = Watched(CHUNKED + b"5\r\nhello\r\n")
    connection = connect(serve(script))
    for _ in connection.request(Request("GET", "/")).chunks():
        break
    assert script.ended.wait(0.2)


@pytest.mark.parametrize("how", ["close", "interrupt"])
def test_cancelling_while_connecting(full_listener, how):
    connection = Connection(Url("http", "127.0.0.1", full_listener, ""))
    cancelled_in_time(connection, how)


@pytest.mark.usefixtures("hanging_look_up")
@pytest.mark.parametrize("how", ["close", "interrupt"])
def test_cancelling_while_resolving(how):
    cancelled_in_time(Connection(Url("http", "api.example.com", 80, "")), how)


def cancelled_in_time(connection, how):
    """Check that a request that hangs while connecting is cancelled within 0.2 s."""
    when = []

    def cancel():
        when.append(time.monotonic())
        if how == "close":
            connection.close()
        else:
            os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.1, cancel)
    timer.start()
    with pytest.raises(CancelledError if how == "close" else KeyboardInterrupt):
        connection.request(Request("GET", "/", timeouts=Timeouts(connect=5)))
    assert time.monotonic() - when[0] < 0.2
    timer.join()


def test_closing_a_connection_never_yields_a_wrong_byte(serve, connect):
    """Closing at any moment of a streamed answer raises CancelledError, or has no effect."""

    def script(peer):
        while peer.request():
            peer.send(CHUNKED)
            for _ in range(200):
                peer.send(b"5\r\nhello\r\n")
            peer.send(b"0\r\n\r\n")

    connection = connect(serve(script))
    for round in range(30):
        timer = threading.Timer(0.0005 * round, connection.close)
        timer.start()
        try:
            assert get(connection) == b"hello" * 200
        except CancelledError:
            pass
        timer.join()
    assert get(connection) == b"hello" * 200


# The trace.


def test_the_trace_is_one_line_a_connection_and_one_a_request(serve, connect):
    lines = []
    server = serve(answering(ok()))
    connection = connect(server, trace=lines.append)
    for _ in range(2):
        connection.request(Request("POST", "/x", headers=[("Authorization", "Bearer secret")], body=b"secret")).read(10)
    numbered = [" ".join("N" if word.isdigit() and word != "200" else word for word in line.split()) for line in lines]
    assert numbered == [
        f"connected to {server.authority} in N milliseconds",
        f"POST http://{server.authority}/x 200 OK in N milliseconds",
        f"POST http://{server.authority}/x 200 OK in N milliseconds",
    ]


def test_the_trace_names_failures(serve, connect):
    lines = []
    server = serve(answering_once(b""))
    with pytest.raises(TruncatedError):
        get(connect(server, trace=lines.append))
    assert lines[-1].endswith(f"{server.authority}: the connection was closed without an answer")
    assert lines[-1].startswith(f"GET http://{server.authority}/ failed in ")


# URLs.


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param("https://api.example.com", Url("https", "api.example.com", 443, ""), id="default port"),
        pytest.param("http://api.example.com/", Url("http", "api.example.com", 80, ""), id="http"),
        pytest.param("HTTPS://API.example.com:6443", Url("https", "api.example.com", 6443, ""), id="case"),
        pytest.param("https://10.0.0.1:6443", Url("https", "10.0.0.1", 6443, ""), id="address"),
        pytest.param("https://[2001:db8::1]:6443", Url("https", "2001:db8::1", 6443, ""), id="IPv6"),
        pytest.param("https://[fe80::1%25eth0]", Url("https", "fe80::1%eth0", 443, ""), id="IPv6 with a zone"),
        pytest.param("https://r.example/k8s/c-1/", Url("https", "r.example", 443, "/k8s/c-1"), id="Rancher's prefix"),
        pytest.param("https://a.example/b//?c#d", Url("https", "a.example", 443, "/b"), id="query and fragment"),
        pytest.param("https://bücher.example", Url("https", "xn--bcher-kva.example", 443, ""), id="beyond ASCII"),
    ],
)
def test_parse_url(text, url):
    assert parse_url(text) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("api.example.com", "the URL must begin with https:// or http://", id="no scheme"),
        pytest.param("localhost:8080", "the URL must begin with https:// or http://", id="host and port only"),
        pytest.param("ftp://a", "the URL must begin with https:// or http://", id="other scheme"),
        pytest.param("", "the URL must begin with https:// or http://", id="empty"),
        pytest.param("https://", "the URL's host or port is not valid", id="no host"),
        pytest.param("https://:443", "the URL's host or port is not valid", id="only a port"),
        pytest.param("https://a:0", "the URL's host or port is not valid", id="port 0"),
        pytest.param("https://a:65536", "the URL's host or port is not valid", id="port too large"),
        pytest.param("https://a:b", "the URL's host or port is not valid", id="port not a number"),
        pytest.param("https://[::1", "the URL's host or port is not valid", id="bracket"),
        pytest.param(
            "https://me:secret@a", "the URL holds a user name or password, which belong elsewhere", id="credentials"
        ),
        pytest.param("https://a b", "the URL holds white space or control characters", id="space"),
        pytest.param("https://a\n", "the URL holds white space or control characters", id="line end"),
    ],
)
def test_parse_url_refuses(text, reason):
    with pytest.raises(ValueError) as failure:
        parse_url(text)
    assert str(failure.value) == reason


def test_urls_as_text():
    assert str(Url("https", "::1", 6443, "/x")) == "https://[::1]:6443/x"


def test_an_https_url_is_refused_without_tls():
    with pytest.raises(ValueError):
        Connection(Url("https", "127.0.0.1", 443, ""))


def test_every_failure_is_a_transport_error_or_a_setting_error():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert all(issubclass(kind, (TransportError, SettingError)) and kind.__name__.endswith("Error") for kind in kinds)
    assert issubclass(TlsError, ConnectError)


@pytest.mark.parametrize(
    "text",
    [
        *("https://api.example.com", "https://api.example.com:6443", "http://10.0.0.1:8080/", "https://[2001:db8::1]:6443"),
        *("https://a/k8s/clusters/c-1/", "https://a//x//", "https://a/x/../y", "https://a:65535", "https://a:00443/x%2fy"),
        *("https://a/~b;c=d,e!$&'()*+@f", 'https://a/"', "https://-a-.b..c", "http://a:8/[x]", "https://a:0", "https://a:59999"),
        *("https://a:60000", "https://a:", "https://a?x", "https://a#x", "https://a/b?c#d", "https://[::1%25eth0]", "HTTPS://A"),
        *("https://[::ffff:1.2.3.4]", "https://1.2.3.4.", "https://a_b", "https://[", "https://[]", "https://a]", "https://a/\\"),
    ],
)  # fmt: skip
def test_usual_urls_are_read_as_urllib_reads_them(text, monkeypatch):
    """The short cut for usual URLs has the same result as urllib."""

    def verdict():
        try:
            return parse_url(text)
        except ValueError as error:
            return str(error)

    shortly = verdict()
    monkeypatch.setattr(url, "_parse_usual", lambda text: None)
    assert shortly == verdict()
