"""The chunked coding of HTTP bodies, taken off (RFC 9112, section 7.1). Pure."""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.text import excerpt

_LINE_LIMIT = 4096  # bytes of a chunk's size and extensions
_TRAILER_LIMIT = 64 * 1024  # bytes of all trailers

_HEADER = pattern(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_HEADER_SO_FAR = pattern(rb"[0-9A-Fa-f]{0,15}[ \t]*(?:;[^\r\n]*)?\r?")


class ChunkDecoder:
    """Takes a body apart. State: where in a chunk it stands.

    `done`: the last chunk and the trailers have come; `rest`: then, what came behind them. `failure`: why what came
    is not chunked, or "".
    """

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self.failure = ""
        self._left = 0  # bytes of the current chunk's data that have not come
        self._open = False  # within a chunk: its data or the line end behind it has not all come
        self._trailers = -1  # bytes of trailers so far, -1 before them

    def feed(self, data: bytes) -> bytes:
        """Give the body bytes in `data`, any piece of the stream; up to the failure, when there is one."""
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
        """Append the body bytes to `pieces`; give the place where what cannot be decoded yet begins."""
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
            header = match(data, at)
            if header is None:
                _check_header_so_far(data[at : at + _LINE_LIMIT])
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
        """The place behind those trailers that have come whole."""
        while True:
            end = data.find(b"\n", at)
            if self._trailers + (end if end >= 0 else len(data)) - at > _TRAILER_LIMIT:
                raise ValueError("the trailers have no end")
            if end < 0:
                return at
            line = data[at:end].rstrip(b"\r")
            self._trailers += end + 1 - at
            at = end + 1
            if not line:
                self.done = True
                return at


def _skip_line_end(data: bytes, at: int) -> int:
    """The place behind the line end at `at`; -1 when it has not all come."""
    found = data[at : at + 2]
    if found == b"\r\n":
        return at + 2
    if found[:1] == b"\n":
        return at + 1
    if found in (b"", b"\r"):
        return -1
    raise ValueError(f"a chunk does not end where its size says, but goes on with {excerpt(data[at : at + 200], 40)}")


def _check_header_so_far(found: bytes) -> None:
    """Raise ValueError when what stands where a chunk begins cannot become a chunk's header."""
    if not _HEADER_SO_FAR.fullmatch(found):
        raise ValueError(f"there is no chunk size, but {excerpt(found, 40)}")
    if len(found) >= _LINE_LIMIT:
        raise ValueError("a chunk's header has no end")
