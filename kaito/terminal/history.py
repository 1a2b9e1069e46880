"""The messages typed in earlier sessions, for the arrow keys: a private file, an entry a line.

An entry is written as a JSON string, since a message may have several lines. Sessions at once append to the same
file, under a lock; it is cut to its last entries when a session begins.
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
        with open(file, "rb") as lines:
            raw = lines.readlines()
    except OSError:
        return []
    if len(raw) > ENTRIES:
        _cut(file)
    return [entry for entry in map(_read, raw[-ENTRIES:]) if entry]


def append(file: str, entry: str) -> None:
    """Adds an entry. History is a convenience: where it cannot be written, the chat goes on without."""
    if len(entry) > _LONGEST:
        return
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError:
        pass


def _lock(descriptor: int) -> None:
    """Has the file to itself, until it is closed; where the system has no such lock (Windows), without."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def _cut(file: str) -> None:
    """Leaves the last entries. In place, so that a session that waits for the lock adds to the same file."""
    try:
        with open(file, "r+b") as lines:
            _lock(lines.fileno())
            kept = lines.readlines()[-ENTRIES:]
            lines.seek(0)
            lines.writelines(kept)
            lines.truncate()
    except OSError:
        pass


def _read(line: bytes) -> str:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    # JSON can carry what readline cannot take.
    return entry.encode("utf-8", "replace").decode().replace("\0", "") if isinstance(entry, str) else ""
