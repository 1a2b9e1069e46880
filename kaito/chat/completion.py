"""What Tab offers: commands, and their arguments."""

from __future__ import annotations

import os

from kaito.chat import parameters
from kaito.chat.session import Session
from kaito.chat.slash import COMMANDS
from kaito.errors import KaitoError


def candidates(line: str, session: Session) -> list[str]:
    """What `line`, typed so far, may become; each is a whole line.

    In a message Tab is a tab. The server is asked at most once, for its models.
    """
    if not line.startswith("/"):
        return [f"{line}\t"]
    command, space, argument = line.partition(" ")
    if not space:
        matching = [one for one in COMMANDS if f"/{one.name}".startswith(command)]
        return [f"/{one.name}" + (" " if one.arguments else "") for one in matching]
    kind = next((one.completes for one in COMMANDS if f"/{one.name}" == command), "")
    return [f"{command} {whole}" for whole in _arguments(kind, argument, session)]


def _arguments(kind: str, typed: str, session: Session) -> list[str]:
    if kind == "parameters":
        return [f"{name} " for name in parameters.PARAMETERS if name.startswith(typed.replace("_", "-"))]
    if kind == "models":
        return [name for name in _models(session) if name.startswith(typed)]
    return _files(typed) if kind == "files" else []


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
