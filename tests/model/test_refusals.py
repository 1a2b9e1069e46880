"""The words of refusals, as servers of many kinds and ages have put them."""

from __future__ import annotations

import json
import time

import pytest

from kaito.model.errors import WindowExceeded
from kaito.model.refusals import flag_named, is_about_model, page_words, refusal_error, too_large, words

SIZES = [
    pytest.param(
        "This model's maximum context length is 2048 tokens. However, you requested 1024 output tokens and your prompt "
        "contains at least 1025 input tokens, for a total of at least 2049 tokens. Please reduce the length of the "
        "input prompt or the number of requested output tokens. (parameter=input_tokens, value=1025)",
        (2048, 1025, 1024, True),
        id="vLLM 0.25, both",
    ),
    pytest.param(
        "This model's maximum context length is 2048 tokens. However, you requested 1024 output tokens and your prompt "
        "contains 150148 characters (more than 82944 characters, which is the upper bound for 1024 input tokens). "
        "Please reduce the length of the input prompt or the number of requested output tokens. "
        "(parameter=input_text, value=150148)",
        (2048, 1024, 1024, True),
        id="vLLM 0.25, a very long prompt",
    ),
    pytest.param(
        "max_tokens=9000 cannot be greater than max_model_len=max_total_tokens=2048. Please request fewer output "
        "tokens. (parameter=max_tokens, value=9000)",
        (2048, 0, 9000, True),
        id="vLLM 0.25, the reply alone",
    ),
    pytest.param(
        "max_tokens=99999 cannot be greater than max_model_len=2048. Please request fewer output tokens. "
        "(parameter=max_tokens, value=99999)",
        (2048, 0, 99999, True),
        id="vLLM 0.32, the reply alone",
    ),
    pytest.param(
        "This model's maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens, "
        "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. "
        "(parameter=input_tokens, value=2049)",
        (2048, 2049, 0, True),
        id="vLLM 0.32, the prompt alone",
    ),
    pytest.param(
        "This model's maximum context length is 16384 tokens. However, you requested 8192 output tokens and your "
        "prompt contains at least 8193 input tokens, for a total of at least 16385 tokens.",
        (16384, 8193, 8192, True),
        id="vLLM 0.11, both",
    ),
    pytest.param(
        "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context length is 2048 "
        "tokens and your request has 1500 input tokens (1024 > 2048 - 1500).",
        (2048, 1500, 1024, False),
        id="vLLM 0.9",
    ),
    pytest.param(
        "This model's maximum context length is 2048 tokens. However, your request has 2100 input tokens. Please "
        "reduce the length of the input messages.",
        (2048, 2100, 0, False),
        id="vLLM 0.9, the prompt alone",
    ),
    pytest.param(
        "The decoder prompt (length 2100) is longer than the maximum model length of 2048. Make sure that "
        "`max_model_len` is no smaller than the number of text tokens.",
        (2048, 2100, 0, False),
        id="vLLM 0.8",
    ),
    pytest.param(
        "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens (1076 in the messages, "
        "1024 in the completion). Please reduce the length of the messages or completion.",
        (2048, 1076, 1024, False),
        id="vLLM 0.2",
    ),
    pytest.param(
        "This model's maximum context length is 2048 tokens. However, you requested 2300 tokens in the messages. "
        "Please reduce the length of the messages.",
        (2048, 2300, 0, False),
        id="vLLM 0.2, the prompt alone",
    ),
    pytest.param(
        "This model's maximum context length is 4097 tokens. However, your messages resulted in 4100 tokens.",
        (4097, 4100, 0, False),
        id="OpenAI",
    ),
    pytest.param(
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1500 `inputs` tokens and "
        "1024 `max_new_tokens`",
        (2048, 1500, 1024, False),
        id="TGI",
    ),
    pytest.param(
        "the request exceeds the available context size (2048 tokens), try increasing it",
        (2048, 0, 0, False),
        id="llama.cpp",
    ),
    pytest.param("The prompt is too long.", (0, 0, 0, False), id="no numbers"),
    pytest.param("context_length_exceeded", (0, 0, 0, False), id="a code"),
]


@pytest.mark.parametrize(("message", "sizes"), SIZES)
def test_sizes(message, sizes):
    assert too_large(message) == sizes
    assert not is_about_model(message)


@pytest.mark.parametrize(
    "message",
    [
        "temperature must be non-negative, got -3.0. (parameter=temperature, value=-3.0)",
        "top_p must be in (0, 1], got 0.0.",
        "The model `nope` does not exist.",
        "body.model: field required",
        "",
    ],
)
def test_other_refusals_are_not_about_the_size(message):
    assert too_large(message) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"error":{"message":"no","code":400}}', "no", id="OpenAI"),
        pytest.param(b'{"object":"error","message":"no"}', "no", id="older vLLM"),
        pytest.param(b'{"error":"no"}', "no", id="an error that is a string"),
        pytest.param(b'{"detail":"no"}', "no", id="FastAPI"),
        pytest.param(
            b'{"detail":[{"loc":["body","model"],"msg":"field required","type":"x"}]}',
            "body.model: field required",
            id="FastAPI's validation",
        ),
        pytest.param(b'{"detail":[1,"a"]}', '[1, "a"]', id="a list of another kind"),
        pytest.param(b'{"error":{"code":5}}', '{"code": 5}', id="an error without a message"),
        pytest.param(b'{"error":{"message":""}}', "", id="an empty message"),
        pytest.param(b'{"a":1}', '{"a":1}', id="another object"),
        pytest.param(b"plain\n\x1b[31mwords", "plain \ufffd[31mwords", id="text, made harmless"),
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"[" * 100_000, "[" * 119 + "…", id="JSON too deep to read"),
    ],
)
def test_words(body, expected):
    assert words(body, "application/json") == expected


def test_words_of_a_page():
    page = b"<HTML><head><style>p { color: red }</style><title>502</title></head><body>Bad <b>Gateway</b>"
    assert words(page, "text/html; charset=utf-8") == "502 Bad Gateway"
    assert page_words(b"<script>alert(1)</script>") == ""


@pytest.mark.parametrize(
    ("page", "said"),
    [
        pytest.param(b"<!-- a <b>tag</b> in a comment -->Bad Gateway", "Bad Gateway", id="a comment with tags"),
        pytest.param(b"Bad Gateway<!-- <b>and", "Bad Gateway", id="a comment without end"),
        pytest.param(b"Bad Gateway<script>if (a > b)", "Bad Gateway", id="a script without end"),
        pytest.param(b"<style>p > b</style >Bad Gateway<a href=", "Bad Gateway", id="a tag without end"),
        pytest.param(b"1 < 2 and <p>so on", "1 < 2 and so on", id="a sign that begins no tag"),
    ],
)
def test_words_of_an_odd_page(page, said):
    assert page_words(page) == said


@pytest.mark.parametrize(
    "piece", [b"<", b"<a ", b"<!--", b"<!-- <a>", b"<script ", b"<script></script", b"<style></script>", b"</"]
)
def test_a_hostile_page_takes_linear_time(piece):
    started = time.process_time()
    page_words(piece * (64 * 1024 // len(piece)))
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(
    "said",
    [
        "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if "
        "the tokenizer does not define one.",
        "Cannot use chat template functions because tokenizer.chat_template is not set and no template argument was "
        "passed!",
    ],
    ids=["vLLM", "transformers"],
)
@pytest.mark.parametrize("status", [400, 500])
def test_a_base_model(status, said):
    error = refusal_error(status, "Whatever", "", json.dumps({"error": {"message": said}}).encode())
    assert error.message.startswith("the model cannot chat: it is a base model")


@pytest.mark.parametrize(
    ("body", "wants_a_key"),
    [
        (b'{"error":"Unauthorized"}', True),
        (b'{"error":{"message":"no"}}', False),
        (b'{"detail":"Unauthorized"}', False),
        (b"<h1>Log in</h1>", False),
    ],
)
def test_a_401_of_vllm_is_about_its_own_key(body, wants_a_key):
    error = refusal_error(401, "Unauthorized", "text/html", body)
    assert error.message.startswith("the model's server wants an API key of its own") == wants_a_key
    assert "401 Unauthorized" in error.message


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        pytest.param("The model `x` does not exist.", "--model takes the id of a served model", id="the model"),
        pytest.param("Not Found", "it does not offer chat completions", id="the path"),
    ],
)
def test_a_404(said, hint):
    error = refusal_error(404, "Not Found", "application/json", json.dumps({"error": {"message": said}}).encode())
    assert error.hint.startswith(hint)


def test_the_flag_to_blame():
    assert flag_named("top_p must be in (0, 1], got 0.0.") == "--top-p"
    assert flag_named("temperature must be in [0, 2]") == "--temperature"
    assert flag_named("no") == ""


@pytest.mark.parametrize(
    ("status", "body"), [(400, b""), (422, b'{"error":{"message":""}}'), (413, b"no"), (400, b"Bad Request")]
)
def test_a_refusal_without_a_word_may_be_about_the_size(status, body):
    error = refusal_error(status, "Bad Request", "application/json", body)
    assert isinstance(error, WindowExceeded)
    assert (error.window, error.prompt, error.asked) == (0, 0, 0)
