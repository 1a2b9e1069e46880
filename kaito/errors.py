"""The errors that reach a user.

Each has one line that says what failed and why and, where there is something to do about it, a second line that says
what to do next. `cli.main` prints them as `error: …` and exits with `exit_code`. Neither line holds a secret.
"""

from __future__ import annotations

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class KaitoError(Exception):
    """A failure that is reported to the user; each kind below has its own exit code.

    `message`: one line, without "error: " at its start and without a full stop at its end. `hint`: what to do next,
    or "". `details`: lines that are printed between message and hint, for example a table of conditions.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class UsageError(KaitoError):
    """The command line, or a command in a pipe, is not valid, or no question was asked."""

    exit_code = 2


class ClusterError(KaitoError):
    """The API server cannot be found, reached or trusted, or it refuses the user."""

    exit_code = 3


class UnreachableError(ClusterError):
    """The API server cannot be reached, but the same request may succeed later."""


class WorkspaceError(KaitoError):
    """The workspace does not exist, is not ready, or serves no model."""

    exit_code = 4


class NotReadyError(WorkspaceError):
    """The workspace cannot answer yet, but may become ready by itself.

    `progress`: how far it has come, for a choice between several: the larger, the further.
    """

    progress = 0


class ExpectationError(KaitoError):
    """An answer does not match a pattern of `--expect`."""

    exit_code = 6


class InferenceError(KaitoError):
    """The model's server refused the request, broke off its answer, sent an empty one, or took too long."""

    exit_code = 5


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, raised when the cursor is already at the beginning of a line."""


def os_reason(error: OSError | ValueError) -> str:
    """Return the system's reason in lower case and without the file's name, for the end of an error message.

    A ValueError is accepted because open() raises one for a file name that holds a NUL.
    """
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
