"""The scripted model under KAITO's transformers runtime, whose server speaks another dialect than vLLM's."""

from __future__ import annotations

import time

from .completion import Completion
from .model import BadRequest, Model, parsed
from .persona import converse
from .replies import Delta, Reasoning, Reply, ToolCall, take

SERVER = (("Server", "uvicorn"),)

# OpenAI's fields of a chat completion, and the server's own. Others are refused.
FIELDS = """
messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens
metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format
safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p
user verbosity web_search_options generation_config chat_template_kwargs
"""


class Transformers(Model):
    """A model under transformers: errors are `detail`, unknown fields are refused, and nothing ends a stream.

    `repository` is the name that its answers have, and that it is pinned to; `name` is what it lists.
    """

    def __init__(self, name="phi-4-mini-instruct", *, repository="microsoft/Phi-4-mini-instruct@main", **options):
        super().__init__(name, reveals_length=False, **options)
        self.repository = repository

    def _refuse(self, exchange, refusal):
        exchange.respond(refusal.status, {"detail": refusal.error["message"]}, SERVER)

    def _routes(self):
        return {
            "/health": ("GET", lambda exchange: exchange.respond(200, {"status": "Healthy"}, SERVER)),
            "/metrics": ("GET", lambda exchange: exchange.respond(200, {"gpu_info": [], "cpu_info": {}}, SERVER)),
            "/v1/models": ("GET", lambda exchange: exchange.respond(200, self.served(), SERVER)),
            "/v1/chat/completions": ("POST", self._chat),
        }

    def served(self):
        """Return the body of /v1/models."""
        card = {"id": self.name, "object": "model", "created": int(time.time()), "owned_by": "kaito"}
        return {"object": "list", "data": [card]}

    def _chat(self, exchange):
        body = parsed(exchange.request)
        unexpected = set(body) - set(FIELDS.split())
        if unexpected:
            raise BadRequest(f"Unexpected fields in the request: {unexpected}", status=422)
        model = body.get("model") or self.name
        if model != self.name:
            raise BadRequest(f"Server is pinned to '{self.repository}'; requested '{model}'.")
        answer = self.next_answer()
        if answer is None:
            answer = Reply(converse(body["messages"]), pace=self.pace)
        answer.answer(exchange, self)

    def complete(self, exchange, reply):
        """Send a Reply."""
        if reply.before is not None and take(exchange, reply.before):
            return
        _Answer(self, exchange, reply, f"req_{time.monotonic_ns():x}").speak()


class _Answer(Completion):
    """An answer that names the repository; a stream's last chunk has finish reason and usage, and no [DONE] follows."""

    def __init__(self, model, exchange, reply, identity):
        super().__init__(model, exchange, reply, identity)
        self.model = model.repository

    def _deltas(self):
        """Yield the steps; tool calls come whole at the end."""
        calls = []
        for step in self._steps():
            if isinstance(step, ToolCall):
                calls.append({"index": step.number, **step.whole()})
            else:
                yield step
        if calls:
            yield Delta({"tool_calls": calls})

    def _fields(self, step):
        return {"reasoning_content": step.text} if isinstance(step, Reasoning) else super()._fields(step)

    def _event(self, delta, last=None, closing=None, first=False):
        reason = (last or {}).get("finish_reason")
        choice = {"delta": {"role": "assistant"} if first else delta, "finish_reason": reason, "index": 0}
        return {**self._frame(), "choices": [choice], "system_fingerprint": "", **(closing or {})}

    def _finish(self, held):
        if held is not None:
            self._emit(self._event(held))
        if self.finish_reason is not None:
            self._emit(self._event({}, {"finish_reason": self.finish_reason}, {"usage": self._usage()}))
        self._flush()
        self.exchange.end()

    def _whole(self):
        said = self._collect()
        if said is None:
            return
        content, reasoning, calls = said
        message = {"content": content, "role": "assistant"}
        message.update({"reasoning_content": reasoning} if reasoning else {})
        message.update({"tool_calls": calls} if calls else {})
        choice = {"finish_reason": self.finish_reason, "index": 0, "message": message}
        answer = {**self._frame(), "object": "chat.completion", "choices": [choice], "usage": self._usage()}
        self.exchange.respond(200, answer, SERVER)
