"""A client of OpenAI-compatible chat completions, as vLLM and KAITO's transformers runtime serve them.

A request goes out, and typed events come back as they are generated (`kaito.model.events`).
"""

from __future__ import annotations

from kaito.errors import InferenceError, KaitoError
from kaito.json_fields import count, identifier, items
from kaito.model import payload
from kaito.model.errors import broken_answer
from kaito.model.events import Served
from kaito.model.retry import BUSY, Clock, Retries
from kaito.model.stream import read_events
from kaito.net.errors import TimedOutError, TransportError
from kaito.net.request import Request, Timeouts
from kaito.timelimit import TimeUp
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from typing import Any

    from kaito.model.events import Event
    from kaito.model.link import Link
    from kaito.net.response import Response

_ERROR_LIMIT = 1 << 20

# A list of a thousand models is less than a megabyte; the tokens of a prompt are seven bytes each.
_SHORT_LIMIT = 16 << 20

# More models than a server has adapters; beyond them, a list is no help to anybody.
_MOST_MODELS = 1000

# Between two questions, a short request is worth waiting for, but not for long.
_SHORT_SECONDS = 10.0

_JSON = (("Content-Type", "application/json"),)


class Sampling(NamedTuple):
    """How an answer is generated: the chat-completions fields of these names. None and () are not sent.

    `max_tokens`: 0 for what the prompt leaves of the context window; it is not sent either.
    """

    temperature: float = 0.7
    max_tokens: int = 1024
    top_p: float = 0.9
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Model(NamedTuple):
    """One entry of `/v1/models`.

    `max_model_len`: the size of the context window in tokens, 0 if the server does not report it. `parent`: the id
    of the base model if this is a LoRA adapter, else "".
    """

    id: str
    max_model_len: int
    parent: str


class ChatModel:
    """The model at the end of a link. State: the id in requests, which is added when the server turns out to need one.

    `model`: the id that the user wants, or "". `preset`: the id to try if the server needs one and does not list its
    models. `idle_seconds`: the longest wait for the next byte, None for no limit. `retry_seconds`: how long, in all,
    a busy server is asked again; `notice` is then called once per question.
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

    def models(self, seconds: float = _SHORT_SECONDS) -> list[Model]:
        """Return what the server serves, base models first, within `seconds` in all. Raises KaitoError.

        Entries whose id is not printable or too long are left out: an id is shown, and sent back in requests.
        """
        return read_models(self._fetch("GET", "/v1/models", None, seconds))

    def choose(self, model: str) -> None:
        """Ask the model of that id from now on."""
        self._wanted = self._id = model

    def count_tokens(self, messages: Sequence[Mapping[str, str]]) -> int:
        """Return the size of a prompt of `messages` in tokens (vLLM's `/tokenize`).

        Raises Busy if the server has no time for it, another KaitoError if it does not count tokens.
        """
        tokens = count(self._fetch("POST", "/tokenize", self._request_fields(messages)), "count")
        if tokens < 1:
            raise InferenceError("the model's server does not count tokens")
        return tokens

    def stream(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Generator[Event, None, None]:
        """Ask for the next message and yield its events as they arrive.

        Closing the iterator closes the connection, so that the server stops generating. Raises InferenceError if the
        model's server fails, other kinds of KaitoError if the way there does.
        """
        try:
            response, first, events = self._begin(messages, sampling)
            try:
                yield from first
                yield from events
            except TransportError as error:
                raise broken_answer(error) from None
            finally:
                response.close()
        except (KeyboardInterrupt, TimeUp):
            # One may arrive after the head of the answer, but before the block that closes the answer.
            self._link.close()
            raise

    def _begin(
        self, messages: Sequence[Mapping[str, str]], sampling: Sampling
    ) -> tuple[Response, list[Event], Iterator[Event]]:
        """Return an answer, its events up to the first word, and the others.

        An answer that breaks off before its first word is asked of another server, if there is one.
        """
        while True:
            response, first = self._ask(messages, sampling), []
            try:
                events = iter(read_events(response))
                for event in events:
                    first.append(event)
                    if type(event) is not Served:
                        break
                return response, first, events
            except TransportError as error:
                # A server that is silent may be at work on the answer.
                silent = isinstance(error, TimedOutError)
                if silent or not self._link.move_on(error.message):
                    raise broken_answer(error) from None
            except BaseException:
                response.close()
                raise

    def _ask(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        """Return an answer of status 200; ask again while the server is busy, and once more if it needs an id."""
        retries = Retries(self._retry_seconds, self._notice, self._clock)
        while True:
            response = self._post(messages, sampling)
            if response.status == 200:
                return response
            body = _error_body(response)
            failure = self._link.refusal(response.status, body)
            if failure is None:
                if self._learn_id(response, body):
                    continue
                failure = _refusal_error(response, body)
            if response.status not in BUSY or not self._link.is_transient(response.status, body):
                raise failure
            try:
                retries.pause(response, failure)
            except KaitoError:
                if not self._link.move_on(failure.message):
                    raise

    def _learn_id(self, response: Response, body: bytes) -> bool:
        """After a refusal about the model, find the id to ask for. Return whether there is a new one.

        Raises InferenceError if the id that the user wants is not served.
        """
        from kaito.model.refusals import asks_for_model, not_served, words

        if self._id and not self._wanted:
            return False
        if not asks_for_model(response.status, response.header("Content-Type"), body):
            return False
        try:
            ids = [model.id for model in self.models()]
        except KaitoError:
            # Without a preset to try, the refusal itself says more than a failure to list the models.
            ids = [] if self._wanted else [self._preset]
        if not self._wanted:
            self._id = ids[0] if ids else ""
        elif missing := not_served(self._wanted, ids, words(body, "")):
            raise missing
        return self._id != self._wanted

    def _post(self, messages: Sequence[Mapping[str, str]], sampling: Sampling) -> Response:
        request = self._request_fields(messages)
        request.update((field, value) for field, value in sampling._asdict().items() if value not in (None, ()))
        if not sampling.max_tokens:
            del request["max_tokens"]
        request.update(stream=True, stream_options={"include_usage": True})
        headers = (*_JSON, ("Accept", "text/event-stream, application/json"))
        body = payload.encode(request)
        try:
            return self._link.request(Request("POST", "/v1/chat/completions", headers, body, self._timeouts))
        except TransportError as error:
            raise broken_answer(error) from None

    def _request_fields(self, messages: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Return the fields that every request about a conversation has."""
        request: dict[str, Any] = {"model": self._id} if self._id else {}
        return {**request, "messages": list(messages)}

    def _fetch(
        self, method: str, path: str, request: Mapping[str, Any] | None, seconds: float = _SHORT_SECONDS
    ) -> dict[str, Any]:
        """Return the JSON object that answers a short request. Raises KaitoError."""
        body = None if request is None else payload.encode(request)
        try:
            response = self._link.request(Request(method, path, _JSON if body else (), body, Timeouts(total=seconds)))
            answer = response.read(_SHORT_LIMIT if response.status == 200 else _ERROR_LIMIT)
        except TransportError as error:
            raise InferenceError(f"no answer to {path}: {error.message}") from None
        except (KeyboardInterrupt, TimeUp):
            self._link.close()
            raise
        if response.status != 200:
            raise self._link.refusal(response.status, answer) or _refusal_error(response, answer)
        return payload.decode(answer)


def read_models(document: Mapping[str, Any]) -> list[Model]:
    """Return the models of a server's list, base models first."""
    models = [
        Model(name, count(entry, "max_model_len"), identifier(entry, "parent"))
        for entry in items(document, "data")[:_MOST_MODELS]
        if (name := identifier(entry, "id"))
    ]
    return sorted(models, key=lambda model: model.parent != "")


def _error_body(response: Response) -> bytes:
    """Return the body of an error, b"" if it does not arrive: the status says enough."""
    try:
        return response.read(_ERROR_LIMIT)
    except TransportError:
        return b""


def _refusal_error(response: Response, body: bytes) -> InferenceError:
    from kaito.model.refusals import refusal_error

    return refusal_error(response.status, response.reason, response.header("Content-Type"), body)
