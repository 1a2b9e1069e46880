"""Bytes to server-sent events, by the WHATWG's grammar. Pure.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from kaito.values import NamedTuple

LIMIT = 16 * 1024 * 1024
"""The largest size of an event or a line, in bytes."""

_BOM = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One event: its type ("message" if the stream names none) and its data lines, joined by line feeds."""

    type: str
    data: str


class Parser:
    """A parser of one stream. State: the part of an unfinished event that has arrived.

    `failure`: why nothing more is read (an event, or a single line, is larger than `LIMIT`), or "".

    An event at the end of the stream without a blank line after it is dropped, as the grammar requires. The fields
    `id` and `retry` are ignored: they are for clients that reconnect.
    """

    def __init__(self) -> None:
        self.failure = ""
        self._line = bytearray()  # the beginning of an unfinished line
        self._type = ""
        self._data = bytearray()  # its data lines, each ended by a LF: a list of short ones takes many times the size
        self._held = 0  # bytes of the lines that the unfinished event consists of
        self._started = False
        self._after_cr = False  # the last byte was a CR: if a LF is next, it belongs to the same line end

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that `data`, any piece of the stream, completes; only those before a failure."""
        events: list[ServerEvent] = []
        if not self.failure:
            try:
                self._parse(data, events)
            except ValueError as error:
                self.failure = str(error)
        return events

    def _parse(self, data: bytes, events: list[ServerEvent]) -> None:
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 0x0A:
                data = data[1:]
        end = data.rfind(b"\n") + 1
        carriage_returns = b"\r" in data
        if carriage_returns:
            end = max(end, data.rfind(b"\r") + 1)
            self._after_cr = end == len(data) and data[-1] == 0x0D
        if not end:
            self._hold(data)
            return
        lines = data[:end]
        if self._line:
            self._line += lines
            lines = bytes(self._line)
            self._line = bytearray()
        if not self._started:
            self._started = True
            if lines.startswith(_BOM):
                lines = lines[len(_BOM) :]
        if carriage_returns or b"\r" in lines:
            lines = lines.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._take_lines(lines, events)
        if end < len(data):
            self._hold(data[end:])

    def _hold(self, data: bytes) -> None:
        self._line += data
        if len(self._line) + self._held > LIMIT:
            raise ValueError(f"an event is larger than {LIMIT >> 20} MiB")

    def _take_lines(self, lines: bytes, events: list[ServerEvent]) -> None:
        """Append the events that end in `lines`; each line is complete and ends with LF."""
        blocks = lines.split(b"\n\n")
        last = blocks.pop()
        small = len(lines) < LIMIT
        for block in blocks:
            # The usual framing, one data line and nothing else, needs no loop over lines.
            if small and block[:6] == b"data: " and not self._held and b"\n" not in block:
                events.append(ServerEvent("message", str(block[6:], "utf-8", "replace")))
                continue
            for line in block.split(b"\n"):
                self._take(line, events)
            self._take(b"", events)
        if last:
            for line in last[:-1].split(b"\n"):
                self._take(line, events)

    def _take(self, line: bytes, events: list[ServerEvent]) -> None:
        """Process one line; an empty one ends the event."""
        if not line:
            if self._data:
                del self._data[-1]
                events.append(ServerEvent(self._type or "message", str(self._data, "utf-8", "replace")))
                self._data = bytearray()
            self._type = ""
            self._held = 0
            return
        if self._held + len(line) > LIMIT:
            raise ValueError(f"an event is larger than {LIMIT >> 20} MiB")
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            self._data += value
            self._data += b"\n"
            self._held += len(line) + 1
        elif field == b"event":
            self._type = str(value, "utf-8", "replace")
            self._held += len(line) + 1
