"""The commands of a chat: one table, from which `/help` and completion are made.

A command is a slash and letters, alone or before a space. The documented ones also work without the slash when they
are the whole line. Everything else is a message, for example `/etc/hosts is empty`.
"""

from __future__ import annotations

from kaito.chat import parameters
from kaito.chat.conversation import count_of_turns
from kaito.errors import UsageError
from kaito.lazy_re import pattern
from kaito.text import nearest
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.chat.session import Session
    from kaito.terminal.console import Console

_COMMAND = pattern(r"(?s)/([A-Za-z]+)(?:\s+(.*))?")


class Call(NamedTuple):
    """A line that calls a command; the name may be unknown."""

    name: str
    argument: str


class Outcome(NamedTuple):
    """What follows a line: the end of the chat, a question to ask, or, with neither, the next line."""

    leave: bool = False
    question: str = ""


class Command(NamedTuple):
    """One command. `arguments`: as help shows them, "" for none, in brackets if they may be left out.

    `run` raises KaitoError. `bare`: it works without the slash too. `completes`: what Tab offers for the argument.
    """

    name: str
    arguments: str
    help: str
    run: Callable[[Session, Console, str], Outcome]
    bare: bool = False
    completes: str = ""


def parse(line: str) -> Call | None:
    """Return the command that a typed or piped line calls; None if the line is a message."""
    line = line.strip()
    if any(command.bare and line == command.name for command in COMMANDS):
        return Call(line, "")
    if not line.startswith("/"):
        return None
    match = _COMMAND.fullmatch(line)
    return Call(match[1], (match[2] or "").strip()) if match else None


def take(line: str, session: Session, console: Console) -> Outcome:
    """Return what follows a line, after running it if it is a command. Raises KaitoError."""
    call = parse(line)
    return Outcome(question=line) if call is None else _run(call, session, console)


def _run(call: Call, session: Session, console: Console) -> Outcome:
    """Run a command. Raises UsageError for an unknown one or a wrong argument, KaitoError for a failure."""
    for command in COMMANDS:
        if command.name == call.name:
            if call.argument and not command.arguments:
                raise UsageError(f"/{call.name} takes no argument")
            if command.arguments and not command.arguments.startswith("[") and not call.argument:
                raise UsageError(f"/{call.name} needs an argument", f"usage: /{call.name} {command.arguments}")
            return command.run(session, console, call.argument)
    near = nearest(call.name.lower(), (command.name for command in COMMANDS))
    hint = f"did you mean /{near[0]}?" if near else "type /help for the commands"
    raise UsageError(f"unknown command /{call.name}", hint)


def _help(session: Session, console: Console, argument: str) -> Outcome:
    console.say("Commands:")
    shown = [(f"/{command.name} {command.arguments}".rstrip(), command.help) for command in COMMANDS]
    width = max(len(head) for head, _ in shown)
    for head, text in shown:
        console.say(f"  {head:<{width}}  {text}", hang=width + 4)
    bare = [command.name for command in COMMANDS if command.bare]
    console.say(f"The slash may be left out of {', '.join(bare[:-1])} and {bare[-1]}.")
    console.say('A line that begins with """ opens a block of lines, which """ closes; a \\ at the end continues.')
    console.say("Ctrl-C stops an answer, Ctrl-D leaves.")
    return Outcome()


def _status(session: Session, console: Console, argument: str) -> Outcome:
    from kaito.chat.report import rows

    for name, value in rows(session):
        console.say(f"{name + ':':<15}{value}", hang=15)
    return Outcome()


def _clear(session: Session, console: Console, argument: str) -> Outcome:
    session.go_on_from(session.conversation.clear())
    console.say("Conversation cleared.")
    return Outcome()


def _leave(session: Session, console: Console, argument: str) -> Outcome:
    return Outcome(leave=True)


def _model(session: Session, console: Console, argument: str) -> Outcome:
    served = [model.id for model in session.model.models()]
    if not argument:
        current = session.model.id
        # If none was chosen, the first one answers: the base model, whose id may differ from its preset's name, and in
        # the answers of the transformers runtime, which serves only one, from what it lists.
        only = len(served) == 1
        if current not in served and (only or current in ("", session.destination.found.workspace.model)):
            current = "".join(served[:1])
        for name in served:
            console.say(f"{'*' if name == current else ' '} {name}")
        return Outcome()
    if argument not in served:
        raise UsageError(f'the model "{argument}" is not served here', "models here: " + ", ".join(served))
    session.model.choose(argument)
    console.say(f"Model: {argument}")
    return Outcome()


def _params(session: Session, console: Console, argument: str) -> Outcome:
    for name, value in parameters.rows(session.sampling):
        console.say(f"{name:<12}{value}")
    return Outcome()


def _set(session: Session, console: Console, argument: str) -> Outcome:
    name, *words = argument.split(None, 1)
    name, text = parameters.flag_name(name), "".join(words)
    if name not in parameters.SETTABLE:
        raise UsageError(f'there is no parameter "{name}"', "parameters: " + ", ".join(parameters.SETTABLE))
    try:
        if name == parameters.RENDER.name:
            console.look = console.look._replace(raw=parameters.RENDER.kind.read(text) == "raw")
            console.say(f"{name}: {text}")
            return Outcome()
        session.set_sampling(parameters.with_value(session.sampling, name, text))
    except ValueError as wanted:
        refused = f'invalid value "{text}" for {name}' if text else f"{name} needs a value"
        raise UsageError(f"{refused}: it takes {wanted}") from None
    console.say(f"{name}: {dict(parameters.rows(session.sampling))[name]}")
    return Outcome()


def _system(session: Session, console: Console, argument: str) -> Outcome:
    if argument:
        session.set_system_prompt("" if argument == "none" else argument)
    console.say(f"System prompt: {session.conversation.system or 'none'}")
    return Outcome()


def _retry(session: Session, console: Console, argument: str) -> Outcome:
    if not session.last.text:
        raise UsageError("there is nothing to ask again")
    session.take_back()
    return Outcome(question=session.last.text)


def _undo(session: Session, console: Console, argument: str) -> Outcome:
    if not session.conversation.turns:
        raise UsageError("there is nothing to forget")
    question = session.conversation.turns[-1].question
    session.go_on_from(session.conversation.undo())
    console.say(f"Forgotten: {_first_line(question)}")
    return Outcome()


def _history(session: Session, console: Console, argument: str) -> Outcome:
    conversation = session.conversation
    if conversation.system:
        console.say(f"System prompt: {conversation.system}")
    if not conversation.turns:
        console.say("Nothing has been said yet.")
    for place, turn in enumerate(conversation.turns):
        if place:
            console.say()
        console.say(f"> {turn.question}")
        console.recall(turn.answer)
        if turn.cut_off:
            console.aside("[stopped]")
    return Outcome()


def _raw(session: Session, console: Console, argument: str) -> Outcome:
    if not session.answer:
        raise UsageError("there is no answer yet")
    console.as_it_came(session.answer.content)
    return Outcome()


def _save(session: Session, console: Console, argument: str) -> Outcome:
    from kaito.chat import saved

    name, conversation = saved.unquoted(argument), session.conversation
    workspace = session.destination.found.workspace.name
    replaced = saved.save(name, conversation, workspace=workspace, model=session.model.id)
    console.say(f"{'Replaced' if replaced else 'Saved to'} {name} ({count_of_turns(conversation)}).")
    return Outcome()


def _load(session: Session, console: Console, argument: str) -> Outcome:
    from kaito.chat import saved

    name = saved.unquoted(argument)
    session.go_on_from(saved.load(name))
    console.say(f"Loaded {name} ({count_of_turns(session.conversation)}).")
    return Outcome()


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 60 and line == text.strip() else line[:60] + "…"


_SETTABLE = f"{', '.join(parameters.SETTABLE[:-1])} or {parameters.SETTABLE[-1]}"

COMMANDS = (
    Command("help", "", "Show available commands", _help, bare=True),
    Command("status", "", "Show current configuration", _status, bare=True),
    Command("clear", "", "Clear the conversation history", _clear, bare=True),
    Command("model", "[NAME]", "List the served models, or switch to one", _model, completes="models"),
    Command("params", "", "Show the parameters", _params),
    Command("set", "NAME VALUE", f"Set {_SETTABLE}", _set, completes="parameters"),
    Command("system", "[TEXT|none]", "Show, set or drop the system prompt", _system),
    Command("retry", "", "Ask the last question again", _retry),
    Command("undo", "", "Forget the last turn", _undo),
    Command("history", "", "Show the conversation", _history),
    Command("raw", "", "Print the last answer as it came", _raw),
    Command("save", "FILE", "Save the conversation as JSON", _save, completes="files"),
    Command("load", "FILE", "Go on with a saved conversation", _load, completes="files"),
    Command("quit", "", "Exit the chat session", _leave, bare=True),
    Command("exit", "", "Exit the chat session", _leave, bare=True),
)
