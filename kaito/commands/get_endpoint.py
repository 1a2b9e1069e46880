"""`kubectl kaito get-endpoint`: the URL at which a model answers, for other programs."""

from __future__ import annotations

import os

from kaito.commands.kubectl_flags import WORKSPACE_NAME, connect, read_kubectl_flags, required_name
from kaito.errors import UsageError
from kaito.flags import Flag, choice
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kaito.commands.kubectl_flags import KubectlOptions
    from kaito.flags import Values
    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.reference import Reference

FLAGS: tuple[Flag, ...] = (
    WORKSPACE_NAME,
    Flag("output", choice("url", "json"), "url", "Output format: url or json", short="o"),
    Flag("format", choice("url", "json"), "url", "The same as --output"),
)


class EndpointOptions(NamedTuple):
    """What the flags of `get-endpoint` say."""

    workspace: Reference
    as_json: bool
    kubectl: KubectlOptions


class GetEndpoint:
    """The verb `get-endpoint`."""

    name = "get-endpoint"
    summary = "Print where a workspace's model answers"
    usage = "get-endpoint --workspace-name NAME [flags]"
    description = (
        "Print the base URL at which a workspace's model answers (append\n"
        "/v1/chat/completions): the one that a chat would use, or with -o json all.\n"
        "The APIProxy requires kubectl's credentials, the others require none.\n"
        "For an InferenceSet, they are those of one of its ready workspaces."
    )
    examples = (
        "  # The URL that a chat would use\n"
        "  kubectl kaito get-endpoint --workspace-name my-llama\n"
        "\n"
        "  # All of them, with their types\n"
        "  kubectl kaito get-endpoint --workspace-name my-llama -o json"
    )
    flags = FLAGS

    def run(self, values: Values) -> int:
        """Print the endpoint, or all of them as JSON, and return the exit code. Raises KaitoError."""
        from kaito.terminal.streams import print_text

        options = read_options(values)
        api = connect(options.kubectl)
        print_text((_document(options, api) if options.as_json else _best_url(options, api)) + "\n")
        return 0


def read_options(values: Values) -> EndpointOptions:
    """Turn the flags into options. Raises UsageError."""
    forms = {values.text(name) for name in ("output", "format") if name in values.given}
    if len(forms) > 1:
        raise UsageError("--output and --format are the same flag, but their values differ")
    return EndpointOptions(
        workspace=required_name(values, "get-endpoint"),
        as_json=forms == {"json"},
        kubectl=read_kubectl_flags(values),
    )


def _best_url(options: EndpointOptions, api: ApiServer) -> str:
    """Return the URL that a chat would use. Raises KaitoError."""
    from kaito.workspaces.endpoint import find

    return find(api, options.workspace, api.target.namespace, os.environ).endpoint.url


def _document(options: EndpointOptions, api: ApiServer) -> str:
    """Return every way to the model, as a JSON object. Raises KaitoError."""
    import json

    from kaito.workspaces.endpoint import all_urls, find

    found = find(api, options.workspace, api.target.namespace, os.environ)
    endpoints = [
        {"url": url, "type": way.name, "access": way.access, "description": way.description}
        for way, url in all_urls(found, api.target.cluster.server)
    ]
    document = {"workspace": options.workspace.name, "namespace": api.target.namespace, "endpoints": endpoints}
    return json.dumps(document, indent=2)
