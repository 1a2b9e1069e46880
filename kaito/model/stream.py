"""The bytes of an answer to typed events.

A streamed answer is complete with `data: [DONE]`, or with a finish reason and a body that ends properly. Anything else
is an InferenceError, raised after every event that did arrive.
"""

from __future__ import annotations

import json

from kaito.errors import InferenceError
from kaito.json_fields import count, identifier, items, part
from kaito.model import payload
from kaito.model.errors import ENDED_EARLY
from kaito.model.events import Content, Finish, Reasoning, Served, ToolCall, Usage
from kaito.model.sse import Parser
from kaito.net.errors import TransportError
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, TypeVar

    from kaito.model.events import Event
    from kaito.model.sse import ServerEvent
    from kaito.net.response import Response

    _Text = TypeVar("_Text", Content, Reasoning)

# Characters of the largest piece of text that is passed on at once: what is made of a piece takes its size once more.
_LARGEST_PIECE = 1 << 20

# Nothing after [DONE] matters, so the rest of the body is waited for only briefly.
_SETTLE_SECONDS = 0.2


def read_events(response: Response) -> Iterable[Event]:
    """Return the events of an answer of status 200, each as soon as it arrives.

    Raises InferenceError, and TransportError if the answer breaks off.
    """
    kind = response.header("Content-Type").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return _stream_events(response)
    if kind == "application/json":
        return _document_events(payload.decode(response.read(payload.LIMIT)))
    raise _not_a_stream(kind, next(response.chunks(), b""))


def _stream_events(response: Response) -> Iterator[Event]:
    decoder = _Decoder()
    finished = False
    chunks = response.chunks()
    for data in chunks:
        for event in decoder.feed(data):
            finished = finished or type(event) is Finish
            yield event
        if decoder.failure:
            raise decoder.failure
        if decoder.done:
            _settle(response, chunks)
            return
    if not finished:
        raise InferenceError("the model's answer ended without saying that it was complete", ENDED_EARLY)


class _Decoder:
    """An event stream, taken apart. State: the parser, and whether the model has been named.

    `done`: [DONE] has come; `failure`: why nothing after the last events counts.
    """

    def __init__(self) -> None:
        self.done = False
        self.failure: InferenceError | None = None
        self._parser = Parser()
        self._named = False

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes, up to [DONE] or a failure; adjacent pieces of a kind are merged."""
        batch: list[Event] = []
        # Each is released as soon as it is read, because it may be large, and so is what is made of it.
        messages = self._parser.feed(data)[::-1]
        while messages:
            if messages[-1].data == "[DONE]":
                self.done = True
                return batch
            try:
                chunk = _chunk(messages.pop())
                if not self._named and (model := identifier(chunk, "model")):
                    self._named = True
                    batch.append(Served(model))
                _add_chunk(batch, chunk)
            except InferenceError as error:
                self.failure = error
                return batch
        if self._parser.failure:
            self.failure = InferenceError(f"the model's answer is not an event stream: {self._parser.failure}")
        return batch


def _settle(response: Response, chunks: Iterator[bytes]) -> None:
    """Read what follows [DONE], so that the connection can serve the next question."""
    response.limit_rest(_SETTLE_SECONDS)
    try:
        for _ in chunks:
            pass
    except TransportError:
        pass


def _document_events(document: Mapping[str, Any]) -> list[Event]:
    """Return the events of a chat.completion, which some servers send despite `stream: true`."""
    if document.get("error"):
        raise _reported_failure(json.dumps(document))
    batch: list[Event] = []
    if model := identifier(document, "model"):
        batch.append(Served(model))
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise InferenceError(f"the model's server sent JSON without a message in it: {excerpt(json.dumps(document))}")
    _add_chunk(batch, {**document, "choices": [{**choice, "delta": message}]})
    return batch


def _chunk(message: ServerEvent) -> dict[str, Any]:
    """Return the JSON of one server-sent event, {} for one without data, which some servers send as a heartbeat."""
    if not message.data or message.data.isspace():
        return {}
    if message.type == "error":
        raise _reported_failure(message.data)
    return payload.decode(message.data)


def _add_chunk(batch: list[Event], chunk: Mapping[str, Any]) -> None:
    """Append the events of a chat.completion.chunk."""
    choices = chunk.get("choices")
    if choices and isinstance(choices, list) and isinstance(choices[0], dict):
        choice = choices[0]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            _add_delta(batch, delta)
        if isinstance(choice.get("finish_reason"), str) and not chunk.get("error"):
            batch.append(Finish(choice["finish_reason"]))
    if chunk.get("error"):
        # Gateways put an error beside choices, too.
        raise _reported_failure(json.dumps(chunk))
    usage = chunk.get("usage")
    if isinstance(usage, dict):
        batch.append(Usage(*(count(usage, field) for field in Usage._fields)))


def _add_delta(batch: list[Event], delta: Mapping[str, Any]) -> None:
    # vLLM's first name of the field was reasoning_content; some releases send both.
    reasoning = delta.get("reasoning") or delta.get("reasoning_content")
    if reasoning and isinstance(reasoning, str):
        _add_text(batch, Reasoning, reasoning)
    content = delta.get("content")
    if content and isinstance(content, str):
        _add_text(batch, Content, content)
    if delta.get("tool_calls"):
        # Only the first piece of a call has the name; the others continue its arguments.
        names = (identifier(part(call, "function"), "name") for call in items(delta, "tool_calls"))
        batch.extend(ToolCall(name) for name in names if name)


def _add_text(batch: list[Event], kind: type[_Text], text: str) -> None:
    """Append a text in pieces; a small one is merged with the last event if that is of the same kind."""
    for start in range(0, len(text), _LARGEST_PIECE):
        piece = _without_surrogates(text[start : start + _LARGEST_PIECE])
        last = batch[-1] if batch else None
        if isinstance(last, kind) and len(last.text) + len(piece) <= _LARGEST_PIECE:
            batch[-1] = kind(last.text + piece)
        else:
            batch.append(kind(piece))


def _without_surrogates(text: str) -> str:
    """Return `text` with lone surrogates, which JSON can carry and UTF-8 cannot, replaced by U+FFFD."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _reported_failure(data: str) -> InferenceError:
    """Return the error for a failure that the model's server reports within an answer."""
    from kaito.model.refusals import words

    said = words(data.encode("utf-8", "replace"), "")
    return InferenceError(f"the model failed: {said or 'it does not say why'}")


def _not_a_stream(kind: str, data: bytes) -> InferenceError:
    """Return the error for an answer of another content type, such as a proxy's login page."""
    if "html" in kind:
        from kaito.model.refusals import page_words

        return InferenceError(
            f"a web page came instead of the model's answer: {page_words(data)}",
            "a proxy or a login page may be in between, or the workspace may serve something else",
        )
    return InferenceError(
        f"the model's server sent {kind or 'something without a type'} instead of an event stream: {excerpt(data)}"
    )
