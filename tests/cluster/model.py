"""A scripted model on an OpenAI-compatible server that frames, validates and refuses as vLLM 0.32 does."""

from __future__ import annotations

import itertools
import json
import threading
import time

from .backends import metrics
from .completion import SERVER, Completion
from .persona import converse, text
from .replies import Refusal, Reply, take, tokens, too_many_requests
from .server import Requests, Server

TEMPLATE_TOKENS = 4  # what a chat template adds to each message
PROMPT_TOKENS = 3  # and to the conversation, to begin the answer
CHARACTERS = 32  # of a token at most: a longer prompt is refused before it is counted

# The paths that vLLM's API key and KAITO's rate guard are for.
KEYED = ("/v1", "/v2", "/inference")
GUARDED = (
    "/v1/completions",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/tokenize",
    "/pooling",
    "/score",
    "/rerank",
    "/v1/rerank",
)
NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the "
    "tokenizer does not define one."
)


class BadRequest(Exception):
    """A refused request: its status, and the error object as vLLM writes it."""

    def __init__(self, message, param=None, kind="BadRequestError", status=400):
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": status}


class Model:
    """The scripted model: what it serves, what it answers, and `requests`, all that reached it.

    `name` and `adapters` are the served ids. `pace` is the time between two words, in seconds. Some options make
    another server: `strict_window` is vLLM 0.25.1 (prompt and max_tokens together must fit, and a refusal says no more
    than that they do not), `requires_model` an older one (a request must name its model), `reveals_length=False` one
    without max_model_len and /tokenize. `api_key` is what vLLM's --api-key sets, `chat_template=False` a base model.
    `busy`: KAITO's rate guard refuses everything that it guards (429).
    """

    def __init__(
        self,
        name="phi-3.5-mini-instruct",
        *,
        adapters=(),
        max_model_len=2048,
        pace=0.0,
        requires_model=False,
        strict_window=False,
        reveals_length=True,
        api_key="",
        chat_template=True,
    ):
        self.name = name
        self.adapters = tuple(adapters)
        self.max_model_len = max_model_len
        self.pace = pace
        self.requires_model = requires_model
        self.strict_window = strict_window
        self.reveals_length = reveals_length
        self.api_key = api_key
        self.chat_template = chat_template
        self.busy = False
        self.requests = Requests()
        self._default = None
        self._queue = []
        self._paths = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def chats(self):
        """The requests for a chat completion."""
        return [request for request in list(self.requests) if request.path == "/v1/chat/completions"]

    def reply(self, steps="", **options):
        """Add to the queue of answers to chat completions: steps (see Reply), a Refusal or a Raw."""
        with self._lock:
            self._queue.append(_answer(steps, options))

    def always(self, steps="", **options):
        """Set the answer to every chat completion that finds the queue of `reply` empty."""
        self._default = _answer(steps, options)

    def refuse(self, status, body=b"", headers=None):
        """Add an HTTP answer with this status to the queue."""
        self.reply(Refusal(status, body, headers or {}))

    def on(self, path, answer):
        """Answer every request for `path`, for example "/v1/models", with a Refusal or a Raw; None ends that."""
        self._paths[path] = answer

    def serve(self, host="127.0.0.1", tls=None):
        """Start a server that gives the model a direct address."""
        return Server(self.handle, host, tls)

    def handle(self, exchange):
        """Answer one exchange."""
        request = exchange.request
        self.requests.append(request)
        if self._paths.get(request.path) is not None:
            self._paths[request.path].answer(exchange, self)
            return
        if not self._admits(request):
            exchange.respond(401, {"error": "Unauthorized"}, SERVER[:1])
            return
        if self.busy and request.path.startswith(GUARDED):
            too_many_requests().answer(exchange)
            return
        method, handler = self._routes().get(request.path, (None, None))
        try:
            if handler is None:
                exchange.respond(404, {"detail": "Not Found"}, SERVER)
            elif request.method != method:
                refusal = {"detail": "Method Not Allowed"}
                exchange.respond(405, refusal, (*SERVER, ("Allow", method)))
            else:
                handler(exchange)
        except BadRequest as refusal:
            self._refuse(exchange, refusal)
        except UnicodeDecodeError:
            exchange.respond(400, {"detail": "There was an error parsing the body"}, SERVER)

    def _admits(self, request):
        if not self.api_key or not request.path.startswith(KEYED):
            return True
        return request.headers.get("authorization") == f"Bearer {self.api_key}"

    def _refuse(self, exchange, refusal):
        exchange.respond(refusal.status, {"error": refusal.error}, SERVER)

    def _routes(self):
        routes = {
            "/health": ("GET", lambda exchange: exchange.respond(200, b"", SERVER, content_type=None)),
            "/version": ("GET", lambda exchange: exchange.respond(200, {"version": "0.32.0"}, SERVER)),
            "/metrics": ("GET", self._metrics),
            "/v1/models": ("GET", lambda exchange: exchange.respond(200, self.served(), SERVER)),
            "/v1/chat/completions": ("POST", self._chat),
        }
        if self.reveals_length:
            routes["/tokenize"] = ("POST", self._tokenize)
        return routes

    def served(self):
        """Return the body of /v1/models."""
        return {"object": "list", "data": [self._card(name) for name in (self.name, *self.adapters)]}

    def _card(self, name):
        base = name == self.name
        card = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "vllm"}
        card["root"] = "/workspace/vllm/weights" if base else f"/mnt/adapter/{name}"
        card["parent"] = None if base else self.name
        if self.reveals_length:
            card["max_model_len"] = self.max_model_len if base else None
        permission = {"id": f"modelperm-{next(self._numbers):016x}", "object": "model_permission"}
        permission["created"] = card["created"]
        allowed = ("sampling", "logprobs", "view")
        for right in ("create_engine", "sampling", "logprobs", "search_indices", "view", "fine_tuning"):
            permission[f"allow_{right}"] = right in allowed
        return {**card, "permission": [{**permission, "organization": "*", "group": None, "is_blocking": False}]}

    @staticmethod
    def _metrics(exchange):
        """Answer with the gauges of a download, which stay at 0 under vLLM."""
        content_type = "text/plain; version=1.0.0; charset=utf-8"
        exchange.respond(200, metrics(), SERVER, content_type)

    def _tokenize(self, exchange):
        body = parsed(exchange.request)
        if "messages" in body and not self.chat_template:
            raise BadRequest(NO_TEMPLATE)
        count = self.count(body["messages"]) if "messages" in body else len(tokens(str(body.get("prompt", ""))))
        answer = {"count": count, "max_model_len": self.max_model_len, "tokens": list(range(1, count + 1))}
        exchange.respond(200, {**answer, "token_strs": None}, SERVER)

    def count(self, messages):
        """Return the number of prompt tokens in a conversation."""
        return PROMPT_TOKENS + sum(TEMPLATE_TOKENS + len(tokens(text(message))) for message in messages)

    def _chat(self, exchange):
        self._validate(parsed(exchange.request))
        answer = self.next_answer()
        if answer is None:
            answer = Reply(converse(exchange.request.json["messages"]), pace=self.pace)
        answer.answer(exchange, self)

    def next_answer(self):
        """Take the next answer from the queue of `reply`; without one, that of `always`, or None."""
        with self._lock:
            return self._queue.pop(0) if self._queue else self._default

    def _validate(self, body):
        messages = _field(body, "messages", list, "list_type", "Input should be a valid list")
        if messages is None:
            raise _invalid("missing", "body.messages", "Field required", body)
        model = body.get("model") or None
        if model is None and self.requires_model:
            raise _invalid("missing", "body.model", "Field required", body)
        if model not in (None, self.name, *self.adapters):
            served = ", ".join((self.name, *self.adapters))
            message = f"The model `{model}` does not exist."
            message += "" if self.strict_window else f" Valid aliases: {served}."
            raise BadRequest(message, "model", "NotFoundError", 404)
        if body.get("stream_options") and not body.get("stream"):
            raise _refused("Stream options can only be defined when `stream=True`.", "stream_options")
        if not self.chat_template:
            raise BadRequest(NO_TEMPLATE)
        self._validate_sampling(body)
        self._validate_lengths(messages, body)

    @staticmethod
    def _validate_sampling(body):
        temperature = _number(body, "temperature", float)
        if temperature is not None and temperature < 0:
            raise _refused(f"temperature must be non-negative, got {temperature}.", "temperature", temperature)
        if temperature is not None and not temperature <= 2:
            raise _refused(f"temperature must be in [0, 2], got {temperature}.", "temperature", temperature)
        top_p = _number(body, "top_p", float)
        if top_p is not None and not 0 < top_p <= 1:
            raise _refused(f"top_p must be in (0, 1], got {top_p}.", "top_p", top_p)
        _number(body, "seed", int)

    def _validate_lengths(self, messages, body):
        limit = _number(body, "max_tokens", int)
        window = self.max_model_len
        if limit is not None and limit > window:
            shown = f"max_total_tokens={window}" if self.strict_window else window
            message = f"max_tokens={limit} cannot be greater than max_model_len={shown}. "
            raise _refused(message + "Please request fewer output tokens.", "max_tokens", limit)
        if limit is not None and limit < 1:
            raise _refused(f"max_tokens must be at least 1, got {limit}.", "max_tokens", limit)
        if not messages:
            raise BadRequest("Cannot apply chat template to an empty conversation. Provide at least one message.")
        prompt = self.count(messages)
        if self.strict_window:
            self._fit(messages, prompt, limit or 0)
        elif prompt > window:
            message = f"This model's maximum context length is {window} tokens. However, your prompt contains at least "
            message += f"{window + 1} input tokens, which exceeds this limit even without any output tokens. Please "
            raise _refused(message + "reduce the length of the input prompt.", "input_tokens", window + 1)

    def _fit(self, messages, prompt, limit):
        """Refuse, in the words of vLLM 0.25.1, a prompt that leaves less than `limit` of the window.

        vLLM stops counting one token after what would fit, so the number that it names is not the prompt's size.
        """
        fits = self.max_model_len - limit
        characters = sum(len(text(message)) for message in messages)
        start = f"This model's maximum context length is {self.max_model_len} tokens. However, you requested {limit} "
        end = "Please reduce the length of the input prompt or the number of requested output tokens."
        if characters > fits * CHARACTERS:
            start += f"output tokens and your prompt contains {characters} characters (more than {fits * CHARACTERS} "
            start += f"characters, which is the upper bound for {fits} input tokens). "
            raise _refused(start + end, "input_text", characters)
        if prompt > fits:
            start += f"output tokens and your prompt contains at least {fits + 1} input tokens, for a total of at "
            raise _refused(f"{start}least {self.max_model_len + 1} tokens. {end}", "input_tokens", fits + 1)

    def complete(self, exchange, reply):
        """Send a Reply: streamed as server-sent events, or whole as JSON."""
        if reply.before is not None and take(exchange, reply.before):
            return
        Completion(self, exchange, reply, f"chatcmpl-{next(self._numbers):016x}").speak()


def _answer(steps, options):
    return steps if hasattr(steps, "answer") else Reply(steps, **options)


def parsed(request):
    """Return the request's JSON object. Raise BadRequest in the words of FastAPI and pydantic."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        message = "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed"
        raise BadRequest(message, None, "Bad Request")
    if not request.body:
        raise _invalid("missing", "body", "Field required", "None")
    try:
        body = json.loads(request.body)
    except json.JSONDecodeError as error:
        reason = f"'ctx': {{'error': {error.msg!r}}}"
        raise _invalid("json_invalid", f"body.{error.pos}", "JSON decode error", {}, reason) from None
    if not isinstance(body, dict):
        kind = "Input should be a valid dictionary or object to extract fields from"
        raise _invalid("model_attributes_type", "body", kind, body)
    return body


def _field(body, name, kind, code, message):
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise _invalid(code, f"body.{name}", message, value)
    return value


def _number(body, name, kind):
    value = body.get(name)
    if value is None:
        return None
    words = ("integer", "int") if kind is int else ("number", "float")
    if isinstance(value, (list, dict)):
        raise _invalid(f"{words[1]}_type", f"body.{name}", f"Input should be a valid {words[0]}", value)
    if kind is int and isinstance(value, float) and not value.is_integer():
        message = "Input should be a valid integer, got a number with a fractional part"
        raise _invalid("int_from_float", f"body.{name}", message, value)
    try:
        return kind(value)
    except (TypeError, ValueError):
        message = f"Input should be a valid {words[0]}, unable to parse string as {_article(words[0])}"
        raise _invalid(f"{words[1]}_parsing", f"body.{name}", message, value) from None


def _article(word):
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _invalid(code, where, message, given, more=""):
    if isinstance(given, (list, dict)):
        given = f"<{type(given).__name__} of {len(given)} items>"
    parts = [f"'type': {code!r}", f"'loc': {where!r}", f"'msg': {message!r}", f"'input': {str(given)!r}"]
    parts += [more] if more else []
    return BadRequest(f"1 validation error:\n  {{{', '.join(parts)}}}", where, "Bad Request")


def _refused(message, param, value=None):
    shown = "" if value is None else f", value={value}"
    return BadRequest(f"{message} (parameter={param}{shown})", param)
