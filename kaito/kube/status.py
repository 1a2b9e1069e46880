"""The API server's own words about a failure: a `Status` answer (apimachinery's metav1.Status). Pure."""

from __future__ import annotations

from kaito.errors import ClusterError, UnreachableError
from kaito.json_document import read_object
from kaito.json_fields import count, text
from kaito.text import excerpt
from kaito.values import NamedTuple

_LONGEST_MESSAGE = 500


class Status(NamedTuple):
    """Why a request failed. `code`: the HTTP status; `reason`: one word for programs; `message`: one line."""

    code: int
    reason: str
    message: str


class StatusError(ClusterError):
    """The API server answered a GET with a failure. `status`: which one."""

    def __init__(self, message: str, hint: str, status: Status) -> None:
        super().__init__(message, hint)
        self.status = status


def read_status(body: bytes) -> Status | None:
    """Return the Status in the body of an answer, or None if it holds none, as the answer of a proxied server."""
    try:
        document = read_object(body)
    except ValueError:
        return None
    if document.get("kind") != "Status":
        return None
    return Status(
        count(document, "code"),
        text(document, "reason"),
        excerpt(text(document, "message"), _LONGEST_MESSAGE),
    )


def is_transient(error: ClusterError) -> bool:
    """Return whether the same request may succeed soon: after a failure of the network or of the server itself."""
    if isinstance(error, StatusError):
        return error.status.code == 429 or error.status.code >= 500
    return isinstance(error, UnreachableError)
