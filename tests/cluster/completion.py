"""An answer of the scripted model as it is sent: streamed as server-sent events, or whole as JSON."""

from __future__ import annotations

import json
import time

from .replies import END, Delta, Reasoning, ToolCall, take, tokens

FINGERPRINT = "vllm-0.32.0-3bfd09ed"
SERVER = (("Server", "uvicorn"), ("Vary", "Origin"))


class Completion:
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
        for step in self._deltas():
            if isinstance(step, (str, Reasoning, Delta)):
                if self.spent == self.budget:
                    self.finish_reason = "length"
                    break
                self.spent += 1
                if held is not None:
                    self._emit(self._event(held))
                    if self.reply.pace:
                        self.exchange.wait(seconds=self.reply.pace)
                held = self._fields(step)
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

    def _deltas(self):
        """Yield the steps, with a tool call's in their place."""
        for step in self._steps():
            if isinstance(step, ToolCall):
                yield from step.deltas()
            else:
                yield step

    def _fields(self, step):
        """Return the fields of the delta that a step is."""
        if isinstance(step, Delta):
            return step.fields
        return {step.field: step.text} if isinstance(step, Reasoning) else {"content": step}

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
        said = self._collect()
        if said is None:
            return
        content, reasoning, calls = said
        message = {"role": "assistant", "content": content, "refusal": None, "annotations": None, "audio": None}
        message.update(function_call=None, reasoning=reasoning or None)
        if calls:
            message.update(content=content or None, tool_calls=calls)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        choice.update(stop_reason=None, token_ids=None, routed_experts=None)
        usage = self._usage()
        if usage is not None:
            usage = {**usage, "prompt_tokens_details": None, "completion_tokens_details": None}
        answer = {**self._frame(), "object": "chat.completion", "choices": [choice], "service_tier": None}
        answer.update(system_fingerprint=FINGERPRINT, usage=usage, prompt_logprobs=None, prompt_token_ids=None)
        answer.update(prompt_text=None, kv_transfer_params=None, ec_transfer_params=None, metrics=None)
        self.exchange.respond(200, answer, SERVER)

    def _collect(self):
        """Return the content, the reasoning and the tool calls, None if a step has ended the exchange."""
        content, reasoning, calls = "", "", []
        for step in self._steps():
            if isinstance(step, (str, Reasoning, ToolCall)):
                if self.spent == self.budget:
                    self.finish_reason = "length"
                    break
                self.spent += 1
                if isinstance(step, ToolCall):
                    calls.append(step.whole())
                elif isinstance(step, Reasoning):
                    reasoning += step.text
                else:
                    content += step
            elif step is END:
                break
            elif not isinstance(step, (dict, bytes)) and take(self.exchange, step):
                return None
        return content, reasoning, calls
