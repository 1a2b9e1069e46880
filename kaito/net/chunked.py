"""The chunked coding of HTTP bodies (RFC 9112, section 7.1), decoded. Pure.

A chunk's header and its data end in CRLF, never in a bare LF: two readers could otherwise find different bodies.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.text import excerpt

_LINE_LIMIT = 4096  # bytes of a chunk's header: its size and extensions
_TRAILER_LIMIT = 64 * 1024  # bytes of all trailers

_HEADER = pattern(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_HEADER_SO_FAR = pattern(rb"[0-9A-Fa-f]{0,15}[ \t]*(?:;[^\r\n]*)?\r?")


class ChunkDecoder:
    """Decodes a body piece by piece. State: the position within the current chunk.

    `done`: the last chunk and the trailers have come. `rest`: the bytes not decoded yet; once `done`, those after the
    body. `failure`: why the stream is not chunked, or "".
    """

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self.failure = ""
        self._left = 0  # bytes of the current chunk's data that have not come
        self._open = False  # whether the current chunk's data, or the CRLF after it, is incomplete
        self._trailers = -1  # bytes of trailers so far, -1 before them

    def feed(self, data: bytes) -> bytes:
        """Decode `data`, the next piece of the stream, and return the body bytes in it.

        If the stream turns out not to be chunked, set `failure` and return the body bytes before the fault.
        """
        pieces: list[bytes] = []
        if self.rest:
            data = self.rest + data
            self.rest = b""
        try:
            at = self._decode(data, pieces)
        except ValueError as error:
            self.failure = str(error)
        else:
            self.rest = data[at:]
        return b"".join(pieces)

    def _decode(self, data: bytes, pieces: list[bytes]) -> int:
        """Append the body bytes to `pieces` and return where the undecoded bytes begin. Raises ValueError."""
        at = 0
        match = _HEADER.match
        while True:
            if self._open:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                after = _skip_line_end(data, at) if not self._left else -1
                if after < 0:
                    return at
                at = after
                self._open = False
            if self._trailers >= 0:
                return self._skip_trailers(data, at)
            if at == len(data):
                return at
            header = match(data, at)
            _check_header(data[at : header.end() if header else at + _LINE_LIMIT], complete=header is not None)
            if header is None:
                return at
            at = header.end()
            size = int(header[1], 16)
            stop = at + size
            if not size:
                self._trailers = 0
            elif data[stop : stop + 2] == b"\r\n":
                pieces.append(data[at:stop])
                at = stop + 2
            else:
                self._left = size
                self._open = True

    def _skip_trailers(self, data: bytes, at: int) -> int:
        """Return the position after the complete trailers. Raises ValueError if they are too large."""
        while True:
            end = data.find(b"\n", at)
            if self._trailers + (end if end >= 0 else len(data)) - at > _TRAILER_LIMIT:
                raise ValueError("the trailers have no end")
            if end < 0:
                return at
            line = data[at:end]
            self._trailers += end + 1 - at
            at = end + 1
            if line in (b"", b"\r"):
                self.done = True
                return at


def _skip_line_end(data: bytes, at: int) -> int:
    """Return the position after the CRLF at `at`, or -1 if it is incomplete. Raises ValueError for other bytes."""
    found = data[at : at + 2]
    if found == b"\r\n":
        return at + 2
    if found in (b"", b"\r"):
        return -1
    raise ValueError(f"a chunk does not end where its size says, but goes on with {excerpt(data[at : at + 200], 40)}")


def _check_header(found: bytes, *, complete: bool) -> None:
    """Check a chunk's header, or the beginning of one that is not `complete`. Raises ValueError.

    Both have the same limit, so that the verdict does not depend on how the stream was split.
    """
    if not complete and not _HEADER_SO_FAR.fullmatch(found):
        raise ValueError(f"there is no chunk size, but {excerpt(found, 40)}")
    if len(found) > _LINE_LIMIT - (not complete):
        raise ValueError("a chunk's header has no end")
