"""A scripted model on an OpenAI-compatible server that frames, validates and refuses as vLLM 0.32 does."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time

from .persona import converse, text
from .replies import END, Reasoning, Refusal, Reply, take
from .server import Requests, Server

FINGERPRINT = "vllm-0.32.0-3bfd09ed"
SERVER = (("Server", "uvicorn"), ("Vary", "Origin"))
TOKEN = re.compile(r"\s*(?:\w{1,12}|[^\w\s])|\s+")
TEMPLATE_TOKENS = 4  # what a chat template adds to each message
PROMPT_TOKENS = 3  # and to the conversation, to begin the answer


def tokens(words):
    """Split text into the tokens that the scripted model counts and streams; joined, they are the text again."""
    return TOKEN.findall(words)


class BadRequest(Exception):
    """A refused request: its status, and the error object as vLLM writes it."""

    def __init__(self, message, param=None, kind="BadRequestError", status=400):
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": status}


class Model:
    """The scripted model: what it serves, what it answers, and `requests`, all that reached it.

    `name` and `adapters` are the served ids. `pace` is the time between two words, in seconds. Three options make an
    older server: `requires_model` (a request must name its model), `strict_window` (prompt and max_tokens together
    must fit) and `reveals_length=False` (no max_model_len and no /tokenize, as KAITO's transformers runtime).
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
    ):
        self.name = name
        self.adapters = tuple(adapters)
        self.max_model_len = max_model_len
        self.pace = pace
        self.requires_model = requires_model
        self.strict_window = strict_window
        self.reveals_length = reveals_length
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
            exchange.respond(refusal.status, {"error": refusal.error}, SERVER)
        except UnicodeDecodeError:
            exchange.respond(400, {"detail": "There was an error parsing the body"}, SERVER)

    def _routes(self):
        routes = {
            "/health": ("GET", lambda exchange: exchange.respond(200, b"", SERVER, content_type=None)),
            "/version": ("GET", lambda exchange: exchange.respond(200, {"version": "0.32.0"}, SERVER)),
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

    def _tokenize(self, exchange):
        body = _parse(exchange.request)
        count = self.count(body["messages"]) if "messages" in body else len(tokens(str(body.get("prompt", ""))))
        answer = {"count": count, "max_model_len": self.max_model_len, "tokens": list(range(1, count + 1))}
        exchange.respond(200, {**answer, "token_strs": None}, SERVER)

    def count(self, messages):
        """Return the number of prompt tokens in a conversation."""
        return PROMPT_TOKENS + sum(TEMPLATE_TOKENS + len(tokens(text(message))) for message in messages)

    def _chat(self, exchange):
        self._validate(_parse(exchange.request))
        with self._lock:
            answer = self._queue.pop(0) if self._queue else self._default
        if answer is None:
            answer = Reply(converse(exchange.request.json["messages"]), pace=self.pace)
        answer.answer(exchange, self)

    def _validate(self, body):
        messages = _field(body, "messages", list, "list_type", "Input should be a valid list")
        if messages is None:
            raise _invalid("missing", "body.messages", "Field required", body)
        model = body.get("model") or None
        if model is None and self.requires_model:
            raise _invalid("missing", "body.model", "Field required", body)
        if model not in (None, self.name, *self.adapters):
            served = ", ".join((self.name, *self.adapters))
            message = f"The model `{model}` does not exist. Valid aliases: {served}."
            raise BadRequest(message, "model", "NotFoundError", 404)
        if body.get("stream_options") and not body.get("stream"):
            raise _refused("Stream options can only be defined when `stream=True`.", "stream_options")
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
            message = f"max_tokens={limit} cannot be greater than max_model_len={window}. "
            raise _refused(message + "Please request fewer output tokens.", "max_tokens", limit)
        if limit is not None and limit < 1:
            raise _refused(f"max_tokens must be at least 1, got {limit}.", "max_tokens", limit)
        if not messages:
            raise BadRequest("Cannot apply chat template to an empty conversation. Provide at least one message.")
        prompt = self.count(messages)
        start = f"This model's maximum context length is {window} tokens. However, "
        if prompt > window:
            message = f"your prompt contains at least {window + 1} input tokens, which exceeds this limit even "
            message += "without any output tokens. Please reduce the length of the input prompt."
            raise _refused(start + message, "input_tokens", window + 1)
        if self.strict_window and limit is not None and prompt + limit > window:
            message = f"you requested {limit} output tokens and your prompt contains at least {prompt} input tokens, "
            message += f"for a total of at least {prompt + limit} tokens. Please reduce the length of the input "
            raise _refused(start + message + "prompt or the number of requested output tokens.", "input_tokens", prompt)

    def complete(self, exchange, reply):
        """Send a Reply: streamed as server-sent events, or whole as JSON."""
        if reply.before is not None and take(exchange, reply.before):
            return
        _Completion(self, exchange, reply, f"chatcmpl-{next(self._numbers):016x}").speak()


class _Completion:
    """One answer that is being sent. State: the events not sent yet, and the number of tokens so far."""

    def __init__(self, model, exchange, reply, identity):
        body = exchange.request.json
        self.exchange = exchange
        self.reply = reply
        self.stream = bool(body.get("stream")) and not reply.plain_json
        self.wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self.created = int(time.time())
        self.identity = identity
        self.model = body.get("model") or model.name
        self.prompt_tokens = model.count(body["messages"])
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or model.max_model_len
        self.budget = max(1, min(int(limit), model.max_model_len - self.prompt_tokens))
        self.spent = 0
        self.finish_reason = reply.finish_reason
        self.pending = []

    def speak(self):
        if not self.stream:
            self._whole()
            return
        self.exchange.start(200, (("Content-Type", "text/event-stream; charset=utf-8"), *SERVER))
        self._emit(self._event({"role": "assistant", "content": ""}, last={}, first=True))
        held = None  # the latest delta: the last one carries the finish reason, so each waits for the next
        for step in self._steps():
            if isinstance(step, (str, Reasoning)):
                if self.spent == self.budget:
                    self.finish_reason = "length"
                    break
                self.spent += 1
                if held is not None:
                    self._emit(self._event(held))
                    if self.reply.pace:
                        self.exchange.wait(seconds=self.reply.pace)
                held = {step.field: step.text} if isinstance(step, Reasoning) else {"content": step}
                continue
            if held is not None:
                self._emit(self._event(held))
                held = None
            self._flush()
            if self._control(step):
                return
        self._finish(held)

    def _steps(self):
        steps = self.reply.steps
        return tokens(steps) if isinstance(steps, str) else steps

    def _control(self, step):
        if isinstance(step, dict):
            self._emit(step)
        elif isinstance(step, bytes):
            self.exchange.raw(step)
        elif step is END:
            self.exchange.end()
            return True
        else:
            return take(self.exchange, step)
        return False

    def _finish(self, held):
        usage = self._usage()
        reveals = self.wants_usage and usage is not None
        closing = {} if reveals else {"system_fingerprint": FINGERPRINT}
        if self.finish_reason is None:
            if held is not None:
                self._emit(self._event(held))
        else:
            last = {"finish_reason": self.finish_reason, "stop_reason": None}
            self._emit(self._event({"content": ""} if held is None else held, last, closing))
        if reveals:
            self._emit({**self._frame(), "choices": [], "usage": usage, "system_fingerprint": FINGERPRINT})
        if self.reply.done:
            self._emit("[DONE]")
        self._flush()
        self.exchange.end()

    def _frame(self):
        frame = {"id": self.identity, "object": "chat.completion.chunk", "created": self.created}
        return {**frame, "model": self.model}

    def _event(self, delta, last=None, closing=None, first=False):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **(last or {})}
        if first:
            return {**self._frame(), "choices": [choice], "prompt_token_ids": None, "prompt_text": None}
        return {**self._frame(), "choices": [{**choice, "token_ids": None}], **(closing or {})}

    def _emit(self, event):
        data = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        self.pending.append(b"data: " + data.encode("utf-8", "surrogatepass") + b"\n\n")
        if len(self.pending) >= self.reply.per_chunk:
            self._flush()

    def _flush(self):
        if self.pending:
            self.exchange.chunk(b"".join(self.pending))
            self.pending = []

    def _usage(self):
        if self.reply.usage is False:
            return None
        if self.reply.usage is not None:
            return self.reply.usage
        total = self.prompt_tokens + self.spent
        return {"prompt_tokens": self.prompt_tokens, "total_tokens": total, "completion_tokens": self.spent}

    def _whole(self):
        content, reasoning = "", ""
        for step in self._steps():
            if isinstance(step, (str, Reasoning)):
                if self.spent == self.budget:
                    self.finish_reason = "length"
                    break
                self.spent += 1
                if isinstance(step, Reasoning):
                    reasoning += step.text
                else:
                    content += step
            elif step is END:
                break
            elif not isinstance(step, (dict, bytes)) and take(self.exchange, step):
                return
        message = {"role": "assistant", "content": content, "refusal": None, "annotations": None, "audio": None}
        message.update(function_call=None, reasoning=reasoning or None)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        choice.update(stop_reason=None, token_ids=None, routed_experts=None)
        usage = self._usage()
        if usage is not None:
            usage = {**usage, "prompt_tokens_details": None, "completion_tokens_details": None}
        answer = {**self._frame(), "object": "chat.completion", "choices": [choice], "service_tier": None}
        answer.update(system_fingerprint=FINGERPRINT, usage=usage, prompt_logprobs=None, prompt_token_ids=None)
        answer.update(prompt_text=None, kv_transfer_params=None, ec_transfer_params=None, metrics=None)
        self.exchange.respond(200, answer, SERVER)


def _answer(steps, options):
    return steps if hasattr(steps, "answer") else Reply(steps, **options)


def _parse(request):
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
