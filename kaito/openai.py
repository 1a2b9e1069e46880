"""A client of OpenAI-compatible chat completions, as vLLM and KAITO's transformers runtime serve them.

A request goes out, typed events come back: `Content` and `Reasoning` as they are generated, `Finish`,
`Usage`. An answer is complete with `data: [DONE]`, or with a finish reason and a body that ends properly.
Anything else is an InferenceError, raised after all that came has been delivered.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Union

from kaito.errors import InferenceError
from kaito.links import Link
from kaito.sse import Parser, SseError
from kaito.text import excerpt
from kaito.transport import Response, Timeouts, TransportError

# A completion that comes as one JSON document, and an error's body.
_DOCUMENT_LIMIT = 64 << 20
_ERROR_LIMIT = 1 << 20

# A look at what the server serves, between two questions: worth waiting for, but not for long.
_LOOK_SECONDS = 10.0

# Statuses of a server that is busy, or of a pod that is still loading its model.
_BUSY = (429, 503)
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 10.0

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


class WindowExceeded(InferenceError):
    """The server refused a request as larger than its context window, before any content.

    What it tells of it, in tokens, 0 where it does not: `window`, the `prompt` (at least), and what was `asked`
    for the reply.
    """

    def __init__(self, message: str, window: int, prompt: int, asked: int) -> None:
        super().__init__(message)
        self.window = window
        self.prompt = prompt
        self.asked = asked


class ChatModel:
    """The model at the end of a link. State: the id to ask for, once the server turned out to want one.

    `model`: the id the user wants, or "". `idle_seconds`: the longest wait for the next byte, None for ever.
    `retry_seconds`: how long, in all, a busy server is asked again; `notice` is told so, once a question.
    """

    def __init__(
        self,
        link: Link,
        *,
        model: str = "",
        idle_seconds: float | None = 300.0,
        retry_seconds: float = 60.0,
        notice: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._link = link
        self._timeouts = Timeouts(idle=idle_seconds)
        self._wanted = model
        self._id = model
        self._retry_seconds = retry_seconds
        self._notice = notice

    def models(self, seconds: float = _LOOK_SECONDS) -> list[Model]:
        """What the server serves, base models first, within `seconds` in all. Raises KaitoError."""
        document = self._fetch("GET", "/v1/models", None, seconds)
        entries = document.get("data")
        models = [
            Model(entry["id"], _count(entry, "max_model_len"), _text(entry, "parent"))
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        ]
        return sorted(models, key=lambda model: model.parent != "")

    def count_tokens(self, messages: Sequence[Mapping[str, str]]) -> int:
        """The size of a prompt of `messages` (vLLM's `/tokenize`). Raises KaitoError where that is not to be had."""
        request: dict[str, Any] = {"model": self._id} if self._id else {}
        count = self._fetch("POST", "/tokenize", {**request, "messages": list(messages)}).get("count")
        if not isinstance(count, int):
            raise InferenceError("the model's server does not count tokens")
        return count

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
        """The answer's head, of status 200; asks again while the server is busy, and once more for its model."""
        deadline = time.monotonic() + self._retry_seconds
        wait = _FIRST_WAIT
        told = False
        while True:
            response = self._post(messages, sampling)
            if response.status == 200:
                return response
            body = self._body(response)
            own = self._link.refusal(response.status, body)
            if own is None and response.status in (400, 404, 422) and b"model" in body and self._find_id(body):
                continue
            failure = own or _refused(response.status, response.reason, body)
            pause = _pause(response, wait)
            if not (response.status in _BUSY and self._link.transient(response.status, body)):
                raise failure
            if time.monotonic() + pause > deadline:
                raise failure
            if not told:
                told = True
                self._notice(f"{failure.message}; trying again for up to {self._retry_seconds:.0f} s")
            time.sleep(pause)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _find_id(self, body: bytes) -> bool:
        """After a refusal that speaks of the model: finds the base model's id, when the request named none.

        Servers word it differently and all name the field. Raises InferenceError when the user's own is wrong.
        """
        message = _error_message(body)
        if self._wanted:
            if "does not exist" not in message and "not found" not in message.lower():
                return False
            ids = [model.id for model in self.models()]
            if self._wanted in ids:
                return False
            raise InferenceError(
                f'the model "{self._wanted}" is not served here', "--model takes one of: " + ", ".join(ids)
            )
        if self._id or _window_exceeded(message):
            return False
        models = self.models()
        self._id = models[0].id if models else ""
        return self._id != ""

    def _post(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        request: dict[str, Any] = {"model": self._id} if self._id else {}
        request.update(messages=list(messages), **sampling._asdict())
        request.update(stream=True, stream_options={"include_usage": True})
        headers = (*_JSON, ("Accept", "text/event-stream, application/json"))
        try:
            return self._link.request(
                "POST", "/v1/chat/completions", headers=headers, body=_encode(request), timeouts=self._timeouts
            )
        except TransportError as error:
            raise InferenceError(f"the model did not answer: {error.message}") from None

    def _fetch(
        self, method: str, path: str, request: Mapping[str, Any] | None, seconds: float = _LOOK_SECONDS
    ) -> dict[str, Any]:
        body = None if request is None else _encode(request)
        try:
            response = self._link.request(
                method, path, headers=_JSON if body else (), body=body, timeouts=Timeouts(total=seconds)
            )
            answer = response.read(_DOCUMENT_LIMIT)
        except TransportError as error:
            raise InferenceError(f"no answer to {path}: {error.message}") from None
        if response.status != 200:
            raise self._link.refusal(response.status, answer) or _refused(
                response.status, response.reason, answer
            )
        return _object(answer)

    def _body(self, response: Response) -> bytes:
        try:
            return response.read(_ERROR_LIMIT)
        except TransportError as error:
            raise InferenceError(f"the model's server answers {response.status}: {error.message}") from None


_JSON = (("Content-Type", "application/json"),)


def _encode(request: Mapping[str, Any]) -> bytes:
    # A lone surrogate, from a terminal with an odd encoding, has no place in UTF-8.
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _pause(response: Response, wait: float) -> float:
    """Seconds until the next try: what the server asks for, else `wait`, spread so that clients do not march."""
    asked = response.header("Retry-After").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    import random

    return wait * random.uniform(0.75, 1.25)


def _refused(status: int, reason: str, body: bytes) -> InferenceError:
    """The model's server refuses a request, in its own words."""
    message = _error_message(body) or excerpt(body) or reason
    if status in (400, 413, 422):
        exceeded = _window_exceeded(message)
        if exceeded:
            return exceeded
    flag = next((flag for field, flag in _FLAGS if field in message), "")
    hint = f"this server does not take that value of {flag}" if flag and status in (400, 422) else ""
    return InferenceError(f"the model's server answers {status}: {message}", hint)


# The fields whose values users choose; a server may allow less than the flags do (vLLM refuses a top_p of 0).
_FLAGS = (("temperature", "--temperature"), ("top_p", "--top-p"), ("max_tokens", "--max-tokens"))

_WINDOW = re.compile(
    r"(?:maximum context length is|max_model_len[= ]*|context (?:length|window) of) ?(\d+)", re.IGNORECASE
)
_PROMPT = re.compile(r"(?:at least|has|\() ?(\d+) (?:input tokens|in the messages)", re.IGNORECASE)
_ASKED = re.compile(r"(?:max_tokens=|is too large: |, )(\d+)(?: cannot| in the completion|\. This)", re.IGNORECASE)
_TOO_LONG = re.compile(r"context (?:length|window)|max_model_len|(?:prompt|input) is too long", re.IGNORECASE)


def _window_exceeded(message: str) -> WindowExceeded | None:
    """What vLLM's refusals of now and of earlier versions say of the window (FACTS of its serving layer)."""
    if not _TOO_LONG.search(message):
        return None
    window, prompt, asked = (
        int(found[1]) if (found := pattern.search(message)) else 0 for pattern in (_WINDOW, _PROMPT, _ASKED)
    )
    return WindowExceeded(f"the request does not fit the model's context window: {message}", window, prompt, asked)


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
