"""A credential for the API server, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kaito.net.tls import Certificate

NEVER = float("inf")

# A credential is replaced this many seconds before it expires, as client-go does with token files and id-tokens.
LEEWAY = 10.0


class Credential(NamedTuple):
    """What a request to the API server carries. `expires`: Unix time, NEVER if the source does not say when."""

    headers: tuple[tuple[str, str], ...]
    certificate: Certificate | None
    expires: float

    def __repr__(self) -> str:
        """Show the names of the headers only: their values are secret."""
        names = ", ".join(name for name, _ in self.headers)
        certificate = "yes" if self.certificate else "no"
        return f"Credential(headers=[{names}], certificate={certificate}, expires={self.expires})"
