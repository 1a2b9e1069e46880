"""`kubectl kaito get-endpoint`: where a workspace's model answers, for other programs."""

from __future__ import annotations

import os

from kaito.commands.kubectl_flags import WORKSPACE_NAME, connect, required_name
from kaito.flags import Flag, Values, choice

SUMMARY = "Print where a workspace's model answers"
USAGE = "get-endpoint --workspace-name NAME [flags]"
DESCRIPTION = """\
Print the base URL at which a workspace's model answers OpenAI-compatible requests
(append /v1/chat/completions): the one that a chat would use, or with --format json
all that there are. The APIProxy takes kubectl's credentials, the others take none."""
EXAMPLES = """\
  # The URL that a chat would use
  kubectl kaito get-endpoint --workspace-name my-llama

  # All of them, with what they are
  kubectl kaito get-endpoint --workspace-name my-llama --format json"""

FLAGS = (WORKSPACE_NAME, Flag("format", choice("url", "json"), "url", "Output format: url or json"))


def run(values: Values) -> int:
    """Prints the endpoint and returns the exit code. Raises KaitoError."""
    name = required_name(values, "get-endpoint")

    import json

    from kaito.terminal.streams import print_text
    from kaito.workspaces.endpoint import all_urls, find
    from kaito.workspaces.lookup import look_up

    api = connect(values)
    namespace = api.target.namespace
    if values.text("format") == "url":
        print_text(find(api, name, namespace, os.environ).endpoint.url + "\n")
        return 0
    endpoints = [
        {"url": url, "type": way.name, "access": way.access, "description": way.description}
        for way, url in all_urls(look_up(api, name, namespace), api.target.cluster.server)
    ]
    print_text(json.dumps({"workspace": name, "namespace": namespace, "endpoints": endpoints}, indent=2) + "\n")
    return 0
