"""Which proxy a server's URL takes: a table that the real kubectl goes through as well."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from kaito.net.errors import ProxySettingError
from kaito.net.proxy import Proxy, proxy_for
from kaito.net.request import basic_authorization
from kaito.net.url import Url, parse_url
from tests.servers import RawServer

KUBECTL = shutil.which("kubectl")

HTTPS = "https://api.example.com:6443"
HTTP = "http://api.example.com:8080"
PROXIED = {"HTTPS_PROXY": "http://{proxy}", "HTTP_PROXY": "http://{proxy}"}


class Row(NamedTuple):
    """Settings, and their verdict: "direct", "error" or the proxy's scheme. {proxy} stands for its host:port."""

    name: str
    server: str
    environ: dict
    verdict: str
    proxy_url: str = ""


def no_proxy(name, server, value, verdict):
    return Row(f"NO_PROXY: {name}", server, {**PROXIED, "NO_PROXY": value}, verdict)


TABLE = [
    Row("nothing set", HTTPS, {}, "direct"),
    Row("HTTPS_PROXY for https", HTTPS, {"HTTPS_PROXY": "http://{proxy}"}, "http"),
    Row("HTTP_PROXY for http", HTTP, {"HTTP_PROXY": "http://{proxy}"}, "http"),
    Row("HTTPS_PROXY not for http", HTTP, {"HTTPS_PROXY": "http://{proxy}"}, "direct"),
    Row("HTTP_PROXY not for https", HTTPS, {"HTTP_PROXY": "http://{proxy}"}, "direct"),
    Row("lower case", HTTPS, {"https_proxy": "http://{proxy}"}, "http"),
    Row("lower case for http", HTTP, {"http_proxy": "http://{proxy}"}, "http"),
    Row("upper case first", HTTPS, {"HTTPS_PROXY": "socks5://{proxy}", "https_proxy": "http://{proxy}"}, "socks5"),
    Row("empty upper case", HTTPS, {"HTTPS_PROXY": "", "https_proxy": "http://{proxy}"}, "http"),
    Row("ALL_PROXY", HTTPS, {"ALL_PROXY": "http://{proxy}", "all_proxy": "http://{proxy}"}, "direct"),
    Row("no scheme", HTTPS, {"HTTPS_PROXY": "{proxy}"}, "http"),
    Row("scheme in capitals", HTTPS, {"HTTPS_PROXY": "HTTP://{proxy}"}, "http"),
    Row("a trailing slash", HTTPS, {"HTTPS_PROXY": "http://{proxy}/"}, "http"),
    Row("in a CGI script", HTTP, {**PROXIED, "REQUEST_METHOD": "GET"}, "error"),
    Row(
        "in a CGI script, for what NO_PROXY names", HTTP, {**PROXIED, "NO_PROXY": "*", "REQUEST_METHOD": "GET"}, "error"
    ),
    Row("in a CGI script for https", HTTPS, {**PROXIED, "REQUEST_METHOD": "GET"}, "http"),
    Row("a port that is too large", HTTPS, {"HTTPS_PROXY": "http://127.0.0.1:99999"}, "error"),
    Row("a port of letters", HTTPS, {"HTTPS_PROXY": "http://127.0.0.1:port"}, "direct"),
    Row("a port of many digits", HTTPS, {"HTTPS_PROXY": "http://127.0.0.1:" + "9" * 30}, "error"),
    Row("socks5", HTTPS, {"HTTPS_PROXY": "socks5://{proxy}"}, "socks5"),
    Row("socks5h", HTTPS, {"HTTPS_PROXY": "socks5h://{proxy}"}, "socks5"),
    Row("socks5 for http", HTTP, {"HTTP_PROXY": "socks5://{proxy}"}, "socks5"),
    Row("not a URL", HTTPS, {"HTTPS_PROXY": "http://[::1"}, "direct"),
    Row("white space in it", HTTPS, {"HTTPS_PROXY": " http://{proxy}"}, "direct"),
    Row("localhost", "https://localhost:1", PROXIED, "direct"),
    Row("a name under localhost", "https://api.localhost:1", PROXIED, "http"),
    Row("loopback", "https://127.0.0.1:1", PROXIED, "direct"),
    Row("other loopback", "https://127.8.9.1:1", PROXIED, "direct"),
    Row("IPv6 loopback", "https://[::1]:1", PROXIED, "direct"),
    Row("mapped loopback", "https://[::ffff:127.0.0.1]:1", PROXIED, "direct"),
    Row("http loopback", "http://127.0.0.1:1", PROXIED, "direct"),
    Row("proxy-url", HTTPS, {}, "http", "http://{proxy}"),
    Row("proxy-url for http", HTTP, {}, "http", "http://{proxy}"),
    Row("proxy-url of socks5", HTTPS, {}, "socks5", "socks5://{proxy}"),
    Row("proxy-url wins", HTTPS, {"HTTPS_PROXY": "http://{proxy}"}, "socks5", "socks5://{proxy}"),
    Row("proxy-url knows no NO_PROXY", HTTPS, {"NO_PROXY": "*"}, "http", "http://{proxy}"),
    Row("proxy-url goes for loopback, too", "https://127.0.0.1:1", {}, "http", "http://{proxy}"),
    Row("proxy-url of socks5h", HTTPS, {}, "error", "socks5h://{proxy}"),
    Row("proxy-url of ftp", HTTPS, {}, "error", "ftp://{proxy}"),
    Row("proxy-url without a scheme", HTTPS, {}, "error", "{proxy}"),
    Row("proxy-url that is no URL", HTTPS, {}, "error", "http://[::1"),
    no_proxy("the name", HTTPS, "api.example.com", "direct"),
    no_proxy("the name in capitals", HTTPS, "API.Example.COM", "direct"),
    no_proxy("a server in capitals", "https://API.example.com", "api.example.com", "direct"),
    no_proxy("a domain", HTTPS, "example.com", "direct"),
    no_proxy("a leading dot", HTTPS, ".example.com", "direct"),
    no_proxy("a leading dot and the name itself", HTTPS, ".api.example.com", "http"),
    no_proxy("a leading star", HTTPS, "*.example.com", "direct"),
    no_proxy("a star in the middle", HTTPS, "api.*.com", "http"),
    no_proxy("the end of a label", HTTPS, "ple.com", "http"),
    no_proxy("a top-level domain", HTTPS, "com", "direct"),
    no_proxy("another domain", HTTPS, "example.org", "http"),
    no_proxy("a name below", HTTPS, "x.api.example.com", "http"),
    no_proxy("everything", HTTPS, "*", "direct"),
    no_proxy("everything, among others", HTTPS, "foo, * ,bar", "direct"),
    no_proxy("a list", HTTPS, "foo,example.com,bar", "direct"),
    no_proxy("a list with spaces", HTTPS, " foo , example.com ", "direct"),
    no_proxy("a list of spaces only", HTTPS, "foo example.com", "http"),
    no_proxy("empty entries", HTTPS, ",,", "http"),
    no_proxy("the port", HTTPS, "api.example.com:6443", "direct"),
    no_proxy("another port", HTTPS, "api.example.com:443", "http"),
    no_proxy("a domain's port", HTTPS, "example.com:6443", "direct"),
    no_proxy("the default port", "https://api.example.com", "api.example.com:443", "direct"),
    no_proxy("http's default port", "http://api.example.com", "api.example.com:80", "direct"),
    no_proxy("a port alone", HTTPS, ":6443", "http"),
    no_proxy("an empty port", HTTPS, "api.example.com:", "direct"),
    no_proxy("a URL", HTTPS, "https://api.example.com", "http"),
    no_proxy("a trailing dot in it", HTTPS, "example.com.", "http"),
    no_proxy("a trailing dot in the server", "https://api.example.com.", "example.com", "http"),
    no_proxy("an international name", "https://xn--bcher-kva.example:6443", "bücher.example", "direct"),
    no_proxy("an international domain", "https://api.xn--bcher-kva.example:6443", ".bücher.example", "direct"),
    no_proxy("an international name and port", "https://xn--bcher-kva.example:6443", "BÜCHER.example:6443", "direct"),
    no_proxy("an address", "https://10.1.2.3:6443", "10.1.2.3", "direct"),
    no_proxy("another address", "https://10.1.2.3:6443", "10.1.2.4", "http"),
    no_proxy("an address and port", "https://10.1.2.3:6443", "10.1.2.3:6443", "direct"),
    no_proxy("an address and another port", "https://10.1.2.3:6443", "10.1.2.3:443", "http"),
    no_proxy("the end of an address", "https://10.1.2.3:6443", "2.3", "http"),
    no_proxy("the beginning of an address", "https://10.1.2.3:6443", "10.1.", "http"),
    no_proxy("a range", "https://10.1.2.3:6443", "10.0.0.0/8", "direct"),
    no_proxy("a range by any of its addresses", "https://10.1.2.3:6443", "10.9.9.9/8", "direct"),
    no_proxy("another range", "https://10.1.2.3:6443", "10.2.0.0/16", "http"),
    no_proxy("a netmask", "https://10.1.2.3:6443", "10.0.0.0/255.0.0.0", "http"),
    no_proxy("a range with leading zeros", "https://10.1.2.3:6443", "010.001.0.0/16", "direct"),
    no_proxy("an address with leading zeros", "https://10.1.2.3:6443", "010.001.002.003", "http"),
    no_proxy("a range is not for names", HTTPS, "0.0.0.0/0", "http"),
    no_proxy("IPv6", "https://[2001:db8::1]:6443", "2001:db8::1", "direct"),
    no_proxy("IPv6, written otherwise", "https://[2001:db8::1]:6443", "2001:DB8:0::1", "direct"),
    no_proxy("IPv6 in brackets", "https://[2001:db8::1]:6443", "[2001:db8::1]", "http"),
    no_proxy("IPv6 and port", "https://[2001:db8::1]:6443", "[2001:db8::1]:6443", "direct"),
    no_proxy("IPv6 range", "https://[2001:db8::1]:6443", "2001:db8::/32", "direct"),
    no_proxy("mapped IPv4", "https://[::ffff:10.1.2.3]:6443", "10.1.2.3", "direct"),
    no_proxy("mapped IPv4 in a range", "https://[::ffff:10.1.2.3]:6443", "10.0.0.0/8", "direct"),
    Row("no_proxy", HTTPS, {**PROXIED, "no_proxy": "example.com"}, "direct"),
    Row("NO_PROXY before no_proxy", HTTPS, {**PROXIED, "NO_PROXY": "foo", "no_proxy": "example.com"}, "http"),
    Row("empty NO_PROXY", HTTPS, {**PROXIED, "NO_PROXY": "", "no_proxy": "example.com"}, "direct"),
]


def filled(row, proxy):
    environ = {name: value.replace("{proxy}", proxy) for name, value in row.environ.items()}
    return row._replace(environ=environ, proxy_url=row.proxy_url.replace("{proxy}", proxy))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_table(row):
    row = filled(row, "127.0.0.1:3128")
    url = parse_url(row.server)
    if row.verdict == "error":
        with pytest.raises(ProxySettingError):
            proxy_for(url, row.environ, row.proxy_url)
    elif row.verdict == "direct":
        assert proxy_for(url, row.environ, row.proxy_url) is None
    else:
        assert proxy_for(url, row.environ, row.proxy_url) == Proxy(row.verdict, "127.0.0.1", 3128)


def run_kubectl(row, folder):
    """Run kubectl with a row's settings; return the verdict that the recording proxy observes."""
    heard = []

    def script(peer):
        heard.append("socks5" if peer.socket.recv(65536)[:1] == b"\5" else "http")
        peer.send(b"\5\xff" if heard[-1] == "socks5" else b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with RawServer(script) as proxy:
        row = filled(row, proxy.authority)
        cluster = {"server": row.server, "insecure-skip-tls-verify": True}
        if row.proxy_url:
            cluster["proxy-url"] = row.proxy_url
        config = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = folder / f"{proxy.port}.json"
        path.write_text(json.dumps(config))
        ran = subprocess.run(
            [KUBECTL, "--kubeconfig", str(path), "--request-timeout=500ms", "get", "--raw", "/version"],
            env={"HOME": str(folder), "PATH": os.defpath, **row.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    if heard:
        return heard[0]
    refusals = ("could not parse", "unsupported scheme", 'parse "', "refusing to use HTTP_PROXY", "invalid port")
    return "error" if any(words in ran.stderr for words in refusals) else "direct"


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl here; the table holds its verdicts")
def test_kubectl_gives_the_same_verdicts(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda row: run_kubectl(row, tmp_path), TABLE))
    assert {row.name: verdict for row, verdict in zip(TABLE, verdicts)} == {row.name: row.verdict for row in TABLE}


URL = Url("https", "api.example.com", 6443, "")


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        pytest.param("http://p.example", Proxy("http", "p.example", 80), id="http's default port"),
        pytest.param("socks5://p.example", Proxy("socks5", "p.example", 1080), id="socks5's default port"),
        pytest.param("http://[2001:db8::1]:3128", Proxy("http", "2001:db8::1", 3128), id="IPv6"),
        pytest.param("http://me@p.example:1", Proxy("http", "p.example", 1, "me"), id="name only"),
        pytest.param("http://me:pass@p.example:1", Proxy("http", "p.example", 1, "me", "pass"), id="credentials"),
        pytest.param(
            "socks5://m%40e:p%3Aa%2Fs@p.example:1", Proxy("socks5", "p.example", 1, "m@e", "p:a/s"), id="escapes"
        ),
    ],
)
def test_the_parts_of_a_proxy_url(text, proxy):
    assert proxy_for(URL, {"HTTPS_PROXY": text}) == proxy
    assert proxy_for(URL, {}, text) == proxy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "https://me:secret@p.example",
            "{} is an https:// proxy, which is not supported: use its http:// or socks5:// port",
            id="https",
        ),
        pytest.param("ftp://me:secret@p.example", "{} must begin with http:// or socks5://", id="another scheme"),
        pytest.param("http://me:secret@", "{} names no host", id="no host"),
        pytest.param("http://me:secret@p.example:0", "{} has no valid port", id="port 0"),
        pytest.param("http://me:secret@p.example:99999", "{} has no valid port", id="port 99999"),
    ],
)
def test_errors_name_the_setting_without_its_credentials(text, reason):
    for name, options in (("HTTPS_PROXY", ({"HTTPS_PROXY": text},)), ("proxy-url", ({}, text))):
        with pytest.raises(ProxySettingError) as failure:
            proxy_for(URL, *options)
        assert str(failure.value) == reason.format(name)


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl here")
@pytest.mark.parametrize("login", ["m%40e:p%3Aa%2Fs", "m%e9:p%ffw"], ids=["escapes", "bytes that are not UTF-8"])
def test_credentials_are_sent_as_kubectl_sends_them(tmp_path, login):
    heads = []

    def script(peer):
        heads.append(peer.request().decode())
        peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with RawServer(script) as proxy:
        text = f"http://{login}@{proxy.authority}"
        subprocess.run(
            [KUBECTL, "--kubeconfig=/dev/null", "--server", HTTPS, "--token=t", "get", "--raw", "/version"],
            env={"HOME": str(tmp_path), "PATH": os.defpath, "HTTPS_PROXY": text},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        ours = proxy_for(parse_url(HTTPS), {"HTTPS_PROXY": text})
    assert f"Proxy-Authorization: {basic_authorization(ours.username, ours.password)}\r\n" in heads[0]
