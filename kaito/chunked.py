"""The chunked coding of HTTP bodies, taken off (RFC 9112, section 7.1). Pure."""

from __future__ import annotations

import re

from kaito.text import excerpt

_LINE_LIMIT = 4096  # bytes of a chunk's size and extensions
_TRAILER_LIMIT = 64 * 1024  # bytes of all trailers

_HEADER = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_HEADER_SO_FAR = re.compile(rb"[0-9A-Fa-f]{0,15}[ \t]*(?:;[^\r\n]*)?\r?")


class ChunkDecoder:
    """Takes a body apart. State: where in a chunk it stands.

    `done`: the last chunk and the trailers have come; `rest`: then, what came behind them.
    """

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._left = 0  # bytes of the current chunk's data that have not come
        self._open = False  # within a chunk: its data or the line end behind it has not all come
        self._trailers = -1  # bytes of trailers so far, -1 before them

    def feed(self, data: bytes) -> bytes:
        """Give the body bytes in `data`, any piece of the stream. Raises ValueError with a reason."""
        if self.rest:
            data = self.rest + data
            self.rest = b""
        pieces = []
        at = 0
        end = len(data)
        match = _HEADER.match
        while True:
            if self._open:
                if self._left:
                    piece = data[at : at + self._left]
                    pieces.append(piece)
                    at += len(piece)
                    self._left -= len(piece)
                    if self._left:
                        break
                after = _skip_line_end(data, at)
                if after < 0:
                    break
                at = after
                self._open = False
            if self._trailers >= 0:
                at = self._skip_trailers(data, at)
                break
            header = match(data, at)
            if header is None:
                _check_header_so_far(data[at : at + _LINE_LIMIT])
                break
            size = int(header[1], 16)
            at = header.end()
            if not size:
                self._trailers = 0
                continue
            stop = at + size
            if data[stop : stop + 2] == b"\r\n":
                pieces.append(data[at:stop])
                at = stop + 2
            else:
                self._left = size
                self._open = True
        if at < end:
            self.rest = data[at:]
        return b"".join(pieces)

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
