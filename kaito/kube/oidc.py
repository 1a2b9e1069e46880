"""The id-token of a user with client-go's auth-provider `oidc`, as long as it is valid.

The refresh token is never used: it is often good for one use only, and using it without writing the new one to the
kubeconfig would lock the user's kubectl out.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kaito.errors import ClusterError
from kaito.kube.credential import LEEWAY
from kaito.kube.hints import describe_user
from kaito.kube.kubeconfig.model import Target


class IdToken(NamedTuple):
    """An id-token ("" if there is none), the Unix time at which it expires, and the target that it is from."""

    value: str
    expires: float
    target: Target

    def __repr__(self) -> str:
        return f"IdToken(expires={self.expires})"


def valid_id_token(target: Target, reload: Callable[[], Target] | None, now: float) -> IdToken:
    """Return the target's id-token or, if it has expired, the one that kubectl has put into the kubeconfig since.

    `reload` resolves the kubeconfig again. Raises ClusterError if neither token is valid.
    """
    token = _read_id_token(target)
    if token.expires - LEEWAY <= now and reload:
        fresh = reload()
        if _is_same_user(fresh, target):
            token = _read_id_token(fresh)
    if token.expires - LEEWAY > now:
        return token
    problem = "has expired" if token.value else "is missing"
    is_renewable = bool(_settings(token.target).get("refresh-token"))
    cure = "run any kubectl command to renew it" if is_renewable else "log in again (it has no refresh-token)"
    raise ClusterError(
        f"{describe_user(token.target)}: the id-token of its auth-provider oidc {problem}",
        f"{cure}, or move to kubelogin (kubectl oidc-login)",
    )


def _settings(target: Target) -> Mapping[str, str]:
    return target.user.auth_provider.config if target.user.auth_provider else {}


def _is_same_user(fresh: Target, before: Target) -> bool:
    """Return whether the kubeconfig, read again, still means the same user of the same server."""
    return (
        fresh.user.auth_provider is not None
        and (fresh.user.name, fresh.user.file) == (before.user.name, before.user.file)
        and fresh.cluster.server == before.cluster.server
    )


def _read_id_token(target: Target) -> IdToken:
    """Return the id-token with its `exp` claim, 0 without one. The signature is for the server to verify."""
    token = _settings(target).get("id-token", "")
    if not token:
        return IdToken("", 0.0, target)
    try:
        _, payload, _ = token.split(".")
        claims: Any = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        # client-go takes a number, also in quotes.
        return IdToken(token, float(claims.get("exp") or 0), target)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ClusterError(
            f"{describe_user(target)}: the id-token of its auth-provider oidc is not a JSON Web Token",
            "log in again, or move to kubelogin (kubectl oidc-login)",
        ) from None
