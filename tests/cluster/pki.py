"""The test PKI in tests/data/cluster (made by make-certificates.sh there)."""

from __future__ import annotations

import base64
import functools
import os

from .server import server_context

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "cluster")
AUTHORITIES = {"bare-server": "bare-ca.crt", "leaf": "leaf.crt"}


def data(name):
    """The path of a file in tests/data/cluster."""
    return os.path.join(DATA, name)


def authority(certificate):
    """The path of the authority that a client must trust for this server certificate."""
    return data(AUTHORITIES.get(certificate, "ca.crt"))


@functools.cache
def context(certificate):
    """The server side of TLS with this server certificate; made once, so that a cluster starts quickly."""
    # Strangers get through the handshake, as with a real API server, which answers them with a 401.
    clients = (data("ca.crt"), data("stranger-ca.crt"))
    return server_context(data(f"{certificate}.crt"), data(f"{certificate}.key"), clients)


def as_data(path):
    """A file as the -data fields of a kubeconfig hold it."""
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()
