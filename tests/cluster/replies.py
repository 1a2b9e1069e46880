"""What a test makes the scripted model say, and how a test makes it fail.

A `Reply` is a list of steps, which the model takes one after the other while the answer streams:

    str                 a delta of content
    Reasoning(text)     a delta of reasoning
    ToolCall(name, …)   a tool call: a delta with its name, then one for each piece of its arguments
    dict                an event, sent as it is, for example {"error": {…}}
    bytes               bytes on the wire, within the body but outside of any chunk
    threading.Event     wait until the test sets it
    CLOSE, CUT, RESET   break off: FIN after TLS's close_notify, FIN without it, RST
    END                 end the body cleanly, without finish reason and [DONE]
    HANG                send nothing more until the client leaves
"""

from __future__ import annotations

import re
from typing import NamedTuple

TOKEN = re.compile(r"\s*(?:\w{1,12}|[^\w\s])|\s+")


def tokens(words):
    """Split text into the tokens that the scripted model counts and streams; joined, they are the text again."""
    return TOKEN.findall(words)


class Step:
    """A named step without a value."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


CLOSE = Step("CLOSE")
CUT = Step("CUT")
RESET = Step("RESET")
END = Step("END")
HANG = Step("HANG")


class Reasoning(NamedTuple):
    """A delta of reasoning; older vLLM calls the field `reasoning_content`."""

    text: str
    field: str = "reasoning"


class Delta(NamedTuple):
    """A delta as it is sent."""

    fields: dict


class ToolCall(NamedTuple):
    """A tool call; `arguments` is JSON, as a text or in the pieces that are streamed; `number` is its index."""

    name: str
    arguments: object = "{}"
    number: int = 0
    identity: str = "chatcmpl-tool-8a1f4c0d2b9e4756"

    def deltas(self):
        """Return the deltas of a stream: the first has the call's id, type and name."""
        first = {"id": self.identity, "type": "function", "index": self.number}
        pieces = [{**first, "function": {"name": self.name, "arguments": ""}}]
        pieces += [{"index": self.number, "function": {"arguments": piece}} for piece in self._pieces()]
        return [Delta({"tool_calls": [piece]}) for piece in pieces]

    def whole(self):
        """Return the call in an answer that is not streamed."""
        function = {"name": self.name, "arguments": "".join(self._pieces())}
        return {"id": self.identity, "type": "function", "function": function}

    def _pieces(self):
        return [self.arguments] if isinstance(self.arguments, str) else list(self.arguments)


class Reply(NamedTuple):
    """A completion. `steps` are described above; a plain str is streamed word by word.

    `before` is a step before the head is sent (an Event, HANG, CLOSE, CUT or RESET). `finish_reason=None` leaves the
    last delta without one. `usage` is None to count, False to send none though asked, or a dict that is sent as it is.
    `done` says whether `data: [DONE]` ends the events, `plain_json` answers as if `stream` were false, `per_chunk` is
    the number of events in an HTTP chunk, `pace` the time between two deltas in seconds (for people; tests use events).
    """

    steps: object = ""
    before: object = None
    finish_reason: str | None = "stop"
    usage: object = None
    done: bool = True
    plain_json: bool = False
    per_chunk: int = 1
    pace: float = 0.0

    def answer(self, exchange, model):
        """Let `model` send it."""
        model.complete(exchange, self)


class Refusal(NamedTuple):
    """Any HTTP answer. A `body` that is a value becomes JSON; text is sent as HTML unless `headers` say otherwise."""

    status: int
    body: object = b""
    headers: dict = {}  # noqa: RUF012  (read only)
    before: object = None

    def answer(self, exchange, _model=None):
        """Send it."""
        if self.before is not None and take(exchange, self.before):
            return
        content_type = "text/html; charset=utf-8" if isinstance(self.body, (str, bytes)) else "application/json"
        exchange.respond(self.status, self.body, self.headers, content_type if self.body else None)


class Raw(NamedTuple):
    """Bytes that replace a whole HTTP answer, then a step (None keeps the connection open)."""

    data: bytes
    then: object = CLOSE

    def answer(self, exchange, _model=None):
        """Send them."""
        exchange.raw(self.data)
        if self.then is None:
            exchange.ended = True
        else:
            take(exchange, self.then)


def take(exchange, step):
    """Take a step that needs no body. Return whether the exchange is over."""
    if step is HANG:
        exchange.wait()
    elif step is CLOSE:
        exchange.close()
    elif step is CUT:
        exchange.cut()
    elif step is RESET:
        exchange.reset()
    else:
        exchange.wait(step)
        return False
    return True


def too_many_requests(waiting=17, limit=16, retry_after=None):
    """Return KAITO's own refusal when its queue is long."""
    message = f"Too many requests: waiting queue ({waiting}) exceeds max-num-seqs ({limit})."
    error = {"message": message, "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    return Refusal(429, {"error": error}, {} if retry_after is None else {"Retry-After": str(retry_after)})
