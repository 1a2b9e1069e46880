"""What the client needs of a way to the model's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kaito.errors import KaitoError
    from kaito.net.request import Request
    from kaito.net.response import Response


class Link(Protocol):
    """A way to the model's server."""

    def request(self, request: Request) -> Response:
        """Send a request whose path is that of the model's server ("/v1/…").

        Raises KaitoError when the way itself is closed, TransportError when the answer breaks or stays out.
        """

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """What an answer of 400 or above means when it is the way's own; None: the model's server said it."""

    def is_transient(self, status: int, body: bytes) -> bool:
        """Whether an answer of 429 or 503 may be another one soon."""

    def close(self) -> None:
        """Closes the connection; a later request opens a new one."""
