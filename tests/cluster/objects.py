"""Functions that make Kubernetes objects in the shapes of a real API server."""

from __future__ import annotations

import copy
import uuid

SET_LABEL = "inferenceset.kaito.sh/created-by"  # on a set's workspaces and their pods
CREATED = "2026-11-22T20:35:28Z"
CHANGED = "2026-11-22T20:47:12Z"


def metadata(name, namespace="default", labels=None, annotations=None):
    """Return an object's metadata; `namespace` is "" for an object that belongs to no namespace."""
    meta = {"name": name, "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{namespace}")), "resourceVersion": "1"}
    meta["creationTimestamp"] = CREATED
    if namespace:
        meta["namespace"] = namespace
    if labels:
        meta["labels"] = dict(labels)
    if annotations:
        meta["annotations"] = dict(annotations)
    return meta


def condition(kind, status="True", reason="", message="", changed="2026-11-22T20:00:00Z"):
    """Return an entry of an object's status.conditions."""
    if isinstance(status, bool):
        status = str(status)
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": changed}


READY = (
    condition("ResourceReady", True, "workspaceResourceStatusSuccess", "workspace resource is ready"),
    condition("InferenceReady", True, "WorkspaceInferenceStatusSuccess", "Inference has been deployed successfully"),
    condition("WorkspaceSucceeded", True, "workspaceSucceeded", "workspace succeeds"),
)
PENDING = (
    condition("ResourceReady", False, "NodeClaimNotReady", "nodeClaim ws1234 is not ready: InsufficientCapacity"),
    condition("InferenceReady", False, "WorkspaceInferencePending", "workload is not ready"),
)
TUNED = (
    condition("ResourceReady", True, "workspaceResourceStatusSuccess", "workspace resource is ready"),
    condition("JobStarted", True, "WorkspaceTuningJobStarted", "Tuning job has started"),
)


def workspace(
    name,
    namespace="default",
    preset="phi-3.5-mini-instruct",
    ready=True,
    *,
    adapters=(),
    template=None,
    tuning=None,
    conditions=None,
    state=None,
    labels=None,
    annotations=None,
    instance_type="Standard_NC24ads_A100_v4",
    version="v1beta1",
):
    """Return a Workspace. `ready` is True, False (pending) or None (no status yet).

    `conditions` and `state` replace what `ready` sets.

    `preset=None` leaves the preset out; `template` is a pod template, `tuning` a tuning section, `adapters` are names.
    """
    made = {"apiVersion": f"kaito.sh/{version}", "kind": "Workspace"}
    made["metadata"] = {**metadata(name, namespace, labels, annotations), "generation": 1}
    selector = {"matchLabels": {"apps": name}}
    made["resource"] = {"count": 1, "instanceType": instance_type, "labelSelector": selector}
    if tuning is not None:
        made["tuning"] = tuning
    else:
        made["inference"] = {}
        if template is not None:
            made["inference"]["template"] = template
        elif preset is not None:
            made["inference"]["preset"] = {"accessMode": "public", "name": preset}
        if adapters:
            sources = ({"image": f"example.com/{adapter}:1", "name": adapter} for adapter in adapters)
            made["inference"]["adapters"] = [{"source": source, "strength": "1.0"} for source in sources]
    if conditions is None and ready is not None:
        conditions = PENDING if not ready else TUNED if tuning is not None else READY
    if conditions is not None:
        made["status"] = {"conditions": copy.deepcopy(list(conditions))}
        state = state or ("Ready" if ready else "Pending")
    if state:
        made.setdefault("status", {})["state"] = state
    return made


def inference_set(name, namespace="default", preset="phi-3.5-mini-instruct", replicas=2, ready_replicas=2):
    """Return an InferenceSet. Its workspaces have `labels=replica_of(name)`."""
    template = {"inference": {"preset": {"accessMode": "public", "name": preset}}, "resource": {}}
    return {
        "apiVersion": "kaito.sh/v1beta1",
        "kind": "InferenceSet",
        "metadata": {**metadata(name, namespace), "generation": 1},
        "spec": {"replicas": replicas, "labelSelector": {"matchLabels": {"apps": name}}, "template": template},
        "status": {"replicas": replicas, "readyReplicas": ready_replicas},
    }


def replica_of(name):
    """Return the labels of a workspace that belongs to an InferenceSet."""
    return {SET_LABEL: name}


def port(number, name="http", target=5000):
    """Return an entry of a Service's ports; `name=""` leaves the name out."""
    made = {"name": name, "protocol": "TCP", "port": number, "targetPort": target}
    if not name:
        del made["name"]
    return made


PORTS = (port(80), port(6379, "ray", 6379))


def service(
    name, namespace="default", *, ports=PORTS, kind="ClusterIP", cluster_ip="10.96.241.31", ingress=(), labels=None
):
    """Return a Service.

    A LoadBalancer (`kind`) has entries {"ip": …} or {"hostname": …} in `ingress`, and none while it is pending.
    """
    spec = {"ports": copy.deepcopy(list(ports)), "clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "type": kind}
    spec.update(sessionAffinity="None", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        spec.update(externalTrafficPolicy="Cluster", allocateLoadBalancerNodePorts=True)
        for number, entry in enumerate(spec["ports"]):
            entry["nodePort"] = 30362 + number
    balancer = {"ingress": [{**entry, "ipMode": "VIP"} for entry in ingress]} if ingress else {}
    meta = metadata(name, namespace, labels)
    return {"kind": "Service", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": {"loadBalancer": balancer}}


def pod(name, namespace="default", *, labels=None, phase="Running", conditions=(), containers=()):
    """Return a Pod; `containers` are its containerStatuses."""
    meta = metadata(name, namespace, labels)
    spec = {"containers": [{"name": "model", "image": "example.com/model:1"}]}
    status = {"phase": phase, "conditions": list(conditions), "containerStatuses": list(containers)}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": status}


def waiting(reason, message="", restarts=0):
    """Return the containerStatus of a waiting container: ImagePullBackOff, CrashLoopBackOff, ContainerCreating."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "model", "ready": False, "restartCount": restarts, "started": False, "state": state}


def namespace(name):
    """Return a Namespace."""
    meta = metadata(name, "", {"kubernetes.io/metadata.name": name})
    spec = {"finalizers": ["kubernetes"]}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": {"phase": "Active"}}
