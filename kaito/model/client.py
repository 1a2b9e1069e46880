"""A client of OpenAI-compatible chat completions, as vLLM and KAITO's transformers runtime serve them.

A request goes out, typed events come back: `Content` and `Reasoning` as they are generated, `Finish`,
`Usage`. An answer is complete with `data: [DONE]`, or with a finish reason and a body that ends properly.
Anything else is an InferenceError, raised after all that came has been delivered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, Union

from kaito.errors import InferenceError, KaitoError
from kaito.json_fields import count, text
from kaito.lazy_re import pattern
from kaito.model.link import Link
from kaito.model.sse import Event as Message
from kaito.model.sse import Parser
from kaito.net.errors import ConnectError, TimedOutError, TransportError, TruncatedError
from kaito.net.request import Request, Timeouts
from kaito.net.response import Response
from kaito.text import excerpt
from kaito.timelimit import TimeUp

# A completion that comes as one JSON document, and an error's body.
_DOCUMENT_LIMIT = 64 << 20
_ERROR_LIMIT = 1 << 20

# A look at what the server serves, between two questions: worth waiting for, but not for long.
_LOOK_SECONDS = 10.0

# Statuses of a server that is busy, or of a pod that is still loading its model.
_BUSY = (429, 503)
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 10.0

# Statuses with which servers refuse a request for what is in it.
_REFUSED = (400, 413, 422)

# Characters of the largest piece of text that is passed on at once: what is made of a piece takes its size once more.
_LARGEST_PIECE = 1 << 20

# Values that a large JSON document may hold. Python needs up to 200 bytes for one, however short it is written: 16 MiB
# of "[],[]," would take 450 MB. A chunk, and a list of models, hold fewer than a hundred each.
_MOST_VALUES = 250_000
_LARGE_DOCUMENT = 1 << 20
_BEFORE_VALUES = (b"[", b"{", b",")
_STRINGS = pattern(rb'"[^"]*"')
_NO_SYNTAX = bytes(code for code in range(256) if code not in b'"[{,')

# After [DONE] nothing counts any more; what is left of the body is only worth a moment.
_SETTLE_SECONDS = 0.2

_JSON = (("Content-Type", "application/json"),)

_ENDED_EARLY = "the model may have been restarted, or a proxy on the way ended the answer: ask again"


class Sampling(NamedTuple):
    """How an answer is generated: the chat-completions fields of these names; None and () are not sent."""

    temperature: float = 0.7
    max_tokens: int = 1024
    top_p: float = 0.9
    seed: int | None = None
    stop: tuple[str, ...] = ()


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


_Text = TypeVar("_Text", Content, Reasoning)

Event = Union[Content, Reasoning, Finish, Usage, Served]


class Model(NamedTuple):
    """One entry of `/v1/models`. `max_model_len`: the context window in tokens, 0 where it is not told.

    `parent`: for a LoRA adapter, the id of its base model; else "".
    """

    id: str
    max_model_len: int
    parent: str


class Clock(NamedTuple):
    """Where the client has its time from: seconds that only grow, seconds since 1970, and a way to wait."""

    now: Callable[[], float] = time.monotonic
    date: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class WindowExceeded(InferenceError):
    """The server refused a request as larger than its context window, before any content.

    What it tells of it, in tokens, 0 where it does not: `window`, the `prompt` (at least), and what was `asked`
    for the reply.
    """

    def __init__(self, message: str, hint: str, window: int, prompt: int, asked: int) -> None:
        super().__init__(message, hint)
        self.window = window
        self.prompt = prompt
        self.asked = asked


class ChatModel:
    """The model at the end of a link. State: the id to ask for, once the server turned out to want one.

    `model`: the id the user wants, or ""; `preset`: the one to try where a server wants some and may not be asked
    which it serves. `idle_seconds`: the longest wait for the next byte, None for ever.
    `retry_seconds`: how long, in all, a busy server is asked again; `notice` is told so, once a question.
    """

    def __init__(
        self,
        link: Link,
        *,
        model: str = "",
        preset: str = "",
        idle_seconds: float | None = 300.0,
        retry_seconds: float = 60.0,
        notice: Callable[[str], None] = lambda line: None,
        clock: Clock = Clock(),  # noqa: B008  (a frozen value)
    ) -> None:
        self._link = link
        self._timeouts = Timeouts(idle=idle_seconds)
        self._wanted = model
        self._id = model
        self._preset = preset
        self._retry_seconds = retry_seconds
        self._notice = notice
        self._clock = clock

    def models(self, seconds: float = _LOOK_SECONDS) -> list[Model]:
        """What the server serves, base models first, within `seconds` in all. Raises KaitoError."""
        document = self._fetch("GET", "/v1/models", None, seconds)
        entries = document.get("data")
        models = [
            Model(entry["id"], count(entry, "max_model_len"), text(entry, "parent"))
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        ]
        return sorted(models, key=lambda model: model.parent != "")

    def choose(self, model: str) -> None:
        """Asks the model of that id from now on."""
        self._wanted = self._id = model

    def count_tokens(self, messages: Sequence[Mapping[str, str]]) -> int:
        """The size of a prompt of `messages` (vLLM's `/tokenize`). Raises KaitoError where that is not to be had."""
        request: dict[str, Any] = {"model": self._id} if self._id else {}
        tokens = count(self._fetch("POST", "/tokenize", {**request, "messages": list(messages)}), "count")
        if tokens < 1:
            raise InferenceError("the model's server does not count tokens")
        return tokens

    def stream(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Generator[Event, None, None]:
        """Asks for the next message and yields its events as they come.

        Closing the iterator closes the connection, so that the server stops generating. Raises KaitoError:
        InferenceError for what goes wrong at the model's server, other kinds for the way there.
        """
        try:
            response = self._ask(messages, sampling)
            try:
                yield from _events(response)
            except TransportError as error:
                raise _broken(error) from None
            finally:
                response.close()
        except (KeyboardInterrupt, TimeUp):
            # It may come between the answer's head and the hands that close the answer.
            self._link.close()
            raise

    def _ask(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        """The answer's head, of status 200; asks again while the server is busy, and once more for its model."""
        deadline = self._clock.now() + self._retry_seconds
        tries = 0
        while True:
            response = self._post(messages, sampling)
            if response.status == 200:
                return response
            body = self._error_body(response)
            failure = self._link.refusal(response.status, body)
            if failure is None:
                if self._learn_id(response, body):
                    continue
                failure = _refused(response, body)
            if response.status not in _BUSY or not self._link.is_transient(response.status, body):
                raise failure
            asked = _retry_after(response, self._clock.date)
            left = deadline - self._clock.now()
            least, pause = _pause(asked, tries)
            if least > left:
                raise _given_up(failure, asked or 0.0, self._retry_seconds)
            if not tries:
                self._notice(f"note: {failure.message}; trying again for up to {self._retry_seconds:g} s")
            tries += 1
            self._clock.sleep(min(pause, left))

    def _learn_id(self, response: Response, body: bytes) -> bool:
        """After a refusal that speaks of the model: finds the id to ask for, where the request named none.

        Raises InferenceError when the id that the user wants is not served.
        """
        from kaito.model.refusals import is_about_model, words

        if response.status not in (*_REFUSED, 404) or (self._id and not self._wanted):
            return False
        if not is_about_model(words(body, response.header("Content-Type"))):
            return False
        try:
            ids = [model.id for model in self.models()]
        except KaitoError:
            # With no preset to try, the refusal itself says more than that the list is not to be had.
            ids = [] if self._wanted else [self._preset]
        if not self._wanted:
            self._id = ids[0] if ids else ""
        elif ids and self._wanted not in ids:
            raise InferenceError(
                f'the model "{self._wanted}" is not served here', "--model takes one of: " + ", ".join(ids)
            )
        return self._id != self._wanted

    def _post(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        request: dict[str, Any] = {"model": self._id} if self._id else {}
        request["messages"] = list(messages)
        request.update((field, value) for field, value in sampling._asdict().items() if value not in (None, ()))
        request.update(stream=True, stream_options={"include_usage": True})
        headers = (*_JSON, ("Accept", "text/event-stream, application/json"))
        try:
            return self._link.request(
                Request("POST", "/v1/chat/completions", headers, _encode(request), self._timeouts)
            )
        except TransportError as error:
            raise _broken(error) from None

    def _fetch(
        self, method: str, path: str, request: Mapping[str, Any] | None, seconds: float = _LOOK_SECONDS
    ) -> dict[str, Any]:
        body = None if request is None else _encode(request)
        try:
            response = self._link.request(Request(method, path, _JSON if body else (), body, Timeouts(total=seconds)))
            answer = response.read(_DOCUMENT_LIMIT)
        except TransportError as error:
            raise InferenceError(f"no answer to {path}: {error.message}") from None
        except (KeyboardInterrupt, TimeUp):
            self._link.close()
            raise
        if response.status != 200:
            raise self._link.refusal(response.status, answer) or _refused(response, answer)
        return _object(answer)

    def _error_body(self, response: Response) -> bytes:
        """An error's words; b"" where they do not come, since the status says enough."""
        try:
            return response.read(_ERROR_LIMIT)
        except TransportError:
            return b""


def _encode(request: Mapping[str, Any]) -> bytes:
    # A lone surrogate, from a terminal with an odd encoding, has no place in UTF-8.
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _retry_after(response: Response, date: Callable[[], float]) -> float | None:
    """Seconds that the server asks to wait (RFC 9110, section 10.2.3: a number, or a date); None: it does not."""
    asked = response.header("Retry-After").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    from kaito.net.http_date import read_date

    # By the server's own clock, where it shows it.
    then, now = read_date(asked), read_date(response.header("Date"))
    if then is None:
        return None
    return max(0.0, then - (date() if now is None else now))


def _pause(asked: float | None, tries: int) -> tuple[float, float]:
    """Seconds to wait after the try of that number: at least, and rather.

    Waits grow, and are spread: else all the clients that a server turned away would come back at one moment. A
    server is not asked again before the time that it names; where it names none or less, the wait is our own.
    """
    import random

    own = min(_FIRST_WAIT * 2**tries, _LONGEST_WAIT) * random.uniform(0.75, 1.25)
    if asked is None:
        return own, own
    spread = asked * random.uniform(1.0, 1.25)
    return asked, max(spread, own) if tries else spread


def _given_up(failure: KaitoError, asked: float, limit: float) -> KaitoError:
    """The failure of the last try; a server that is only busy may be waited for longer."""
    if isinstance(failure, InferenceError) and not failure.hint:
        why = f"the server asks to wait {asked:.0f} s: " if asked > limit else ""
        failure.hint = f"{why}try again later, or wait for longer with --retry-timeout"
    return failure


def _broken(error: TransportError) -> InferenceError:
    """An answer that did not come, or not to its end, in words for whoever asked."""
    if isinstance(error, TimedOutError):
        why = error.why.replace("no answer", "the model gave no answer").replace("the answer", "the model's answer")
        return InferenceError(why, "wait for longer with --request-timeout, 0 for ever")
    if isinstance(error, ConnectError):
        return InferenceError(f"cannot reach the model's server at {error.message}")
    if error.why.startswith("the answer"):
        return InferenceError(f"the model's{error.why[3:]}", _ENDED_EARLY if isinstance(error, TruncatedError) else "")
    return InferenceError(f"the model did not answer: {error.why}")


def _refused(response: Response, body: bytes) -> InferenceError:
    """The model's server refuses a request, in its own words."""
    from kaito.model.refusals import flag_named, too_large, words

    status = f"{response.status} {response.reason}".rstrip()
    said = words(body, response.header("Content-Type"))
    said = "" if said.lower() == response.reason.lower() else said
    message = f"the model's server answers {status}" + (f": {said}" if said else "")
    if response.status in (404, 405):
        return InferenceError(message, "it does not offer chat completions, or not under /v1/chat/completions")
    if response.status not in _REFUSED:
        return InferenceError(message)
    sizes = too_large(said)
    if sizes:
        return WindowExceeded(message, "send a shorter message", *sizes)
    if not said or response.status == 413:
        # What it refuses is anybody's guess; a request that has grown too large is the likeliest.
        return WindowExceeded(message, "", 0, 0, 0)
    flag = flag_named(said)
    return InferenceError(message, f"this server does not take that value of {flag}" if flag else "")


def _events(response: Response) -> Iterator[Event]:
    """The events of an answer of status 200, in the order in which they came."""
    kind = response.header("Content-Type").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield from _document_events(_object(response.read(_DOCUMENT_LIMIT)))
        return
    if kind != "text/event-stream":
        raise _no_stream(kind, next(response.chunks(), b""))
    parser = Parser()
    named = finished = False
    chunks = response.chunks()
    for data in chunks:
        batch: list[Event] = []
        failure: InferenceError | None = None
        done = False
        # Each is let go of as soon as it is read, because it may be large, and so is what is made of it.
        messages = parser.feed(data)[::-1]
        chunk: dict[str, Any] = {}
        while messages:
            if messages[-1].data == "[DONE]":
                done = True
                break
            try:
                chunk = _chunk(messages.pop())
                if not named and (model := text(chunk, "model")):
                    named = True
                    batch.append(Served(model))
                _add_chunk(batch, chunk)
            except InferenceError as error:
                failure = error
                break
        else:
            if parser.failure:
                failure = InferenceError(f"the model's answer is not an event stream: {parser.failure}")
        chunk = {}
        for event in batch:
            finished = finished or type(event) is Finish
            yield event
        if failure:
            raise failure
        if done:
            _settle(response, chunks)
            return
    if not finished:
        raise InferenceError("the model's answer ended without saying that it was complete", _ENDED_EARLY)


def _no_stream(kind: str, data: bytes) -> InferenceError:
    """Something else than a model's server answers: a login page of a proxy, for one."""
    if "html" in kind:
        from kaito.model.refusals import page_words

        return InferenceError(
            f"a web page came instead of the model's answer: {page_words(data)}",
            "a proxy or a login page stands between, or the workspace serves something else",
        )
    return InferenceError(
        f"the model's server sent {kind or 'something without a type'} instead of an event stream: {excerpt(data)}"
    )


def _settle(response: Response, chunks: Iterator[bytes]) -> None:
    """Reads what is left behind [DONE], so that the connection can serve the next question."""
    response.hasten(_SETTLE_SECONDS)
    try:
        for _ in chunks:
            pass
    except TransportError:
        pass


def _chunk(message: Message) -> dict[str, Any]:
    """The JSON of one event; {} for one without data, which some servers send as a heartbeat."""
    if not message.data or message.data.isspace():
        return {}
    if message.event == "error":
        raise _failed(message.data)
    return _object(message.data)


def _add_chunk(batch: list[Event], chunk: Mapping[str, Any]) -> None:
    """Adds a chat.completion.chunk's events; a text right behind its like becomes one with it."""
    choices = chunk.get("choices")
    if choices and isinstance(choices, list) and isinstance(choices[0], dict):
        choice = choices[0]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            _add_message(batch, delta)
        if isinstance(choice.get("finish_reason"), str) and not chunk.get("error"):
            batch.append(Finish(choice["finish_reason"]))
    if chunk.get("error"):
        # Beside choices too, as gateways put it.
        raise _failed(json.dumps(chunk))
    usage = chunk.get("usage")
    if isinstance(usage, dict):
        batch.append(Usage(*(count(usage, field) for field in Usage._fields)))


def _add_message(batch: list[Event], message: Mapping[str, Any]) -> None:
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    if reasoning and isinstance(reasoning, str):
        _add_text(batch, Reasoning, reasoning)
    content = message.get("content")
    if content and isinstance(content, str):
        _add_text(batch, Content, content)


def _add_text(batch: list[Event], kind: type[_Text], text: str) -> None:
    """Append a text in pieces; a small one is merged with the last event if that is of the same kind."""
    for start in range(0, len(text), _LARGEST_PIECE):
        piece = _sound(text[start : start + _LARGEST_PIECE])
        last = batch[-1] if batch else None
        if isinstance(last, kind) and len(last.text) + len(piece) <= _LARGEST_PIECE:
            batch[-1] = kind(last.text + piece)
        else:
            batch.append(kind(piece))


def _document_events(document: Mapping[str, Any]) -> Iterator[Event]:
    """The events of a chat.completion, which some servers send despite `stream: true`."""
    if document.get("error"):
        raise _failed(json.dumps(document))
    batch: list[Event] = []
    if model := text(document, "model"):
        batch.append(Served(model))
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise InferenceError(f"the model's server sent JSON with no message in it: {excerpt(json.dumps(document))}")
    _add_chunk(batch, {**document, "choices": [{**choice, "delta": message}]})
    yield from batch


def _failed(data: str) -> InferenceError:
    """The model's server says, within an answer, that it failed."""
    from kaito.model.refusals import words

    return InferenceError(f"the model failed: {words(data.encode('utf-8', 'replace'), '') or 'it does not say why'}")


def _object(source: bytes | str) -> dict[str, Any]:
    if len(source) > _LARGE_DOCUMENT and _has_too_many_values(source):
        raise InferenceError("the model's server sent JSON that holds too many values")
    try:
        document = json.loads(source)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InferenceError(f"the model's server sent something else than a JSON object: {excerpt(source)}")
    return document


def _has_too_many_values(source: bytes | str) -> bool:
    """Return whether a JSON document holds more than `_MOST_VALUES` values: each follows a bracket, brace or comma."""
    data = source.encode("utf-8", "replace") if isinstance(source, str) else source
    if sum(map(data.count, _BEFORE_VALUES)) <= _MOST_VALUES:
        return False
    # Some of them may stand in strings, which end at the first quotation mark that is not escaped.
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_SYNTAX)
    # A value has two strings at most, one of them its key.
    if data.count(b'"') > 4 * _MOST_VALUES:
        return True
    data = _STRINGS.sub(b"", data)
    return sum(map(data.count, _BEFORE_VALUES)) > _MOST_VALUES


def _sound(text: str) -> str:
    """`text` without lone surrogates, which JSON can carry and UTF-8 cannot."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
