"""What a test makes the scripted model say, and how it makes it fail.

A `Reply` is a list of steps, taken one after the other while the answer streams:

    str                 a delta of content
    Reasoning(text)     a delta of reasoning
    dict                an event, as it stands: {"error": {…}}, say
    bytes               bytes on the wire, inside the body but outside any chunk
    threading.Event     wait until the test sets it
    CLOSE, CUT, RESET   break off: FIN after TLS's goodbye, FIN without it, RST
    END                 end the body cleanly, with neither finish reason nor [DONE]
    HANG                say nothing more until the client leaves
"""

from __future__ import annotations

from typing import NamedTuple


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


class Reply(NamedTuple):
    """A completion. `steps`: see above; a plain str is streamed word by word.

    `before`: a step taken before the head is sent (an Event, HANG, CLOSE, CUT or RESET). `finish_reason`: None leaves
    the last delta without one. `usage`: None counts, False sends none though asked, a dict is sent as it stands.
    `done`: whether `data: [DONE]` ends the events. `plain_json`: answer as if `stream` were false. `per_chunk`: how
    many events share an HTTP chunk. `pace`: seconds between two deltas (for people who watch; tests use events).
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
        """Let `model` speak it."""
        model.complete(exchange, self)


class Refusal(NamedTuple):
    """An HTTP answer of any kind. `body`: a value becomes JSON; text is sent as HTML unless `headers` says else."""

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
    """Bytes in the place of a whole HTTP answer, then a step (None keeps the connection)."""

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
    """Take a step that needs no body. Returns whether the exchange is over."""
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
    """KAITO's own refusal when its queue is long."""
    message = f"Too many requests: waiting queue ({waiting}) exceeds max-num-seqs ({limit})."
    error = {"message": message, "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    return Refusal(429, {"error": error}, {} if retry_after is None else {"Retry-After": str(retry_after)})
