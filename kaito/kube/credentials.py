"""Credentials: a kubeconfig user → the headers and the client certificate that each request carries.

What wins when several kinds are there is as in client-go (v0.32): transport.HTTPWrappersForConfig and, for exec
plugins, exec.Authenticator.UpdateTransportConfig. What may stand together, the loader has checked.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kaito.errors import ClusterError
from kaito.kube.kubeconfig import Impersonation, Target, User
from kaito.net.tls import Certificate

NEVER = float("inf")

# Seconds before its end at which a credential counts as run out: client-go's for token files and id-tokens.
LEEWAY = 10.0

# The bytes of a header's name by RFC 9110, "%" apart: client-go escapes all others (headerKeyEscape).
_NAME_BYTES = frozenset(b"!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Credential(NamedTuple):
    """What a request to the API server carries; `expires` is Unix time, infinite when nothing says when."""

    headers: tuple[tuple[str, str], ...]
    certificate: Certificate | None
    expires: float

    def __repr__(self) -> str:
        """Names only: the values are secret."""
        names = ", ".join(name for name, _ in self.headers)
        certificate = "yes" if self.certificate else "no"
        return f"Credential(headers=[{names}], certificate={certificate}, expires={self.expires})"


class Credentials:
    """The credentials of one user. State: the credential in force; one thread at a time obtains another.

    `interactive`: an exec plugin may read our stdin; by default it may when that is a terminal. `reload`:
    resolves the kubeconfig anew, for an id-token that kubectl has renewed meanwhile. `now`: Unix time.
    """

    def __init__(
        self,
        target: Target,
        *,
        interactive: bool | None = None,
        reload: Callable[[], Target] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._target = target
        self._interactive = interactive
        self._reload = reload
        self._now = now
        # Two requests at once must not start a plugin twice: it may ask for input.
        self._lock = allocate_lock()
        self._credential: Credential | None = None
        self._obtain_at = 0.0
        self._file_token = ""

    def current(self) -> Credential:
        """The credential for the next request: the one in force, or a new one when that is about to run out.

        Runs the exec plugin when it must; reads a token file every time. Raises ClusterError.
        """
        with self._lock:
            if self._credential is None or self._now() >= self._obtain_at:
                self._credential = self._fresh()
            return self._credential

    def renew(self, refused: Credential | None = None) -> bool:
        """After a 401: obtains the credential anew and says whether it differs, so that a retry makes sense.

        `refused`: the one that the server did not take; without it, the one in force. When another is in force
        already, because a request at the same time had it renewed, that one is to be tried. Raises ClusterError,
        as when the exec plugin fails now.
        """
        with self._lock:
            before = self._credential
            if refused is not None and refused is not before:
                return True
            self._credential = self._fresh()
            return before is None or self._credential[:2] != before[:2]

    def _fresh(self) -> Credential:
        """As _obtain; when that fails or is interrupted, the next request tries again rather than take the old one."""
        try:
            return self._obtain()
        except BaseException:
            self._obtain_at = 0.0
            raise

    def _obtain(self) -> Credential:
        """A credential, fresh from its source; sets when to obtain the next."""
        user = self._target.user
        authorization = ""
        certificate = _certificate(user)
        expires = self._obtain_at = NEVER
        if certificate and certificate.written:
            # For every request, so that rotated files are used at once, on a new connection.
            self._obtain_at = 0.0
        if user.auth_provider and user.auth_provider.name != "oidc":
            raise _no_provider(self._target, user.auth_provider.name)
        if user.token_file:
            # For every request, so that a rotated token is used at once.
            self._obtain_at = 0.0
            authorization = "Bearer " + self._read_token_file(user)
        elif user.token:
            authorization = "Bearer " + user.token
        elif user.username:
            authorization = _basic(user)
        elif user.exec and not certificate:
            authorization, certificate, expires = self._run_plugin(user)
        elif user.auth_provider:
            token, expires = self._id_token()
            authorization = "Bearer " + token
            self._obtain_at = expires - LEEWAY
        headers = _impersonation(user.impersonate)
        if authorization:
            headers = (("Authorization", authorization), *headers)
        for name, value in headers:
            if any((c < " " and c != "\t") or c == "\x7f" for c in value):
                raise ClusterError(
                    f"{describe(self._target)}: the value for the header {name} has a control character in it",
                    "look for a line break in it",
                )
        return Credential(headers, certificate, expires)

    def _read_token_file(self, user: User) -> str:
        """The token in the user's file; while there is none in it, the last one read, or the `token` beside it.

        A file may be gone for a moment while it is replaced (NewBearerAuthWithRefreshRoundTripper).
        """
        token, reason = "", "is empty"
        try:
            with open(user.token_file, encoding="utf-8") as file:
                token = file.read().strip()
        except OSError as error:
            reason = f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
        except UnicodeDecodeError:
            reason = "is not text"
        self._file_token = token or self._file_token or user.token
        if not self._file_token:
            raise ClusterError(f"{describe(self._target)}: its token file {user.token_file} {reason}")
        return self._file_token

    def _run_plugin(self, user: User) -> tuple[str, Certificate | None, float]:
        from kaito.kube import exec_plugin as execplugin

        terminal = os.isatty(0) if self._interactive is None else self._interactive
        issued = execplugin.run(user, self._target.cluster, terminal=terminal)
        early = issued.expires - LEEWAY
        # A plugin that gives what it has kept until the end is not run for each request of the last seconds.
        self._obtain_at = early if early > self._now() else issued.expires
        return "Bearer " + issued.token if issued.token else "", issued.certificate, issued.expires

    def _id_token(self) -> tuple[str, float]:
        """The id-token of the auth-provider oidc and its end.

        The refresh token is left alone: it is often good for one use, and spending it without writing the new
        one into the kubeconfig would lock the user's kubectl out.
        """
        token, expires = _read_id_token(self._target)
        if expires - LEEWAY <= self._now() and self._reload:
            fresh = self._reload()
            if _same_user(fresh, self._target):
                self._target = fresh
                token, expires = _read_id_token(fresh)
        if expires - LEEWAY > self._now():
            return token, expires
        what = "has expired" if token else "is missing"
        provider = self._target.user.auth_provider
        renewable = provider is not None and provider.config.get("refresh-token")
        way = "run any kubectl command to renew it" if renewable else "log in again (it has no refresh-token)"
        raise ClusterError(
            f"{describe(self._target)}: the id-token of its auth-provider oidc {what}",
            f"{way}, or move to kubelogin (kubectl oidc-login)",
        )


def describe(target: Target) -> str:
    """Who asks, for an error: `user "x" of /path/config`, or `the user given by --token`."""
    user = target.user
    flags: tuple[str, ...] = ()
    # In the order of Credentials._obtain; what is not sent is not to blame.
    if user.token_file:
        pass
    elif user.token:
        flags = target.given("token")
    elif user.username:
        flags = target.given("username", "password")
    elif (user.certificate_file or user.certificate_data) and not user.auth_provider:
        flags = target.given("client-certificate", "client-key")
    return "the user given by " + " and ".join(flags) if flags else _described_without_flags(target)


def certificate_hint(target: Target) -> str:
    """Where the client certificate in use was given: by flags, or in a kubeconfig."""
    flags = target.given("client-certificate", "client-key") if target.user.certificate_file else ()
    return "see " + " and ".join(flags or (f"the client certificate of {_described_without_flags(target)}",))


def _described_without_flags(target: Target) -> str:
    user = target.user
    if target.in_cluster:
        return "this pod's service account"
    if user.name or user.file:
        return f'user "{user.name}"' + (f" of {user.file}" if user.file else "")
    return "an anonymous user (no credentials are set)"


def _certificate(user: User) -> Certificate | None:
    if not (user.certificate_file or user.certificate_data):
        return None
    files = [
        file
        for file, data in ((user.certificate_file, user.certificate_data), (user.key_file, user.key_data))
        if file and not data
    ]
    return Certificate(
        user.certificate_file, user.key_file, user.certificate_data, user.key_data, tuple(map(_written, files))
    )


def _written(file: str) -> int:
    """When a file was last written, in nanoseconds; 0 while it is not there."""
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


def _basic(user: User) -> str:
    import base64

    # Bytes that a flag cannot hold as text are sent as they came, as by Go.
    login = f"{user.username}:{user.password}".encode("utf-8", "surrogateescape")
    return "Basic " + base64.b64encode(login).decode()


def _impersonation(who: Impersonation) -> tuple[tuple[str, str], ...]:
    """The headers that act as another user (transport.NewImpersonatingRoundTripper)."""
    if not who.user:
        return ()
    headers = [("Impersonate-User", who.user)]
    if who.uid:
        headers.append(("Impersonate-Uid", who.uid))
    headers += [("Impersonate-Group", group) for group in who.groups]
    for key, values in who.extra:
        name = "".join(chr(byte) if byte in _NAME_BYTES else f"%{byte:02X}" for byte in key.encode())
        headers += [("Impersonate-Extra-" + name, value) for value in values]
    return tuple(headers)


def _no_provider(target: Target, name: str) -> ClusterError:
    """For the auth-providers that kubectl has dropped (plugin/pkg/client/auth/gcp and azure) or never had."""
    hints = {
        "gcp": "move to gke-gcloud-auth-plugin: gcloud container clusters get-credentials sets it up",
        "azure": "move to kubelogin (Azure): kubelogin convert-kubeconfig sets it up",
    }
    message = f'{describe(target)}: the auth-provider "{name}" is no longer supported'
    if name not in hints:
        message = f'{describe(target)}: there is no auth-provider "{name}"'
    return ClusterError(message, hints.get(name, "use an exec plugin, as kubectl does"))


def _same_user(fresh: Target, before: Target) -> bool:
    """Whether the kubeconfig, read again, still means the same user of the same server."""
    return (
        fresh.user.auth_provider is not None
        and (fresh.user.name, fresh.user.file) == (before.user.name, before.user.file)
        and fresh.cluster.server == before.cluster.server
    )


def _read_id_token(target: Target) -> tuple[str, float]:
    """→ the id-token and its `exp` claim, unverified: that is the server's to do; ("", 0.0) without one."""
    import base64
    import json

    config: Mapping[str, str] = target.user.auth_provider.config if target.user.auth_provider else {}
    token = config.get("id-token", "")
    if not token:
        return "", 0.0
    try:
        _, payload, _ = token.split(".")
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        # A number, or one in quotes: client-go takes both. Without one it has expired.
        return token, float(claims.get("exp") or 0)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ClusterError(
            f"{describe(target)}: the id-token of its auth-provider oidc is no JSON Web Token",
            "log in again, or move to kubelogin (kubectl oidc-login)",
        ) from None
