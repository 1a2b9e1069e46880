"""The ways to a model: the one table of what they are called and who can use them. Pure, and cheap to import."""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """A way to a model. Names and access are those of the plugin's first release.

    `name`: its type in JSON and in messages. `via`: the value of `--via` that chooses it. `access`: "internal" (from
    the cluster's own pods), "external" (from outside the cluster) or "cluster" (with kubectl's credentials).
    """

    name: str
    via: str
    access: str
    description: str


CLUSTER_IP = Way("ClusterIP", "cluster", "internal", "Direct access inside the cluster (for pods)")
LOAD_BALANCER = Way("LoadBalancer", "loadbalancer", "external", "Direct access to the LoadBalancer's address")
API_PROXY = Way("APIProxy", "proxy", "cluster", "The API server's service proxy (works anywhere kubectl works)")

ANY_WAY = "auto"
"""The value of `--via` for the first way on which the model answers, in the order of VIA."""

VIA = (ANY_WAY, *(way.via for way in (CLUSTER_IP, LOAD_BALANCER, API_PROXY)))
"""The values of `--via`."""
