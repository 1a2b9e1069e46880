"""The messages typed in earlier sessions, for the arrow keys: a private file with one entry per line.

An entry is a JSON string, because a message may have several lines. Sessions that run at the same time append to the
same file under a lock. The file is cut to its last entries when a session begins.
"""

from __future__ import annotations

import json
import os

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTRIES = 1000

# Characters of the longest entry: nobody looks for a pasted log with the arrow keys.
_LONGEST = 64 * 1024


def path(environ: Mapping[str, str]) -> str:
    """Return the file of the entries (XDG base directory specification, state), or "" without a home folder."""
    folder = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(folder):
        home = environ.get("HOME", "")
        if not os.path.isabs(home):
            return ""
        folder = os.path.join(home, ".local", "state")
    return os.path.join(folder, "kubectl-kaito", "history")


def load(file: str) -> list[str]:
    """Return the last ENTRIES entries, oldest first, without damaged ones, and cut a file that has grown too long."""
    try:
        with open(file, "rb") as lines:
            raw = lines.readlines()
    except OSError:
        return []
    if len(raw) > ENTRIES:
        _cut(file)
    return [entry for entry in map(_entry, raw[-ENTRIES:]) if entry]


def append(file: str, entry: str) -> None:
    """Add an entry. History is a convenience: if it cannot be written, the chat goes on without it."""
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
    """Lock the file until it is closed; do nothing on a system without such locks (Windows)."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def _cut(file: str) -> None:
    """Remove all but the last entries, in place, so that a session that waits for the lock adds to the same file."""
    try:
        with open(file, "r+b") as lines:
            _lock(lines.fileno())
            kept = lines.readlines()[-ENTRIES:]
            lines.seek(0)
            lines.writelines(kept)
            lines.truncate()
    except OSError:
        pass


def _entry(line: bytes) -> str:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    # A JSON string may hold lone surrogates and NUL characters, which readline does not accept.
    return entry.encode("utf-8", "replace").decode().replace("\0", "") if isinstance(entry, str) else ""
