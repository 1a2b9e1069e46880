"""An API server that is 50 ms away: the round trips until the model has the first question."""

from __future__ import annotations

import shutil
import statistics
import time

from tests.cluster import Cluster, service, workspace
from tests.cluster.process import environment, run
from tests.tools.far import Far

from .measure import Row, milliseconds, seconds

AWAY = 0.05
NAME = "phi-3-5-mini"
MOST_TRIPS = 4.4  # four, plus the time that a relay in Python adds to each


def rows(folder, rounds):
    """Return the row; the reference is kubectl, which gets one object in three round trips (TCP, TLS, the request)."""
    with Cluster() as cluster, Far(cluster.server.port, AWAY) as far, Far(cluster.server.port, 0.0) as near:
        cluster.add(workspace(NAME), service(NAME))
        there, here = (_config(cluster, folder, name, one) for name, one in (("far", far), ("near", near)))
        for config in (there, here):
            _until_asked(cluster, config)
        far_off = statistics.median(_until_asked(cluster, there) for _ in range(rounds))
        close = statistics.median(_until_asked(cluster, here) for _ in range(rounds))
        reference = "kubectl is not installed"
        if shutil.which("kubectl"):
            words = ["kubectl", "get", "--raw", f"/api/v1/namespaces/default/services/{NAME}"]
            took = statistics.median(seconds(words, environment(folder, {"KUBECONFIG": there})) for _ in range(rounds))
            reference = f"`kubectl get --raw` of one object: {milliseconds(took)}"
    trips = (far_off - close) / AWAY
    what = "API server 50 ms away: until the model has the question"
    return [Row(what, milliseconds(far_off), reference, trips, MOST_TRIPS, " round trips")]


def _config(cluster, folder, name, relay):
    return cluster.write_kubeconfig(f"{folder}/{name}", cluster={"server": f"https://127.0.0.1:{relay.port}"})


def _until_asked(cluster, config):
    del cluster.model.requests[:]
    began = time.monotonic()
    result = run(["chat", "--workspace-name", NAME, "--kubeconfig", config], "Say OK\n")
    if result.code:
        raise RuntimeError(result.err)
    (question,) = cluster.model.requests
    return question.time - began
