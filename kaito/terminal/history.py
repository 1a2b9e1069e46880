"""The messages typed in earlier sessions, for the arrow keys: a private file with one entry per line.

An entry is a JSON string, because a message may have several lines. Sessions that run at the same time append to the
same file under a lock. The file is cut to its last entries when a session begins.

History is a convenience, so nothing here waits long: a file that another process keeps locked is left alone, and so is
a FIFO, a device, or anything else that is not a regular file.
"""

from __future__ import annotations

import json
import os
import time

from kaito.regular_file import open_regular
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO

ENTRIES = 1000

# Characters of the longest entry: nobody looks for a pasted log with the arrow keys.
_LONGEST = 64 * 1024

# Bytes at the end of the file that are read: as many entries of that length as are kept.
_LARGEST = ENTRIES * _LONGEST

# Seconds that a locked file is waited for, between the tries and in all. Sessions hold the lock for milliseconds.
_PAUSE, _PATIENCE = 0.01, 0.25


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
        with open(file, "rb", buffering=0, opener=open_regular) as source:
            raw = _last_lines(source)
            too_long = len(raw) > ENTRIES or os.fstat(source.fileno()).st_size > _LARGEST
    except OSError:
        return []
    if too_long:
        _cut(file)
    return [entry for entry in map(_entry, raw[-ENTRIES:]) if entry]


def append(file: str, entry: str) -> None:
    """Add an entry. If it cannot be written, the chat goes on without it."""
    if len(entry) > _LONGEST:
        return
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        with open(file, "ab", buffering=0, opener=open_regular) as target:
            _lock(target.fileno())
            target.write(line)
    except OSError:
        pass


def _last_lines(source: FileIO) -> list[bytes]:
    """Return the last lines of a file, of all of it unless it is very large."""
    before = max(0, os.fstat(source.fileno()).st_size - _LARGEST)
    source.seek(before)
    lines = source.read(_LARGEST).splitlines(keepends=True)
    return lines[1:] if before else lines


def _lock(descriptor: int) -> None:
    """Lock the file until it is closed; do nothing on a system without such locks (Windows).

    Raises OSError if another process keeps it locked.
    """
    try:
        import fcntl
    except ImportError:
        return
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() >= end:
                raise
        time.sleep(_PAUSE)


def _cut(file: str) -> None:
    """Remove all but the last entries, in place, so that a session that waits for the lock adds to the same file."""
    try:
        with open(file, "r+b", buffering=0, opener=open_regular) as lines:
            _lock(lines.fileno())
            kept = b"".join(_last_lines(lines)[-ENTRIES:])
            lines.seek(0)
            lines.write(kept)
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
