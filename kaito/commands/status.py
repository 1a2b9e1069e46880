"""`kubectl kaito status`: the workspaces and whether they can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kaito.commands.kubectl_flags import WORKSPACE_NAME, connect, optional_name
from kaito.errors import UsageError
from kaito.flags import SWITCH, Flag, Values, choice

if TYPE_CHECKING:
    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.objects import Reading
    from kaito.workspaces.workspace import Workspace

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

# A watch ends by itself after this and is begun anew: pods change without a change of their workspace.
_WATCH_SECONDS = 60.0

FLAGS = (
    WORKSPACE_NAME._replace(help="Name of one workspace, to see it in detail"),
    Flag("all-namespaces", SWITCH, False, "Show the workspaces of all namespaces", short="A", bare="true"),
    Flag("watch", SWITCH, False, "After showing them, show them again at each change", short="w", bare="true"),
    Flag("output", choice("table", "json"), "table", "Output format: table or json", short="o"),
)


class View(NamedTuple):
    """What there is to show. `single`: one workspace, in detail, with its `pods`' words; else a list of them."""

    document: Mapping[str, Any]
    single: bool
    workspaces: tuple[Workspace, ...]
    pods: tuple[str, ...] = ()


def run(values: Values) -> int:
    """Shows what there is and returns the exit code. Raises KaitoError."""
    name = optional_name(values, "status")
    every = values.switch("all-namespaces")
    if name and every:
        raise UsageError("--workspace-name and --all-namespaces exclude each other")

    api = connect(values)
    namespace = "" if every else api.target.namespace
    as_json = values.text("output") == "json"
    view = _look(api, namespace, name)
    _show(view, namespace, as_json=as_json)
    if values.switch("watch"):
        _watch(api, namespace, name, view, as_json=as_json)
    return 0


def _watch(api: ApiServer, namespace: str, name: str, view: View, *, as_json: bool) -> None:
    """Shows it again at each change, until somebody ends it. Raises KaitoError for what no waiting mends."""
    import time

    from kaito.errors import ClusterError
    from kaito.kube.status import is_transient
    from kaito.terminal.streams import print_text, report
    from kaito.workspaces.objects import named, replicas_of
    from kaito.workspaces.watch import Changes, pauses

    query = (named(name) if view.single else replicas_of(name)) if name else ""
    changes = Changes(api, namespace, query)
    told, growing = "", pauses()
    try:
        while True:
            try:
                changes.mark()
                now = _look(api, namespace, name)
            except ClusterError as error:
                if not is_transient(error):
                    raise
                if error.message != told:
                    told = error.message
                    report(ClusterError(told, "trying again until it answers; Ctrl-C ends it"))
                time.sleep(next(growing))
                continue
            told, growing = "", pauses()
            # A change may be one of what is not shown.
            if _content(now) != _content(view) if as_json else now[1:] != view[1:]:
                if not as_json:
                    print_text("\n")
                _show(now, namespace, as_json=as_json)
                view = now
            changes.wait(_WATCH_SECONDS)
    finally:
        changes.close()


def _content(view: View) -> Mapping[str, Any]:
    """The document; of a list without its metadata, whose resourceVersion moves with any object of the cluster."""
    return view.document if view.single else {**view.document, "metadata": None}


def _look(api: ApiServer, namespace: str, name: str) -> View:
    """The workspace `name`, the replicas of the InferenceSet of that name, or all there are. Raises KaitoError."""
    from kaito.json_fields import items
    from kaito.workspaces.objects import ABSENT, fetch, replicas_of
    from kaito.workspaces.readiness import pod_lines
    from kaito.workspaces.workspace import read_workspace

    reading = fetch(api, "workspaces", namespace, name)
    single = name != ""
    if reading.why == ABSENT and not fetch(api, "inferencesets", namespace, name).why:
        single = False
        reading = fetch(api, "workspaces", namespace, query=replicas_of(name))
    _check(api, reading, namespace, name, "get" if single else "list")
    if single:
        workspace = read_workspace(reading.document)
        return View(reading.document, True, (workspace,), tuple(pod_lines(api, workspace)))
    found = map(read_workspace, items(reading.document, "items"))
    return View(reading.document, False, tuple(sorted(found, key=lambda one: (one.namespace, one.name))))


def _check(api: ApiServer, reading: Reading, namespace: str, name: str, verb: str) -> None:
    """Raises WorkspaceError where there is nothing to show, ClusterError where it may not be read."""
    from kaito.errors import ClusterError
    from kaito.kube.hints import kubectl_hint
    from kaito.workspaces.lookup import unknown_name
    from kaito.workspaces.objects import ABSENT, FORBIDDEN, NO_KAITO, no_kaito

    if reading.why == NO_KAITO:
        raise no_kaito(f'workspace "{name}" cannot be found' if name else "there are no workspaces")
    if reading.why == ABSENT:
        raise unknown_name(api, name, namespace)
    if reading.why == FORBIDDEN:
        where = f"-n {namespace}" if namespace else "-A"
        raise ClusterError(
            f"you may not {verb} workspaces" + (f' in namespace "{namespace}"' if namespace else " in all namespaces"),
            kubectl_hint(f"auth can-i {verb} workspaces.kaito.sh {where}", api.target),
        )


def _show(view: View, namespace: str, *, as_json: bool) -> None:
    from kaito.terminal.streams import print_aside, print_text
    from kaito.text import harmless

    if as_json:
        import json

        print_text(json.dumps(view.document, indent=2) + "\n")
        return
    if view.single:
        lines = _detail(view.workspaces[0], view.pods)
    elif view.workspaces:
        lines = _table(view.workspaces, all_namespaces=not namespace)
    else:
        # Not a line of the table, for whoever counts them; kubectl says it there, too.
        print_aside(f"No workspaces found{f' in namespace {namespace}' if namespace else ''}.\n")
        return
    print_text("".join(harmless(line) + "\n" for line in lines))


def _table(found: Sequence[Workspace], *, all_namespaces: bool) -> list[str]:
    from kaito.kube.duration import age
    from kaito.workspaces.readiness import table
    from kaito.workspaces.workspace import ready_status

    head = ("NAME", "MODEL", "INSTANCE", "READY", "AGE")
    rows = [(one.name, _model(one), one.instance or "-", ready_status(one), age(one.created)) for one in found]
    if all_namespaces:
        return table(("NAMESPACE", *head), [(one.namespace, *row) for one, row in zip(found, rows)])
    return table(head, rows)


def _detail(workspace: Workspace, pods: Sequence[str]) -> list[str]:
    from kaito.kube.duration import age
    from kaito.workspaces.readiness import condition_table
    from kaito.workspaces.workspace import ready_status

    rows = (
        ("Name", workspace.name),
        ("Namespace", workspace.namespace),
        ("Model", _model(workspace)),
        ("Adapters", ", ".join(workspace.adapters) or "-"),
        ("Instance", workspace.instance or "-"),
        ("Ready", ready_status(workspace)),
        ("State", workspace.state or "-"),
        ("Age", age(workspace.created)),
    )
    lines = [f"{title + ':':<12}{value}" for title, value in rows]
    conditions = condition_table(workspace)
    return lines + (["", *conditions] if conditions else []) + (["", *pods] if pods else [])


def _model(workspace: Workspace) -> str:
    return workspace.model or ("(tuning)" if workspace.tuning else "(custom)")
