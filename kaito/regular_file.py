"""Regular files, opened at once: a FIFO, a terminal or another device in the place of one keeps nobody waiting."""

from __future__ import annotations

import os
import stat


class NotRegularError(OSError):
    """What is opened is not a regular file."""


def open_regular(path: str, flags: int) -> int:
    """Return a descriptor of a regular file, made private (0600) if `flags` create it; may serve as `open`'s opener.

    Raises NotRegularError, and OSError as os.open does.
    """
    # Without O_NONBLOCK, opening a FIFO waits for its other end. The kind is checked once the file is open, because
    # another one could take its place before.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError("not a regular file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
