"""`kubectl kaito status`: the workspaces, and whether they can answer."""

from __future__ import annotations

from kaito.commands.kubectl_flags import WORKSPACE_NAME, connect, optional_name, read_kubectl_flags
from kaito.errors import UsageError
from kaito.flags import SWITCH, Flag, choice
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaito.commands.kubectl_flags import KubectlOptions
    from kaito.commands.status_view import View
    from kaito.flags import Values
    from kaito.kube.api_server import ApiServer
    from kaito.workspaces.objects import Reading

# After this many seconds a watch is begun anew: a workspace's pods change without a change of the workspace.
_WATCH_SECONDS = 60.0

FLAGS: tuple[Flag, ...] = (
    WORKSPACE_NAME._replace(help="Name of one workspace, to see it in detail"),
    Flag("all-namespaces", SWITCH, False, "Show the workspaces of all namespaces", short="A", bare="true"),
    Flag("watch", SWITCH, False, "After showing them, show them again at each change", short="w", bare="true"),
    Flag("output", choice("table", "json"), "table", "Output format: table or json", short="o"),
)


class StatusOptions(NamedTuple):
    """What the flags of `status` say. `workspace`: the one to show in detail, "" for a list of all."""

    workspace: str
    all_namespaces: bool
    watch: bool
    as_json: bool
    kubectl: KubectlOptions


class Status:
    """The verb `status`."""

    name = "status"
    summary = "Show workspaces and whether they are ready"
    usage = "status [--workspace-name NAME] [flags]"
    description = (
        "Show the namespace's workspaces with model, instance type and readiness,\n"
        "or one of them with its conditions and the state of its pods."
    )
    examples = (
        "  # The workspaces of the namespace\n"
        "  kubectl kaito status\n"
        "\n"
        "  # One in detail\n"
        "  kubectl kaito status --workspace-name my-llama\n"
        "\n"
        "  # All of them, shown again at each change\n"
        "  kubectl kaito status -A --watch"
    )
    flags = FLAGS

    def run(self, values: Values) -> int:
        """Show the workspaces and return the exit code. Raises KaitoError."""
        options = read_options(values)
        api = connect(options.kubectl)
        namespace = "" if options.all_namespaces else api.target.namespace
        view = fetch_view(api, namespace, options.workspace, as_json=options.as_json)
        _show(view, namespace, options)
        if options.watch:
            watch(api, namespace, options, view, lambda changed: _show_again(changed, namespace, options))
        return 0


def read_options(values: Values) -> StatusOptions:
    """Turn the flags into options. Raises UsageError."""
    wanted = optional_name(values, "status")
    name = wanted.name if wanted else ""
    every = values.switch("all-namespaces")
    if name and every:
        raise UsageError("--workspace-name and --all-namespaces exclude each other")
    return StatusOptions(
        workspace=name,
        all_namespaces=every,
        watch=values.switch("watch"),
        as_json=values.text("output") == "json",
        kubectl=read_kubectl_flags(values),
    )


def watch(api: ApiServer, namespace: str, options: StatusOptions, view: View, show: Callable[[View], None]) -> None:
    """Call `show` with each view that differs from the last one (`view` at first), until the user interrupts.

    `namespace`: "" for all. Raises KaitoError, except for what may succeed later: that is reported and tried again.
    """
    import time

    from kaito.commands.status_view import differ
    from kaito.errors import ClusterError
    from kaito.kube.status import is_transient
    from kaito.terminal.streams import report
    from kaito.workspaces.objects import named, replicas_of
    from kaito.workspaces.watch import Changes, pauses

    name = options.workspace
    query = (named(name) if view.single else replicas_of(name)) if name else ""
    changes = Changes(api, namespace, query)
    reported, growing = "", pauses()
    try:
        while True:
            try:
                changes.mark()
                now = fetch_view(api, namespace, name, as_json=options.as_json)
            except ClusterError as error:
                if not is_transient(error):
                    raise
                if error.message != reported:
                    reported = error.message
                    report(ClusterError(reported, "trying again until it answers; Ctrl-C ends it"))
                time.sleep(next(growing))
                continue
            reported, growing = "", pauses()
            if differ(now, view, as_json=options.as_json):
                show(now)
                view = now
            changes.wait(_WATCH_SECONDS)
    finally:
        changes.close()


def fetch_view(api: ApiServer, namespace: str, name: str, *, as_json: bool = False) -> View:
    """Fetch the workspace `name`, else the replicas of the InferenceSet `name`; without a name, all workspaces.

    `namespace`: "" for all. `as_json`: keep the server's document, which may be large. Raises KaitoError.
    """
    from kaito.commands.status_view import View
    from kaito.json_fields import items
    from kaito.workspaces.objects import ABSENT, fetch, replicas_of
    from kaito.workspaces.readiness import pod_lines
    from kaito.workspaces.workspace import is_named, read_workspace

    reading = fetch(api, "workspaces", namespace, name)
    single = name != ""
    if reading.why == ABSENT and not fetch(api, "inferencesets", namespace, name).why:
        single = False
        reading = fetch(api, "workspaces", namespace, query=replicas_of(name))
    _check(api, reading, namespace, name, "get" if single else "list")
    document = reading.document if as_json else {}
    if single:
        workspace = read_workspace(reading.document)._replace(name=name, namespace=namespace)
        return View(document, True, (workspace,), tuple(pod_lines(api, workspace)))
    found = filter(is_named, map(read_workspace, items(reading.document, "items")))
    return View(document, False, tuple(sorted(found, key=lambda one: (one.namespace, one.name))))


def _check(api: ApiServer, reading: Reading, namespace: str, name: str, verb: str) -> None:
    """Raise WorkspaceError if there is no such object, ClusterError if the user may not `verb` it."""
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


def _show(view: View, namespace: str, options: StatusOptions) -> None:
    from kaito.commands.status_view import render
    from kaito.terminal.streams import print_aside, print_text

    if options.as_json or view.workspaces:
        for text in render(view, all_namespaces=not namespace, as_json=options.as_json):
            print_text(text)
    else:
        # To stderr, as kubectl does it, so that a script that counts lines of the table counts none.
        print_aside(f"No workspaces found{f' in namespace {namespace}' if namespace else ''}.\n")


def _show_again(view: View, namespace: str, options: StatusOptions) -> None:
    """Show a changed view, set off from the one before by an empty line."""
    from kaito.terminal.streams import print_text

    if not options.as_json:
        print_text("\n")
    _show(view, namespace, options)
