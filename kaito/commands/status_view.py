"""What `kubectl kaito status` shows, as text: a table of both kinds, one object in detail, names or JSON."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from kaito.workspaces.details import Entry


# How many of json's small pieces are written at once.
_PIECES = 4096

# A line of the detail, of which only the adapters' and the nodes' names may fill so much.
_LONGEST_LINE = 2000

_HEAD = ("NAME", "KIND", "MODEL", "INSTANCE", "NODES", "READY", "AGE")
_WIDE_HEAD = ("RUNTIME", "ROLE", "TOKENS/MIN", "REPLICAS")

_MODEL, _INSTANCE, _AGE = (_HEAD.index(name) for name in ("MODEL", "INSTANCE", "AGE"))

# The least width to which a narrow terminal shortens a model or an instance type.
_NARROWEST = 8


class View(NamedTuple):
    """The objects to show. `single`: the first one in detail, the others are a set's workspaces; else a list.

    `pods`: lines about the pods of the one in detail. `document`: what JSON shows, {} for another output. `note`: a
    line for the user, or "". `reason`: why the one in detail is not ready, or "". `asked`: a model's server was asked
    for that, so that no change of an object announces the next reason.
    """

    entries: tuple[Entry, ...]
    single: bool = False
    pods: tuple[str, ...] = ()
    document: Mapping[str, Any] = {}
    note: str = ""
    reason: str = ""
    asked: bool = False


def differ(view: View, other: View, output: str) -> bool:
    """Return whether the two look different to the user: an object's change may be one that is not shown."""
    return _look(view, output) != _look(other, output)


def _look(view: View, output: str) -> object:
    """Return what the user sees of it, apart from the ages, which always change."""
    if output == "json":
        return view.document
    if output == "name":
        return _names(view)
    return (view.entries, view.pods, view.reason) if view.single else _rows(view.entries, output == "wide")


def render(view: View, output: str, *, all_namespaces: bool, columns: int) -> Iterator[str]:
    """Yield the text for stdout in pieces: as JSON, a large document would take its size thrice.

    `columns`: the width of the terminal, 0 if stdout is none.
    """
    if output == "json":
        import json
        from itertools import islice

        pieces = json.JSONEncoder(indent=2).iterencode(view.document)
        while text := "".join(islice(pieces, _PIECES)):
            yield text
        yield "\n"
        return
    from kaito.text import harmless

    if output == "name":
        lines = _names(view)
    elif view.single:
        lines = _detail(view, output == "wide", columns)
    else:
        lines = _table(view.entries, output == "wide", all_namespaces, columns)
    yield "".join(harmless(line) + "\n" for line in lines)


def _names(view: View) -> list[str]:
    """Return each object as kubectl's -o name does: KIND.GROUP/NAME."""
    shown = view.entries[:1] if view.single else view.entries
    return [one.reference.replace("/", ".kaito.sh/", 1) for one in shown]


def _rows(entries: Sequence[Entry], wide: bool) -> list[list[str]]:
    """Return the cells of each object; the one of its age holds when it was created."""
    from kaito.workspaces.details import KIND, count_nodes
    from kaito.workspaces.inference_set import InferenceSet

    rows = []
    created_by: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        created_by.setdefault((entry.object.namespace, entry.details.owner), []).append(entry)
    for entry in entries:
        one, details = entry.object, entry.details
        # A set has the nodes of its workspaces.
        nodes = [entry, *created_by.get((one.namespace, entry.reference), ())]
        cells = [one.name, KIND[entry.kind], _model(entry), one.instance, count_nodes(nodes), entry.ready, one.created]
        if wide:
            peak = details.performance.peak.partition(".")[0] if details.performance else ""
            replicas = str(one.replicas) if isinstance(one, InferenceSet) else ""
            cells += [details.runtime, details.role, peak, replicas]
        rows.append([cell or "-" for cell in cells])
    return rows


def _table(entries: Sequence[Entry], wide: bool, all_namespaces: bool, columns: int) -> list[str]:
    """Return the table as lines, cut to fit a terminal of so many `columns`; 0 for any number."""
    from kaito.kube.duration import age
    from kaito.workspaces.readiness import table

    head = [*_HEAD, *(_WIDE_HEAD if wide else ())]
    rows = _rows(entries, wide)
    for row in rows:
        row[_AGE] = age(row[_AGE])

    def lines() -> list[str]:
        if not all_namespaces:
            return table(head, rows)
        spaces = (one.object.namespace for one in entries)
        return table(("NAMESPACE", *head), [(space, *row) for space, row in zip(spaces, rows)])

    over = max(map(len, lines())) - columns
    if columns and over > 0:
        _narrow(rows, over)
    return lines()


def _narrow(rows: Sequence[list[str]], over: int) -> None:
    """Make the table `over` columns narrower by cutting models and instance types, unless that is not enough."""
    from kaito.text import excerpt

    widths = {column: max(_NARROWEST, *(len(row[column]) for row in rows)) for column in (_MODEL, _INSTANCE)}
    if over > sum(widths.values()) - 2 * _NARROWEST:
        return
    for _ in range(over):
        widths[max(widths, key=lambda column: widths[column])] -= 1
    for row in rows:
        model, instance = row[_MODEL], row[_INSTANCE]
        if len(model) > widths[_MODEL]:
            # The organisation of a Hugging Face id says less than the name.
            row[_MODEL] = excerpt(model.rpartition("/")[2], widths[_MODEL])
        if len(instance) > widths[_INSTANCE]:
            # All of a cloud's types begin with the same letters.
            row[_INSTANCE] = "…" + instance[1 - widths[_INSTANCE] :]


def _detail(view: View, wide: bool, columns: int) -> list[str]:
    """Return the object's own lines, then a workspace's conditions or a set's workspaces, then those of the pods."""
    from kaito.text import excerpt
    from kaito.workspaces.readiness import condition_table
    from kaito.workspaces.workspace import Workspace

    entry, *children = view.entries
    lines = [f"{title + ':':<13}{excerpt(value, _LONGEST_LINE)}" for title, value in _fields(view)]
    below = condition_table(entry.object) if isinstance(entry.object, Workspace) else []
    if children:
        below = _table(children, wide, False, columns)
    return [*lines, *(["", *below] if below else []), *(["", *view.pods] if view.pods else [])]


def _fields(view: View) -> list[tuple[str, str]]:
    """Return the titles and values of the one in detail, without those that it lacks."""
    from kaito.kube.duration import age
    from kaito.workspaces.details import KIND, count_nodes
    from kaito.workspaces.workspace import Workspace

    entry = view.entries[0]
    one, details = entry.object, entry.details
    nodes = ", ".join(details.nodes)
    rows = [
        ("Name", one.name),
        ("Namespace", one.namespace),
        ("Kind", KIND[entry.kind]),
        ("Model", _model(entry)),
        ("Runtime", details.runtime),
        ("Role", details.role),
        ("Owner", details.owner),
        ("Instance", one.instance or "-"),
        ("Nodes", count_nodes(view.entries) + (f" ({nodes})" if nodes else "")),
        ("Ready", _readiness(entry)),
    ]
    if isinstance(one, Workspace):
        rows.insert(4, ("Adapters", ", ".join(one.adapters) or "-"))
        rows += [("Reason", "" if one.deleting else view.reason), ("State", one.state or "-")]
    if details.performance:
        peak, load, measured = details.performance
        rows += [("Performance", f"{peak} tokens/min{f' ({load})' if load else ''}"), ("Measured", measured)]
    return [row for row in (*rows, ("Age", age(one.created))) if row[1]]


def _readiness(entry: Entry) -> str:
    """Return whether it is ready, or since when it is being deleted."""
    from kaito.kube.duration import age

    deleted = entry.details.deleted
    return f"{entry.ready} since {deleted} ({age(deleted)})" if entry.object.deleting else entry.ready


def _model(entry: Entry) -> str:
    tuning = getattr(entry.object, "tuning", False)
    return entry.object.model or ("(tuning)" if tuning else "(custom)")
