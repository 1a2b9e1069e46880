"""What `kubectl kaito status` shows, as text: a table of workspaces, one of them in detail, or JSON."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from kaito.workspaces.workspace import Workspace


# How many of json's small pieces are written at once.
_PIECES = 4096

# A line of the detail, of which only the adapters' names may fill so much.
_LONGEST_LINE = 2000


class View(NamedTuple):
    """The workspaces to show. `single`: one in detail, with the lines that its `pods` add; else a list of them.

    `document`: the API server's answer that they were read from, {} unless it is to be shown as JSON.
    """

    document: Mapping[str, Any]
    single: bool
    workspaces: tuple[Workspace, ...]
    pods: tuple[str, ...] = ()


def differ(view: View, other: View, *, as_json: bool) -> bool:
    """Return whether the two look different to the user: an object's change may be one that is not shown."""
    if as_json:
        return _content(view) != _content(other)
    return view._replace(document={}) != other._replace(document={})


def _content(view: View) -> Mapping[str, Any]:
    """Return the document, for a list without its metadata: any change in the cluster changes its resourceVersion."""
    return view.document if view.single else {**view.document, "metadata": None}


def render(view: View, *, all_namespaces: bool, as_json: bool) -> Iterator[str]:
    """Yield the text for stdout in pieces: as JSON, a large document would take its size thrice."""
    if as_json:
        import json
        from itertools import islice

        pieces = json.JSONEncoder(indent=2).iterencode(view.document)
        while text := "".join(islice(pieces, _PIECES)):
            yield text
        yield "\n"
        return
    from kaito.text import harmless

    if view.single:
        lines = _detail(view.workspaces[0], view.pods)
    else:
        lines = _table(view.workspaces, all_namespaces=all_namespaces)
    yield "".join(harmless(line) + "\n" for line in lines)


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
    from kaito.text import excerpt
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
    lines = [f"{title + ':':<12}{excerpt(value, _LONGEST_LINE)}" for title, value in rows]
    conditions = condition_table(workspace)
    return lines + (["", *conditions] if conditions else []) + (["", *pods] if pods else [])


def _model(workspace: Workspace) -> str:
    return workspace.model or ("(tuning)" if workspace.tuning else "(custom)")
