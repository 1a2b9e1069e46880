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

# What to do about an answer that ended early.
AGAIN = "the model may have been restarted, or a proxy on the way ended the answer: ask again"

WORKSPACE_PATH = f"/apis/kaito.sh/v1beta1/namespaces/default/workspaces/{NAME}"
SERVICE_PATH = f"/api/v1/namespaces/default/services/{NAME}"
CHAT_PATH = f"{SERVICE_PATH}:80/proxy/v1/chat/completions"

UNMEASURED = pytest.mark.skipif(
    "COVERAGE_PROCESS_START" in os.environ, reason="minds what coverage imports, opens and does at the end"
)


def user(content):
    """A message of the user's, as a request carries it."""
    return {"role": "user", "content": content}


def assistant(content):
    """A message of the model's, as a request carries it."""
    return {"role": "assistant", "content": content}
