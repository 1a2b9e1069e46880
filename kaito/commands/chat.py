"""`kubectl kaito chat`: flags → a session, in a terminal or in a pipe."""

from __future__ import annotations

from kaito.errors import UsageError
from kaito.flags import DURATION, TEXT, Flag, Values, number, whole_number

SUMMARY = "Chat with the model that a workspace serves"
USAGE = "chat --workspace-name NAME [flags]"
DESCRIPTION = """\
Start an interactive chat session with the model that a KAITO workspace serves.
The endpoint is found and kubectl's credentials are used without any set-up.
In a pipe, each line of stdin is one message and stdout gets the answers alone."""
EXAMPLES = """\
  # Start an interactive chat session
  kubectl kaito chat --workspace-name phi-3.5-mini-instruct

  # Configure inference parameters
  kubectl kaito chat --workspace-name my-llama --temperature 0.5 --max-tokens 512

  # Ask one question from a script
  echo "Say OK" | kubectl kaito chat --workspace-name my-llama -n models"""

FLAGS = (
    Flag("workspace-name", TEXT, "", "Name of the workspace (required)"),
    Flag("temperature", number(0.0, 2.0), 0.7, "Temperature for response generation (0.0-2.0)"),
    Flag("max-tokens", whole_number(1), 1024, "Maximum tokens in response"),
    Flag("top-p", number(0.0, 1.0), 0.9, "Top-p (nucleus sampling) parameter (0.0-1.0)"),
    Flag("model", TEXT, "", "Which of the served models to ask, a LoRA adapter for one (default the base model)"),
    Flag("retry-timeout", DURATION, 60.0, "How long to keep asking a busy model again", shown="1m"),
)


def run(values: Values) -> int:
    """Holds the chat and returns the exit code. Raises KaitoError."""
    name = values.text("workspace-name")
    if values.arguments:
        raise UsageError(
            f'chat takes no arguments, but was given "{values.arguments[0]}"',
            "see: kubectl kaito chat --help" if name else f"did you mean --workspace-name {values.arguments[0]}?",
        )
    if not name:
        raise UsageError("--workspace-name is missing", "list the workspaces: kubectl get workspaces")

    from kaito.chat.session import Session
    from kaito.chat.terminal import Console
    from kaito.commands.cluster import connect
    from kaito.endpoint import find
    from kaito.openai import ChatModel, Sampling

    console = Console()
    api = connect(values)
    found = find(api, name, api.target.namespace)
    model = ChatModel(
        found.endpoint.link,
        model=values.text("model"),
        idle_seconds=values.real("request-timeout") or None,
        retry_seconds=values.real("retry-timeout"),
        notice=console.notice,
    )
    session = Session(
        api.target,
        found,
        model,
        Sampling(values.real("temperature"), values.integer("max-tokens"), values.real("top-p")),
        notice=console.notice,
        max_tokens_chosen="max-tokens" in values.given,
    )
    shown = values.text("model") or found.workspace.model or "custom"
    console.say(f"Connected to workspace: {name} (model: {shown})")
    if console.interactive:
        from kaito.chat import repl

        console.say("Type /help for commands or /quit to exit.")
        console.say()
        repl.run(session, console)
    else:
        from kaito.chat import batch

        batch.run(session, console)
    return 0
