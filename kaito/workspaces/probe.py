"""What the model's server says when it is asked whether the model answers.

While a pod starts, several things listen on the model's port one after the other: nothing, KAITO's pre-download server
(it answers every GET but /metrics with an empty 404, and any other method with 501), a socket that accepts connections
and answers nothing, and the model (K: presets/workspace/inference/vllm/inference_api.py).
"""

from __future__ import annotations

from kaito.errors import ClusterError, InferenceError, KaitoError, NotReadyError, UnreachableError, WorkspaceError
from kaito.json_document import read_object
from kaito.lazy_re import pattern
from kaito.model import payload
from kaito.model.client import read_models
from kaito.net.errors import TimedOutError, TransportError
from kaito.net.request import Request, Timeouts
from kaito.values import TYPE_CHECKING
from kaito.workspaces import phase
from kaito.workspaces.objects import fetch
from kaito.workspaces.phase import ANSWERS, FETCHES, NOT_ASKED, SILENT, Download, Probe
from kaito.workspaces.readiness import explanation, pod_trouble, waiting_hint
from kaito.workspaces.routes import UnansweredError
from kaito.workspaces.workspace import read_workspace

if TYPE_CHECKING:
    from kaito.kube.api_server import ApiServer
    from kaito.model.client import Model
    from kaito.model.link import Link
    from kaito.workspaces.lookup import Lookup
    from kaito.workspaces.routes import Endpoint
    from kaito.workspaces.workspace import Workspace

SECONDS = 5.0
"""How long a server may take to list its models. One that hangs is being handed over to the model."""

# A first token may take longer: the model may be under the full load of KAITO's benchmark.
_TOKEN_SECONDS = 60.0

MODELS, TOKEN = "models", "token"
"""What the model's server is asked for: its models; or, where that is forbidden, one token of an answer."""

_LIMIT = 1 << 20
_GAUGE = pattern(r"(?m)^kaito_model_download_(speed_bytes_per_second|remaining_seconds)(?:\{[^}\n]*\})? (\S+)$")
_JSON = (("Content-Type", "application/json"),)


def answering(api: ApiServer, lookup: Lookup, endpoint: Endpoint, what: str) -> tuple[Probe, str]:
    """Return what the server said, and a note for the user if the model answers in spite of the objects.

    `what`: MODELS or TOKEN. Raises NotReadyError if it does not answer, with the phase and the cluster's reasons;
    WorkspaceError if it never will; ClusterError.
    """
    workspace = lookup.workspace
    probe = Probe(ANSWERS, models=endpoint.models) if endpoint.models else ask(endpoint.link)
    if probe.state == NOT_ASKED and what == TOKEN:
        probe = ask_one_token(endpoint.link)
    if probe.state in (ANSWERS, NOT_ASKED):
        return probe, phase.note(workspace, answers=probe.state == ANSWERS)
    if workspace.deleting:
        raise phase.ended(workspace)
    details = explanation(api, workspace)
    now = phase.judge(workspace, probe, pod_trouble(details))
    raise phase.NotAnsweringError(now, waiting_hint(workspace, lookup.replica_of), details, lookup.replica_of)


def explained(error: NotReadyError, api: ApiServer, workspace: Workspace, link: Link) -> KaitoError:
    """Return `error` with the reasons, for which the workspace is read again: a chat may have lasted for hours.

    `link`: where to ask for the figures of a download.
    """
    try:
        reading = fetch(api, "workspaces", workspace.namespace, workspace.name)
    except KaitoError:
        return error
    now = workspace
    if not reading.why:
        now = read_workspace(reading.document)._replace(name=workspace.name, namespace=workspace.namespace)
    details = explanation(api, now)
    if now.deleting:
        return WorkspaceError(f"{error.message}; it is being deleted", error.hint, details)
    if isinstance(error, UnansweredError) and error.fetching:
        now_at = phase.fetching(now.name, read_download(link))
        return phase.NotAnsweringError(now_at, waiting_hint(now), details)
    return NotReadyError(error.message, error.hint, details)


def ask(link: Link) -> Probe:
    """Ask the server for its models. Raises UnreachableError if the API server is away."""
    try:
        status, body = _send(link, Request("GET", "/v1/models", timeouts=Timeouts(total=SECONDS)))
    except UnreachableError:
        raise
    except ClusterError:
        return Probe(NOT_ASKED)
    except TransportError as error:
        return Probe(SILENT, _silence(error))
    if status == 403 and link.refusal(status, body):
        return Probe(NOT_ASKED)
    if status == 404 and not body:
        download = read_download(link)
        # A server of somebody's own may answer like that, but has no such gauges.
        return Probe(FETCHES, download=download) if download else Probe(ANSWERS)
    refused = _refused(link, status, body)
    return refused or Probe(ANSWERS, models=tuple(_models(body)) if status == 200 else ())


def ask_one_token(link: Link) -> Probe:
    """Ask the model for one token, where the server may not be asked for its models. Raises ClusterError."""
    question = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    request = Request("POST", "/v1/chat/completions", _JSON, payload.encode(question), Timeouts(total=_TOKEN_SECONDS))
    try:
        status, body = _send(link, request)
    except TransportError as error:
        return Probe(SILENT, _silence(error))
    own = link.refusal(status, body)
    if own and not isinstance(own, NotReadyError):
        raise own
    # Any other answer shows that the model's server is up; the question will show what it means.
    return _refused(link, status, body) or Probe(ANSWERS)


def read_download(link: Link) -> Download | None:
    """Return the download's figures from the server's /metrics, None if it has none."""
    try:
        status, body = _send(link, Request("GET", "/metrics", timeouts=Timeouts(total=SECONDS)))
    except (KaitoError, TransportError):
        return None
    found = dict(_GAUGE.findall(body.decode("utf-8", "replace"))) if status == 200 else {}
    if len(found) != 2:
        return None
    return Download(_number(found["speed_bytes_per_second"]), _number(found["remaining_seconds"]))


def _send(link: Link, request: Request) -> tuple[int, bytes]:
    response = link.request(request)
    return response.status, response.read(_LIMIT)


def _refused(link: Link, status: int, body: bytes) -> Probe | None:
    """Return what an answer says of a server that does not answer for the model; None if it does."""
    own = link.refusal(status, body)
    if isinstance(own, UnansweredError):
        return Probe(FETCHES) if own.fetching else Probe(SILENT, own.why)
    if own:
        return Probe(NOT_ASKED)
    # 429 comes from a model that is busy, and any other answer from a server that is up: not every one lists models.
    return Probe(SILENT, f"its server answers {status}") if status >= 500 else None


def _models(body: bytes) -> list[Model]:
    try:
        return read_models(read_object(body, finite=False))
    except (ValueError, InferenceError):
        return []


def _silence(error: TransportError) -> str:
    if isinstance(error, TimedOutError) and error.stage != "connect":
        return "its server accepts connections, but does not answer yet"
    return error.message


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if -1e18 < value < 1e18 else 0.0
