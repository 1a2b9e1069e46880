"""The replicas of an InferenceSet, and the two sets of a MultiRoleInference, as workloads. See phases.py."""

from __future__ import annotations

import random

from . import objects
from .kinds import inference_set_status, multi_role_inference, multi_role_status
from .pods import now
from .workload import PRESET, Workload, served_id

SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery's util/rand, which names generated objects
INSTANCE = "Standard_NC24ads_A100_v4"


class Replicas:
    """An InferenceSet, and its children as workloads, which serve the model under the set's name.

    `options` are those of a Workload, for every child, but for `make_model`, which makes a child's model of the served
    id; without it, that is a Model of vLLM 0.25.1. `served` replaces the served id.
    """

    def __init__(
        self, cluster, name, replicas=1, phase="ready", *, namespace="default", labels=None, make_model=None, **options
    ):
        self.cluster = cluster
        self.name = name
        self.children = []
        self._options = {"served": name, **options, "namespace": namespace}
        self._make_model = make_model
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
        model = self._make_model(self._options["served"]) if self._make_model else None
        options = {**self._options, "model": model, "labels": self._labels, "owner": self._made}
        child = Workload(self.cluster, name, phase, **options)
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
        self.decode = Replicas(cluster, f"{name}-decode", decode, phase, labels=self._role("decode"), **options)
        self.prefill.changed = self.decode.changed = self._refresh
        self._refresh()

    def _role(self, role):
        return {"multiroleinference.kaito.sh/created-by": self.name, "kaito.sh/inference-role": role}

    def _refresh(self):
        ready = [len(one.children) > 0 and one.ready == len(one.children) for one in (self.prefill, self.decode)]
        status = multi_role_status(*ready, now())
        self._made = {**self._made, "metadata": dict(self._made["metadata"]), "status": status}
        self.cluster.add(self._made)
