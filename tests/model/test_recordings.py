"""Every recording of a real API server and a real vLLM, byte for byte, through the whole program.

The bytes replace one answer of the stand-in cluster, which gives all the others itself.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import pytest

from tests.cluster import CLOSE, Raw, data, service, workspace

WORKSPACES = "/apis/kaito.sh/v1beta1/namespaces/default/workspaces"
SERVICES = "/api/v1/namespaces/default/services"
PHI = "phi-3-5-mini"
CHAT = f"{SERVICES}/{PHI}:80/proxy/v1/chat/completions"

FRENCH = (
    "Je m'aime en Français, German, and in Japanese, it's a pleasure to meet you. I'm here to help you navigate the "
    "world of language and culture. What brings you"
)
DRAGON = (
    "Once upon a time, there was a dragon named Zorath. Zorath was a magnificent creature with scales that shone like "
    "the sun and a tail that could move mountains. He was a fierce and powerful dragon, with a heart full of fire and "
    "a tail that could slay a lion.\n\nZorath was a king of a kingdom, and he ruled over a kingdom of dragons. He was "
    "a wise and powerful king, and he loved his dragons dearly. He loved his dragons dearly and he loved his dragons "
    "dearly. He loved his dragons dearly and he loved his dragons dearly.\n\nOne day, a king of a kingdom was about to"
)
CUT_SHORT = "note: the answer was cut off by the model's context window\n"


class Replay(NamedTuple):
    """The path whose answer a recording replaces, and the outcome. `err`: the beginning of stderr after the banner."""

    path: str
    code: int
    out: str = ""
    err: str = ""
    argv: tuple[str, ...] = ()
    name: str = PHI


REFUSED = f'error: workspace "{PHI}" does not answer yet: '

REPLAYS = {
    "chat-stream": Replay(CHAT, 0, FRENCH + "\n", CUT_SHORT),
    "chat-nonstream": Replay(CHAT, 0, "Hello! I'sure I'm not\n", CUT_SHORT),
    "chat-stream-model-killed": Replay(CHAT, 5, DRAGON + "\n", "error: the model's answer is cut off\n"),
    "chat-400-context": Replay(
        CHAT,
        5,
        err="error: --max-tokens 99999 is more than the model's context window of 2048 tokens\n",
        argv=("--max-tokens", "99999"),
    ),
    "chat-400-prompt-too-long": Replay(
        CHAT,
        5,
        err="error: the message is too long: at least 2049 tokens with the model's template, and its context window "
        "holds 2048\nshorten it by at least 2 tokens\n",
    ),
    "chat-400-temperature": Replay(
        CHAT,
        5,
        err="error: the model's server answers 400 Bad Request: temperature must be non-negative, got -3.0. "
        "(parameter=temperature, value=-3.0)\nthis server does not accept that value of --temperature\n",
    ),
    "chat-404-model": Replay(
        CHAT,
        5,
        err='error: the model "nope" is not served here\n--model takes one of: phi-3.5-mini-instruct\n',
        argv=("--model", "nope"),
    ),
    "models": Replay(
        f"{SERVICES}/{PHI}:80/proxy/v1/models",
        5,
        err='error: the model "nope" is not served here\n--model takes one of: phi-3.5-mini-instruct\n',
        argv=("--model", "nope"),
    ),
    # The same refusal again and again, though each request is smaller, is the end.
    "vllm-0.27-400-window-both": Replay(
        CHAT,
        5,
        err="error: the model's server answers 400 Bad Request: This model's maximum context length is 2048 tokens. "
        "However, you requested 1024 output tokens and your prompt contains at least 1025 input tokens, for a total of "
        "at least 2049 tokens. ",
    ),
    "vllm-0.27-400-window-prompt": Replay(
        CHAT, 5, err="error: the model's server answers 400 Bad Request: This model's maximum context length is 2048 "
    ),
    "vllm-0.27-400-window-reply": Replay(
        CHAT,
        5,
        err="error: --max-tokens 9000 is more than the model's context window of 2048 tokens\n",
        argv=("--max-tokens", "9000"),
    ),
    "vllm-0.27-401-chat": Replay(
        CHAT, 5, err="error: the model's server wants an API key of its own (401 Unauthorized)"
    ),
    "vllm-0.27-401-models": Replay(
        f"{SERVICES}/{PHI}:80/proxy/v1/models",
        5,
        err="error: the model's server answers 404 Not Found: The model `nope` does not exist. ",
        argv=("--model", "nope"),
    ),
    "vllm-0.27-404-model": Replay(
        CHAT,
        5,
        err='error: the model "nope" is not served here\n--model takes one of: phi-3.5-mini-instruct\n',
        argv=("--model", "nope"),
    ),
    # Not an answer of a chat: it shows an answer without a body and a content type.
    "health": Replay(
        CHAT, 5, err="error: the model's server sent something without a type instead of an event stream: \n"
    ),
    # An API server that refuses a user does so on every path. On this one alone, the model has forged the answer: see
    # end_to_end/test_credentials.py.
    "proxy-401": Replay("/", 3, err="error: https://"),
    "proxy-403-rbac": Replay(
        CHAT,
        3,
        err='error: services "phi-3-5-mini:80" is forbidden: User "dev" cannot get resource "services/proxy" in API '
        'group "" in the namespace "default"\n'
        "check with: kubectl auth can-i get services --subresource=proxy -n default\n",
    ),
    "proxy-404-no-endpoints-object": Replay(
        CHAT, 4, err=f'{REFUSED}its Service is missing or has no endpoints (services "empty" not found)\n'
    ),
    "proxy-503-no-endpoints": Replay(
        CHAT, 4, err=f'{REFUSED}no pod of it is running (no endpoints available for service "empty")\n'
    ),
    "proxy-503-no-port": Replay(
        CHAT, 4, err=f'{REFUSED}its Service has no such port (no service port 8080 found for service "empty")\n'
    ),
    "proxy-refused": Replay(
        CHAT, 4, err=f"{REFUSED}its pod is there, but the model is not being served (error trying to reach service: "
    ),
    "workspace": Replay(f"{WORKSPACES}/{PHI}", 0, "OK\n"),
    "workspace-lb-adapter": Replay(f"{WORKSPACES}/lb", 0, "OK\n", name="lb"),
    "workspace-pending": Replay(
        f"{WORKSPACES}/pending", 4, err='error: workspace "pending" is not ready: ', name="pending"
    ),
    "workspace-404": Replay(
        f"{WORKSPACES}/nope", 4, err='error: workspace "nope" not found in namespace "default"\n', name="nope"
    ),
    "workspace-list": Replay(
        "/apis/kaito.sh/v1beta1/workspaces",
        4,
        err='error: workspace "pendin" not found in namespace "default"\nworkspaces here: pending',
        name="pendin",
    ),
    "crd-version-missing-404": Replay(f"{WORKSPACES}/{PHI}", 0, "OK\n"),
    "service-clusterip": Replay(f"{SERVICES}/{PHI}", 0, "OK\n"),
    # Nothing listens at its address. That it is tried is tested in end_to_end/test_ways.py.
    "service-loadbalancer": Replay(f"{SERVICES}/lb", 0, "OK\n", name="lb", argv=("--via", "proxy")),
    "service-404": Replay(f"{SERVICES}/{PHI}", 4, err=f'error: workspace "{PHI}" is not ready: '),
}


def test_every_recording_is_replayed():
    files = os.listdir(data("recordings"))
    # Those of KAITO's pre-download server are a phase of a start, not answers of a model.
    assert {name.rpartition(".")[0] for name in files if not name.startswith("pre-download")} == set(REPLAYS)


@pytest.mark.parametrize("name", REPLAYS)
def test_replay(cluster, run_kaito, name):
    replay = REPLAYS[name]
    cluster.add(workspace("lb"), service("lb"))
    with open(data(f"recordings/{name}.http"), "rb") as file:
        answer = Raw(file.read(), CLOSE)
    # A Service's path is a prefix of its proxy's path, which is requested next.
    cluster.on(replay.path, answer, times=1 if name.startswith("service") else None)
    flags = ("--workspace-name", replay.name, "--retry-timeout=0", *replay.argv)
    result = run_kaito("chat", *flags, stdin="Say OK\n")
    assert (result.code, result.out) == (replay.code, replay.out)
    assert "Traceback" not in result.err
    shown = result.err
    if shown.startswith("Connected"):
        _, _, shown = shown.partition("\n")
    assert shown.startswith(replay.err) if replay.err else shown == ""
