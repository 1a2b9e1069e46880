"""What can go wrong on the way to a server, as one family of errors."""

from __future__ import annotations


class TransportError(Exception):
    """A request failed. `message`: one line, "host:port: why"; `why` alone is for callers that name the place."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.message = f"{where}: {why}"
        self.why = why


class ConnectError(TransportError):
    """No connection could be made: no such host, refused, unreachable, or one of the subclasses."""


class ProxyError(ConnectError):
    """The proxy refuses to connect, or does not answer like a proxy."""


class TlsError(ConnectError):
    """The TLS handshake failed."""


class CertificateError(TlsError):
    """The server's certificate is not trusted."""


class ClientCertificateError(TlsError):
    """The server refuses the client's certificate, or asks for one."""


class TimedOutError(TransportError):
    """A bound was reached; `stage` is "connect", "headers" or "body"."""

    def __init__(self, where: str, why: str, stage: str) -> None:
        super().__init__(where, why)
        self.stage = stage


class ResponseError(TransportError):
    """The answer breaks the rules of HTTP, or a bound."""


class TruncatedError(ResponseError):
    """The connection ended before the answer did."""


class CancelledError(TransportError):
    """The connection was closed on this side while it was in use."""


class RedirectError(TransportError):
    """The server redirects, which is never followed. `location`: where to, without credentials and query."""

    def __init__(self, where: str, status: int, location: str) -> None:
        target = f" to {location}" if location else ""
        super().__init__(where, f"the server redirects ({status}){target}, which is not followed")
        self.status = status
        self.location = location


class SettingError(ValueError):
    """What was set for a connection cannot be used, so none was tried."""


class ProxySettingError(SettingError):
    """The proxy setting cannot be used; the text never holds its credentials."""


class TlsSettingError(SettingError):
    """The settings cannot be used; `message` names the file or field and says why, never what it holds."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClientCertificateSettingError(TlsSettingError):
    """The client certificate or its key cannot be used."""
