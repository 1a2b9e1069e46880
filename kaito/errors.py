"""The errors that reach a user.

Each is one line (what failed and why) and, where one is known, a second line that says what to do next.
`cli.main` prints them as `error: …` and exits with `exit_code`. Nothing secret goes into either line.
"""

from __future__ import annotations

from collections.abc import Sequence


class KaitoError(Exception):
    """Something that the user must be told; the kinds below differ by their exit code.

    `message`: one line, no "error: " before it, no full stop behind it. `hint`: what to do next, or "".
    `details`: lines that stand between the two, a table of conditions for one.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class UsageError(KaitoError):
    """The command line, or a command in a pipe, is not one; or nothing was asked."""

    exit_code = 2


class ClusterError(KaitoError):
    """The API server cannot be found, reached or trusted, or refuses the user."""

    exit_code = 3


class UnreachableError(ClusterError):
    """The API server cannot be reached now, and may be later without anybody's doing."""


class WorkspaceError(KaitoError):
    """The workspace is missing, not ready, or serves nothing."""

    exit_code = 4


class NotReadyError(WorkspaceError):
    """The workspace cannot answer now, and may later without anybody's doing."""


class ExpectationError(KaitoError):
    """An answer does not match what `--expect` asks of it."""

    exit_code = 6


class InferenceError(KaitoError):
    """The model's server refused, broke off, said nothing, or took too long."""

    exit_code = 5


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after which the terminal already stands at the beginning of a line."""


def os_reason(error: OSError | ValueError) -> str:
    """Return why the system refused, in lower case and without the file's name, for the end of a message.

    open() raises ValueError for a NUL in a file's name.
    """
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
