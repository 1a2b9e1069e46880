"""The errors of this package: TransportError for a request that failed, SettingError for unusable settings."""

from __future__ import annotations


class TransportError(Exception):
    """A request failed. `message`: one line, "host:port: why"; `why` alone is for callers that name the server."""

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
    """A time limit was reached; `stage` is the one that it ended: "connect", "headers" or "body"."""

    def __init__(self, where: str, why: str, stage: str) -> None:
        super().__init__(where, why)
        self.stage = stage


class ResponseError(TransportError):
    """The answer is not valid HTTP, or is larger than a limit."""


class TruncatedError(ResponseError):
    """The connection ended before the answer did."""


class CancelledError(TransportError):
    """This program closed the connection while a request was in progress."""


class RedirectError(TransportError):
    """The server redirects, which is never followed. `location`: the target, without credentials and query."""

    def __init__(self, where: str, status: int, location: str) -> None:
        target = f" to {location}" if location else ""
        super().__init__(where, f"the server redirects ({status}){target}, which is not followed")
        self.status = status
        self.location = location


class SettingError(ValueError):
    """The settings of a connection cannot be used, so no connection was tried."""


class ProxySettingError(SettingError):
    """The proxy setting cannot be used; the message never holds its credentials."""


class TlsSettingError(SettingError):
    """The TLS settings cannot be used; `message` names the file or field and the reason, but never the content."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClientCertificateSettingError(TlsSettingError):
    """The client certificate or its key cannot be used."""
