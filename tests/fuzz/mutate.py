"""Malformed inputs: samples that are cut, repeated, mixed, and salted with what parsers often fail on."""

from __future__ import annotations

MOST = 20_000  # bytes of an input, except for the few that are long on purpose

# Bytes that have a meaning to at least one of the parsers, or are at the edge of what it accepts.
SALT = [
    *(
        b"\0",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\t",
        b" ",
        b"\x0b",
        b"\x1b[31m",
        b"\x7f",
        b"\x85",
        b"\xa0",
        b"\xff",
        b"\xc3",
    ),
    *(b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u202e\u200b\u2028".encode(), "é漢😀".encode(), b"\xfe\xff\x00a", b"\xc0\xaf"),
    *(
        b"0",
        b"-1",
        b"+5",
        b"00",
        b"1e999",
        b"NaN",
        b"Infinity",
        b"0x10",
        b"9" * 30,
        b"18446744073709551616",
        b"1_0",
        b".5",
    ),
    *(
        b":",
        b": ",
        b",",
        b";",
        b"=",
        b"%",
        b"%00",
        b"%2e%2e",
        b"@",
        b"/",
        b"//",
        b"..",
        b"\\",
        b"#",
        b"?",
        b"&",
        b"*",
        b"!",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"[[[[[[[[",
        b"{}{}",
        b'"',
        b"'",
        b'\\"',
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"true",
        b"- ",
        b"? ",
    ),
    *(
        b"|",
        b">",
        b"|-",
        b"&a",
        b"*a",
        b"<<: ",
        b"!!binary ",
        b"---\n",
        b"...\n",
        b"data: ",
        b"data:",
        b"event: error\n",
        b": x\n",
    ),
    *(b"[DONE]", b"HTTP/1.1 ", b"HTTP/1.1 100 C\r\n\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"--",
        b"-",
        b"-v",
        b"--wait",
        b"\\\n",
        b'"""',
        b"/set ",
        b"http://",
        b"[::1]",
        b"1.2.3.4",
    ),
]


def mutate(source, samples):
    """Return one input made from `samples`; `source`: the random.Random that decides how."""
    data = bytearray(source.choice(samples))
    for _ in range(min(int(source.expovariate(0.3)), 15)):
        _STEPS[source.randrange(len(_STEPS))](source, data, samples)
        del data[MOST:]
    if source.random() < 0.002:
        data = bytearray(source.choice(SALT) * source.randrange(1, 60_000))[: 1 << 20]
    return bytes(data)


def pieces(source, data):
    """Return `data` as a list of random pieces, as a network may deliver it."""
    if source.random() < 0.3:
        return [data]
    cuts = sorted(source.randrange(len(data) + 1) for _ in range(source.choice((1, 2, 5, 40))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)])]


def _span(source, data, most=40):
    start = source.randrange(len(data) + 1)
    return start, min(len(data), start + source.randrange(most))


def _delete(source, data, samples):
    start, end = _span(source, data)
    del data[start:end]


def _salt(source, data, samples):
    start = source.randrange(len(data) + 1)
    data[start:start] = source.choice(SALT)


def _replace(source, data, samples):
    start, end = _span(source, data, 6)
    data[start:end] = source.choice(SALT)


def _flip(source, data, samples):
    if data:
        data[source.randrange(len(data))] = source.randrange(256)


def _repeat(source, data, samples):
    start, end = _span(source, data)
    data[start:start] = data[start:end] * source.choice((1, 2, 20, 300))


def _cut(source, data, samples):
    del data[source.randrange(len(data) + 1) :]


def _splice(source, data, samples):
    other = source.choice(samples)
    start = source.randrange(len(other) + 1)
    at = source.randrange(len(data) + 1)
    data[at:] = other[start:]


def _swap_lines(source, data, samples):
    lines = bytes(data).split(b"\n")
    source.shuffle(lines)
    data[:] = b"\n".join(lines)


_STEPS = (_delete, _salt, _salt, _replace, _flip, _repeat, _cut, _splice, _swap_lines)
