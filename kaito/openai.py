"""A client of OpenAI-compatible chat completions, as vLLM and KAITO's transformers runtime serve them.

A request goes out, typed events come back: `Content` and `Reasoning` as they are generated, `Finish`,
`Usage`. An answer is complete with `data: [DONE]`, or with a finish reason and a body that ends properly.
Anything else is an InferenceError, raised after all that came has been delivered.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Union

from kaito.endpoint import Link
from kaito.errors import InferenceError, KaitoError
from kaito.sse import Parser, SseError
from kaito.text import excerpt
from kaito.transport import Response, Timeouts, TransportError

# A completion that comes as one JSON document, and an error's body.
_DOCUMENT_LIMIT = 64 << 20
_ERROR_LIMIT = 1 << 20

# After [DONE] nothing counts any more; what is left of the body is only worth a moment.
_SETTLE_SECONDS = 0.2


class Sampling(NamedTuple):
    """How an answer is generated: the chat-completions fields of these names."""

    temperature: float = 0.7
    max_tokens: int = 1024
    top_p: float = 0.9


class Content(NamedTuple):
    """A piece of the answer."""

    text: str


class Reasoning(NamedTuple):
    """A piece of what the model thinks before it answers (`delta.reasoning`, once `reasoning_content`)."""

    text: str


class Finish(NamedTuple):
    """Why generation ended: "stop", "length", …"""

    reason: str


class Usage(NamedTuple):
    """Tokens of this request, as the server counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Served(NamedTuple):
    """The id of the model that answers, as the server names it."""

    model: str


Event = Union[Content, Reasoning, Finish, Usage, Served]


class Model(NamedTuple):
    """One entry of `/v1/models`. `max_model_len`: the context window in tokens, 0 where it is not told.

    `parent`: for a LoRA adapter, the id of its base model; else "".
    """

    id: str
    max_model_len: int
    parent: str


class ChatModel:
    """The model at the end of a link. State: the id to ask for, once the server turned out to want one."""

    def __init__(self, link: Link, *, idle_seconds: float | None) -> None:
        self._link = link
        self._timeouts = Timeouts(idle=idle_seconds)
        self._id = ""

    def models(self) -> list[Model]:
        """What the server serves, base models first. Raises KaitoError."""
        try:
            response = self._link.request(
                "GET", "/v1/models", headers=(), body=None, timeouts=Timeouts(total=30.0)
            )
            if response.status != 200:
                raise self._refused(response.status, response.reason, response.read(_ERROR_LIMIT))
            document = _object(response.read(_DOCUMENT_LIMIT))
        except TransportError as error:
            raise InferenceError(f"the list of models did not come: {error.message}") from None
        entries = document.get("data")
        models = [
            Model(entry["id"], _count(entry, "max_model_len"), _text(entry, "parent"))
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        ]
        return sorted(models, key=lambda model: model.parent != "")

    def stream(
        self, messages: Sequence[Mapping[str, str]], sampling: Sampling
    ) -> Generator[Event, None, None]:
        """Asks for the next message and yields its events as they come.

        Closing the iterator closes the connection, so that the server stops generating. Raises KaitoError:
        InferenceError for what goes wrong at the model's server, other kinds for the way there.
        """
        response = self._ask(messages, sampling)
        try:
            yield from _events(response)
        except TransportError as error:
            raise InferenceError(f"the answer broke off: {error.message}") from None
        except SseError as error:
            raise InferenceError(f"the answer is not an event stream: {error}") from None
        finally:
            response.close()

    def _ask(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        response = self._post(messages, sampling)
        if response.status == 200:
            return response
        body = self._body(response)
        own = self._link.refusal(response.status, body)
        if own is None and not self._id and _wants_model(response, body):
            models = self.models()
            if models:
                self._id = models[0].id
                response = self._post(messages, sampling)
                if response.status == 200:
                    return response
                body = self._body(response)
        raise self._refused(response.status, response.reason, body)

    def _post(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        request: dict[str, Any] = {"model": self._id} if self._id else {}
        request.update(messages=list(messages), **sampling._asdict())
        request.update(stream=True, stream_options={"include_usage": True})
        headers = (("Content-Type", "application/json"), ("Accept", "text/event-stream, application/json"))
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        try:
            return self._link.request(
                "POST", "/v1/chat/completions", headers=headers, body=body, timeouts=self._timeouts
            )
        except TransportError as error:
            raise InferenceError(f"the model did not answer: {error.message}") from None

    def _body(self, response: Response) -> bytes:
        try:
            return response.read(_ERROR_LIMIT)
        except TransportError as error:
            raise InferenceError(f"the model's server answers {response.status}: {error.message}") from None

    def _refused(self, status: int, reason: str, body: bytes) -> KaitoError:
        own = self._link.refusal(status, body)
        if own is not None:
            return own
        message = _error_message(body) or excerpt(body) or reason
        return InferenceError(f"the model's server answers {status}: {message}")


def _events(response: Response) -> Iterator[Event]:
    """The events of an answer of status 200, in the order in which they came."""
    kind = response.header("Content-Type").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield from _document_events(_object(response.read(_DOCUMENT_LIMIT)))
        return
    if kind != "text/event-stream":
        words = excerpt(response.read(_DOCUMENT_LIMIT))
        raise InferenceError(f"the model's server does not answer like one ({kind or 'no type'}): {words}")
    parser = Parser()
    named = finished = False
    chunks = response.chunks()
    for data in chunks:
        batch: list[Event] = []
        failure: InferenceError | None = None
        done = False
        for event in parser.feed(data):
            if event.data == "[DONE]":
                done = True
                break
            try:
                chunk = _object(event.data)
                if not named and (model := _text(chunk, "model")):
                    named = True
                    batch.append(Served(model))
                _add_chunk(batch, chunk)
            except InferenceError as error:
                failure = error
                break
        for one in batch:
            finished = finished or type(one) is Finish
            yield one
        if failure:
            raise failure
        if done:
            _settle(response, chunks)
            return
    if not finished:
        raise InferenceError("the answer broke off: the stream ended without saying that it was complete")


def _settle(response: Response, chunks: Iterator[bytes]) -> None:
    """Reads what is left behind [DONE], so that the connection can serve the next question."""
    response.hasten(_SETTLE_SECONDS)
    try:
        for _ in chunks:
            pass
    except TransportError:
        pass


def _add_chunk(batch: list[Event], chunk: Mapping[str, Any]) -> None:
    """Adds a chat.completion.chunk's events; a text right behind its like becomes one with it."""
    choices = chunk.get("choices")
    if choices and isinstance(choices, list) and isinstance(choices[0], dict):
        choice = choices[0]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            _add_message(batch, delta)
        if isinstance(choice.get("finish_reason"), str):
            batch.append(Finish(choice["finish_reason"]))
    elif "error" in chunk:
        raise InferenceError(f"the model failed: {_message_of(chunk) or 'it does not say why'}")
    usage = chunk.get("usage")
    if isinstance(usage, dict):
        batch.append(Usage(*(_count(usage, field) for field in Usage._fields)))


def _add_message(batch: list[Event], message: Mapping[str, Any]) -> None:
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    if reasoning and isinstance(reasoning, str):
        _add_text(batch, Reasoning(_sound(reasoning)))
    content = message.get("content")
    if content and isinstance(content, str):
        _add_text(batch, Content(_sound(content)))


def _add_text(batch: list[Event], event: Content | Reasoning) -> None:
    last = batch[-1] if batch else None
    if type(last) is type(event):
        assert isinstance(last, (Content, Reasoning))
        batch[-1] = last._replace(text=last.text + event.text)
    else:
        batch.append(event)


def _document_events(document: Mapping[str, Any]) -> Iterator[Event]:
    """The events of a chat.completion, which some servers send despite `stream: true`."""
    if "error" in document and "choices" not in document:
        raise InferenceError(f"the model failed: {_message_of(document) or 'it does not say why'}")
    batch: list[Event] = []
    if model := _text(document, "model"):
        batch.append(Served(model))
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise InferenceError("the model's server answers with no message in it")
    _add_chunk(batch, {**document, "choices": [{**choice, "delta": message}]})
    yield from batch


def _object(source: bytes | str) -> dict[str, Any]:
    try:
        document = json.loads(source)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InferenceError(f"the model's server sent what is not a JSON object: {excerpt(source)}")
    return document


def _wants_model(response: Response, body: bytes) -> bool:
    """Whether a refusal is for want of `model`; servers word it differently, all of them name the field."""
    return response.status in (400, 404, 422) and b"model" in body


def _error_message(body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _message_of(document) if isinstance(document, dict) else ""


def _message_of(document: Mapping[str, Any]) -> str:
    """The words of an error: OpenAI's `error.message`, older vLLM's `message`, FastAPI's `detail`."""
    error = document.get("error")
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    message = error or document.get("message") or document.get("detail") or ""
    return excerpt(message if isinstance(message, str) else json.dumps(message), 500)


def _sound(text: str) -> str:
    """`text` without lone surrogates, which JSON can carry and UTF-8 cannot."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def _count(parent: Mapping[str, Any], key: str) -> int:
    value = parent.get(key)
    return value if isinstance(value, int) else 0
