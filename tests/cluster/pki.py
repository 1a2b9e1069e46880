"""The tests' certificates and keys, in tests/data/cluster; make-certificates.sh makes them."""

from __future__ import annotations

import base64
import functools
import os

from .server import server_context

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "cluster")
AUTHORITIES = {"bare-server": "bare-ca.crt", "leaf": "leaf.crt"}


def data(name):
    """Return the path of a file in tests/data/cluster."""
    return os.path.join(DATA, name)


def authority(certificate):
    """Return the path of the authority that a client must trust for this server certificate."""
    return data(AUTHORITIES.get(certificate, "ca.crt"))


@functools.cache
def context(certificate):
    """Return a server's TLS settings with this certificate; made once, so that a cluster starts quickly."""
    # As by a real API server, the certificates of strangers are accepted in the handshake and answered with a 401.
    clients = (data("ca.crt"), data("stranger-ca.crt"))
    return server_context(data(f"{certificate}.crt"), data(f"{certificate}.key"), clients)


def as_data(path):
    """Return a file's content as the -data fields of a kubeconfig hold it."""
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()
