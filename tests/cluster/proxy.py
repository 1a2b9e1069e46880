"""The API server's service proxy: which model answers for a Service, and which request the model gets."""

from __future__ import annotations

import copy
from typing import NamedTuple

from . import status
from .replies import Step
from .server import Headers

# What a Service leads to instead of a model.
NO_OBJECT = Step("NO_OBJECT")  # no Endpoints object: 404, though the Service exists
NO_ENDPOINTS = Step("NO_ENDPOINTS")  # nothing ready: 503
REFUSED = Step("REFUSED")  # a pod that is still loading: 503

POD_ADDRESS = "10.244.0.2"
MODEL_PORT = 5000  # where KAITO's pods listen


class Unreachable(Exception):
    """Nothing answers; `status` is the Status that says why."""

    def __init__(self, made):
        super().__init__(made["message"])
        self.status = made


class Identifier(NamedTuple):
    """The service in a proxy's path: NAME, NAME:PORT or SCHEME:NAME:PORT; PORT is a number or a name."""

    scheme: str
    name: str
    port: str


def identifier(text):
    """Return the parsed identifier. Raise Unreachable."""
    parts = text.split(":")
    if len(parts) == 3 and parts[0] in ("", "http", "https"):
        return Identifier(*parts)
    if len(parts) > 2:
        raise Unreachable(status.bad_request(f'invalid service request "{text}"'))
    return Identifier("", parts[0], parts[1] if len(parts) == 2 else "")


def reach(text, service, backend):
    """Return the backend if it is a model that can be reached by the identifier `text`. Raise Unreachable if not.

    `service` is the Service, or None. The order of the checks is that of the API server's ResourceLocation.
    """
    scheme, name, wanted = identifier(text)
    if service is None:
        raise Unreachable(status.not_found(name, "services"))
    ports = service["spec"].get("ports", [])
    if wanted.isdigit():
        ports = [port for port in ports if port["port"] == int(wanted)]
        if not ports:
            raise Unreachable(status.unavailable(f'no service port {wanted} found for service "{name}"'))
    else:
        ports = [port for port in ports if port.get("name", "") == wanted]
    if backend is NO_OBJECT:
        raise Unreachable(status.not_found(name, "services"))
    if backend is NO_ENDPOINTS:
        raise Unreachable(status.unavailable(f'no endpoints available for service "{name}"'))
    if not ports:
        raise Unreachable(status.unavailable(f'no endpoints available for service "{text}"'))
    pod_port = ports[0].get("targetPort", ports[0]["port"])
    serves = pod_port == MODEL_PORT or ports[0].get("name", "http") == "http"
    if backend is REFUSED or not serves:
        raise Unreachable(no_answer(f"dial tcp {POD_ADDRESS}:{pod_port}: connect: connection refused"))
    if scheme == "https":
        raise Unreachable(no_answer("http: server gave HTTP response to HTTPS client"))
    return backend


def no_answer(why):
    """Return the Status for a pod that does not answer, in Go's words."""
    return status.unavailable(f"error trying to reach service: {why}")


def forwarded(seen, rest):
    """Return the request that the model gets: its own path, and the headers that the proxy forwards and adds."""
    request = copy.copy(seen)
    request.path = rest
    request.target = rest + (f"?{seen.query}" if seen.query else "")
    pairs = [pair for pair in seen.headers.pairs if _forwards(pair[0].lower())]
    request.headers = Headers([*pairs, ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Uri", seen.path)])
    return request


def _forwards(name):
    return name not in ("authorization", "connection") and not name.startswith("impersonate-")
