"""The commands of a chat: one table, from which `/help` and completion are made.

A command is a slash and letters, alone or before a space; the documented ones count without the slash too when
they are the whole line. Everything else is a message, `/etc/hosts is empty` for one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

from kaito.chat import conversation as conversations
from kaito.chat import parameters
from kaito.chat.session import Session
from kaito.errors import KaitoError, UsageError
from kaito.lazy_re import pattern
from kaito.terminal.console import Console

_COMMAND = pattern(r"/([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)


class Call(NamedTuple):
    """A line that calls a command; the name may be no command's."""

    name: str
    argument: str


class Outcome(NamedTuple):
    """What a command leads to: the chat's end, a question to ask, or, with neither, the next line."""

    leave: bool = False
    question: str = ""


class Command(NamedTuple):
    """One command. `arguments`: as help shows them, "" for none, in brackets when they may be left out.

    `run` raises KaitoError. `bare`: works without the slash too. `completes`: what Tab offers for the argument.
    """

    name: str
    arguments: str
    help: str
    run: Callable[[Session, Console, str], Outcome]
    bare: bool = False
    completes: str = ""


def parse(line: str) -> Call | None:
    """The command that a typed or piped line calls; None: the line is a message."""
    line = line.strip()
    if any(command.bare and line == command.name for command in COMMANDS):
        return Call(line, "")
    match = _COMMAND.fullmatch(line)
    return Call(match[1], (match[2] or "").strip()) if match else None


def run(call: Call, session: Session, console: Console) -> Outcome:
    """Runs a command. Raises UsageError for what is no command or lacks or refuses its argument, KaitoError."""
    for command in COMMANDS:
        if command.name == call.name:
            if call.argument and not command.arguments:
                raise UsageError(f"/{call.name} takes no argument")
            if command.arguments and not command.arguments.startswith("[") and not call.argument:
                raise UsageError(f"/{call.name} needs an argument", f"usage: /{call.name} {command.arguments}")
            return command.run(session, console, call.argument)
    import difflib

    near = difflib.get_close_matches(call.name.lower(), [command.name for command in COMMANDS], 1)
    hint = f"did you mean /{near[0]}?" if near else "type /help for the commands"
    raise UsageError(f"unknown command /{call.name}", hint)


def _help(session: Session, console: Console, argument: str) -> Outcome:
    console.say("Commands:")
    shown = [(f"/{command.name} {command.arguments}".rstrip(), command.help) for command in COMMANDS]
    width = max(len(head) for head, _ in shown)
    for head, text in shown:
        console.say(f"  {head:<{width}}  {text}")
    bare = [command.name for command in COMMANDS if command.bare]
    console.say(f"The slash may be left out of {', '.join(bare[:-1])} and {bare[-1]}.")
    console.say('A line that begins with """ opens a block of lines, which """ closes; a \\ at the end continues.')
    console.say("Ctrl-C stops an answer, Ctrl-D leaves.")
    return Outcome()


def _status(session: Session, console: Console, argument: str) -> Outcome:
    from kaito.chat.report import rows

    for name, value in rows(session):
        console.say(f"{name + ':':<15}{value}")
    return Outcome()


def _clear(session: Session, console: Console, argument: str) -> Outcome:
    session.converse(session.conversation.clear())
    console.say("Conversation cleared.")
    return Outcome()


def _leave(session: Session, console: Console, argument: str) -> Outcome:
    return Outcome(leave=True)


def _model(session: Session, console: Console, argument: str) -> Outcome:
    served = [model.id for model in session.models()]
    if not argument:
        current = session.served
        # Where none was chosen, the first one answers: the base model, by what may not be its preset's name.
        if current not in served and current in ("", session.found.workspace.model):
            current = "".join(served[:1])
        for name in served:
            console.say(f"{'*' if name == current else ' '} {name}")
        return Outcome()
    if argument not in served:
        raise UsageError(f'the model "{argument}" is not served here', "there is: " + ", ".join(served))
    session.choose_model(argument)
    console.say(f"Model: {argument}")
    return Outcome()


def _params(session: Session, console: Console, argument: str) -> Outcome:
    for name, value in parameters.rows(session.sampling):
        console.say(f"{name:<12}{value}")
    return Outcome()


def _set(session: Session, console: Console, argument: str) -> Outcome:
    name, *words = argument.split(None, 1)
    name, text = name.replace("_", "-"), "".join(words)
    if name not in parameters.PARAMETERS:
        raise UsageError(f'there is no parameter "{name}"', "there is: " + ", ".join(parameters.PARAMETERS))
    try:
        session.set_sampling(parameters.change(session.sampling, name, text))
    except ValueError as wanted:
        given = f'"{text}" is no value for {name}' if text else f"{name} needs a value"
        raise UsageError(f"{given}: it takes {wanted}") from None
    console.say(f"{name}: {dict(parameters.rows(session.sampling))[name]}")
    return Outcome()


def _system(session: Session, console: Console, argument: str) -> Outcome:
    if argument:
        session.instruct("" if argument == "none" else argument)
    console.say(f"System prompt: {session.conversation.system or 'none'}")
    return Outcome()


def _retry(session: Session, console: Console, argument: str) -> Outcome:
    if not session.question:
        raise UsageError("there is nothing to ask again")
    session.take_back()
    return Outcome(question=session.question)


def _undo(session: Session, console: Console, argument: str) -> Outcome:
    if not session.conversation.turns:
        raise UsageError("there is nothing to forget")
    question = session.conversation.turns[-1].question
    session.converse(session.conversation.undo())
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
        console.say(turn.answer)
        if turn.cut_off:
            console.aside("[stopped]")
    return Outcome()


def _save(session: Session, console: Console, argument: str) -> Outcome:
    argument = _unquoted(argument)
    if "\0" in argument:
        raise UsageError("a file's name cannot hold a NUL character")
    path = os.path.realpath(os.path.expanduser(argument))
    text = conversations.dump(session.conversation, workspace=session.found.workspace.name, model=session.served)
    replaces = os.path.lexists(path)
    if replaces and not _holds_conversation(path):
        raise UsageError(f"{argument} exists and holds no conversation, so it is left alone", "choose another name")
    try:
        _write(path, text)
    except OSError as error:
        raise KaitoError(f"cannot write {argument}: {error.strerror}") from None
    console.say(f"{'Replaced' if replaces else 'Saved to'} {argument} ({_turns(session)}).")
    return Outcome()


def _write(path: str, text: str) -> None:
    """Writes a file whole or not at all; what was in it stays until then. Raises OSError."""
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "x", encoding="utf-8", errors="replace") as file:
            file.write(text)
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _load(session: Session, console: Console, argument: str) -> Outcome:
    argument = _unquoted(argument)
    try:
        loaded = conversations.load(_read(os.path.expanduser(argument)))
    except OSError as error:
        raise KaitoError(f"cannot read {argument}: {error.strerror}") from None
    except ValueError as error:
        raise KaitoError(f"{argument} is no conversation: {error}") from None
    session.converse(loaded)
    console.say(f"Loaded {argument} ({_turns(session)}).")
    return Outcome()


def _unquoted(name: str) -> str:
    """A file's name without the pair of quotes around all of it, as a shell would want one with spaces."""
    inside = name[1:-1]
    return inside if inside and name[0] == name[-1] and name[0] in "\"'" and name[0] not in inside else name


def _holds_conversation(path: str) -> bool:
    try:
        conversations.load(_read(path))
    except (OSError, ValueError):
        return False
    return True


def _read(path: str) -> str:
    """A file's text. Raises OSError, and ValueError where it is no text, or a device that might never end."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError("it is no file")
    with open(path, encoding="utf-8") as file:
        try:
            return file.read()
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8") from None


def _turns(session: Session) -> str:
    count = len(session.conversation.turns)
    return f"{count} turn{'' if count == 1 else 's'}"


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 60 and line == text.strip() else line[:60] + "…"


COMMANDS = (
    Command("help", "", "Show available commands", _help, bare=True),
    Command("status", "", "Show current configuration", _status, bare=True),
    Command("clear", "", "Clear the conversation history", _clear, bare=True),
    Command("model", "[NAME]", "List the served models, or switch to one", _model, completes="models"),
    Command("params", "", "Show the parameters", _params),
    Command("set", "NAME VALUE", "Set temperature, max-tokens or top-p", _set, completes="parameters"),
    Command("system", "[TEXT|none]", "Show, set or drop the system prompt", _system),
    Command("retry", "", "Ask the last question again", _retry),
    Command("undo", "", "Forget the last turn", _undo),
    Command("history", "", "Show the conversation", _history),
    Command("save", "FILE", "Save the conversation as JSON", _save, completes="files"),
    Command("load", "FILE", "Go on with a saved conversation", _load, completes="files"),
    Command("quit", "", "Exit the chat session", _leave, bare=True),
    Command("exit", "", "Exit the chat session", _leave, bare=True),
)
