"""Credentials: a kubeconfig user → the headers and the client certificate that each request carries.

Which of several kinds wins is as in client-go v0.32: transport.HTTPWrappersForConfig and, for exec plugins,
exec.Authenticator.UpdateTransportConfig. Which kinds may be set together, `kubeconfig.rules` has checked.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kaito.errors import ClusterError, os_reason
from kaito.kube.credential import LEEWAY, NEVER, Credential
from kaito.kube.hints import describe_user
from kaito.kube.kubeconfig.model import Impersonation, Target, User
from kaito.net.request import basic_authorization
from kaito.net.tls import Certificate

# When to obtain a credential again that must be read for every request, so that a replaced file counts at once.
_EVERY_TIME = 0.0

# The bytes of a header's name (RFC 9110, "token") except "%": client-go escapes all others (headerKeyEscape).
_NAME_BYTES = frozenset(b"!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

# Auth-providers that kubectl no longer has (plugin/pkg/client/auth/gcp and azure), and what replaces them.
_REPLACEMENTS = {
    "gcp": "move to gke-gcloud-auth-plugin: gcloud container clusters get-credentials sets it up",
    "azure": "move to kubelogin (Azure): kubelogin convert-kubeconfig sets it up",
}


class _Login(NamedTuple):
    """What one kind of credential gives. `expires`, and `obtain_at`, when to obtain it again: Unix time."""

    authorization: str = ""
    certificate: Certificate | None = None
    expires: float = NEVER
    obtain_at: float = NEVER


class Credentials:
    """The credentials of one user. State: the credential in force and when to obtain the next, which one thread does.

    `interactive`: whether an exec plugin may read stdin; by default it may if stdin is a terminal. `reload`: resolves
    the kubeconfig again, for an id-token that kubectl has renewed meanwhile. `now`: returns Unix time.
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
        # Two requests at the same time must not start a plugin twice: it may ask for input.
        self._lock = allocate_lock()
        self._credential: Credential | None = None
        self._obtain_at = _EVERY_TIME
        self._file_token = ""

    def current(self) -> Credential:
        """Return the credential for the next request: the one in force, or a new one if that expires soon.

        This runs the exec plugin when necessary, and reads a token file every time. Raises ClusterError.
        """
        with self._lock:
            if self._credential is None or self._now() >= self._obtain_at:
                return self._obtain_next()
            return self._credential

    def renew(self, refused: Credential | None = None) -> bool:
        """Obtain the credential again after a 401; return whether it differs, so that a retry makes sense.

        `refused`: the credential that the server did not accept, by default the one in force. If another one is in
        force already, because a concurrent request had it renewed, nothing is obtained and the retry makes sense.
        Raises ClusterError, for example if the exec plugin fails this time.
        """
        with self._lock:
            before = self._credential
            if refused is not None and refused is not before:
                return True
            renewed = self._obtain_next()
            return before is None or renewed[:2] != before[:2]

    def _obtain_next(self) -> Credential:
        """Put a new credential in force and note when to obtain the next one."""
        # If this fails or is interrupted, the next request tries again instead of using the old credential.
        self._obtain_at = _EVERY_TIME
        self._credential, self._obtain_at = self._obtain()
        return self._credential

    def _obtain(self) -> tuple[Credential, float]:
        """Return a credential, fresh from its source, and the Unix time at which to obtain the next one."""
        user = self._target.user
        if user.auth_provider and user.auth_provider.name != "oidc":
            raise _no_provider(self._target, user.auth_provider.name)
        certificate = _certificate(user)
        login = self._log_in(user, certificate)
        headers = _impersonation_headers(user.impersonate)
        if login.authorization:
            headers = (("Authorization", login.authorization), *headers)
        _check_values(headers, self._target)
        obtain_at = _EVERY_TIME if certificate and certificate.written else login.obtain_at
        return Credential(headers, login.certificate or certificate, login.expires), obtain_at

    def _log_in(self, user: User, certificate: Certificate | None) -> _Login:
        """Return what the user's best kind of credential gives, beside `certificate`."""
        if user.token_file:
            return _Login("Bearer " + self._read_token_file(user), obtain_at=_EVERY_TIME)
        if user.token:
            return _Login("Bearer " + user.token)
        if user.username:
            return _Login(basic_authorization(user.username, user.password))
        if user.exec and not certificate:
            return self._run_plugin(user)
        if user.auth_provider:
            return self._id_token()
        return _Login()

    def _read_token_file(self, user: User) -> str:
        """Return the token in the user's file; while it has none, the last one read, or the user's `token`.

        A file may be gone for a moment while it is replaced (NewBearerAuthWithRefreshRoundTripper).
        """
        token, problem = "", "is empty"
        try:
            with open(user.token_file, encoding="utf-8") as file:
                token = file.read().strip()
        except OSError as error:
            problem = f"cannot be read: {os_reason(error)}"
        except UnicodeDecodeError:
            problem = "is not text"
        self._file_token = token or self._file_token or user.token
        if not self._file_token:
            raise ClusterError(f"{describe_user(self._target)}: its token file {user.token_file} {problem}")
        return self._file_token

    def _run_plugin(self, user: User) -> _Login:
        from kaito.kube import exec_plugin

        terminal = os.isatty(0) if self._interactive is None else self._interactive
        issued = exec_plugin.run(user, self._target.cluster, terminal=terminal)
        early = issued.expires - LEEWAY
        # A plugin that keeps its credential until the end is not run for each request of the last seconds.
        obtain_at = early if early > self._now() else issued.expires
        authorization = "Bearer " + issued.token if issued.token else ""
        return _Login(authorization, issued.certificate, issued.expires, obtain_at)

    def _id_token(self) -> _Login:
        from kaito.kube.oidc import valid_id_token

        token = valid_id_token(self._target, self._reload, self._now())
        self._target = token.target
        return _Login("Bearer " + token.value, None, token.expires, token.expires - LEEWAY)


def _certificate(user: User) -> Certificate | None:
    """Return the user's client certificate, with the time at which each of its files was written."""
    if not (user.certificate_file or user.certificate_data):
        return None
    pairs = ((user.certificate_file, user.certificate_data), (user.key_file, user.key_data))
    written = tuple(_written(file) for file, data in pairs if file and not data)
    return Certificate(user.certificate_file, user.key_file, user.certificate_data, user.key_data, written)


def _written(file: str) -> int:
    """Return when a file was last written, in nanoseconds, 0 while it does not exist."""
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


def _impersonation_headers(impersonation: Impersonation) -> tuple[tuple[str, str], ...]:
    """Return the headers that act as another user (transport.NewImpersonatingRoundTripper)."""
    if not impersonation.user:
        return ()
    headers = [("Impersonate-User", impersonation.user)]
    if impersonation.uid:
        headers.append(("Impersonate-Uid", impersonation.uid))
    headers += [("Impersonate-Group", group) for group in impersonation.groups]
    for key, values in impersonation.extra:
        name = "".join(chr(byte) if byte in _NAME_BYTES else f"%{byte:02X}" for byte in key.encode())
        headers += [("Impersonate-Extra-" + name, value) for value in values]
    return tuple(headers)


def _check_values(headers: Iterable[tuple[str, str]], target: Target) -> None:
    """Refuse control characters, which would end a header. The error names the header only: its value is secret."""
    for name, value in headers:
        if any((c < " " and c != "\t") or c == "\x7f" for c in value):
            raise ClusterError(
                f"{describe_user(target)}: the value of the header {name} contains a control character",
                "look for a line break in it",
            )


def _no_provider(target: Target, name: str) -> ClusterError:
    user = describe_user(target)
    if name in _REPLACEMENTS:
        return ClusterError(f'{user}: the auth-provider "{name}" is no longer supported', _REPLACEMENTS[name])
    return ClusterError(f'{user}: there is no auth-provider "{name}"', "use an exec plugin, as kubectl does")
