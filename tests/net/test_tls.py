"""Trust and client certificates: kubectl's verdicts, on every Python, against real TLS servers.

The certificates are made by data/tls/make.sh.
"""

from __future__ import annotations

import os
import pty
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from kaito.net import tls
from kaito.net.connection import Connection
from kaito.net.errors import (
    CancelledError,
    CertificateError,
    ClientCertificateError,
    ProxyError,
    TimedOutError,
    TlsError,
    TlsSettingError,
    TransportError,
    TruncatedError,
)
from kaito.net.proxy import Proxy
from kaito.net.request import Request, Timeouts
from kaito.net.tls import Certificate, Trust
from kaito.net.url import Url, parse_url
from tests.servers import RawServer, answering, answering_once, http_proxy, ok, server_context, socks_proxy

DATA = Path(__file__).parent.parent / "data" / "tls"
KUBECTL = shutil.which("kubectl")


def path(name):
    return str(DATA / name)


def data(name):
    return (DATA / name).read_bytes()


def context_of(server, **options):
    return server_context(path(f"{server}.pem"), path(f"{server.replace('-chain', '-server')}.key"), **options)


@pytest.fixture
def serve():
    """Return serve(certificate, script, …), which starts a RawServer with TLS that ends with the test."""
    servers = []

    def start(certificate="server", script=None, **options):
        servers.append(RawServer(script or answering(ok()), tls=context_of(certificate, **options)))
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


SOON = Timeouts(connect=5, idle=5)


def get(url, trust=None, certificate=None, timeouts=SOON, **options):
    """Return the body of a GET over a new connection."""
    trust = trust or Trust(ca_file=path("ca.pem"))
    connection = Connection(
        parse_url(url), tls=tls.context(trust, certificate), server_name=trust.server_name, **options
    )
    try:
        return connection.request(Request("GET", "/version", timeouts=timeouts)).read(1 << 20)
    finally:
        connection.close()


# Verdicts: each row also runs through the real kubectl.


class Row(NamedTuple):
    """A server's certificate, the trusted authority, and why the certificate is refused; "" if it is accepted."""

    name: str
    certificate: str
    authority: str
    refused: str = ""
    host: str = "localhost"
    server_name: str = ""
    insecure: bool = False


ISSUER = "unable to get local issuer certificate"
SELF = "self-signed certificate"

TABLE = [
    Row("a complete authority", "server", "ca.pem"),
    Row("an authority with basic constraints only", "bare-server", "bare-ca.pem"),
    Row("the server's own certificate as the authority", "server", "server.pem"),
    Row("a self-signed certificate as its own authority", "self-signed", "self-signed.pem"),
    Row("keys of RSA with 1,024 bits", "weak-server", "weak-ca.pem"),
    Row("another authority", "server", "other-ca.pem", ISSUER),
    Row("a self-signed certificate that is not trusted", "self-signed", "ca.pem", SELF),
    Row("another server's certificate as the authority", "server", "name-only.pem", ISSUER),
    Row("an authority without basic constraints", "usageless-server", "usageless-ca.pem", "invalid CA certificate"),
    Row("an expired certificate", "expired", "ca.pem", "certificate has expired"),
    Row("an expired certificate as its own authority", "expired", "expired.pem", "certificate has expired"),
    Row("a chain", "deep-chain", "ca.pem"),
    Row("a chain that lacks its middle", "deep-server", "ca.pem", ISSUER),
    Row("an intermediate as the authority", "deep-server", "intermediate.pem"),
    Row("an intermediate as the authority, of a chain", "deep-chain", "intermediate.pem"),
    Row("a certificate for clients", "client-only", "ca.pem", "unsuitable certificate purpose"),
    Row("an IPv4 address", "server", "ca.pem", host="127.0.0.1"),
    Row("an address among others", "ip-only", "ca.pem", host="127.0.0.1"),
    Row(
        "an address that is not named",
        "name-only",
        "ca.pem",
        "IP address mismatch, certificate is not valid for '127.0.0.1'",
        host="127.0.0.1",
    ),
    Row(
        "an address given as a name",
        "ip-as-name",
        "ca.pem",
        "IP address mismatch, certificate is not valid for '127.0.0.1'",
        host="127.0.0.1",
    ),
    Row("another name", "other-name", "ca.pem", "Hostname mismatch, certificate is not valid for 'localhost'"),
    Row("a common name only", "cn-only", "ca.pem", "Hostname mismatch, certificate is not valid for 'localhost'"),
    Row("another name, by tls-server-name", "other-name", "ca.pem", server_name="other.example.com"),
    Row(
        "a wrong tls-server-name",
        "server",
        "ca.pem",
        "Hostname mismatch, certificate is not valid for 'other.example.com'",
        server_name="other.example.com",
    ),
    Row("a name under a wildcard", "server", "ca.pem", server_name="a.wild.example.com"),
    Row(
        "a name two levels under a wildcard",
        "server",
        "ca.pem",
        "Hostname mismatch, certificate is not valid for 'a.b.wild.example.com'",
        server_name="a.b.wild.example.com",
    ),
    Row("a name in capitals", "server", "ca.pem", server_name="API.Example.COM"),
    Row("an address as tls-server-name", "server", "ca.pem", server_name="127.0.0.1"),
    Row("insecure, wrong name", "other-name", "", insecure=True),
    Row("insecure, expired", "expired", "", insecure=True),
    Row("the system's authorities", "server", "", ISSUER),
]


def ids(row):
    return row.name


@pytest.mark.parametrize("row", TABLE, ids=ids)
@pytest.mark.parametrize("as_data", [False, True], ids=["file", "data"])
def test_table(serve, row, as_data):
    server = serve(row.certificate)
    ca_file, ca_data = row.authority and path(row.authority), b""
    if as_data and ca_file:
        # Data wins over a file, even over one that does not exist.
        ca_file, ca_data = "/nowhere", data(row.authority)
    trust = Trust(ca_file, ca_data, row.insecure, row.server_name)
    url = f"https://{row.host}:{server.port}"
    if not row.refused:
        assert get(url, trust) == b"hello"
        return
    with pytest.raises(CertificateError) as failure:
        get(url, trust)
    # OpenSSL 1.1 writes "self signed".
    assert failure.value.message.replace("self signed", "self-signed") == (
        f"{row.host}:{server.port}: the certificate is not trusted: {row.refused}"
    )


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl here; the table holds its verdicts")
def test_kubectl_gives_the_same_verdicts(serve, tmp_path):
    def run(row):
        command = [KUBECTL, "--kubeconfig=/dev/null", "--token=t", "get", "--raw", "/version"]
        command += ["--server", f"https://{row.host}:{serve(row.certificate).port}"]
        command += ["--certificate-authority", path(row.authority)] if row.authority else []
        command += ["--tls-server-name", row.server_name] if row.server_name else []
        command += ["--insecure-skip-tls-verify"] if row.insecure else []
        ran = subprocess.run(
            command,
            env={"HOME": str(tmp_path), "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if ran.stdout == "hello":
            return True
        assert "x509: " in ran.stderr or "certificate" in ran.stderr, ran.stderr
        return False

    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(run, TABLE))
    assert {row.name: verdict for row, verdict in zip(TABLE, verdicts)} == {row.name: not row.refused for row in TABLE}


def test_ipv6_hosts():
    try:
        server = RawServer(answering(ok()), tls=context_of("server"), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        assert get(f"https://[::1]:{server.port}") == b"hello"


def test_a_trailing_dot_is_not_part_of_the_name(serve):
    asked = []
    context = context_of("server")
    context.sni_callback = lambda _, name, __: asked.append(name)
    with RawServer(answering(ok()), tls=context) as server:
        proxy = RawServer(http_proxy(upstream=server.port))
        with proxy:
            got = get(f"https://api.example.com.:{server.port}", proxy=Proxy("http", "127.0.0.1", proxy.port))
    assert (got, asked) == (b"hello", ["api.example.com"])


def test_the_settings_that_every_python_gets():
    made = tls.context(Trust(), None)
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert made.verify_mode == ssl.CERT_REQUIRED
    assert made.check_hostname
    assert not made.verify_flags & ssl.VERIFY_X509_STRICT
    assert made.verify_flags & 0x80000


def test_system_roots_are_found_where_go_looks_when_openssl_looks_elsewhere(serve, monkeypatch):
    class Nowhere(NamedTuple):
        cafile: None = None
        capath: None = None

    monkeypatch.setattr(ssl, "get_default_verify_paths", Nowhere)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    monkeypatch.setattr(tls, "SYSTEM_ROOTS", ("/nowhere", path("ca.pem")))
    assert get(f"https://localhost:{serve().port}", Trust()) == b"hello"


# Authorities with other text around them, or unusable ones.


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("# größer\n".encode() + data("ca.pem") + b"\xff\xfe rest", id="other text around it"),
        pytest.param(data("ca.pem").replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(data("other-ca.pem") + data("ca.pem"), id="several"),
        pytest.param(data("ca.pem") + data("ca.pem"), id="one twice"),
        pytest.param(data("server.key") + data("ca.pem"), id="a key beside it"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + data("ca.pem"), id="a broken one first"
        ),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n" + data("ca.pem"), id="one without an end first"),
    ],
)
def test_an_authority_is_found_among_other_things(serve, pem):
    assert get(f"https://localhost:{serve().port}", Trust(ca_data=pem)) == b"hello"


@pytest.mark.parametrize(
    ("trust", "message"),
    [
        pytest.param(
            Trust(ca_file="/nowhere/ca.pem"),
            "cannot read the certificate authority /nowhere/ca.pem: no such file or directory",
            id="no file",
        ),
        pytest.param(
            Trust(ca_file=path("server.key")),
            f"{path('server.key')} holds no PEM certificate that can be read",
            id="a key",
        ),
        pytest.param(
            Trust(ca_data=b"x"), "certificate-authority-data holds no PEM certificate that can be read", id="garbage"
        ),
        pytest.param(
            Trust(ca_data=b"x", insecure=True),
            "insecure-skip-tls-verify cannot be used together with a certificate authority",
            id="insecure with an authority",
        ),
    ],
)
def test_unusable_authorities(trust, message):
    with pytest.raises(TlsSettingError) as failure:
        tls.context(trust, None)
    assert str(failure.value) == failure.value.message == message


# Client certificates.


CLIENT = {"file": path("client.pem"), "key_file": path("client.key")}
CLIENT_DATA = {"data": data("client.pem"), "key_data": data("client.key")}

CERTIFICATES = [
    pytest.param(Certificate(**CLIENT), id="files"),
    pytest.param(Certificate(**CLIENT_DATA), id="data"),
    pytest.param(Certificate(file=CLIENT["file"], key_data=CLIENT_DATA["key_data"]), id="file and key data"),
    pytest.param(Certificate(data=CLIENT_DATA["data"], key_file=CLIENT["key_file"]), id="data and key file"),
    pytest.param(Certificate("/nowhere", "/nowhere", **CLIENT_DATA), id="data wins over files"),
]


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_the_client_presents_its_certificate(serve, certificate):
    shown = []

    def script(peer):
        shown.append(dict(pair for (pair,) in peer.socket.getpeercert()["subject"])["commonName"])
        answering(ok())(peer)

    server = serve(script=script, client_authority=path("ca.pem"))
    assert get(f"https://localhost:{server.port}", certificate=certificate) == b"hello"
    assert shown == ["client"]


def test_a_server_that_asks_for_a_certificate_where_none_is_set(serve):
    server = serve(client_authority=path("ca.pem"))
    with pytest.raises(ClientCertificateError) as failure:
        get(f"https://localhost:{server.port}")
    assert failure.value.message == f"localhost:{server.port}: the server asks for a client certificate"


def test_a_server_that_does_not_trust_the_client(serve):
    server = serve(client_authority=path("other-ca.pem"))
    with pytest.raises(ClientCertificateError) as failure:
        get(f"https://localhost:{server.port}", certificate=Certificate(**CLIENT))
    assert failure.value.why == "the server refuses the client certificate: tlsv1 alert unknown ca"


@pytest.mark.parametrize("key", ["client-encrypted.key", "client-encrypted-old.key"])
@pytest.mark.parametrize("as_data", [False, True], ids=["file", "data"])
def test_an_encrypted_key_is_refused_without_asking_for_its_password(key, as_data):
    options = {"key_data": f"data({key!r})"} if as_data else {"key_file": f"path({key!r})"}
    (name, value), *_ = options.items()
    program = (
        "from tests.net.test_tls import *\n"
        f"try: tls.context(Trust(), Certificate(file=path('client.pem'), {name}={value}))\n"
        "except TlsSettingError as error: print(error)\n"
    )
    # In another terminal, where OpenSSL would ask.
    master, slave = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-c", program],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        start_new_session=True,
        timeout=30,
    )
    os.close(slave)
    os.close(master)
    named = "client-key-data" if as_data else path(key)
    assert ran.stdout == f"{named} is encrypted; kubectl cannot use it either: write it without a password\n"


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        pytest.param(
            Certificate(file=path("client.pem")), "there is a client certificate but no client key", id="no key"
        ),
        pytest.param(
            Certificate(key_data=data("client.key")), "there is a client key but no client certificate", id="key only"
        ),
        pytest.param(
            Certificate("/nowhere", path("client.key")),
            "cannot read the client certificate /nowhere: no such file or directory",
            id="no certificate file",
        ),
        pytest.param(
            Certificate(path("client.pem"), "/nowhere"),
            "cannot read the client key /nowhere: no such file or directory",
            id="no key file",
        ),
        pytest.param(
            Certificate(data=data("client.key"), key_data=data("client.key")),
            "client-certificate-data holds no PEM certificate",
            id="a key for a certificate",
        ),
        pytest.param(
            Certificate(data=data("client.pem"), key_data=data("client.pem")),
            "client-key-data holds no PEM private key",
            id="a certificate for a key",
        ),
        pytest.param(
            Certificate(data=data("client.pem"), key_data=data("server.key")),
            "client-key-data is not the key of the certificate in client-certificate-data",
            id="another key",
        ),
        pytest.param(
            Certificate(path("client.pem"), path("server.key")),
            f"{path('server.key')} is not the key of the certificate in {path('client.pem')}",
            id="another key file",
        ),
    ],
)
def test_unusable_client_certificates(certificate, message):
    with pytest.raises(TlsSettingError) as failure:
        tls.context(Trust(), certificate)
    assert str(failure.value) == message


def test_the_error_for_a_broken_key_does_not_show_it():
    broken = b"-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n"
    with pytest.raises(TlsSettingError) as failure:
        tls.context(Trust(), Certificate(data=data("client.pem"), key_data=broken))
    assert str(failure.value).startswith(
        "the client certificate client-certificate-data or its key client-key-data cannot be used: "
    )
    assert "SECRET" not in str(failure.value)


@pytest.mark.parametrize("memory", [True, False], ids=["as this system does", "without memory files"])
def test_key_data_is_never_on_a_disk(monkeypatch, tmp_path, memory):
    """At the moment OpenSSL reads the key, no file system holds it, so that a kill leaves nothing behind."""
    if not memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    load = ssl.SSLContext.load_cert_chain

    def watched(self, *arguments):
        seen.append(list(tmp_path.rglob("*")))
        return load(self, *arguments)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    before = len(os.listdir("/dev/fd"))
    tls.context(Trust(ca_file=path("ca.pem")), Certificate(**CLIENT_DATA))
    assert seen == [[]]
    assert len(os.listdir("/dev/fd")) == before


def test_without_nameless_files_key_data_is_removed_before_anything_is_sent(monkeypatch, tmp_path):
    monkeypatch.setattr(tls, "NAMELESS_FILES", False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes = []
    load = ssl.SSLContext.load_cert_chain

    def watched(self, *arguments):
        modes.extend(file.stat().st_mode & 0o777 for file in tmp_path.iterdir())
        return load(self, *arguments)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    tls.context(Trust(ca_file=path("ca.pem")), Certificate(**CLIENT_DATA))
    with pytest.raises(TlsSettingError):
        tls.context(Trust(), Certificate(data=data("client.pem"), key_data=data("server.key")))
    assert modes == [0o600] * 4
    assert list(tmp_path.iterdir()) == []


# Connections with TLS.


def test_a_server_that_speaks_plain_http():
    def script(peer):
        peer.socket.recv(65536)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(script) as server, pytest.raises(TlsError) as failure:
        get(f"https://127.0.0.1:{server.port}")
    assert failure.value.why == "the server does not speak HTTPS (perhaps plain HTTP)"
    assert type(failure.value) is TlsError


def test_plain_http_to_a_server_that_speaks_tls(serve):
    server = serve()
    connection = Connection(Url("http", "127.0.0.1", server.port, ""))
    with pytest.raises(TransportError):
        connection.request(Request("GET", "/", timeouts=Timeouts(idle=5)))
    connection.close()


@pytest.mark.parametrize("reset", [False, True])
def test_a_server_that_closes_in_the_handshake(reset):
    def script(peer):
        peer.socket.recv(10)
        if reset:
            peer.reset()

    with RawServer(script) as server, pytest.raises(TlsError) as failure:
        get(f"https://127.0.0.1:{server.port}")
    assert failure.value.why == "the server closed the connection in the TLS handshake"


def test_a_hang_in_the_handshake():
    with RawServer(lambda peer: peer.wait_for_end()) as server:
        started = time.monotonic()
        with pytest.raises(TimedOutError) as failure:
            get(f"https://127.0.0.1:{server.port}", timeouts=Timeouts(connect=0.15))
        assert time.monotonic() - started < 1
    assert failure.value.message == f"127.0.0.1:{server.port}: no TLS handshake within 0.15 s"
    assert failure.value.stage == "connect"


def test_cancelling_in_the_handshake():
    asked, ended = threading.Event(), threading.Event()

    def script(peer):
        peer.socket.recv(10)
        asked.set()
        peer.wait_for_end()
        ended.set()

    with RawServer(script) as server:
        connection = Connection(
            Url("https", "127.0.0.1", server.port, ""), tls=tls.context(Trust(ca_file=path("ca.pem")), None)
        )
        thread = threading.Thread(target=lambda: (asked.wait(5), connection.close()))
        thread.start()
        with pytest.raises(CancelledError):
            connection.request(Request("GET", "/"))
        assert ended.wait(0.2)
        thread.join()


def test_cancelling_a_streamed_answer_never_yields_encrypted_bytes(serve):
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 20_000 + b"0\r\n\r\n"
    server = serve(script=answering(body))
    connection = Connection(
        Url("https", "127.0.0.1", server.port, ""), tls=tls.context(Trust(ca_file=path("ca.pem")), None)
    )
    for round in range(20):
        timer = threading.Timer(0.001 * round, connection.close)
        timer.start()
        try:
            for piece in connection.request(Request("GET", "/")).chunks():
                assert not piece.strip(b"helo")
        except CancelledError:
            pass
        timer.join()
    connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "cut"])
def test_a_body_without_length_ends_only_when_tls_is_closed(closed, version):
    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        if closed:
            peer.socket.unwrap()

    context = context_of("server")
    context.maximum_version = version
    with RawServer(script, tls=context) as server:
        if closed:
            assert get(f"https://127.0.0.1:{server.port}") == b"hello"
        else:
            with pytest.raises(TruncatedError) as failure:
                get(f"https://127.0.0.1:{server.port}")
            assert failure.value.why == "the answer is cut off"


def test_a_connection_with_tls_is_kept_and_replaced(serve):
    def script(peer):
        for _ in range(2):
            peer.request()
            peer.send(ok())

    server = serve(script=script)
    connection = Connection(
        Url("https", "127.0.0.1", server.port, ""), tls=tls.context(Trust(ca_file=path("ca.pem")), None)
    )
    assert [connection.request(Request("GET", "/")).read(10) for _ in range(6)] == [b"hello"] * 6
    assert (server.connections, len(server.requests)) == (3, 6)
    connection.close()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_tls_goes_through_a_proxy(serve, scheme):
    server = serve()
    asked = []
    script = http_proxy(upstream=server.port) if scheme == "http" else socks_proxy(asked, "me", "p", 0, server.port)
    lines = []
    with RawServer(script) as proxy:
        got = get(
            f"https://api.example.com:{server.port}",
            proxy=Proxy(scheme, "127.0.0.1", proxy.port, "me", "p"),
            trace=lines.append,
        )
    assert got == b"hello"
    if scheme == "http":
        target = f"api.example.com:{server.port}"
        assert proxy.requests == [
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic bWU6cA==\r\n\r\n".encode()
        ]
    else:
        assert asked == [("api.example.com", server.port)]
    assert "proxy" not in server.requests[0].decode().lower()
    assert lines[0].startswith(f"connected to api.example.com:{server.port} through proxy 127.0.0.1:{proxy.port} in ")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "the proxy does not connect to api.example.com:443: 407 Proxy Authentication Required",
            id="407",
        ),
        pytest.param(
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nfoo",
            "the proxy does not connect to api.example.com:443: 502 Bad Gateway",
            id="502",
        ),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n",
            "the proxy does not connect to api.example.com:443: 302 Found",
            id="redirect",
        ),
        pytest.param(b"hello\r\n", "the answer is not HTTP: hello", id="garbage"),
        pytest.param(b"", "the connection was closed without an answer", id="closed"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nx", "the proxy sends data before it is asked", id="more than it should"),
    ],
)
def test_a_proxy_that_does_not_connect(answer, why):
    with RawServer(answering_once(answer)) as proxy, pytest.raises(ProxyError) as failure:
        get("https://api.example.com", proxy=Proxy("http", "127.0.0.1", proxy.port, "me", "secret"))
    assert failure.value.message == f"proxy 127.0.0.1:{proxy.port}: {why}"


def test_a_proxy_that_hangs():
    with RawServer(lambda peer: peer.wait_for_end()) as proxy, pytest.raises(TimedOutError) as failure:
        get(
            "https://api.example.com",
            proxy=Proxy("http", "127.0.0.1", proxy.port),
            timeouts=Timeouts(connect=0.15),
        )
    assert failure.value.message == f"proxy 127.0.0.1:{proxy.port}: no answer within 0.15 s"
