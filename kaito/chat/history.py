"""The messages typed in earlier sessions, for the arrow keys: a private file, an entry a line.

An entry is written as a JSON string, since a message may have several lines. Two sessions at once append to the
same file; it is cut to its last entries when a session begins.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

ENTRIES = 1000

# A pasted log is a message, not something to find again on the arrow keys.
_LONGEST = 64 * 1024


def path(environ: Mapping[str, str]) -> str:
    """Where the entries are kept (XDG base directory specification, state), or "" without a home."""
    folder = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(folder):
        home = environ.get("HOME", "")
        if not os.path.isabs(home):
            return ""
        folder = os.path.join(home, ".local", "state")
    return os.path.join(folder, "kubectl-kaito", "history")


def load(file: str) -> list[str]:
    """The last ENTRIES entries, oldest first; what is no entry is left out. A file that grew too long is cut."""
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            raw = lines.readlines()
    except OSError:
        return []
    entries = [entry for entry in map(_read, raw[-ENTRIES:]) if entry]
    if len(raw) > ENTRIES:
        _replace(file, raw[-ENTRIES:])
    return entries


def append(file: str, entry: str) -> None:
    """Adds an entry. History is a convenience: where it cannot be written, the chat goes on without."""
    if len(entry) > _LONGEST:
        return
    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        return
    with open(descriptor, "wb") as lines:
        try:
            lines.write(_line(entry))
        except OSError:
            pass


def _replace(file: str, raw: list[str]) -> None:
    temporary = f"{file}.{os.getpid()}"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as lines:
            lines.writelines(raw)
        os.replace(temporary, file)
    except OSError:
        pass


def _line(entry: str) -> bytes:
    return (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _read(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    return entry if isinstance(entry, str) else ""
