"""`kubectl kaito chat`: flags → a session, in a terminal or in a pipe."""

from __future__ import annotations

import os

from kaito.chat.parameters import PARAMETERS, RENDER
from kaito.commands.kubectl_flags import WORKSPACE_NAME, connect, optional_name, read_kubectl_flags
from kaito.errors import KaitoError, UsageError
from kaito.flags import (
    DURATION,
    PATTERNS,
    SWITCH,
    TEXT,
    TEXTS,
    Flag,
    choice,
    whole_number,
)
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.ways import ANY_WAY, VIA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kaito.chat.json_output import JsonOutput
    from kaito.chat.script_input import Question
    from kaito.chat.session import Session
    from kaito.commands.kubectl_flags import KubectlOptions
    from kaito.errors import NotReadyError
    from kaito.flags import (
        Values,
    )
    from kaito.kube.api_server import ApiServer
    from kaito.model.client import Sampling
    from kaito.terminal.console import Console
    from kaito.timelimit import TimeLimit
    from kaito.workspaces.endpoint import Found
    from kaito.workspaces.phase import Phase
    from kaito.workspaces.reference import Reference
    from kaito.workspaces.replicas import Replica

FLAGS: tuple[Flag, ...] = (
    WORKSPACE_NAME,
    *PARAMETERS,
    Flag("message", TEXTS, (), "Ask this and exit; repeat it for more turns", short="m", many=True),
    Flag("file", TEXT, "", "Ask this file's text and exit; - is stdin", short="f"),
    Flag("output", choice("text", "json", "jsonl"), "text", "Format: text, json or jsonl", short="o"),
    Flag("quiet", SWITCH, False, "Show no banner and no notices, only errors", short="q", bare="true"),
    Flag("expect", PATTERNS, (), "Exit with 6 unless each answer matches", many=True),
    Flag("seed", whole_number(-(2**63)), 0, "Sampling seed, for reproducible answers"),
    Flag("stop", TEXTS, (), "Text that ends the answer; may be repeated", many=True),
    Flag("timeout", DURATION, 0.0, "Time limit of the whole run; 0 means none"),
    Flag("system-prompt", TEXT, "", "Instructions to the model, sent first"),
    Flag("no-reasoning", SWITCH, False, "Do not show what a reasoning model thinks", bare="true"),
    Flag("stats", SWITCH, False, "Show tokens and times after each answer", bare="true"),
    Flag("no-history", SWITCH, False, "Keep no history of the typed lines", bare="true"),
    Flag("color", choice("auto", "always", "never"), "auto", "Colour: auto, always or never"),
    RENDER,
    Flag("model", TEXT, "", "Model to ask (default the base model)"),
    Flag(
        "via",
        choice(*VIA),
        ANY_WAY,
        f"Way to the model: {', '.join(VIA[:-1])} or {VIA[-1]}",
    ),
    Flag("wait", DURATION, 0.0, "Wait until it can answer, by default 30m", bare="30m"),
    Flag("retry-timeout", DURATION, 60.0, "How long to retry a busy model", shown="1m"),
)


class ChatOptions(NamedTuple):
    """What the flags of `chat` say, except for --output and --timeout. Times are in seconds.

    `workspace`: its name is "" if none is given. `messages`, `file`: the questions that the flags ask; without either,
    they come from a terminal or a pipe. `model`: "" for the one that the workspace serves. `wait`: how long to wait for
    the workspace; None means not to wait. `max_tokens_chosen`: --max-tokens was given.
    """

    workspace: Reference
    kubectl: KubectlOptions
    sampling: Sampling
    max_tokens_chosen: bool
    messages: tuple[str, ...]
    file: str | None
    expected: tuple[str, ...]
    quiet: bool
    system_prompt: str
    reasoning: bool
    stats: bool
    history: bool
    color: str
    render: str
    model: str
    via: str
    wait: float | None
    retry_timeout: float


class Chat:
    """The verb `chat`."""

    name = "chat"
    summary = "Chat with the model that a workspace serves"
    usage = "chat --workspace-name NAME [flags]"
    description = (
        "Start an interactive chat session with the model that a KAITO workspace serves.\n"
        "Without --workspace-name, a terminal offers the workspaces of the namespace.\n"
        "In a pipe, each line of stdin is one message; stdout receives only the answers.\n"
        "Commands in a chat: /help /status /clear /model /params /set /system /retry\n"
        "/undo /history /raw /save /load /quit /exit"
    )
    # Without empty lines between them, so that all of the help fits a screen of 50 lines.
    examples = (
        "  # Start an interactive chat session\n"
        "  kubectl kaito chat --workspace-name phi-3-5-mini\n"
        "  # Configure inference parameters\n"
        "  kubectl kaito chat --workspace-name llama --temperature 0.5 --max-tokens 512\n"
        "  # Ask one question from a script\n"
        '  echo "Say OK" | kubectl kaito chat --workspace-name phi-3-5-mini -n models'
    )
    flags = FLAGS

    def run(self, values: Values) -> int:
        """Hold the chat and return the exit code. Raises KaitoError."""
        from kaito.timelimit import TimeLimit

        if values.text("output") == "text":
            with TimeLimit(values.real("timeout")) as limit:
                hold_chat(read_options(values), None, limit)
            return 0

        from kaito.chat.json_output import JsonOutput

        # The output is the outer context, so that stdout is valid JSON even if a wrong flag or the time limit ends the
        # run.
        with JsonOutput(array=values.text("output") == "json") as output, TimeLimit(values.real("timeout")) as limit:
            hold_chat(read_options(values), output, limit)
        return 0


def read_options(values: Values) -> ChatOptions:
    """Turn the flags into options. Raises UsageError."""
    from kaito.workspaces.reference import Reference

    wanted = optional_name(values, "chat")
    if values.given.issuperset(("message", "file")):
        raise UsageError(
            "--message and --file exclude each other", "to add the text of a file to a message: -m TEXT < FILE"
        )
    return ChatOptions(
        workspace=wanted or Reference(""),
        kubectl=read_kubectl_flags(values),
        sampling=_read_sampling(values),
        max_tokens_chosen="max-tokens" in values.given,
        messages=values.texts("message"),
        file=values.text("file") if "file" in values.given else None,
        expected=values.texts("expect"),
        quiet=values.switch("quiet"),
        system_prompt=values.text("system-prompt"),
        reasoning=not values.switch("no-reasoning"),
        stats=values.switch("stats"),
        history=not values.switch("no-history"),
        color=values.text("color"),
        render=values.text("render"),
        model=values.text("model"),
        via=values.text("via"),
        wait=values.real("wait") if "wait" in values.given else None,
        retry_timeout=values.real("retry-timeout"),
    )


def _read_sampling(values: Values) -> Sampling:
    from kaito.model.client import Sampling

    return Sampling(
        values.real("temperature"),
        values.integer("max-tokens"),
        values.real("top-p"),
        values.integer("seed") if "seed" in values.given else None,
        values.texts("stop"),
    )


def hold_chat(options: ChatOptions, output: JsonOutput | None, limit: TimeLimit) -> None:
    """Hold the chat: a batch if the flags or a pipe ask the questions, a session if a person does. Raises KaitoError.

    `output`: the writer of the answers as JSON; None means text. `limit`: is told what it ends.
    """
    console = _console(options, output)
    batch = bool(options.messages) or options.file is not None or not console.interactive
    if not batch and (output or options.expected):
        raise UsageError("--output and --expect need a question", "ask with -m TEXT, -f FILE, or pipe lines in")
    if batch and not options.workspace.name:
        from kaito.commands.choose import name_is_missing

        raise name_is_missing(options.kubectl)
    if batch:
        # While the cluster is asked. A session does so while the person types.
        console.prepare()
    # Read before connecting, so that an error in the questions is reported at once.
    limit.doing = lambda: "reading the questions"
    questions = _questions(options, console) if batch else ()
    limit.doing = lambda: "connecting"
    api = connect(options.kubectl)
    if not options.workspace.name:
        from kaito.commands.choose import choose

        options = options._replace(workspace=choose(api, console))
    found = _find(options, api, limit, console, batch=batch)
    found = found._replace(model=options.model or found.model)
    # Reasoning as text is shown, or not even that, and never asked for again.
    session = _session(options, console, api, found, keeps_reasoning=output is not None)
    limit.doing = lambda: _doing(session)
    if options.model:
        _check_model(options.model, session, console, batch=batch)
    console.notice(f"Connected to workspace: {options.workspace.name} (model: {found.model or 'not known yet'})")
    if found.note:
        console.notice(found.note)
    if batch:
        from kaito.chat.batch import run

        run(session, console, questions, output, options.expected, stats=options.stats)
    else:
        _converse(options, console, session)


def _doing(session: Session) -> str:
    """Return what the chat was doing when --timeout ended it."""
    if session.last.answered or not session.last.text:
        return "between two questions" if session.last.text else "reading the first question"
    return "receiving the answer" if session.partial_answer().content else "waiting for the answer"


def _check_model(name: str, session: Session, console: Console, *, batch: bool) -> None:
    """Say that a --model is not served, where the server's list may be read; a script ends. Raises InferenceError."""
    try:
        models = session.model.models()
    except KaitoError:
        # The first question will show it.
        return
    ids = [model.id for model in models]
    # A list without windows is the transformers runtime's, which refuses the question at once and in better words.
    if name in ids or (batch and not any(model.max_model_len for model in models)):
        return
    from kaito.model.refusals import not_served

    missing = not_served(name, ids, "")
    if missing and batch:
        raise missing
    if missing:
        console.notice(f"note: {missing.message}; {missing.hint}")


def _console(options: ChatOptions, output: JsonOutput | None) -> Console:
    from kaito.terminal.console import Console, Look, wants_colour
    from kaito.terminal.streams import Streams

    return Console(
        Streams.of_process(),
        Look(
            colour=wants_colour(options.color, os.environ),
            raw=options.render == "raw",
            dumb=os.environ.get("TERM", "dumb") == "dumb",
        ),
        quiet=options.quiet,
        stdout_is_data=output is not None,
    )


def _questions(options: ChatOptions, console: Console) -> Iterable[Question]:
    """Return the questions of a batch: those of the flags, or else the lines of stdin. Raises UsageError."""
    from kaito.chat import script_input as questions

    if options.messages:
        return questions.from_flags(options.messages, console.notice)
    return questions.from_file(options.file) if options.file is not None else questions.from_lines()


def _find(options: ChatOptions, api: ApiServer, limit: TimeLimit, console: Console, *, batch: bool) -> Found:
    """Find the way to the model; with --wait, wait until the workspace can answer. Raises KaitoError."""
    wanted, namespace, via = options.workspace, api.target.namespace, options.via
    if options.wait is None:
        from kaito.workspaces.endpoint import find

        return find(api, wanted, namespace, os.environ, via)

    from kaito.chat.answer_view import WAITING
    from kaito.terminal.progress import Progress
    from kaito.workspaces.wait import Aim, wait

    progress = Progress(shown=not options.quiet)
    limit.doing = lambda: f"waiting for {progress.text or wanted.name}"

    def show(now: Phase) -> None:
        # On a terminal, the question has a line of its own.
        if not console.update_wait(f"{now.name}: {now.words}"):
            progress.update(f"{now.name}: {now.why}", now.figures, now.done)

    # Where only the question can show whether the model answers, the wait goes on into it.
    with progress:
        aim = Aim(wanted, namespace, os.environ, via, options.wait, before_prompt=not batch)
        return wait(api, aim, show, lambda: console.update_wait(WAITING))


def _session(options: ChatOptions, console: Console, api: ApiServer, found: Found, *, keeps_reasoning: bool) -> Session:
    from kaito.chat.conversation import Conversation
    from kaito.chat.session import Destination, Session
    from kaito.model.client import ChatModel

    def explain(error: NotReadyError) -> KaitoError:
        from kaito.workspaces.probe import explained

        return explained(error, api, session.destination.found.workspace, found.endpoint.link)

    def move(replica: Replica, why: str) -> None:
        why = why.partition(" (")[0]
        session.destination = session.destination._replace(found=session.destination.found.at(replica))
        console.notice(f"note: the workspace asked so far does not answer ({why}); {replica.name} does from now on")

    model = ChatModel(
        found.endpoint.link,
        model=options.model,
        preset=found.workspace.model,
        idle_seconds=options.kubectl.request_timeout or None,
        retry_seconds=options.retry_timeout,
        notice=console.notice,
    )
    session = Session(
        Destination(api.target, found, explain),
        model,
        options.sampling,
        Conversation(system=options.system_prompt),
        notice=console.notice,
        max_tokens_chosen=options.max_tokens_chosen,
        keeps_reasoning=keeps_reasoning,
    )
    if found.replicas:
        found.replicas.moved = move
    return session


def _converse(options: ChatOptions, console: Console, session: Session) -> None:
    """Hold the chat in the terminal until the person ends it."""
    from kaito.chat import repl
    from kaito.chat.completion import candidates
    from kaito.terminal import history
    from kaito.terminal.keyboard import Keyboard

    file = history.path(os.environ) if options.history else ""
    keyboard = Keyboard(console, file, lambda line: candidates(line, session))
    console.notice("Type /help for commands or /quit to exit.")
    console.notice()
    repl.run(session, console, keyboard, repl.Display(reasoning=options.reasoning, stats=options.stats))
