r"""The phases of a starting workspace, as KAITO v0.12 writes them. `PHASES` has one row for each, by its name.

    phi = Workload(cluster, "phi", "downloading")      # Workspace, Service, Pod, Endpoints and the model's port
    phi.enter("ready")                                 # changes all of them; who watches sees it
    phi.enter("nodes", reason="InsufficientCapacity", message="nodeClaim ws1234 …", error="a reconcile error")
    phi.enter("pending", waiting="PodInitializing"); phi.enter("downloading", speed=2e8, remaining=-1)
    phi.model.reply("Hello")                           # each workload has a Model of its own
    phi.fail(Refusal(502)); phi.fail(REFUSED); phi.fail(None)    # until the next `enter`, or None
    phi.kill()                                         # the process dies in mid-answer; its port refuses from then on
    phi.vanish()                                       # all of its objects are gone
    phi.listen("127.0.0.1")                            # the model's port at a direct address, too
    phi.asked                                          # the chats that the proxy had for it, also those refused

    phi = Replicas(cluster, "phi", 3)                  # an InferenceSet and three ready children phi-xxxxx
    phi.children[0].enter("lost")                      # each child is a Workload; the set's status follows
    phi.scale(0); phi.roll_out()                       # other children, with other names

    MultiRole(cluster, "ds", prefill=1, decode=2)      # a MultiRoleInference: .prefill and .decode are Replicas
    cluster.add(rag_engine("rag"))                     # a RAGEngine is an object alone
    cluster.act_as("only the proxy")                   # the rights of all users: see USERS in rights.py

In the order of a start (`LIFE` is a whole one): new, created, nodes, plugins, streaming (only where weights are
streamed), provisioned, unschedulable, pending, starting, downloading, loading, hand-over, benchmarking, ready; then
benchmark-failed, lost, crash-looping and deleting.
"""

from __future__ import annotations

from typing import NamedTuple

from .objects import condition
from .pods import NO_GPU
from .proxy import NO_ENDPOINTS, NO_OBJECT, REFUSED
from .replies import Step

# What listens on the model's port, beside what a Service may lead to (proxy.py).
PRE_DOWNLOAD = Step("PRE_DOWNLOAD")  # KAITO's own server, which answers for the model while weights are fetched
HANGING = Step("HANGING")  # the kernel accepts connections, and nobody reads them
SERVING = Step("SERVING")  # the model


def _condition(kind, status, reason, message):
    return {**condition(kind, status, reason, message), "observedGeneration": 1}


NODES = _condition("NodesReady", True, "NodesReady", "Enough Nodes are ready")
NODE_CLAIMS = _condition("NodeClaimReady", True, "NodeClaimsReady", "Enough NodeClaims are ready")
RESOURCE = _condition("ResourceReady", True, "workspaceResourceStatusSuccess", "workspace resource is ready")
INFERENCE = _condition(
    "InferenceReady", True, "WorkspaceInferenceStatusSuccess", "Inference has been deployed successfully"
)
SUCCEEDED = _condition("WorkspaceSucceeded", True, "workspaceSucceeded", "workspace succeeds")
BENCHMARKED = _condition("BenchmarkCompleted", True, "BenchmarkCompleted", "benchmark result has been recorded")

NO_NODES = _condition("NodesReady", False, "NodeNotReady", "Not enough Nodes are ready")
NO_PLUGINS = _condition("NodesReady", False, "NodePluginsNotReady", "waiting all node plugins to be ready")
NO_CLAIMS = _condition("NodeClaimReady", False, "NodeClaimNotReady", "Ready NodeClaims are not enough")
NO_INFERENCE = _condition("InferenceReady", False, "WorkspaceInferenceStatusPending", "Inference workload is not ready")
PENDING = _condition(
    "WorkspaceSucceeded", False, "workspacePending", "workspace is waiting for inference workload readiness"
)


def _as(kind, other):
    """Return a condition with the reason and message of another one, as KAITO copies them to ResourceReady."""
    return {**other, "type": kind}


CREATED = (NO_NODES, NO_CLAIMS, _as("ResourceReady", NO_CLAIMS), NO_INFERENCE, PENDING)
NO_CAPACITY = _condition(
    "NodeClaimReady",
    False,
    "InsufficientCapacity",
    "nodeClaim ws1234 is not launched: all requested instance types were unavailable during launch",
)
NO_MIRROR = _condition("ModelMirrorReady", False, "ModelMirrorPending", "Model download in progress")
MIRRORED = _condition("ModelMirrorReady", True, "ModelMirrorReady", "Model download complete")
STREAMING = _condition("ResourceReady", False, "ModelMirrorNotReady", "Model download in progress")
UP = (NODES, NODE_CLAIMS, RESOURCE)
STARTING = (*UP, NO_INFERENCE, PENDING)
READY = (*UP, INFERENCE, SUCCEEDED, BENCHMARKED)


class Phase(NamedTuple):
    """What a phase is made of.

    `conditions` and `state` are the Workspace's (None: no status yet), `pod` is the pod's state (see pods.py; ""
    is no pod), `port` says what the Service leads to (None: there is no Service yet). `measured`: the benchmark's
    result is there. `cause`: the type of the condition that the phase is about; `enter` changes its reason.
    """

    conditions: tuple | None
    state: str = "Pending"
    pod: str = ""
    port: object = None
    measured: bool = False
    cause: str = "InferenceReady"


PHASES = {
    "new": Phase(None, ""),
    "created": Phase(CREATED, cause="NodeClaimReady"),
    "nodes": Phase(
        (NO_NODES, NO_CAPACITY, _as("ResourceReady", NO_CAPACITY), NO_INFERENCE, PENDING), cause="NodeClaimReady"
    ),
    "plugins": Phase(
        (NO_PLUGINS, NODE_CLAIMS, _as("ResourceReady", NO_PLUGINS), NO_INFERENCE, PENDING), cause="NodesReady"
    ),
    "streaming": Phase((NODES, NODE_CLAIMS, NO_MIRROR, STREAMING, NO_INFERENCE, PENDING), cause="ModelMirrorReady"),
    "provisioned": Phase(STARTING, port=NO_OBJECT),
    "unschedulable": Phase(
        (
            *UP,
            _condition(
                "InferenceReady",
                False,
                "Unschedulable",
                f'pod "{{name}}-0" is unschedulable: {NO_GPU}',
            ),
            PENDING,
        ),
        pod="unschedulable",
        port=NO_ENDPOINTS,
    ),
    "pending": Phase(STARTING, pod="creating", port=NO_ENDPOINTS),
    "starting": Phase(STARTING, pod="running", port=REFUSED),
    "downloading": Phase(STARTING, pod="running", port=PRE_DOWNLOAD),
    "loading": Phase(STARTING, pod="running", port=PRE_DOWNLOAD),
    "hand-over": Phase(STARTING, pod="running", port=HANGING),
    "benchmarking": Phase(STARTING, pod="running", port=SERVING),
    "ready": Phase(READY, "Ready", pod="ready", port=SERVING, measured=True),
    "benchmark-failed": Phase(
        (
            *UP,
            INFERENCE,
            _condition("WorkspaceSucceeded", False, "BenchmarkFailed", "benchmark failed"),
            _condition("BenchmarkCompleted", False, "BenchmarkFailed", "benchmark failed"),
        ),
        "NotReady",
        pod="ready",
        port=SERVING,
        cause="WorkspaceSucceeded",
    ),
    "lost": Phase((*UP, NO_INFERENCE, PENDING, BENCHMARKED), "NotReady", port=NO_ENDPOINTS, measured=True),
    "crash-looping": Phase(
        (
            *UP,
            _condition(
                "InferenceReady",
                False,
                "ContainerCrashLoopBackOff",
                'container "{name}" is in CrashLoopBackOff: back-off 5m0s restarting failed container',
            ),
            PENDING,
            BENCHMARKED,
        ),
        "NotReady",
        pod="crash-looping",
        port=REFUSED,
        measured=True,
    ),
    # The older conditions stay True: only metadata.deletionTimestamp and this one tell.
    "deleting": Phase(
        (*READY, _condition("WorkspaceDeleting", True, "workspaceDeleted", "workspace is being deleted")),
        "Ready",
        pod="ready",
        port=SERVING,
        measured=True,
        cause="WorkspaceDeleting",
    ),
}

# A whole start of a model that is downloaded.
LIFE = (
    "new", "created", "nodes", "plugins", "provisioned", "pending", "starting", "downloading", "loading", "hand-over",
    "benchmarking", "ready",
)  # fmt: skip


def conditions(phase, name, reason=None, message=None, error="", streams=False):
    """Return the conditions of a phase for the workspace `name`, None if it has no status.

    `reason` and `message` replace those of the condition that the phase is about, and of the ResourceReady that
    copies it. `error`: the last reconcile error, which KAITO appends to every message. `streams`: its weights are.
    """
    if phase.conditions is None:
        return None
    cause = next(one for one in phase.conditions if one["type"] == phase.cause)
    found = phase.conditions if not streams or NO_MIRROR in phase.conditions else (*phase.conditions, MIRRORED)
    return [_filled(one, cause, name, reason, message, error) for one in found]


def _filled(one, cause, name, reason, message, error):
    if (one["reason"], one["message"]) == (cause["reason"], cause["message"]):
        one = {**one, "reason": reason or one["reason"], "message": message or one["message"]}
    text = one["message"].replace("{name}", name)
    return {**one, "message": text + (f" (last reconcile error: {error})" if error else "")}
