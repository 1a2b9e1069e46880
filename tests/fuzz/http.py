"""Targets: the readers of HTTP, URLs and proxies' answers."""

from __future__ import annotations

import socket

from kaito.net.chunked import ChunkDecoder
from kaito.net.errors import ProxySettingError, TransportError
from kaito.net.head import HeadError, end_of_head, read_request, read_response, request_framing, response_framing
from kaito.net.http_date import read_date
from kaito.net.proxy import proxy_for
from kaito.net.response import Response, receive_head
from kaito.net.socks import SocksError, handshake
from kaito.net.url import Url, parse_url
from kaito.net.wire import Bounds, Wire
from tests.fuzz.mutate import pieces
from tests.fuzz.target import Target

HEADS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    b"HTTP/1.0 200 OK\nServer: SimpleHTTP/0.6 Python/3.12\nContent-type: text/html\n\nhello",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 401 Unauthorized\r\nRetry-After: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n{}",
    b"HTTP/1.1 307 Moved\r\nLocation: https://me:secret@example.com/x?y#z\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
]
REQUESTS = [
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /v1/models HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
]
CHUNKS = [
    b"5\r\nhello\r\n0\r\n\r\n",
    b'a;x="y"\r\n0123456789\r\n1\r\n\n\r\n0\r\nT: x\r\n\r\n',
    b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
]


def answer_head(source, data):
    """Read the head of an answer: it is valid, refused or incomplete."""
    end = end_of_head(data, 0)
    if end >= 0:
        head = read_response(data[:end])
        body = response_framing(head, source.choice(("GET", "HEAD", "CONNECT", "POST")))
        assert 100 <= head.status <= 999 and (body.length is None or body.length >= 0)
        assert not any(control in text for pair in head.headers for text in pair for control in "\r\n\0")


def request_head(source, data):
    """Read the head of a request: it is valid, refused or incomplete."""
    end = end_of_head(data, 0)
    if end >= 0:
        head = read_request(data[:end])
        body = request_framing(head)
        assert body.chunked or (body.length is not None and body.length >= 0)
        assert head.method.isascii() and " " not in head.target


def chunks(source, data):
    """Decode a body twice: it is the same, with the same end, however the stream is split."""
    assert _decoded([data]) == _decoded(pieces(source, data))


def _decoded(parts):
    decoder, body = ChunkDecoder(), b""
    for part in parts:
        if decoder.failure:
            break
        if decoder.done:
            decoder.rest += part
        else:
            body += decoder.feed(part)
    # A failure quotes what has come of the wrong bytes, and less may have come.
    return body, decoder.done, decoder.rest if decoder.done else b"", decoder.failure.partition(", but")[0][:30]


def answer(source, data):
    """Read an answer from a socket: it comes whole, or one of the transport's errors says why not."""
    ours, theirs = socket.socketpair()
    try:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        theirs.settimeout(5)
        theirs.sendall(data[:100_000])
        theirs.shutdown(socket.SHUT_WR)
        wire = Wire("fuzz:1", ours)
        wire.begin_stage(Bounds("headers", idle=5))
        head, body = receive_head(wire, source.choice(("GET", "POST", "HEAD")), upgrade=source.random() < 0.1)
        wire.enter("body")
        response = Response(wire, head, body)
        assert "\n" not in response.reason
        read = response.read(1 << 20)
        assert body.length is None or len(read) == body.length
    finally:
        ours.close()
        theirs.close()


def url(source, data):
    """Read a URL: its text is read as the same URL again."""
    read = parse_url(data.decode("utf-8", "replace"))
    assert parse_url(str(read)) == read


def proxy(source, data):
    """Choose a proxy: it is used, bypassed or refused, whatever the variables hold."""
    first, _, rest = data.decode("utf-8", "surrogateescape").partition("\n")
    hosts = ("api.example.com", "10.0.0.1", "::1", "localhost", "a.internal")
    proxy_for(Url("https", source.choice(hosts), 6443, ""), {"HTTPS_PROXY": first, "NO_PROXY": rest}, "")


def socks(source, data):
    """Talk to a SOCKS5 proxy that answers anything: it connects, or is refused."""
    rest = memoryview(data)

    def receive(count):
        nonlocal rest
        if len(rest) < count:
            raise EOFError
        taken, rest = bytes(rest[:count]), rest[count:]
        return taken

    handshake(lambda _: None, receive, "example.com", 443, *source.choice((("", ""), ("me", "secret"))))


def date(source, data):
    """Read a date: it is a moment since 1970, or not a date."""
    moment = read_date(data.decode("latin-1"))
    assert moment is None or moment >= 0


TARGETS = {
    "answer": Target(answer, (TransportError,), HEADS),
    "answer-head": Target(answer_head, (HeadError,), HEADS),
    "request-head": Target(request_head, (HeadError,), REQUESTS),
    "chunks": Target(chunks, (), CHUNKS),
    "date": Target(
        date, (), [b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"]
    ),
    "proxy": Target(
        proxy,
        (ProxySettingError,),
        [b"http://me:secret@proxy:3128\n.internal,10.0.0.0/8,[::1]:80,*.example.com", b"socks5://[::1]:1080\n*"],
    ),
    "socks": Target(socks, (SocksError, EOFError), [b"\5\0\5\0\0\1\x7f\0\0\1\0\x50", b"\5\2\1\0\5\0\0\3\4host\0\x50"]),
    "url": Target(
        url,
        (ValueError,),
        [b"https://api.example.com:6443/k8s/clusters/c-1/", b"http://[::1]:80?x#y", "https://bücher.example".encode()],
    ),
}
