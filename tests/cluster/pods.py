"""The pods of a Workspace, as KAITO v0.12 makes them."""

from __future__ import annotations

import time

from . import objects

NODE = "aks-ws3a8d0c1b2-vmss000000"
IMAGE = "mcr.microsoft.com/aks/kaito/kaito-base:0.5.0"
NO_GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."


def now():
    """Return the time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def is_decode(workspace):
    """Return whether the pods of a Workspace have the routing sidecar."""
    return workspace["metadata"].get("labels", {}).get("kaito.sh/inference-role") == "decode"


def pod(workspace, state, waiting=None):
    """Return the pod of a Workspace in one of the states that phases.py names.

    `waiting` is the reason, or the pair of reason and message, for which the container of state "creating" waits.
    """
    meta = workspace["metadata"]
    name = meta["name"]
    labels = {"kaito.sh/workspace": name, **meta.get("labels", {}), "apps.kubernetes.io/pod-index": "0"}
    container = {"name": name, "image": IMAGE, "imageID": "", "restartCount": 0, "ready": state == "ready"}
    container["started"] = container["ready"]
    scheduled = objects.condition("PodScheduled")
    if state == "unschedulable":
        scheduled = objects.condition("PodScheduled", False, "Unschedulable", NO_GPU)
    elif state == "creating":
        pair = (waiting,) if isinstance(waiting, str) else waiting or ("ContainerCreating",)
        container["state"] = {"waiting": dict(zip(("reason", "message"), pair))}
    elif state == "crash-looping":
        ended = {"exitCode": 1, "reason": "Error", "startedAt": objects.CREATED, "finishedAt": objects.CHANGED}
        why = "back-off 5m0s restarting failed container"
        container["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": why}}
        container.update(restartCount=4, lastState={"terminated": ended})
    else:
        container["state"] = {"running": {"startedAt": now()}}
    bound = state != "unschedulable"
    waits = state in ("unschedulable", "creating")
    made = objects.pod(
        f"{name}-0",
        meta["namespace"],
        labels=labels,
        phase="Pending" if waits else "Running",
        conditions=(scheduled, *([objects.condition("Ready", state == "ready")] if bound else [])),
        containers=[container, *([_sidecar(state)] if is_decode(workspace) else [])] if bound else [],
    )
    made["spec"]["containers"] = [{"name": one["name"], "image": one["image"]} for one in _containers(made, container)]
    if bound:
        made["spec"]["nodeName"] = NODE
    if not waits:
        made["status"]["podIP"] = "10.244.0.2"
    return made


def _sidecar(state):
    made = {"name": "llm-d-routing-sidecar", "image": "ghcr.io/llm-d/llm-d-routing-sidecar:v0.8.0", "restartCount": 0}
    up = state != "creating"
    running = {"running": {"startedAt": objects.CREATED}} if up else {"waiting": {"reason": "ContainerCreating"}}
    return {**made, "imageID": "", "ready": up, "started": up, "state": running}


def _containers(made, container):
    return made["status"]["containerStatuses"] or [container]
