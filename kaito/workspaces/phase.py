"""Where a workspace is between its creation and its first answer. Pure.

The objects say what to expect; only the model's server says whether it answers. So a phase is judged from both: the
Workspace, and what its server said when it was asked (`workspaces/probe.py`).
"""

from __future__ import annotations

from kaito.errors import NotReadyError, WorkspaceError
from kaito.kube.duration import human_duration
from kaito.lazy_re import pattern
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.workspace import ready_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kaito.model.client import Model
    from kaito.workspaces.workspace import Condition, Workspace

ANSWERS, NOT_ASKED, FETCHES, SILENT = "answers", "not asked", "fetches", "silent"
"""What a probe shows: the model answers; it may not be asked; its weights are fetched or loaded; nothing answers."""

DOWNLOADING, LOADING = "downloading", "loading the weights"
UNDECIDED = "downloading or loading the weights"
"""The words for weights on their way; the last ones if the figures do not show which."""

# From the machine upwards, so that the first one that is False is the cause. An object's order says nothing: a
# condition keeps the position of its first insertion (apimachinery's meta.SetStatusCondition).
_ORDER = ("NodeClaimReady", "NodesReady", "ModelMirrorReady", "ResourceReady")

# Reasons that only repeat their condition's type (K: pkg/workspace/controllers, pkg/nodeprovision).
_SAYS_NOTHING = pattern(r".*(?:Pending|NotReady|AwaitingReconciliation|InProgress|Failed)|")
_RECONCILE_ERROR = pattern(r"(?s)\s*\(last reconcile error: (.*?)\)?\s*$")
_OF_WHAT = pattern(r"(?s)(?P<what>.{1,80}?) is not \w+: (?P<why>.+)")

_WORKLOAD = "InferenceReady"


class Download(NamedTuple):
    """The figures of a download, or of weights that are loaded after it (KAITO's gauges on /metrics).

    `speed`: bytes per second; `left`: seconds, -1 if the total is unknown. Both are 0 before the first sample and
    after the end, so 0 and 0 says neither.
    """

    speed: float
    left: float

    @property
    def going_on(self) -> bool:
        """Whether the weights are surely still being downloaded."""
        return self.speed > 0 or self.left != 0


class Probe(NamedTuple):
    """What came of asking the model's server. `state`: one of the four above; `why`: in words, for SILENT."""

    state: str
    why: str = ""
    models: tuple[Model, ...] = ()
    download: Download | None = None


class Phase(NamedTuple):
    """Why a workspace does not answer yet.

    `why`: words that stay the same during the phase; `figures`: what changes in it, or ""; `bytes_left`: what is still
    to download, 0 if unknown; `done`: the part that was downloaded since the wait began, negative if unknown. `asked`:
    a server was asked, so that no change of the Workspace announces the next phase. `brief`: what a
    display of one line shows instead of `why`, or "".
    """

    name: str
    why: str
    figures: str = ""
    bytes_left: float = 0.0
    done: float = -1.0
    asked: bool = False
    brief: str = ""

    @property
    def words(self) -> str:
        """The phase in a few words, the cause first."""
        return ", ".join(filter(None, (self.why, self.figures)))


class NotAnsweringError(NotReadyError):
    """A workspace in a phase in which it cannot answer."""

    def __init__(self, phase: Phase, hint: str, details: Sequence[str] = (), replica_of: str = "") -> None:
        words = phase.words if replica_of in ("", phase.name) else f"{phase.name}: {phase.words}"
        kind = "InferenceSet" if replica_of else "workspace"
        super().__init__(f'{kind} "{replica_of or phase.name}" is not ready: {words}', hint, details)
        self.phase = phase
        self.progress = 1 + phase.asked + (phase.bytes_left > 0)


def judge(workspace: Workspace, probe: Probe, pod: str = "") -> Phase:
    """Return the phase of a workspace whose server does not answer. `pod`: what a pod of it says of itself, or ""."""
    cause = why_not_ready(workspace)
    if probe.state == FETCHES:
        return fetching(workspace.name, probe.download)
    # The workload's condition says only that the workload is not ready, where its server says more.
    return Phase(workspace.name, cause or probe.why, asked=True, brief="" if cause else pod or in_brief(probe.why))


def in_brief(why: str) -> str:
    """Return the words for what a server said without its own, which stand in parentheses."""
    before, _, rest = why.partition(" (")
    return before + rest.rpartition(")")[2]


def fetching(name: str, download: Download | None) -> Phase:
    """Return the phase of a workspace whose weights are downloaded or loaded."""
    if download is None or not download.going_on:
        return Phase(name, UNDECIDED, asked=True)
    left = human_duration(int(download.left)) + " left" if download.left > 0 else "time left unknown"
    size = download.speed * download.left if download.left > 0 else 0.0
    return Phase(name, DOWNLOADING, f"{_rate(download.speed)}, {left}", size, asked=True)


def is_mirrored(workspace: Workspace) -> bool:
    """Return whether the workspace waits for a ModelMirror, from which its weights will be streamed."""
    return any(one.type == "ModelMirrorReady" and one.status == "False" for one in workspace.conditions)


def why_not_ready(workspace: Workspace) -> str:
    """Return why the workspace cannot answer, in its own words with the cause first; "" if it may be able to.

    Only an InferenceReady that is "False" is a reason: a condition that is absent or Unknown is not decided yet.
    "" as well if InferenceReady alone is False, and says only that.
    """
    if workspace.deleting:
        return "it is being deleted"
    if workspace.tuning or ready_status(workspace) != "False":
        return ""
    false = [one for one in workspace.conditions if one.status == "False"]
    ranked = sorted(false, key=lambda one: _ORDER.index(one.type) if one.type in _ORDER else len(_ORDER))
    for condition in ranked:
        if condition.type in (*_ORDER, _WORKLOAD):
            return _cause(condition)
    return ""


def _cause(condition: Condition) -> str:
    """Return the cause in a condition; "" if it is the workload's, and says nothing."""
    message, failed = without_reconcile_error(condition.message)
    if failed:
        return failed
    says_nothing = _SAYS_NOTHING.fullmatch(condition.reason) is not None
    found = _OF_WHAT.fullmatch(message)
    if found:
        # "nodeClaim ws1234 is not launched: no capacity": the reason first, and then what it is about.
        return excerpt(f"{found['why'] if says_nothing else condition.reason}, {found['what']}", 300)
    if not says_nothing:
        return excerpt(", ".join(filter(None, (condition.reason, message))), 300)
    pending = condition.type == _WORKLOAD and condition.reason.startswith("WorkspaceInference")
    return "" if pending else excerpt(message or condition.reason, 300)


def without_reconcile_error(message: str) -> tuple[str, str]:
    """Return a condition's message without the error that KAITO appends to all of them, and that error, or ""."""
    found = _RECONCILE_ERROR.search(message)
    return (message[: found.start()], excerpt(found[1], 300)) if found else (message, "")


def ended(workspace: Workspace) -> WorkspaceError:
    """Return the error for a workspace that is being deleted and does not answer: waiting is no help."""
    return WorkspaceError(f'workspace "{workspace.name}" is being deleted', "to list the others: kubectl kaito status")


def note(workspace: Workspace, *, answers: bool = True) -> str:
    """Return a line for the user about a workspace that is asked although its objects call it not ready, or ""."""
    name = workspace.name
    if workspace.deleting:
        return f"note: {name} is being deleted, so it may stop answering"
    if ready_status(workspace) != "False":
        return ""
    cause = why_not_ready(workspace)
    if answers and not cause:
        return f"note: KAITO is still measuring {name}, so it may answer slowly"
    return f"note: KAITO reports that {name} is not ready" + (f": {cause}" if cause else "")


def _rate(speed: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if speed < 1000 or unit == "GB":
            break
        speed /= 1000
    return f"{speed:.{1 if speed < 10 and unit != 'B' else 0}f} {unit}/s"
