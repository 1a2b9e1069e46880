"""The watches in the requests to a stand-in cluster."""

from __future__ import annotations


def watches(cluster):
    """Return the requests that began a watch."""
    return [request for request in list(cluster.requests) if "watch=true" in request.target]


def wait_for_watch(cluster, count=1):
    """Wait until `count` watches have begun, and return the last one's request."""
    while True:
        seen = len(cluster.requests)
        found = watches(cluster)
        if len(found) >= count:
            return found[count - 1]
        cluster.requests.wait(seen + 1)
