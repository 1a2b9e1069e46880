"""Workspaces with all that KAITO v0.12 makes for them, alone or as the replicas of an InferenceSet. See phases.py."""

from __future__ import annotations

import random
import time

from . import objects, phases
from .backends import Failing, Hanging, Listener, Port, PreDownload, Sidecar
from .kinds import inference_set_status, model_mirror, multi_role_inference, multi_role_status
from .model import Model
from .proxy import NO_ENDPOINTS, REFUSED
from .replies import HANG, Step

SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery's util/rand, which names generated objects
PRESET = "phi-4-mini-instruct"
INSTANCE = "Standard_NC24ads_A100_v4"
NODE = "aks-ws3a8d0c1b2-vmss000000"
IMAGE = "mcr.microsoft.com/aks/kaito/kaito-base:0.5.0"
RESULT = {
    "description": "stress/high-concurrency",
    "value": "183402.51",
    "unit": "tokens/min",
    "config": {
        "durationSec": "60", "inputTokens": "2048", "outputTokens": "256", "maxConcurrency": "113",
        "engine": "vllm", "engineVersion": "0.25.1", "quantization": "",
    },
}  # fmt: skip


def now():
    """Return the time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def served_id(preset):
    """Return the id that vLLM serves a preset under, outside of sets: the last part of its path, in lower case."""
    return preset.rpartition("/")[2].lower()


class Workload:
    """A Workspace in one phase of its life, with its Service, Pod and Endpoints, and a model of its own.

    `model` takes the scripted model's place, `download` is the pre-download server. `model.requests` holds all that
    reached the port, whatever listened there. `decode`: a sidecar stands in front of the model.
    """

    def __init__(
        self,
        cluster,
        name,
        phase="ready",
        *,
        namespace="default",
        preset=PRESET,
        model=None,
        labels=None,
        annotations=None,
        adapters=(),
        owner=None,
        decode=False,
        served="",
    ):
        self.cluster = cluster
        self.name = name
        self.namespace = namespace
        self.phase = ""
        self.model = model or Model(served or served_id(preset), adapters=adapters, strict_window=True)
        self.download = PreDownload(self.model.requests, 0.0, 0.0)
        self._decode = decode
        self._port = Port()
        self._answer = None
        self._made = objects.workspace(
            name, namespace, preset, None, adapters=adapters, labels=labels, annotations=annotations
        )
        self._made["inference"]["preset"]["presetOptions"] = {}
        meta = self._made["metadata"]
        meta.update(creationTimestamp=now(), finalizers=["workspace.finalizer.kaito.sh"])
        meta["annotations"] = {
            "workspace.kaito.io/hash": "5d1c" * 16, "workspace.kaito.io/revision": "1", **(annotations or {})
        }  # fmt: skip
        if owner is not None:
            meta["ownerReferences"] = [_reference(owner)]
        self.changed = lambda: None  # what an owner does after each change
        self.enter(phase)

    def enter(self, phase, *, reason=None, message=None, error="", speed=1.2345678925e08, remaining=412.73111):
        """Change to a phase of PHASES: the port first, then the objects, the Workspace last.

        `reason` and `message` are those of the condition that the phase is about; `error` is a reconcile error.
        `speed` and `remaining` are a download's, in bytes per second and seconds.
        """
        row = phases.PHASES[phase]
        self.phase = phase
        fetching = phase == "downloading"
        self.download.speed, self.download.remaining = (speed, remaining) if fetching else (0.0, 0.0)
        self._route()
        self._put("pods", _pod(self, row.pod, reason, message) if row.pod else None)
        self._put("endpoints", None if row.port in (None, phases.NO_OBJECT) else self._endpoints(row))
        self._put("services", None if row.port is None else self.service())
        if phase == "streaming" or self.mirror:
            self.cluster.add(model_mirror(self.mirror_name, phase != "streaming", speed, remaining))
        self._put("workspaces", self._workspace(row, reason, message, error))
        self.changed()

    def fail(self, answer):
        """Let every request end with a Refusal, a Raw, REFUSED, NO_ENDPOINTS or HANG in any phase; None ends that."""
        self._answer = answer
        self._route()

    def kill(self):
        """Let the model's process die: answers break off, and the port refuses until the next `enter` or `fail`."""
        self.fail(REFUSED)
        self._port.abandon()

    def vanish(self):
        """Remove the Workspace and all that belongs to it; answers break off."""
        for plural in ("workspaces", "services", "endpoints", "pods"):
            self._put(plural, None)
        self.fail(NO_ENDPOINTS)
        self._port.abandon()
        self.changed()

    def listen(self, host="127.0.0.1", port=0):
        """Open the model's port at a direct address as well, and return it (`host`, `port`, `close`)."""
        self._port.listener = Listener(host, port)
        self._route()
        return self._port.listener

    @property
    def asked(self):
        """The chats that went to this workspace through the API server, also those that did not reach it."""
        start = f"/api/v1/namespaces/{self.namespace}/services/{self.name}:"
        chats = [one for one in list(self.cluster.requests) if one.path.endswith("/chat/completions")]
        return [one for one in chats if start in one.path]

    @property
    def succeeded(self):
        """Whether WorkspaceSucceeded is True, which is what an InferenceSet counts."""
        return self._condition("WorkspaceSucceeded") == "True"

    @property
    def mirror(self):
        """The ModelMirror of the model, None if its weights are not streamed."""
        return self.cluster.get("modelmirrors", self.mirror_name, "")

    @property
    def mirror_name(self):
        """The name of the model's ModelMirror."""
        return served_id(self._made["inference"]["preset"]["name"])

    def service(self):
        """Return the Service of the workspace, which also leads to a pod that is not ready."""
        made = objects.service(self.name, self.namespace)
        made["spec"].update(publishNotReadyAddresses=True, selector={"kaito.sh/workspace": self.name})
        return made

    def _condition(self, kind):
        found = self._made.get("status", {}).get("conditions", [])
        return next((one["status"] for one in found if one["type"] == kind), None)

    def _route(self):
        row = phases.PHASES[self.phase]
        kind = row.port if self._answer is None else self._answer
        if kind in (phases.HANGING, HANG):
            kind = Hanging(self.model.requests)
        elif kind is phases.PRE_DOWNLOAD:
            kind = self.download
        elif kind is phases.SERVING:
            kind = self.model
        elif hasattr(kind, "answer"):
            kind = Failing(self.model.requests, kind)
        if self._decode and (kind is REFUSED or not isinstance(kind, (Step, type(None)))):
            kind = Sidecar(self.model.requests, None if kind is REFUSED else kind)
        reached = None if isinstance(kind, (Step, type(None))) else kind
        self._port.lead_to(reached)
        self.cluster.route(self.name, self._port if reached else kind or NO_ENDPOINTS, self.namespace)

    def _put(self, plural, made):
        """Add the object of that kind, or (None) remove it if it is there."""
        name = f"{self.name}-0" if plural == "pods" else self.name
        if made is not None:
            self.cluster.add(made)
        elif self.cluster.get(plural, name, self.namespace):
            self.cluster.remove(plural, name, self.namespace)

    def _endpoints(self, row):
        meta = objects.metadata(self.name, self.namespace)
        ready = row.port is not NO_ENDPOINTS
        address = {"ip": "10.244.0.2", "nodeName": NODE, "targetRef": {"kind": "Pod", "name": f"{self.name}-0"}}
        subset = {"addresses": [address], "ports": [{"name": "http", "port": 5000, "protocol": "TCP"}]}
        return {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta, "subsets": [subset] if ready else []}

    def _workspace(self, row, reason, message, error):
        made = self._made = {**self._made, "metadata": dict(self._made["metadata"])}
        before = {one["type"]: one for one in made.pop("status", {}).get("conditions", [])}
        found = phases.conditions(row, self.name, reason, message, error)
        if self.phase == "deleting":
            made["metadata"].update(deletionTimestamp=now(), deletionGracePeriodSeconds=0)
        if found is None:
            return made
        if self.mirror and self.phase != "streaming":
            found.append(phases.MIRRORED)
        for one in found:
            old = before.get(one["type"])
            same = old is not None and old["status"] == one["status"]
            one["lastTransitionTime"] = old["lastTransitionTime"] if same else now()
        status = {"state": row.state, "targetNodeCount": 1, "conditions": found}
        if any(one["type"] == "NodesReady" and one["status"] == "True" for one in found):
            status["workerNodes"] = [NODE]
        if row.measured:
            status["performance"] = {"metrics": {"peakTokensPerMinute": RESULT}}
        made["status"] = status
        return made


def _reference(owner):
    meta = owner["metadata"]
    made = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**made, "controller": True, "blockOwnerDeletion": True}


def _pod(workload, state, reason, message):
    """Return the pod of a workload in one of the states that phases.py names."""
    name, meta = workload.name, workload._made["metadata"]
    labels = {"kaito.sh/workspace": name, **meta.get("labels", {}), "apps.kubernetes.io/pod-index": "0"}
    container = {"name": name, "image": IMAGE, "imageID": "", "restartCount": 0, "ready": state == "ready"}
    container["started"] = container["ready"]
    scheduled = objects.condition("PodScheduled")
    if state == "unschedulable":
        why = message or "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
        scheduled = objects.condition("PodScheduled", False, reason or "Unschedulable", why)
    elif state == "creating":
        container["state"] = {"waiting": {"reason": reason or "ContainerCreating"}}
        if message:
            container["state"]["waiting"]["message"] = message
    elif state == "crash-looping":
        ended = {"exitCode": 1, "reason": "Error", "startedAt": objects.CREATED, "finishedAt": objects.CHANGED}
        why = "back-off 5m0s restarting failed container"
        container["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": why}}
        container.update(restartCount=4, lastState={"terminated": ended})
    else:
        container["state"] = {"running": {"startedAt": meta["creationTimestamp"]}}
    bound = state != "unschedulable"
    waits = state in ("unschedulable", "creating")
    made = objects.pod(
        f"{name}-0",
        workload.namespace,
        labels=labels,
        phase="Pending" if waits else "Running",
        conditions=(scheduled, *([objects.condition("Ready", state == "ready")] if bound else [])),
        containers=[container, *([_sidecar(state)] if workload._decode else [])] if bound else [],
    )
    made["metadata"]["creationTimestamp"] = meta["creationTimestamp"]
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


class Replicas:
    """An InferenceSet, and its children as workloads, which serve the model under the set's name.

    `options` are those of a Workload, for every child. `served` replaces the served id.
    """

    def __init__(self, cluster, name, replicas=1, phase="ready", *, namespace="default", labels=None, **options):
        self.cluster = cluster
        self.name = name
        self.children = []
        self._options = {"served": name, **options, "namespace": namespace}
        self._labels = {objects.SET_LABEL: name, **(labels or {})}
        self._random = random.Random(name)
        preset = options.get("preset", PRESET)
        self._made = objects.inference_set(name, namespace, preset)
        meta = self._made["metadata"]
        meta.update(creationTimestamp=now(), finalizers=["inferenceset.finalizer.kaito.sh"])
        meta["annotations"] = {"inferenceset.kaito.io/hash": "9a3f" * 16, "inferenceset.kaito.io/revision": "1"}
        if labels:
            meta["labels"] = dict(labels)
        spec = self._made["spec"]
        spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
        spec["template"]["resource"] = {"instanceType": INSTANCE}
        spec["template"]["inference"]["preset"]["presetOptions"] = {}
        self.changed = lambda: None
        self.scale(replicas, phase)

    def scale(self, replicas, phase="ready"):
        """Change the number of children: new ones begin in `phase`, the last ones vanish."""
        self._made["spec"]["replicas"] = replicas
        self._refresh()
        while len(self.children) > replicas:
            self.children.pop().vanish()
        while len(self.children) < replicas:
            self.children.append(self._child(phase))
        self._refresh()

    def roll_out(self, phase="ready"):
        """Replace all children by new ones, with other names and models, as a rollout does; return the old ones."""
        old, self.children = self.children, [self._child(phase) for _ in self.children]
        for child in old:
            child.vanish()
        return old

    def delete(self):
        """Mark the set as being deleted; its children stay."""
        self._made["metadata"].update(deletionTimestamp=now(), deletionGracePeriodSeconds=0)
        self._refresh()

    @property
    def ready(self):
        """The number of children that the set counts as ready."""
        return sum(child.succeeded for child in self.children)

    def _child(self, phase):
        name = f"{self.name}-{''.join(self._random.choice(SUFFIX) for _ in range(5))}"
        child = Workload(self.cluster, name, phase, labels=self._labels, owner=self._made, **self._options)
        child.changed = self._refresh
        return child

    def _refresh(self):
        wanted = self._made["spec"]["replicas"]
        deleting = "deletionTimestamp" in self._made["metadata"]
        status = inference_set_status(self.name, wanted, self.ready, deleting, now())
        self._made = {**self._made, "metadata": dict(self._made["metadata"]), "status": status}
        self.cluster.add(self._made)
        self.changed()


class MultiRole:
    """A MultiRoleInference: the InferenceSets `prefill` and `decode`, whose children serve the model's own name."""

    def __init__(self, cluster, name, prefill=1, decode=1, phase="ready", *, namespace="default", preset=PRESET):
        self.cluster = cluster
        self.name = name
        self._made = multi_role_inference(name, namespace, preset, prefill, decode)
        options = {"namespace": namespace, "preset": preset, "served": served_id(preset)}
        self.prefill = Replicas(cluster, f"{name}-prefill", prefill, phase, labels=self._role("prefill"), **options)
        self.decode = Replicas(
            cluster, f"{name}-decode", decode, phase, labels=self._role("decode"), decode=True, **options
        )
        self.prefill.changed = self.decode.changed = self._refresh
        self._refresh()

    def _role(self, role):
        return {"multiroleinference.kaito.sh/created-by": self.name, "kaito.sh/inference-role": role}

    def _refresh(self):
        ready = [len(one.children) > 0 and one.ready == len(one.children) for one in (self.prefill, self.decode)]
        status = multi_role_status(*ready, now())
        self._made = {**self._made, "metadata": dict(self._made["metadata"]), "status": status}
        self.cluster.add(self._made)
