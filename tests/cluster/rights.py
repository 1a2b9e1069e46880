"""Authentication and authorization: who asks, and what they may do."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

ANONYMOUS = "system:anonymous"

# What everybody may read, even without credentials (the ClusterRole system:public-info-viewer). All other pages are for
# authenticated users (system:discovery).
PUBLIC = ("/healthz", "/livez", "/readyz", "/version")

AUTHORITY = (("commonName", "stand-in-ca"),)  # the issuer of the cluster's client certificates


# What users of different rights may do, by name (see Cluster.act_as). None is everything.
USERS = {
    "all rights": None,
    # The ClusterRole `edit`, which knows nothing of KAITO's kinds.
    "without workspaces": [
        ("*", kind) for kind in ("services", "services/proxy", "pods", "endpoints", "events", "namespaces")
    ],
    "only the proxy": [("create", "services/proxy")],
    "no rights": [],
}


class Rule(NamedTuple):
    """What a user may do; "*" is anything.

    `resource` is as in a Role ("services/proxy"), or a path ("/api"); `name` is a resourceName.
    """

    verb: str
    resource: str
    name: str = "*"

    def covers(self, verb, resource, name):
        """Return whether the rule covers a request."""
        return all(own in ("*", asked) for own, asked in zip(self, (verb, resource, name)))


class Rights:
    """The rules of each user, with "*" for all users without their own. Without rules, everything is allowed.

    They are about objects. Pages may be read as by the default ClusterRoles: see PUBLIC.
    """

    def __init__(self):
        self._grants = {}
        self._denials = []

    def grant(self, user, rules):
        """Let the user do this and nothing else."""
        self._grants[user] = [Rule(*rule) for rule in rules]

    def clear(self):
        """Take back all grants: everything is allowed again that nothing denies."""
        self._grants.clear()

    def deny(self, user, rule):
        """Forbid one thing, whatever was granted."""
        self._denials.append((user, Rule(*rule)))

    def allow(self, user, verb, resource, name=""):
        """Return whether the user may do that."""
        if any(who in ("*", user) and rule.covers(verb, resource, name) for who, rule in self._denials):
            return False
        if user == ANONYMOUS or resource.startswith("/"):
            return verb == "get" and (user != ANONYMOUS or resource in PUBLIC)
        rules = self._grants.get(user, self._grants.get("*"))
        return rules is None or any(rule.covers(verb, resource, name) for rule in rules)


def authenticate(request, tokens, passwords):
    """Fill in the request's user and groups: from its certificate, else its token or password, else user None.

    Impersonation headers replace them, without a check of the right to impersonate.
    """
    request.user, request.groups = _certified(request.certificate)
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if request.user is None and scheme.lower() == "bearer":
        request.user = tokens.get(value.strip())
    elif request.user is None and scheme.lower() == "basic":
        name, _, password = _decoded(value).partition(":")
        request.user = name if name in passwords and passwords[name] == password else None
    for name, value in request.headers.pairs:
        if name.lower().startswith("impersonate-"):
            request.impersonated.setdefault(name.lower(), []).append(value)
    if request.user is not None and "impersonate-user" in request.impersonated:
        request.user = request.impersonated["impersonate-user"][0]
        request.groups = tuple(request.impersonated.get("impersonate-group", ()))


def _certified(certificate):
    """Return user and groups from a client certificate (CN and O), (None, ()) without one of this cluster's."""
    if certificate is None or AUTHORITY not in certificate["issuer"]:
        return None, ()
    subject = [entry for part in certificate["subject"] for entry in part]
    groups = tuple(value for key, value in subject if key == "organizationName")
    return next(value for key, value in subject if key == "commonName"), groups


def _decoded(value):
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
