"""Workspaces with all that KAITO v0.12 makes for them, alone or as the replicas of an InferenceSet. See phases.py."""

from __future__ import annotations

from . import objects, phases
from .backends import Failing, Hanging, Listener, Port, PreDownload, Sidecar
from .kinds import model_mirror
from .model import Model
from .pods import NODE, is_decode, now, pod
from .proxy import NO_ENDPOINTS, REFUSED
from .replies import HANG

PRESET = "phi-4-mini-instruct"
RESULT = {
    "description": "stress/high-concurrency",
    "value": "183402.51",
    "unit": "tokens/min",
    "config": {
        "durationSec": "60", "inputTokens": "2048", "outputTokens": "256", "maxConcurrency": "113",
        "engine": "vllm", "engineVersion": "0.25.1", "quantization": "",
    },
}  # fmt: skip


def served_id(preset):
    """Return the id that vLLM serves a preset under, outside of sets: the last part of its path, in lower case."""
    return preset.rpartition("/")[2].lower()


class Workload:
    """A Workspace in one phase of its life, with its Service, Pod and Endpoints, and a model of its own.

    `model` takes the place of the scripted model, which is one of vLLM 0.25.1; `download` is the pre-download server.
    `model.requests` holds all that reached the port, whatever listened there. `service` are options of objects.service,
    `owner` is the InferenceSet. A label of the role "decode" puts a routing sidecar in front of the model.
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
        service=None,
        served="",
    ):
        self.cluster = cluster
        self.phase = ""
        self.model = model or Model(served or served_id(preset), adapters=adapters, strict_window=True)
        self.download = PreDownload(self.model.requests, 0.0, 0.0)
        self._port = Port()
        self._answer = None
        self._made = objects.workspace(
            name, namespace, preset, None, adapters=adapters, labels=labels, annotations=annotations
        )
        self._made["inference"]["preset"]["presetOptions"] = {}
        meta = self._made["metadata"]
        meta["finalizers"] = ["workspace.finalizer.kaito.sh"]
        meta["annotations"] = {
            "workspace.kaito.io/hash": "5d1c" * 16, "workspace.kaito.io/revision": "1", **(annotations or {})
        }  # fmt: skip
        if owner is not None:
            meta["ownerReferences"] = [_reference(owner)]
            self._made["resource"]["labelSelector"] = owner["spec"]["labelSelector"]
        self._service = objects.service(name, namespace, **(service or {}))
        self._service["spec"].update(publishNotReadyAddresses=True, selector={"kaito.sh/workspace": name})
        self.changed = lambda: None  # what an owner does after each change
        self.enter(phase)

    @property
    def name(self):
        """The name of the Workspace."""
        return self._made["metadata"]["name"]

    @property
    def namespace(self):
        """The namespace of the Workspace."""
        return self._made["metadata"]["namespace"]

    def enter(
        self, phase, *, reason=None, message=None, error="", waiting=None, speed=1.2345678925e08, remaining=412.73111
    ):
        """Change to a phase of PHASES: the port first, then the objects, the Workspace last. It ends `fail`.

        `reason` and `message` are those of the condition that the phase is about; `error` is a reconcile error.
        `waiting` is the reason, or the pair of reason and message, for which the pod's container waits. `speed` and
        `remaining` are a download's, in bytes per second and seconds.
        """
        row = phases.PHASES[phase]
        self.phase = phase
        fetching = phase == "downloading"
        self.download.speed, self.download.remaining = (speed, remaining) if fetching else (0.0, 0.0)
        self.fail(None)
        self._put("pods", pod(self._made, row.pod, waiting) if row.pod else None)
        self._put("endpoints", None if row.port in (None, phases.NO_OBJECT) else self._endpoints(row))
        self._put("services", None if row.port is None else self._service)
        streams = phase == "streaming" or self._condition("ModelMirrorReady") is not None
        if streams:
            mirror = served_id(self._made["inference"]["preset"]["name"])
            self.cluster.add(model_mirror(mirror, phase != "streaming", speed, remaining))
        self._put(
            "workspaces", self._workspace(row, phases.conditions(row, self.name, reason, message, error, streams))
        )
        self.changed()

    def fail(self, answer):
        """Let every request end with a Refusal, a Raw, REFUSED, NO_ENDPOINTS or HANG; None ends that."""
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
        """Open the model's port at a direct address as well, and return it (`host`, `port`, `close`).

        The port is closed whenever the model refuses, so in a network of a test's own, enter phases inside of it, too.
        """
        self._port.listener = Listener(self._port.handle, host, port)
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

    def _condition(self, kind):
        found = self._made.get("status", {}).get("conditions", [])
        return next((one["status"] for one in found if one["type"] == kind), None)

    def _route(self):
        row = phases.PHASES[self.phase]
        kind = row.port if self._answer is None else self._answer
        if kind in (phases.HANGING, HANG):
            kind = Hanging(self._port, self.model.requests)
        elif kind is phases.PRE_DOWNLOAD:
            kind = self.download
        elif kind is phases.SERVING:
            kind = self.model
        elif hasattr(kind, "answer"):
            kind = Failing(self.model.requests, kind)
        if is_decode(self._made) and (kind is REFUSED or hasattr(kind, "handle")):
            kind = Sidecar(self.model.requests, None if kind is REFUSED else kind)
        reached = kind if hasattr(kind, "handle") else None
        self._port.lead_to(reached)
        self.cluster.route(self.name, self._port if reached else kind or NO_ENDPOINTS, self.namespace)

    def _put(self, plural, made):
        """Add the object of that kind, or (None) remove it if it is there."""
        name = f"{self.name}-0" if plural == "pods" else self.name
        old = self.cluster.get(plural, name, self.namespace)
        if made is not None:
            made["metadata"]["creationTimestamp"] = old["metadata"]["creationTimestamp"] if old else now()
            self.cluster.add(made)
        elif old:
            self.cluster.remove(plural, name, self.namespace)

    def _endpoints(self, row):
        meta = objects.metadata(self.name, self.namespace)
        ready = row.port is not NO_ENDPOINTS
        address = {"ip": "10.244.0.2", "nodeName": NODE, "targetRef": {"kind": "Pod", "name": f"{self.name}-0"}}
        subset = {"addresses": [address], "ports": [{"name": "http", "port": 5000, "protocol": "TCP"}]}
        return {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta, "subsets": [subset] if ready else []}

    def _workspace(self, row, found):
        """Return the Workspace in a phase; `found` are its conditions, None if it has no status."""
        made = self._made = {**self._made, "metadata": dict(self._made["metadata"])}
        before = {one["type"]: one for one in made.pop("status", {}).get("conditions", [])}
        made["metadata"].pop("deletionTimestamp", None)
        if self.phase == "deleting":
            made["metadata"]["deletionTimestamp"] = now()
        if found is None:
            return made
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
