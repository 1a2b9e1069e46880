"""What servers do besides answering: vLLM 0.25.1 and the transformers runtime, as KAITO v0.12 starts them."""

from __future__ import annotations

import json

import pytest

from tests.cluster import Model, Reasoning, Refusal, Reply, ToolCall, Transformers

from . import CONNECTED

ASK = "Hi\n"


def paths(model):
    return [request.path for request in model.requests]


class TestEndings:
    """Finish reasons other than stop and length, and tool calls that were not asked for."""

    TABLE = (
        ("content_filter", ["OK"], "the answer was blocked or cut off by the server's content filter"),
        ("repetition", ["OK"], "the answer was stopped by the server because it repeats itself"),
        (
            "tool_calls",
            ["OK", ToolCall("search", ['{"q', 'uery": 1}'])],
            "the model also asked for tools, which this program does not run: search",
        ),
    )

    @pytest.mark.parametrize(("reason", "steps", "words"), TABLE)
    def test_an_answer_is_one_with_a_note(self, cluster, chat, reason, steps, words):
        cluster.model.reply(Reply(steps, finish_reason=reason))
        assert chat(ASK) == (0, "OK\n", f"{CONNECTED}note: {words}\n")

    def test_json_has_the_reason_as_it_is(self, cluster, chat):
        cluster.model.reply(Reply(["OK"], finish_reason="repetition"))
        result = chat(ASK, "-o", "jsonl")
        assert (result.code, json.loads(result.out)["finish_reason"]) == (0, "repetition")
        assert result.err.endswith("note: the answer was stopped by the server because it repeats itself\n")

    def test_on_a_terminal(self, cluster, open_chat):
        for reason, steps, _ in self.TABLE:
            cluster.model.reply(Reply(steps, finish_reason=reason))
        cluster.model.reply(Reply(["OK"], finish_reason="abort"))
        screen = open_chat()
        for _, _, words in self.TABLE:
            screen.line("Hi")
            screen.expect(f"OK\n[{words}]\n\n> ")
        screen.line("Hi")
        screen.expect("OK\n[broken off, not kept]\nerror: the model's server broke off the answer")

    @pytest.mark.parametrize("model", [Model, Transformers])
    def test_tool_calls_alone_are_no_answer(self, chat_with, model):
        model = model()
        model.reply(Reply([ToolCall("search"), ToolCall("read_file", number=1)], finish_reason="tool_calls"))
        result = chat_with(model, ASK)
        assert result.code == 5
        assert result.err.endswith(
            "error: the model asked for tools instead of answering: search, read_file\n"
            "this program offers no tools and runs none: ask in another way\n"
        )

    def test_an_aborted_answer_is_an_error(self, cluster, chat):
        cluster.model.reply(Reply(["half"], finish_reason="abort"))
        result = chat(ASK, "-o", "json")
        (record,) = json.loads(result.out)
        assert (result.code, record["response"], record["finish_reason"]) == (5, "half", "abort")
        assert record["error"]["message"] == "the model's server broke off the answer (finish reason: abort)"


class TestTransformers:
    def test_no_field_is_refused(self, chat_with):
        model = Transformers()
        flags = (
            "--temperature=0",
            "--top-p=0.5",
            "--max-tokens=9",
            "--seed=1",
            "--stop=x",
            "--system-prompt=Be brief.",
        )
        result = chat_with(model, "Say OK\nSay a\nSay b\n", *flags)
        assert (result.code, result.out) == (0, "OK\na\nb\n")

    def test_the_name_in_its_answers_is_not_asked_for(self, chat_with):
        model = Transformers()
        result = chat_with(model, "Say OK\nSay a\n", "-o", "jsonl")
        assert [json.loads(line)["model"] for line in result.out.splitlines()] == [model.repository] * 2
        assert all("model" not in request.json for request in model.chats)

    def test_both_its_names_are_one_model(self, chat_with):
        result = chat_with(Transformers(), "Say OK\n/model\n/status\n")
        assert "\n* phi-4-mini-instruct\n" in result.err
        assert "Also served" not in result.err

    def test_it_is_asked_once_for_its_window_and_never_for_tokens(self, chat_with):
        model = Transformers()
        assert chat_with(model, "Say a\n" * 5).code == 0
        assert sorted(paths(model)) == sorted(["/v1/chat/completions"] * 5 + ["/v1/models"])

    @pytest.mark.parametrize("listed", [None, Refusal(403)], ids=["its models are listed", "forbidden"])
    def test_adapters_are_merged(self, chat_with, listed):
        model = Transformers()
        model.on("/v1/models", listed)
        result = chat_with(model, ASK, "--model", "my-adapter")
        assert result.code == 5
        assert result.err.endswith(
            'error: the model "my-adapter" is not served here\n'
            "the transformers runtime serves one model and merges all adapters into it: omit --model\n"
        )

    def test_its_own_name_is_accepted(self, chat_with):
        assert chat_with(Transformers(), "Say OK\n", "--model", "phi-4-mini-instruct").out == "OK\n"

    def test_an_error_in_a_stream_is_a_string(self, chat_with):
        model = Transformers()
        model.reply(["half", {"error": "CUDA out of memory"}])
        result = chat_with(model, ASK)
        assert (result.code, result.out) == (5, "half\n")
        assert result.err.endswith("error: the model failed: CUDA out of memory\n")

    def test_reasoning(self, chat_with):
        model = Transformers()
        model.reply([Reasoning("hm"), "OK"])
        (record,) = json.loads(chat_with(model, ASK, "-o", "json").out)
        assert (record["reasoning"], record["response"]) == ("hm", "OK")


class TestRefusals:
    def test_an_api_key_of_the_model_s_server(self, chat_with):
        """It is not the API server's 401, which has exit code 3."""
        model = Model(api_key="s3cret")
        result = chat_with(model, ASK)
        assert result.code == 5
        assert result.err.endswith(
            "error: the model's server wants an API key of its own (401 Unauthorized), which this program does not "
            "send\nremove api-key from the workspace's inference_config.yaml, or VLLM_API_KEY from its pod\n"
        )
        assert paths(model) == ["/v1/chat/completions"]

    def test_a_base_model(self, chat_with):
        model = Model("mistral-7b-v0.3", chat_template=False)
        result = chat_with(model, ASK)
        assert result.code == 5
        assert result.err.endswith(
            "error: the model cannot chat: it is a base model, which goes on with a text and has no chat template\n"
            "choose a preset that is made for chat: its name mostly ends in -instruct\n"
        )
        assert paths(model) == ["/v1/chat/completions"]


class TestWindow:
    """A first question of 1,530 tokens to vLLM 0.25.1 with a window of 2,048."""

    QUESTION = "word " * 1522

    @pytest.mark.parametrize(
        "tokenize",
        [
            pytest.param(None, id="tokens are counted"),
            pytest.param(Refusal(404, {"detail": "Not Found"}), id="not found"),
            pytest.param(Refusal(403, {"detail": "Forbidden"}), id="forbidden"),
        ],
    )
    def test_takes_two_requests(self, chat_with, tokenize):
        model = Model(strict_window=True)
        model.always("word " * 600, done=True)
        model.on("/tokenize", tokenize)
        result = chat_with(model, self.QUESTION, "--stats")
        assert result.code == 0
        assert paths(model) == ["/v1/chat/completions"] * 2
        prompt = model.count(model.chats[-1].json["messages"])
        assert prompt == 1530
        assert f"[{2048 - prompt} tokens, " in result.err
        assert result.err.endswith("note: the answer was cut off by the model's context window of 2048 tokens\n")

    def test_the_rate_guard_does_not_end_the_counting(self, chat_with):
        """It covers /tokenize, too: each question asks once more, and goes by the usage of the answer before."""
        model = Model(strict_window=True)
        model.always("word " * 100)
        model.on("/tokenize", Refusal(429, {"error": {"message": "Too many requests", "code": "rate_limit_exceeded"}}))
        result = chat_with(model, "\n".join(f"{number} " + "word " * 300 for number in range(8)))
        assert result.code == 0
        assert (paths(model).count("/tokenize"), len(model.chats)) == (7, 8)
