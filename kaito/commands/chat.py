"""`kubectl kaito chat`: flags → a session, in a terminal or in a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kaito.chat.parameters import PARAMETERS
from kaito.commands.kubectl_flags import WORKSPACE_NAME, connect, required_name
from kaito.errors import UsageError
from kaito.flags import (
    DURATION,
    PATTERNS,
    SWITCH,
    TEXT,
    TEXTS,
    Flag,
    Values,
    choice,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kaito.chat.json_output import JsonOutput
    from kaito.chat.script_input import Question
    from kaito.chat.session import Session
    from kaito.kube.api_server import ApiServer
    from kaito.terminal.console import Console
    from kaito.workspaces.endpoint import Found

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
    WORKSPACE_NAME,
    *PARAMETERS,
    Flag("message", TEXTS, (), "Ask this and exit; may be repeated, for the turns of one chat", short="m", many=True),
    Flag("file", TEXT, "", "Ask what this file says and exit; - is stdin", short="f"),
    Flag("output", choice("text", "json", "jsonl"), "text", "Output format: text, json or jsonl", short="o"),
    Flag("quiet", SWITCH, False, "No banner and no notices; errors stay", short="q", bare="true"),
    Flag("expect", PATTERNS, (), "Fail with 6 unless each answer matches; may be repeated", many=True),
    Flag("seed", whole_number(-(2**63)), 0, "Seed of the sampling, for answers that repeat"),
    Flag("stop", TEXTS, (), "Text that ends the answer; may be repeated", many=True),
    Flag("timeout", DURATION, 0.0, "How long the whole run may take, 0 for ever"),
    Flag("system-prompt", TEXT, "", "What the model is told before the conversation"),
    Flag("no-reasoning", SWITCH, False, "Do not show what a reasoning model thinks", bare="true"),
    Flag("stats", SWITCH, False, "Show tokens and times after each answer", bare="true"),
    Flag("no-history", SWITCH, False, "Do not keep what is typed for the next session", bare="true"),
    Flag("color", choice("auto", "always", "never"), "auto", "When to use colours: auto, always or never"),
    Flag("model", TEXT, "", "Which of the served models to ask, a LoRA adapter for one (default the base model)"),
    Flag(
        "via",
        choice("auto", "cluster", "loadbalancer", "proxy"),
        "auto",
        "Way to the model: auto, cluster, loadbalancer or proxy",
    ),
    Flag("wait", DURATION, 0.0, "Wait until the workspace can answer (30m when no duration is given)", bare="30m"),
    Flag("retry-timeout", DURATION, 60.0, "How long to keep asking a busy model again", shown="1m"),
)


def run(values: Values) -> int:
    """Holds the chat and returns the exit code. Raises KaitoError."""
    from kaito.timelimit import limit

    if values.text("output") == "text":
        with limit(values.real("timeout")):
            return _run(values, None)

    from kaito.chat.json_output import JsonOutput

    # Around the limit, so that a run that it ends at once leaves valid JSON as well.
    with JsonOutput(array=values.text("output") == "json") as output, limit(values.real("timeout")):
        return _run(values, output)


def _run(values: Values, output: JsonOutput | None) -> int:
    name = required_name(values, "chat")
    asked = not values.given.isdisjoint(("message", "file"))
    if values.given.issuperset(("message", "file")):
        raise UsageError("--message and --file exclude each other", "for a file below a message: -m TEXT < FILE")

    from kaito.chat.conversation import Conversation
    from kaito.chat.session import Destination, Session
    from kaito.model.client import ChatModel, Sampling
    from kaito.terminal.console import Console, wants_colour
    from kaito.terminal.streams import Streams
    from kaito.workspaces.readiness import explained

    console = Console(
        Streams.of_process(),
        colour=wants_colour(values.text("color"), os.environ),
        quiet=values.switch("quiet"),
        stdout_is_data=output is not None,
    )
    batch = asked or not console.interactive
    if not batch and (output or values.texts("expect")):
        raise UsageError("--output and --expect need a question", "ask with -m TEXT, -f FILE, or pipe lines in")
    # Read before anything is connected to: what is wrong with them need not wait for a workspace.
    questions = _questions(values, console) if batch else ()
    api = connect(values)
    found = _find(values, api, name)
    found = found._replace(model=values.text("model") or found.model)
    model = ChatModel(
        found.endpoint.link,
        model=values.text("model"),
        preset=found.workspace.model,
        idle_seconds=values.real("request-timeout") or None,
        retry_seconds=values.real("retry-timeout"),
        notice=console.notice,
    )
    session = Session(
        Destination(api.target, found, lambda error: explained(error, api, found.workspace)),
        model,
        Sampling(
            values.real("temperature"),
            values.integer("max-tokens"),
            values.real("top-p"),
            values.integer("seed") if "seed" in values.given else None,
            values.texts("stop"),
        ),
        Conversation(system=values.text("system-prompt")),
        notice=console.notice,
        max_tokens_chosen="max-tokens" in values.given,
        # As text it is shown, or not even that, and never asked for again.
        keeps_reasoning=output is not None,
    )
    console.notice(f"Connected to workspace: {name} (model: {found.model or 'not known yet'})")
    if found.note:
        console.notice(found.note)
    if batch:
        from kaito.chat.batch import run

        run(session, console, questions, output, values.texts("expect"), stats=values.switch("stats"))
    else:
        _hold(session, console, values)
    return 0


def _questions(values: Values, console: Console) -> Iterable[Question]:
    from kaito.chat import script_input as questions

    if "message" in values.given:
        return questions.from_flags(values.texts("message"), console.notice)
    return questions.from_file(values.text("file")) if "file" in values.given else questions.from_lines()


def _hold(session: Session, console: Console, values: Values) -> None:
    """The chat on a terminal."""
    from kaito.chat import repl
    from kaito.chat.completion import candidates
    from kaito.terminal import history
    from kaito.terminal.keyboard import Keyboard

    file = "" if values.switch("no-history") else history.path(os.environ)
    keyboard = Keyboard(console, file, lambda line: candidates(line, session))
    console.notice("Type /help for commands or /quit to exit.")
    console.notice()
    display = repl.Display(reasoning=not values.switch("no-reasoning"), stats=values.switch("stats"))
    repl.run(session, console, keyboard, display)


def _find(values: Values, api: ApiServer, name: str) -> Found:
    """The endpoint, waited for with --wait. Raises KaitoError."""
    namespace, via = api.target.namespace, values.text("via")
    if "wait" not in values.given:
        from kaito.workspaces.endpoint import find

        return find(api, name, namespace, os.environ, via)

    from kaito.terminal.progress import Progress
    from kaito.workspaces.wait import wait

    with Progress(shown=not values.switch("quiet")) as progress:
        return wait(api, name, namespace, os.environ, via, values.real("wait"), progress.update)
