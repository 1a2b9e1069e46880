"""An answer whose head has come: its body, read as it arrives.

Either a body ends properly or an error is raised, so a part never passes for the whole.
"""

from __future__ import annotations

import time

from kaito.net.chunked import ChunkDecoder
from kaito.net.errors import ResponseError, TruncatedError
from kaito.net.head import (
    START,
    HeadError,
    end_of_head,
    read_response,
    response_framing,
)
from kaito.net.wire import Bounds
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kaito.net.head import (
        Framing,
        ResponseHead,
    )
    from kaito.net.wire import Wire

# Bytes of an answer's head and of the interim answers before it. It is large because gateways' login pages set large
# cookies.
_HEAD_LIMIT = 1024 * 1024


class Response:
    """An answer whose head has come. State: how much of its body has been read."""

    def __init__(self, wire: Wire, head: ResponseHead, framing: Framing) -> None:
        self._wire = wire
        self._head = head
        self._framing = framing
        self._body: bytes | None = None
        self._begun = False
        self._finished = False
        self.status: int = head.status
        self.reason: str = excerpt(head.reason)
        """The reason in the status line, sanitised."""
        if framing.length == 0:
            self._finish(b"")

    def header(self, name: str) -> str:
        """Return the value of the header `name` (in any case): the first of several, or "" if there is none."""
        return next(iter(self._head.values(name.lower())), "")

    def read(self, limit: int) -> bytes:
        """Return the whole body; further calls return it again.

        Raises TransportError, also if the body is larger than `limit` bytes.
        """
        if self._body is None:
            pieces, size = [], 0
            for piece in self.chunks():
                size += len(piece)
                if size > limit:
                    self.close()
                    raise ResponseError(self._wire.where, f"the answer is larger than {limit:,} bytes")
                pieces.append(piece)
            self._body = b"".join(pieces)
        return self._body

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives; can be called once. Raises TransportError unless the body ends properly.

        Closing the iterator before the last byte closes the connection.
        """
        if self._begun:
            raise RuntimeError("the body has been read")
        self._begun = True
        wire = self._wire
        try:
            encoding = self.header("Content-Encoding")
            if encoding.lower() not in ("", "identity"):
                raise ResponseError(
                    wire.where, f"the answer is compressed ({excerpt(encoding, 40)}), which was not asked for"
                )
            if self._framing.chunked:
                yield from self._chunked()
            elif self._framing.length is None:
                yield from self._until_closed()
            else:
                yield from self._of_length(self._framing.length)
        except BaseException:
            if not self._finished:
                wire.kill()
            raise

    def limit_rest(self, seconds: float) -> None:
        """Give the rest of the body `seconds` from now, in place of the time limits of the request."""
        if not self._finished:
            self._wire.begin_stage(Bounds("body", None, seconds, time.monotonic() + seconds))

    def close(self) -> None:
        """Close the connection unless the whole body has been read."""
        if not self._finished:
            self._wire.kill()

    # Each of these calls `_finish` before it yields the last bytes. So a caller that recognises the end in them, for
    # example an event stream's last event, may stop there, and the connection is kept nevertheless.

    def _chunked(self) -> Iterator[bytes]:
        wire, decoder = self._wire, ChunkDecoder()
        while not decoder.done:
            data = wire.take()
            if not data:
                raise TruncatedError(wire.where, "the answer is cut off")
            data = decoder.feed(data)
            if decoder.done:
                self._finish(decoder.rest)
            if data:
                yield data
            if decoder.failure:
                raise ResponseError(wire.where, f"the answer's chunks are malformed: {decoder.failure}")

    def _of_length(self, length: int) -> Iterator[bytes]:
        wire, left = self._wire, length
        while left:
            data = wire.take()
            if not data:
                raise TruncatedError(wire.where, f"the answer is cut off: {length - left:,} of {length:,} bytes came")
            data, rest = data[:left], data[left:]
            left -= len(data)
            if not left:
                self._finish(rest)
            yield data

    def _until_closed(self) -> Iterator[bytes]:
        while True:
            data = self._wire.take()
            if not data:
                self._finish(b"")
                return
            yield data

    def _finish(self, rest: bytes) -> None:
        """Keep the connection for another request, or close it; `rest`: bytes that came after the answer."""
        self._finished = True
        if not self._framing.keep_alive or rest or self._wire.buffer:
            self._wire.kill()
        else:
            self._wire.free = True


def receive_head(wire: Wire, method: str, *, upgrade: bool = False) -> tuple[ResponseHead, Framing]:
    """Wait for the head of the answer to `method` and skip interim answers. Raises TransportError.

    `upgrade`: the request asked for another protocol, so 101 is a final answer (RFC 9110, section 15.2).
    """
    data, start, searched = bytearray(), 0, 0
    while True:
        _check_start(wire, bytes(data[start : start + 200]))
        end = end_of_head(data, searched)
        if end < 0:
            if len(data) > _HEAD_LIMIT:
                raise ResponseError(wire.where, f"the answer's headers are larger than {_HEAD_LIMIT >> 20} MiB")
            searched = max(start, len(data) - 3)
            more = wire.take()
            if not more:
                raise wire.truncated()
            data += more
            continue
        try:
            head = read_response(bytes(data[start:end]))
            framing = response_framing(head, method)
        except HeadError as error:
            raise ResponseError(wire.where, f"the answer's {error}") from None
        if head.status >= 200 or (head.status == 101 and upgrade):
            break
        if head.status == 101:
            why = f"the answer is 101 {excerpt(head.reason, 40)}, which was not asked for"
            raise ResponseError(wire.where, why)
        start = searched = end
    wire.buffer = bytes(data[end:])
    return head, framing


def _check_start(wire: Wire, begun: bytes) -> None:
    """Raise ResponseError if `begun`, the first bytes, cannot begin an answer, so that no call waits for the rest."""
    if begun.startswith(START[: len(begun)]):
        return
    if begun.startswith(b"\x15\x03"):  # a TLS alert
        raise ResponseError(wire.where, "the server speaks HTTPS, not plain HTTP")
    words = begun.partition(b"\n")[0].decode("latin-1")
    raise ResponseError(wire.where, "the answer is not HTTP" + (f": {excerpt(words)}" if words.strip() else ""))
