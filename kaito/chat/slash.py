"""The commands of a chat: one table, from which `/help` is made.

A command is a slash and letters, alone or before a space; the documented ones count without the slash too
when they are the whole line. Everything else is a message, `/etc/hosts is empty` for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kaito.chat.session import Session
from kaito.chat.terminal import Console
from kaito.errors import UsageError

_COMMAND = re.compile(r"/([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)


class Call(NamedTuple):
    """A line that calls a command; the name may be no command's."""

    name: str
    argument: str


class Command(NamedTuple):
    """One command. `run` returns whether the chat goes on. `bare`: works without the slash too."""

    name: str
    help: str
    run: Callable[[Session, Console], bool]
    bare: bool = False


def parse(line: str) -> Call | None:
    """The command that a typed or piped line calls; None: the line is a message."""
    line = line.strip()
    if any(command.bare and line == command.name for command in COMMANDS):
        return Call(line, "")
    match = _COMMAND.fullmatch(line)
    return Call(match[1], (match[2] or "").strip()) if match else None


def run(call: Call, session: Session, console: Console) -> bool:
    """Runs a command and returns whether the chat goes on. Raises UsageError for what is no command."""
    for command in COMMANDS:
        if command.name == call.name:
            if call.argument:
                raise UsageError(f"/{call.name} takes no argument")
            return command.run(session, console)
    import difflib

    near = difflib.get_close_matches(call.name.lower(), [command.name for command in COMMANDS], 1)
    hint = f"did you mean /{near[0]}?" if near else "type /help for the commands"
    raise UsageError(f"unknown command /{call.name}", hint)


def _help(session: Session, console: Console) -> bool:
    console.say("Commands:")
    for command in COMMANDS:
        console.say(f"  /{command.name:<8} {command.help}")
    console.say("The slash may be left out. Ctrl-C stops an answer, Ctrl-D leaves.")
    return True


def _status(session: Session, console: Console) -> bool:
    target, found, sampling = session.target, session.found, session.sampling
    turns = len(session.conversation.turns)
    how = found.endpoint.kind + ("" if found.endpoint.encrypted else ", unencrypted")
    rows = (
        ("Workspace", found.workspace.name),
        ("Namespace", found.workspace.namespace),
        ("Context", target.context or "none"),
        ("Cluster", target.cluster.server),
        ("Model", session.served or "not known yet"),
        ("Endpoint", f"{found.endpoint.url} ({how})"),
        *(("Not taken", f"{attempt.url} ({attempt.kind}): {attempt.why}") for attempt in found.tried),
        ("Temperature", sampling.temperature),
        ("Max tokens", sampling.max_tokens),
        ("Top-p", sampling.top_p),
        ("Conversation", f"{turns} turn{'' if turns == 1 else 's'}"),
    )
    for name, value in rows:
        console.say(f"{name + ':':<14}{value}")
    return True


def _clear(session: Session, console: Console) -> bool:
    session.clear()
    console.say("Conversation cleared.")
    return True


def _leave(session: Session, console: Console) -> bool:
    return False


COMMANDS = (
    Command("help", "Show available commands", _help, bare=True),
    Command("status", "Show current configuration", _status, bare=True),
    Command("clear", "Clear the conversation history", _clear, bare=True),
    Command("quit", "Exit the chat session", _leave, bare=True),
    Command("exit", "Exit the chat session", _leave, bare=True),
)
