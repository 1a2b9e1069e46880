"""The program as a user starts it, on the stand-in cluster over HTTPS.

Set KAITO_PROGRAM to a zipapp to test that instead of this checkout.
"""

from __future__ import annotations

import os

import pytest

NAME = "phi-3-5-mini"
CHAT = ("chat", "--workspace-name", NAME)
CONNECTED = f"Connected to workspace: {NAME} (model: phi-3.5-mini-instruct)\n"
BANNER = f"{CONNECTED}Type /help for commands or /quit to exit.\n\n> "

# What a pipe is told at its second message.
EACH_LINE = "note: each line of stdin is a message of its own; to send all of it as one: -f -\n"

# The hint for an answer that ended early.
AGAIN = "the model may have been restarted, or a proxy on the way ended the answer: ask again"

WORKSPACE_PATH = f"/apis/kaito.sh/v1beta1/namespaces/default/workspaces/{NAME}"
SERVICE_PATH = f"/api/v1/namespaces/default/services/{NAME}"
CHAT_PATH = f"{SERVICE_PATH}:80/proxy/v1/chat/completions"

NEEDS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
UNMEASURED = pytest.mark.skipif(
    "COVERAGE_PROCESS_START" in os.environ, reason="coverage imports and opens files, and works at the program's end"
)


def user(content):
    """Return a message of the user as a request carries it."""
    return {"role": "user", "content": content}


def assistant(content):
    """Return a message of the model as a request carries it."""
    return {"role": "assistant", "content": content}


def conversation(cluster):
    """Return the messages of the last request for a completion."""
    return cluster.model.chats[-1].json["messages"]


def questions(cluster):
    """Return the last message of each request for a completion: the questions that reached the model."""
    return [request.json["messages"][-1]["content"] for request in cluster.model.chats]
