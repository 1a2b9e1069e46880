"""A link of the tests' own, and the answers that it gives."""

from __future__ import annotations

import json

from kaito.model.client import ChatModel, Sampling

HI = [{"role": "user", "content": "Hi"}]
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


class Answer:
    """An answer of a link: the part of `kaito.net.response.Response` that the client uses."""

    def __init__(self, status=200, body=b"", kind="text/event-stream", pieces=None, **headers):
        self.status = status
        self.reason = "Whatever"
        self.closed = False
        self._pieces = [body] if pieces is None else pieces
        self._headers = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def header(self, name):
        return self._headers.get(name.lower(), "")

    def read(self, limit):
        return b"".join(self._pieces)

    def chunks(self):
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def limit_rest(self, seconds):
        pass

    def close(self):
        self.closed = True


class Link:
    """A link that gives one answer after the other, the last one again and again.

    `asked`: (method, path, JSON) of each request; `own`: the error that the way itself means; `lasting`: the statuses
    that are not transient.
    """

    def __init__(self, *answers, own=None, lasting=()):
        self.asked = []
        self.answers = list(answers)
        self._own = own
        self._lasting = lasting

    def request(self, request):
        self.asked.append((request.method, request.path, request.body and json.loads(request.body)))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def refusal(self, status, body):
        return self._own

    def is_transient(self, status, body):
        return status not in self._lasting

    def move_on(self, why):
        return False


def event(**delta):
    """One event of a stream."""
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


def as_json(document, status=200, **headers):
    """Return an answer that is a JSON document."""
    return Answer(status, json.dumps(document).encode(), "application/json", **headers)


def ask(answer):
    """Return the events of an answer."""
    return list(ChatModel(Link(answer)).stream(HI, Sampling()))
