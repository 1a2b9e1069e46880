"""The choice of a workspace if --workspace-name is missing: a person chooses, a script is told the names."""

from __future__ import annotations

import os

from kaito.commands.kubectl_flags import connect, missing_name
from kaito.errors import KaitoError, WorkspaceError
from kaito.json_fields import items, part, text
from kaito.terminal.streams import STDIN
from kaito.text import excerpt
from kaito.timelimit import TimeLimit
from kaito.values import TYPE_CHECKING, NamedTuple
from kaito.workspaces.inference_set import read_inference_set
from kaito.workspaces.objects import FORBIDDEN, NO_KAITO, SET_LABEL, fetch, no_kaito
from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES, Reference
from kaito.workspaces.workspace import read_workspace, ready_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from kaito.commands.kubectl_flags import KubectlOptions
    from kaito.errors import UsageError
    from kaito.kube.api_server import ApiServer
    from kaito.terminal.console import Console

# How long the error of a script may wait for the names, and how many of them it shows.
_SECONDS, _MOST_NAMES = 2.0, 5

# The rows that fit a screen, and the most columns of a model's name.
_MOST_ROWS, _WIDEST_MODEL = 30, 40


class Candidate(NamedTuple):
    """A Workspace or InferenceSet that serves a model, once it is ready.

    `ready`: a condition's status, or for a set how many of its replicas are ready. `answers`: at least one is.
    """

    reference: Reference
    model: str
    ready: str
    answers: bool


def name_is_missing(options: KubectlOptions) -> UsageError:
    """Return the error for a script, with the names that there are, if they can be listed quickly."""
    try:
        with TimeLimit(_SECONDS):
            # No plugin may ask for anything: the answer does not depend on it.
            names = [one.reference.name for one in candidates(connect(options, interactive=False))]
    except KaitoError:
        names = []
    if not names:
        return missing_name()
    more = len(names) - _MOST_NAMES
    rest = f", and {more} more" if more > 0 else ""
    return missing_name(f"workspaces here: {', '.join(names[:_MOST_NAMES])}{rest}")


def choose(api: ApiServer, console: Console) -> Reference:
    """Return the only candidate of the namespace, or the one that the person chooses.

    Raises ClusterError, WorkspaceError if there is none, and UsageError if none can be listed or chosen.
    """
    found = candidates(api)
    namespace = api.target.namespace
    if not found:
        raise WorkspaceError(
            f'no workspace in namespace "{namespace}" serves a model',
            "choose another namespace with -n; to list all: kubectl kaito status -A",
        )
    if len(found) == 1:
        (only,) = found
        kind = "InferenceSet" if only.reference.kind == INFERENCE_SETS else "workspace"
        console.notice(f"note: {only.reference.name} is the only {kind} in namespace {namespace}")
        return only.reference
    return _ask(found, console, namespace)


def candidates(api: ApiServer) -> list[Candidate]:
    """Return what serves a model in the namespace, sorted by name; a set stands for its workspaces.

    Raises WorkspaceError in a cluster without KAITO, UsageError if the user may list neither kind, ClusterError.
    """
    readings = {kind: fetch(api, kind, api.target.namespace) for kind in (WORKSPACES, INFERENCE_SETS)}
    failed = {reading.why for reading in readings.values()}
    if failed == {NO_KAITO}:
        raise no_kaito("there are no workspaces")
    if failed <= {FORBIDDEN, NO_KAITO}:
        raise missing_name()
    sets = list(_sets(items(readings[INFERENCE_SETS].document, "items")))
    names = {one.reference.name for one in sets}
    found = [*_workspaces(items(readings[WORKSPACES].document, "items"), names), *sets]
    return sorted(found, key=lambda one: one.reference.name)


def _workspaces(documents: Sequence[Mapping[str, Any]], sets: set[str]) -> Iterator[Candidate]:
    for document in documents:
        one = read_workspace(document)
        owner = text(part(part(document, "metadata"), "labels"), SET_LABEL)
        if one.name and not (one.tuning or one.deleting or owner in sets):
            ready = ready_status(one)
            yield Candidate(Reference(one.name, WORKSPACES), one.model or "(custom)", ready, ready == "True")


def _sets(documents: Sequence[Mapping[str, Any]]) -> Iterator[Candidate]:
    for one in map(read_inference_set, documents):
        if one.name and not one.deleting:
            ready = f"{one.ready}/{one.replicas}"
            yield Candidate(Reference(one.name, INFERENCE_SETS), one.model or "(custom)", ready, one.ready > 0)


def _ask(found: Sequence[Candidate], console: Console, namespace: str) -> Reference:
    """Show the candidates and return the one whose number or name is typed. Raises UsageError at the end of input.

    Enter alone takes the only one that answers.
    """
    shown = found[:_MOST_ROWS]
    rows = [("", "NAME", "MODEL", "READY")]
    rows += [
        (str(number), one.reference.name, excerpt(one.model, _WIDEST_MODEL), one.ready)
        for number, one in enumerate(shown, 1)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    console.say(f"Namespace {namespace} has several workspaces:")
    for place, name, model, ready in rows:
        console.say(f"{place:>{widths[0]}}  {name:<{widths[1]}}   {model:<{widths[2]}}   {ready}")
    if len(found) > len(shown):
        console.say(f"… and {len(found) - len(shown)} more, which you can name")
    answering = [str(number) for number, one in enumerate(found, 1) if one.answers]
    default = answering[0] if len(answering) == 1 else ""
    while True:
        console.prompt(f"Number or name [{default}]: " if default else "Number or name: ")
        typed = _line()
        if typed is None:
            console.say()
            raise missing_name()
        for number, one in enumerate(found, 1):
            if (typed or default) in (str(number), one.reference.name):
                return one.reference
        if typed:
            console.say(f'There is no "{excerpt(typed)}" in the list. Ctrl-C leaves.')


def _line() -> str | None:
    """Return what is typed, None at the end of input. A terminal hands out one line at a time."""
    try:
        data = os.read(STDIN, 4096)
    except OSError:
        # EIO: the terminal is gone.
        return None
    return data.decode("utf-8", "replace").strip() if data else None
