"""The SOCKS5 handshake, byte by byte."""

from __future__ import annotations

import pytest

from kaito.net.socks import SocksError, handshake

OPEN = b"\5\0"
GRANTED = b"\5\0\0\1\x7f\0\0\1\x1f\x90"


class Talk:
    """A connection to a proxy: what the client has sent, and the rest of the proxy's answers."""

    def __init__(self, answers):
        self.sent = b""
        self.answers = answers

    def send(self, data):
        self.sent += data

    def receive(self, count):
        data, self.answers = self.answers[:count], self.answers[count:]
        assert len(data) == count
        return data


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("api.example.com", b"\3\x0fapi.example.com", id="a name, for the proxy to look up"),
        pytest.param("10.1.2.3", b"\1\x0a\1\2\3", id="IPv4"),
        pytest.param("2001:db8::1", b"\4\x20\x01\x0d\xb8" + bytes(11) + b"\1", id="IPv6"),
    ],
)
def test_without_credentials(host, address):
    talk = Talk(OPEN + GRANTED)
    handshake(talk.send, talk.receive, host, 6443)
    assert talk.sent == b"\5\1\0" + b"\5\1\0" + address + b"\x19\x2b"


@pytest.mark.parametrize(
    "granted",
    [
        pytest.param(GRANTED, id="IPv4"),
        pytest.param(b"\5\0\0\4" + bytes(18), id="IPv6"),
        pytest.param(b"\5\0\0\3\5proxy\0\1", id="a name"),
    ],
)
def test_exactly_the_answer_is_read(granted):
    talk = Talk(OPEN + granted + b"HTTP/1.1")
    handshake(talk.send, talk.receive, "a", 80)
    assert talk.answers == b"HTTP/1.1"


def test_with_credentials():
    talk = Talk(b"\5\2" + b"\1\0" + GRANTED)
    handshake(talk.send, talk.receive, "a", 80, "me", "sécret")
    assert talk.sent == b"\5\2\0\2" + b"\1\2me\7s\xc3\xa9cret" + b"\5\1\0\3\1a\0\x50"


def test_credentials_that_are_not_asked_for_are_not_sent():
    talk = Talk(OPEN + GRANTED)
    handshake(talk.send, talk.receive, "a", 80, "me", "secret")
    assert b"secret" not in talk.sent


@pytest.mark.parametrize(
    ("answers", "credentials", "reason"),
    [
        pytest.param(b"HT", (), "does not speak SOCKS5", id="HTTP"),
        pytest.param(b"\4\0", (), "does not speak SOCKS5", id="SOCKS4"),
        pytest.param(b"\5\xff", (), "asks for a name and password", id="credentials wanted"),
        pytest.param(b"\5\2", (), "asks for a name and password", id="a method that was not offered"),
        pytest.param(b"\5\xff", ("me", "x"), "takes no name and password", id="no method"),
        pytest.param(b"\5\2\1\1", ("me", "x"), "refuses the name and password", id="wrong password"),
        pytest.param(OPEN + b"\5\1\0\1", (), "refuses a:80: general failure", id="1"),
        pytest.param(OPEN + b"\5\2\0\1", (), "refuses a:80: not allowed by its rules", id="2"),
        pytest.param(OPEN + b"\5\4\0\1", (), "refuses a:80: host is unreachable", id="4"),
        pytest.param(OPEN + b"\5\5\0\1", (), "refuses a:80: connection refused", id="5"),
        pytest.param(OPEN + b"\5\x63\0\1", (), "refuses a:80: reply 99", id="99"),
        pytest.param(OPEN + b"\4\0\0\1", (), "does not speak SOCKS5", id="reply of another version"),
        pytest.param(OPEN + b"\5\0\0\7", (), "does not speak SOCKS5", id="unknown kind of address"),
    ],
)
def test_failures(answers, credentials, reason):
    talk = Talk(answers)
    with pytest.raises(SocksError) as failure:
        handshake(talk.send, talk.receive, "a", 80, *credentials)
    assert str(failure.value) == reason


@pytest.mark.parametrize(
    ("host", "credentials", "reason"),
    [
        pytest.param("a" * 256, (), "takes names of at most 255 bytes", id="name"),
        pytest.param("a", ("m" * 256, "x"), "takes a name and a password of at most 255 bytes each", id="user"),
        pytest.param("a", ("m", "x" * 256), "takes a name and a password of at most 255 bytes each", id="password"),
    ],
)
def test_bounds(host, credentials, reason):
    talk = Talk(OPEN + GRANTED)
    with pytest.raises(SocksError) as failure:
        handshake(talk.send, talk.receive, host, 80, *credentials)
    assert str(failure.value) == reason
