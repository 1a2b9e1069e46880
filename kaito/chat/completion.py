"""What Tab offers in a chat: commands, and their arguments.

readline itself writes the candidates to the terminal, so a name is left out if the terminal would obey any of its
characters, and a model's id, which a server chose, also if it cannot be typed.
"""

from __future__ import annotations

import os

from kaito.chat import parameters
from kaito.chat.slash import COMMANDS
from kaito.errors import KaitoError
from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.chat.session import Session

# Controls (C0, DEL, C1, and C1 as a byte that is not UTF-8) and bidirectional overrides and isolates.
_OBEYED = pattern("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udc9f]")

# Characters of the longest model id that is offered.
_LONGEST = 256


def candidates(line: str, session: Session) -> list[str]:
    """Return the whole lines that `line`, typed so far, may become.

    In a message, Tab is a tab. The server is asked for its models once, if at all.
    """
    if not line.startswith("/"):
        return [f"{line}\t"]
    name, space, argument = line.partition(" ")
    if not space:
        matching = [command for command in COMMANDS if f"/{command.name}".startswith(name)]
        return [f"/{command.name}" + (" " if command.arguments else "") for command in matching]
    kind = next((command.completes for command in COMMANDS if f"/{command.name}" == name), "")
    return [f"{name} {whole}" for whole in _arguments(kind, argument, session)]


def _arguments(kind: str, typed: str, session: Session) -> list[str]:
    if kind == "parameters":
        return [f"{name} " for name in parameters.SETTABLE if name.startswith(parameters.flag_name(typed))]
    if kind == "models":
        return [name for name in _models(session) if name.startswith(typed)]
    return _files(typed) if kind == "files" else []


def _models(session: Session) -> list[str]:
    try:
        return [model.id for model in session.model.models() if _is_typable(model.id)]
    except KaitoError:
        return []


def _is_typable(name: str) -> bool:
    return len(name) <= _LONGEST and name.isprintable() and name == name.strip()


def _files(typed: str) -> list[str]:
    folder, name = os.path.split(typed)
    found = []
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for entry in entries:
                hidden = entry.name.startswith(".") and not name
                if entry.name.startswith(name) and not hidden and not _OBEYED.search(entry.name):
                    found.append(os.path.join(folder, entry.name) + ("/" if entry.is_dir() else ""))
    except OSError:
        return []
    return sorted(found)
