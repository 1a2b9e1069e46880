"""Objects of KAITO's other kinds as v0.12 writes them: an InferenceSet's status, and whole ones of the rarer kinds."""

from __future__ import annotations

from .objects import condition, metadata

RESULT = {
    "description": "stress/high-concurrency",
    "value": "183402.51",
    "unit": "tokens/min",
    "config": {"engine": "vllm", "engineVersion": "0.25.1", "quantization": ""},
}


def _observed(*conditions, changed=None):
    times = {"lastTransitionTime": changed} if changed else {}
    return [{**one, "observedGeneration": 1, **times} for one in conditions]


def inference_set_status(name, wanted, ready, deleting=False, changed=None):
    """Return the status of an InferenceSet that wants so many replicas, and counts so many as ready.

    `replicas` is the number that it wants, zeros are left out (omitempty), and a set of no replicas is "ready".
    """
    all_ready = ready == wanted
    made = condition("InferenceSetReady", True, "inferencesetReady", "inferenceset is ready")
    if not all_ready:
        message = f"inferenceset is not ready, {ready}/{wanted} replicas are ready"
        made = condition("InferenceSetReady", False, "inferencesetNotReady", message)
    measured = condition("BenchmarkCompleted", False, "BenchmarkPending", f"{ready}/{wanted} replicas benchmarked")
    if all_ready and wanted:
        measured = condition("BenchmarkCompleted", True, "BenchmarkCompleted", f"{ready}/{wanted} replicas benchmarked")
    conditions = [made, measured]
    if deleting:
        conditions.append(
            condition("InferenceSetDeleting", True, "inferencesetDeleted", "inferenceset is being deleted")
        )
    status = {"selector": f"inferenceset.kaito.sh/created-by={name}"}
    status.update({key: value for key, value in (("replicas", wanted), ("readyReplicas", ready)) if value})
    if ready:
        status["performance"] = {"metrics": {"aggregatedPeakTokensPerMinute": RESULT}}
    return {**status, "conditions": _observed(*conditions, changed=changed)}


def multi_role_inference(name, namespace="default", model="phi-4-mini-instruct", prefill=1, decode=1):
    """Return a MultiRoleInference without a status."""
    roles = [
        {"type": role, "replicas": number, "instanceType": "Standard_NC24ads_A100_v4"}
        for role, number in (("prefill", prefill), ("decode", decode))
    ]
    meta = {**metadata(name, namespace), "finalizers": ["multiroleinference.kaito.sh/finalizer"], "generation": 1}
    spec = {"labelSelector": {"matchLabels": {"apps": name}}, "model": {"name": model}, "roles": roles}
    return {"apiVersion": "kaito.sh/v1alpha1", "kind": "MultiRoleInference", "metadata": meta, "spec": spec}


def multi_role_status(prefill, decode, changed=None):
    """Return the status of a MultiRoleInference whose sets are ready or not."""
    conditions = []
    for role, ready in (("Prefill", prefill), ("Decode", decode)):
        words = f"{role} InferenceSet is {'ready' if ready else 'not ready'}"
        conditions.append(condition(f"{role}Ready", ready, f"{role}{'Ready' if ready else 'NotReady'}", words))
    conditions.append(condition("InferencePoolReady", True, "InferencePoolReady", "InferencePool is ready"))
    if prefill and decode:
        conditions.append(condition("Ready", True, "Ready", "All components are ready"))
    else:
        conditions.append(condition("Ready", False, "NotReady", "Not all components are ready"))
    return {"observedGeneration": 1, "conditions": _observed(*conditions, changed=changed)}


def rag_engine(name, namespace="default", ready=True, inference="http://phi4/v1/chat/completions"):
    """Return a RAGEngine. `ready` is True, False (its node is being made) or None (no status yet)."""
    meta = {**metadata(name, namespace), "finalizers": ["ragengine.finalizer.kaito.sh"], "generation": 1}
    meta["annotations"] = {"ragengine.kaito.io/hash": "c07e" * 16, "ragengine.kaito.io/revision": "1"}
    compute = {"instanceType": "Standard_NC4as_T4_v3", "labelSelector": {"matchLabels": {"apps": name}}}
    spec = {"compute": compute, "embedding": {"local": {"modelID": "BAAI/bge-small-en-v1.5"}}}
    spec["inferenceService"] = {"url": inference, "contextWindowSize": 16384}
    made = {"apiVersion": "kaito.sh/v1beta1", "kind": "RAGEngine", "metadata": meta, "spec": spec}
    if ready:
        conditions = (
            condition(
                "NodeClaimReady", True, "installNodePluginsSuccess",
                "nodeClaim plugins have been installed successfully",
            ),
            condition("ResourceReady", True, "ragengineResourceStatusSuccess", "ragengine resource is ready"),
            condition("ServiceReady", True, "RAGEngineServiceSuccess", "Inference has been deployed successfully"),
            condition("RAGEngineSucceeded", True, "ragengineSucceeded", "ragengine succeeds"),
        )  # fmt: skip
        made["status"] = {"workerNodes": ["aks-rag-vmss000000"], "conditions": _observed(*conditions)}
    elif ready is not None:
        pending = condition("NodeClaimReady", "Unknown", "CreateNodeClaimPending", "creating 1 nodeClaim")
        made["status"] = {"conditions": _observed(pending)}
    return made


def model_mirror(name, ready=False, speed=0.0, remaining=-1.0):
    """Return a ModelMirror, which belongs to no namespace: `speed` in bytes per second, `remaining` in seconds."""
    status = {"phase": "Ready" if ready else "Pending", "modelPath": f"/models/{name}"}
    stored = condition("StorageReady", True, "StorageReady", "storage is ready")
    if ready:
        last = condition("Ready", True, "ModelMirrorReady", "Model download complete")
    else:
        status["download"] = {"speedBytesPerSecond": int(speed), "remainingSeconds": int(remaining)}
        last = condition("Ready", False, "ModelMirrorPending", "Model download in progress")
    status["conditions"] = _observed(stored, last)
    meta = {**metadata(name, ""), "generation": 1}
    return {"apiVersion": "kaito.sh/v1alpha1", "kind": "ModelMirror", "metadata": meta, "spec": {}, "status": status}
