"""The watches that a stand-in cluster saw."""

from __future__ import annotations


def watches(cluster):
    """The requests that began one."""
    return [request for request in list(cluster.requests) if "watch=true" in request.target]


def wait_for_watch(cluster, count=1):
    """Wait until that many have begun, and return the last of them."""
    while True:
        seen = len(cluster.requests)
        found = watches(cluster)
        if len(found) >= count:
            return found[count - 1]
        cluster.requests.wait(seen + 1)
