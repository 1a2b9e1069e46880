"""`kubectl kaito status`: the workspaces and InferenceSets, and whether they can answer."""

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
    from kaito.workspaces.reference import Reference

# After this many seconds a watch is begun anew: a workspace's pods change without a change of the workspace.
_WATCH_SECONDS = 60.0

# While weights are downloaded or loaded, and while KAITO measures the model, only the model's server tells.
_ASK_SECONDS = 10.0

OUTPUTS = ("table", "wide", "name", "json")

FLAGS: tuple[Flag, ...] = (
    WORKSPACE_NAME._replace(help="Name of one Workspace or InferenceSet, to see it in detail"),
    Flag("all-namespaces", SWITCH, False, "Show those of all namespaces", short="A", bare="true"),
    Flag("watch", SWITCH, False, "After showing them, show them again at each change", short="w", bare="true"),
    Flag(
        "output",
        choice("table", "wide", "name", "json"),
        "table",
        "Output format: table, wide, name or json",
        short="o",
    ),
)


class StatusOptions(NamedTuple):
    """What the flags of `status` say. `wanted`: the object to show in detail, None for a list of all."""

    wanted: Reference | None
    all_namespaces: bool
    watch: bool
    output: str
    kubectl: KubectlOptions


class Status:
    """The verb `status`."""

    name = "status"
    summary = "Show workspaces and whether they are ready"
    usage = "status [--workspace-name NAME] [flags]"
    description = (
        "Show the namespace's Workspaces and InferenceSets with model, instance type\n"
        "and readiness, or one of them with its conditions and the state of its pods.\n"
        "NAME may be KIND/NAME, such as inferenceset/my-llama."
    )
    examples = (
        "  # The Workspaces and InferenceSets of the namespace\n"
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
        from kaito.commands.status_fetch import fetch_view
        from kaito.terminal.streams import print_aside

        options = read_options(values)
        api = connect(options.kubectl)
        namespace = "" if options.all_namespaces else api.target.namespace
        view = fetch_view(api, namespace, options.wanted, as_json=options.output == "json")
        print_aside(view.note)
        _show(view, namespace, options)
        if options.watch:
            watch(api, namespace, options, view, lambda changed: _show_again(changed, namespace, options))
        return 0


def read_options(values: Values) -> StatusOptions:
    """Turn the flags into options. Raises UsageError."""
    wanted = optional_name(values, "status")
    every = values.switch("all-namespaces")
    if wanted and every:
        raise UsageError("--workspace-name and --all-namespaces exclude each other")
    return StatusOptions(
        wanted=wanted,
        all_namespaces=every,
        watch=values.switch("watch"),
        output=values.text("output"),
        kubectl=read_kubectl_flags(values),
    )


def watch(api: ApiServer, namespace: str, options: StatusOptions, view: View, show: Callable[[View], None]) -> None:
    """Call `show` with each view that differs from the last one (`view` at first), until the user interrupts.

    `namespace`: "" for all. Raises KaitoError, except for what may succeed later: that is reported and tried again.
    """
    import time

    from kaito.commands.status_fetch import fetch_view, queries, view_of_list
    from kaito.commands.status_view import differ
    from kaito.errors import ClusterError
    from kaito.kube.status import is_transient
    from kaito.terminal.streams import report
    from kaito.workspaces.watch import Changes, pauses, wait_for_any

    as_json = options.output == "json"
    reported, growing = "", pauses()
    while True:
        # New ones each time: a watch that did not end the wait may still be going on.
        watched = {Changes(api, namespace, query, kind): kind for kind, query in queries(view)}
        try:
            listed = {kind: changes.mark() for changes, kind in watched.items()}
            if options.wanted is None:
                now = view_of_list(api, namespace, listed, as_json=as_json)
            else:
                now = fetch_view(api, namespace, options.wanted, as_json=as_json)
            reported, growing = "", pauses()
            if differ(now, view, options.output):
                show(now)
                view = now
            readable = [changes for changes, kind in watched.items() if not listed[kind].why]
            wait_for_any(readable or list(watched), _ASK_SECONDS if view.asked else _WATCH_SECONDS)
        except ClusterError as error:
            if not is_transient(error):
                raise
            if error.message != reported:
                reported = error.message
                report(ClusterError(reported, "trying again until it answers; Ctrl-C ends it"))
            time.sleep(next(growing))
        finally:
            for changes in watched:
                changes.close()


def _show(view: View, namespace: str, options: StatusOptions) -> None:
    from kaito.commands.status_view import render
    from kaito.terminal.streams import print_aside, print_text

    if options.output == "json" or view.entries:
        for text in render(view, options.output, all_namespaces=not namespace, columns=_columns()):
            print_text(text)
    else:
        # To stderr, as kubectl does it, so that a script that counts lines of the table counts none.
        print_aside(f"No workspaces found{f' in namespace {namespace}' if namespace else ''}.\n")


def _columns() -> int:
    """Return the width of the terminal that stdout is, 0 if it is none."""
    import os

    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def _show_again(view: View, namespace: str, options: StatusOptions) -> None:
    """Show a changed view, set off from the one before by an empty line."""
    from kaito.terminal.streams import print_text

    if options.output in ("table", "wide"):
        print_text("\n")
    _show(view, namespace, options)
