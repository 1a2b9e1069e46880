"""What the client requires of a way to the model's server."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kaito.errors import KaitoError
    from kaito.net.request import Request
    from kaito.net.response import Response


class Link(Protocol):
    """A way to the model's server."""

    def request(self, request: Request) -> Response:
        """Send a request whose path is relative to the model's server ("/v1/…"), and return the head of the answer.

        Raises KaitoError if the way itself fails, TransportError if the answer breaks off or does not arrive.
        """

    def refusal(self, status: int, body: bytes) -> KaitoError | None:
        """Return what an error answer (400 or above) means if the way sent it, None if the model's server did."""

    def is_transient(self, status: int, body: bytes) -> bool:
        """Return whether a request that was answered with this 429 or 503 may succeed soon."""

    def move_on(self, why: str) -> bool:
        """Turn to another server of the same model, because of `why`. Return whether there is one."""

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
