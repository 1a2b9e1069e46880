"""What `status` shows of a Workspace or an InferenceSet beyond what the other verbs read of it. Pure."""

from __future__ import annotations

from kaito.json_fields import count, line, part, text
from kaito.kube.names import is_subdomain
from kaito.lazy_re import pattern
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.inference_set import InferenceSet, read_inference_set
from kaito.workspaces.objects import SET_LABEL
from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES
from kaito.workspaces.workspace import read_workspace, ready_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from kaito.workspaces.workspace import Workspace

# The kind in an object's own words, by its plural.
KIND = {WORKSPACES: "Workspace", INFERENCE_SETS: "InferenceSet"}

_ROLE_LABEL = "kaito.sh/inference-role"
_MULTI_ROLE_LABEL = "multiroleinference.kaito.sh/created-by"
_RUNTIME = "kaito.sh/runtime"

# More nodes than one workspace ever has.
_MOST_NODES = 1000

_DECIMAL = pattern(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")


class Performance(NamedTuple):
    """The result of KAITO's benchmark. `peak`: tokens a minute, a decimal number in digits, as KAITO wrote it.

    `load`: the name of the load, `measured`: its numbers and the engine, in words. Either may be "".
    """

    peak: str
    load: str
    measured: str


class Details(NamedTuple):
    """What only a display needs; strings that are absent are "".

    `nodes`: the names of the worker nodes, of `target` that KAITO wants (0 before it has decided). `owner`: KIND/NAME
    of what created the object. `deleted`: since when it is being deleted, an RFC 3339 time.
    """

    nodes: tuple[str, ...] = ()
    target: int = 0
    performance: Performance | None = None
    runtime: str = ""
    role: str = ""
    owner: str = ""
    deleted: str = ""


class Entry(NamedTuple):
    """A Workspace or an InferenceSet with its details. `kind`: its plural."""

    kind: str
    object: Workspace | InferenceSet
    details: Details

    @property
    def reference(self) -> str:
        """KIND/NAME, as --workspace-name and kubectl take it."""
        return f"{KIND[self.kind].lower()}/{self.object.name}"

    @property
    def ready(self) -> str:
        """Whether it is ready: "Deleting", for a set "1/2" (ready of wanted), else "True", "False" or "Unknown"."""
        if self.object.deleting:
            return "Deleting"
        if isinstance(self.object, InferenceSet):
            return f"{self.object.ready}/{self.object.replicas}"
        return ready_status(self.object)


def read_entry(kind: str, document: Mapping[str, Any]) -> Entry:
    """Read an object of the kind (a plural) from the JSON of any API version."""
    metadata, status = part(document, "metadata"), part(document, "status")
    labels = part(metadata, "labels")
    if kind == INFERENCE_SETS:
        found: Workspace | InferenceSet = read_inference_set(document)
        annotations = part(part(part(part(document, "spec"), "template"), "metadata"), "annotations")
    else:
        found = read_workspace(document)
        annotations = part(metadata, "annotations")
    details = Details(
        nodes=_node_names(status),
        target=count(status, "targetNodeCount"),
        performance=_read_performance(part(part(status, "performance"), "metrics")),
        # A template of the user's own and a tuning job have no runtime of KAITO's. Any other word means vLLM.
        runtime=("transformers" if text(annotations, _RUNTIME) == "transformers" else "vllm") if found.model else "",
        role=line(labels, _ROLE_LABEL),
        owner=_owner(labels),
        deleted=line(metadata, "deletionTimestamp"),
    )
    return Entry(kind, found, details)


def _node_names(status: Mapping[str, Any]) -> tuple[str, ...]:
    names = status.get("workerNodes")
    found = names[:_MOST_NODES] if isinstance(names, list) else ()
    return tuple(excerpt(name, 253) for name in found if isinstance(name, str))


def _owner(labels: Mapping[str, Any]) -> str:
    """Return KIND/NAME of the owner. A workspace of a MultiRoleInference carries both labels; its owner is the set."""
    for label, kind in ((SET_LABEL, "inferenceset"), (_MULTI_ROLE_LABEL, "multiroleinference")):
        name = text(labels, label)
        if is_subdomain(name):
            return f"{kind}/{name}"
    return ""


def _read_performance(metrics: Mapping[str, Any]) -> Performance | None:
    """Return the peak, None if it was not measured. All of KAITO's numbers are strings here."""
    metric = part(metrics, "peakTokensPerMinute") or part(metrics, "aggregatedPeakTokensPerMinute")
    peak = line(metric, "value")
    # A run that failed has -1.0.
    if not _DECIMAL.fullmatch(peak):
        return None
    config = part(metric, "config")
    concurrent, given, made, seconds, engine, version = (
        line(config, name)
        for name in ("maxConcurrency", "inputTokens", "outputTokens", "durationSec", "engine", "engineVersion")
    )
    words = (
        f"{concurrent} requests at once" if concurrent else "",
        f"{given} tokens in and {made} out" if given and made else "",
        f"{seconds} s" if seconds else "",
        f"{engine} {version}".strip(),
        line(config, "quantization"),
    )
    return Performance(peak, line(metric, "description"), ", ".join(filter(None, words)))


def count_nodes(entries: Iterable[Entry]) -> str:
    """Return how many nodes of how many wanted the entries have together, as "1/2"; "-" if none is known."""
    found, wanted = 0, 0
    for entry in entries:
        found += len(entry.details.nodes)
        wanted += entry.details.target
    return f"{found}/{max(found, wanted)}" if found or wanted else "-"
