"""What Tab offers: commands, and their arguments."""

from __future__ import annotations

import os

from kaito.chat import parameters
from kaito.chat.session import Session
from kaito.chat.slash import COMMANDS
from kaito.errors import KaitoError


def candidates(line: str, session: Session) -> list[str]:
    """What the last word of `line`, typed so far, may become; each whole, with what stands before the word left out.

    Nothing is offered in a message. The server is asked at most once, for its models.
    """
    command, space, argument = line.lstrip().partition(" ")
    if not command.startswith("/"):
        return []
    if not space:
        matching = [one for one in COMMANDS if f"/{one.name}".startswith(command)]
        return [f"/{one.name}" + (" " if one.arguments else "") for one in matching]
    kind = next((one.completes for one in COMMANDS if f"/{one.name}" == command), "")
    if kind == "parameters":
        names = [] if " " in argument else list(parameters.PARAMETERS)
        return [f"{name} " for name in names if name.startswith(argument.replace("_", "-"))]
    if kind == "models":
        return [name for name in _models(session) if name.startswith(argument)]
    return _files(argument) if kind == "files" else []


def _models(session: Session) -> list[str]:
    try:
        return [model.id for model in session.models()]
    except KaitoError:
        return []


def _files(typed: str) -> list[str]:
    folder, name = os.path.split(typed)
    found = []
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for entry in entries:
                if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
                    found.append(os.path.join(folder, entry.name) + ("/" if entry.is_dir() else ""))
    except OSError:
        return []
    return sorted(found)
