"""`kubectl kaito status`: the workspaces and whether they can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kaito.commands.cluster import WORKSPACE_NAME, connect, optional_name
from kaito.errors import UsageError
from kaito.flags import SWITCH, Flag, Values, choice

if TYPE_CHECKING:
    from kaito.kube.api import ApiServer
    from kaito.workspace import Workspace

SUMMARY = "Show workspaces and whether they are ready"
USAGE = "status [--workspace-name NAME] [flags]"
DESCRIPTION = """\
Show the namespace's workspaces with model, instance type and readiness,
or one of them with its conditions and what its pods say."""
EXAMPLES = """\
  # The workspaces of the namespace
  kubectl kaito status

  # One in detail
  kubectl kaito status --workspace-name my-llama

  # All of them, shown again at each change
  kubectl kaito status -A --watch"""

# A watch ends by itself after this and is begun anew.
_WATCH_SECONDS = 300.0

FLAGS = (
    WORKSPACE_NAME._replace(help="Name of one workspace, to see it in detail"),
    Flag("all-namespaces", SWITCH, False, "Show the workspaces of all namespaces", short="A", bare="true"),
    Flag("watch", SWITCH, False, "After showing them, show them again at each change", short="w", bare="true"),
    Flag("output", choice("", "json"), "", "Output format: json, or a table when empty", short="o"),
)


def run(values: Values) -> int:
    """Shows what there is and returns the exit code. Raises KaitoError."""
    name = optional_name(values, "status")
    if name and values.switch("all-namespaces"):
        raise UsageError("--workspace-name and --all-namespaces exclude each other")

    from kaito.chat.terminal import print_text
    from kaito.watching import named, wait_for_change
    from kaito.workspace import part, text

    api = connect(values)
    namespace = "" if values.switch("all-namespaces") else api.target.namespace
    earlier = ""
    while True:
        document = _read(api, namespace, name)
        shown = _shown(api, document, name, namespace, values.text("output"))
        # A change may be one of what is not shown.
        if shown != earlier:
            print_text(shown if not earlier else "\n" + shown)
            earlier = shown
        if not values.switch("watch"):
            return 0
        revision = text(part(document, "metadata"), "resourceVersion")
        wait_for_change(api, namespace, named(name) if name else "", revision, _WATCH_SECONDS)


def _read(api: ApiServer, namespace: str, name: str) -> Mapping[str, Any]:
    """The workspace `name`, or the list of them. Raises WorkspaceError and ClusterError."""
    from kaito.endpoint import ABSENT, FORBIDDEN, NO_KAITO, get_object, no_kaito, unknown_name
    from kaito.errors import ClusterError

    reading = get_object(api, "workspaces", namespace, name)
    if reading.why == NO_KAITO:
        raise no_kaito(f'workspace "{name}" cannot be there' if name else "there are no workspaces")
    if reading.why == ABSENT:
        raise unknown_name(api, name, namespace)
    if reading.why == FORBIDDEN:
        verb, where = "get" if name else "list", f"-n {namespace}" if namespace else "-A"
        raise ClusterError(
            f"you may not {verb} workspaces", f"check with: kubectl auth can-i {verb} workspaces.kaito.sh {where}"
        )
    return reading.document


def _shown(api: ApiServer, document: Mapping[str, Any], name: str, namespace: str, output: str) -> str:
    import json

    from kaito import workspace as workspaces
    from kaito.text import harmless

    if output == "json":
        return json.dumps(document, indent=2) + "\n"
    if name:
        lines = _detail(api, workspaces.read(document))
    else:
        found = [workspaces.read(item) for item in workspaces.items(document, "items")]
        found.sort(key=lambda one: (one.namespace, one.name))
        if not found:
            return f"No workspaces found{f' in namespace {namespace}' if namespace else ''}.\n"
        lines = _table(found, all_namespaces=not namespace)
    return "".join(harmless(line) + "\n" for line in lines)


def _table(found: Sequence[Workspace], *, all_namespaces: bool) -> list[str]:
    from kaito.readiness import age, table
    from kaito.workspace import ready

    head = ("NAME", "MODEL", "INSTANCE", "READY", "AGE")
    rows = [
        (one.name, one.model or _no_model(one), one.instance or "-", ready(one), age(one.created)) for one in found
    ]
    if all_namespaces:
        return table(("NAMESPACE", *head), [(one.namespace, *row) for one, row in zip(found, rows)])
    return table(head, rows)


def _detail(api: ApiServer, workspace: Workspace) -> list[str]:
    from kaito.readiness import age, condition_table, pod_lines
    from kaito.workspace import ready

    rows = (
        ("Name", workspace.name),
        ("Namespace", workspace.namespace),
        ("Model", workspace.model or _no_model(workspace)),
        ("Instance", workspace.instance or "-"),
        ("Ready", ready(workspace)),
        ("State", workspace.state or "-"),
        ("Age", age(workspace.created)),
    )
    lines = [f"{title + ':':<12}{value}" for title, value in rows]
    conditions = condition_table(workspace)
    pods = pod_lines(api, workspace)
    return lines + (["", *conditions] if conditions else []) + (["", *pods] if pods else [])


def _no_model(workspace: Workspace) -> str:
    return "(tuning)" if workspace.tuning else "(custom)"
