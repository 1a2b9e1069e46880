"""HTTP/1.1 heads: the lines before a body, read and written. Pure.

The grammar is RFC 9112's (sections 2 to 7), with two liberties that it grants to recipients: a line may end in a bare
LF, and a status line may lack its reason. Everything that two readers could understand differently is refused: folded
lines, white space before a colon, bare CR, NUL, lengths that differ, more than one transfer coding.

Reading takes time linear in the size of a head. The caller, which reads from the socket, limits that size.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Headers = tuple[tuple[str, str], ...]

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_REQUEST_LINE = pattern(rb"([^ ]+) ([\x21-\x7e]+) HTTP/1\.([0-9])")
_MOST_DIGITS = 18  # of a length: 64 bits hold them

START = b"HTTP/"
"""What an answer begins with; anything else is not HTTP."""


class HeadError(ValueError):
    """A head is malformed or ambiguous. The message completes "the answer's …" or "the request's …"."""


class ResponseHead(NamedTuple):
    """The head of an answer. `version`: the n of HTTP/1.n; `headers`: names in lower case, values as received."""

    version: int
    status: int
    reason: str
    headers: Headers

    def values(self, name: str) -> list[str]:
        """Return all values of the header `name` (in lower case), in order."""
        return _values(self.headers, name)


class RequestHead(NamedTuple):
    """The head of a request. `target`: as it was sent; the other fields are those of ResponseHead."""

    version: int
    method: str
    target: str
    headers: Headers

    def values(self, name: str) -> list[str]:
        """Return all values of the header `name` (in lower case), in order."""
        return _values(self.headers, name)


class Framing(NamedTuple):
    """How a body ends: by the chunked coding, after `length` bytes, or (`length` None) with the connection.

    `keep_alive`: the connection can carry another request afterwards.
    """

    chunked: bool
    length: int | None
    keep_alive: bool


def end_of_head(data: bytes | bytearray, start: int) -> int:
    """Return the position after the empty line that ends a head, or -1 if it has not come; search from `start`."""
    bare, usual = data.find(b"\n\n", start), data.find(b"\n\r\n", start)
    if bare < 0 or 0 <= usual < bare:
        return usual + 3 if usual >= 0 else -1
    return bare + 2


def read_response(data: bytes) -> ResponseHead:
    """Read the head of an answer; `data` ends with the empty line. Raises HeadError."""
    lines = _lines(data)
    # "HTTP/1.1 200" and, perhaps, a blank and the reason.
    protocol, status, reason = lines[0][:9], lines[0][9:12], lines[0][12:]
    is_known = protocol[:7] == b"HTTP/1." and protocol[7:8].isdigit() and protocol[8:] == b" "
    if not (is_known and len(status) == 3 and status.isdigit() and status >= b"100" and reason[:1] in (b"", b" ")):
        raise HeadError(f"status line is malformed: {_shown(lines[0])}")
    return ResponseHead(int(protocol[7:8]), int(status), reason.decode("latin-1").strip(), _headers(lines))


def read_request(data: bytes) -> RequestHead:
    """Read the head of a request; `data` ends with the empty line. Raises HeadError."""
    lines = _lines(data)
    found = _REQUEST_LINE.fullmatch(lines[0])
    if found is None or not _is_token(found[1]):
        raise HeadError(f"request line is malformed: {_shown(lines[0])}")
    method, target, version = found.groups()
    return RequestHead(int(version), method.decode(), target.decode(), _headers(lines))


def response_framing(head: ResponseHead, method: str) -> Framing:
    """Return how the body of an answer to `method` ends (RFC 9112, section 6.3). Raises HeadError."""
    keep_alive = _keeps_alive(head.version, head.values("connection"))
    codings, lengths = head.values("transfer-encoding"), head.values("content-length")
    if method == "CONNECT" and 200 <= head.status < 300:
        return Framing(False, 0, True)
    if head.status in (204, 304) or head.status < 200 or method == "HEAD":
        # A server that announces a body nevertheless may send one, which would be read as the next answer.
        announced = codings or (head.status == 204 and any(length.strip(" 0,") for length in lengths))
        return Framing(False, 0, keep_alive and not announced)
    if codings:
        _check_coding(codings)
        return Framing(True, None, keep_alive and not lengths and head.version > 0)
    length = _length(lengths)
    return Framing(False, length, keep_alive and length is not None)


def request_framing(head: RequestHead) -> Framing:
    """Return how the body of a request ends (RFC 9112, section 6.3). Raises HeadError."""
    codings, lengths = head.values("transfer-encoding"), head.values("content-length")
    if codings and lengths:
        raise HeadError("headers have both a Content-Length and a Transfer-Encoding")
    if codings and not head.version:
        raise HeadError("headers have a Transfer-Encoding, which HTTP/1.0 does not know")
    if codings:
        _check_coding(codings)
    keep_alive = _keeps_alive(head.version, head.values("connection"))
    return Framing(bool(codings), None if codings else _length(lengths) or 0, keep_alive)


def write_request(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a request. Raises HeadError, which names the line that cannot be sent, not its value."""
    if not _is_token(method.encode()) or not _is_target(target):
        raise HeadError("request line cannot be sent as it is")
    lines = [f"{method} {target} HTTP/1.1\r\n".encode()]
    for name, value in headers:
        if not name.isascii() or not _is_token(name.encode()) or not _is_value(value):
            raise HeadError(f"{excerpt(name)} cannot be sent as it is")
        try:
            lines.append(f"{name}: {value}\r\n".encode())
        except UnicodeEncodeError:
            raise HeadError(f"{excerpt(name)} cannot be sent as it is") from None
    return b"".join((*lines, b"\r\n"))


def _lines(data: bytes) -> list[bytes]:
    """Split a head into its lines, without line ends and without the empty line. Raises HeadError."""
    text = data.replace(b"\r\n", b"\n")
    lines = text.split(b"\n")[:-2] or [b""]
    if b"\r" in text or b"\0" in text:
        # A reader that treats a CR as the end of a line would see other headers.
        raise HeadError("headers are malformed: a bare CR or a NUL is in them")
    return lines


def _headers(lines: list[bytes]) -> Headers:
    """Read the lines after the first one. Raises HeadError."""
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not _is_token(name):
            if line[:1] in (b" ", b"\t"):
                why = "a line is folded"
            elif colon:
                why = f"a header has no valid name: {_shown(line)}"
            else:
                why = f"a line has no colon: {_shown(line)}"
            raise HeadError(f"headers are malformed: {why}")
        headers.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
    return tuple(headers)


def _shown(line: bytes) -> str:
    return excerpt(line[:200].decode("latin-1"), 60)


def _is_token(name: bytes) -> bool:
    return bool(name) and not name.translate(None, _TOKEN)


def _is_target(target: str) -> bool:
    return bool(target) and target.isascii() and target.isprintable() and " " not in target


def _is_value(value: str) -> bool:
    return not any(control in value for control in "\0\r\n")


def _is_length(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key == name]


def _keeps_alive(version: int, connection: list[str]) -> bool:
    """Return whether the connection stays open after the body (RFC 9112, section 9.3)."""
    options = {option.strip().lower() for value in connection for option in value.split(",")}
    return "close" not in options and (version > 0 or "keep-alive" in options)


def _check_coding(codings: list[str]) -> None:
    """Raise HeadError unless "chunked", which every recipient supports, is the only transfer coding."""
    if len(codings) > 1 or codings[0].lower() != "chunked":
        raise HeadError(f"Transfer-Encoding is not chunked, but {excerpt(', '.join(codings), 40)}")


def _length(values: list[str]) -> int | None:
    """Return the length on which all Content-Length headers agree, or None without any. Raises HeadError."""
    texts = {text.strip(" \t") for value in values for text in value.split(",")}
    if not texts:
        return None
    lengths = {int(text) if _is_length(text) else None for text in texts}
    if len(lengths) > 1 or None in lengths:
        raise HeadError(f"Content-Length is wrong: {excerpt(', '.join(sorted(texts)), 40) or 'it is empty'}")
    return lengths.pop()
