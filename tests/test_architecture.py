"""docs/architecture.md's rules, as far as the sources show whether they hold."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "kaito").rglob("*.py"))
    if path.name != "__init__.py"
}

# Text or bytes in, values out: none of these may reach a file, a socket or the clock.
PURE = (
    *("errors", "flags", "proxies", "sse", "chunked", "text", "patterns", "workspace"),
    *("kube.yaml", "chat.conversation"),
)
IMPURE = {"os", "socket", "ssl", "http", "select", "subprocess", "time", "threading", "tempfile", "shutil", "io"}

# What costs too much to be imported before it is known that it is needed. An exec plugin's module needs it always.
SLOW = {"argparse", "dataclasses", "logging", "readline", "subprocess", "tempfile", "threading", "urllib.request"}


def imports(tree, *, late=True):
    """The dotted names that a module imports; `late=False`: only those at its top, run with every import of it."""
    nodes = ast.walk(tree) if late else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names & set(MODULES) or {node.module}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs sys.stdlib_module_names")
@pytest.mark.parametrize("name", MODULES)
def test_nothing_but_the_standard_library_is_imported(name):
    roots = {imported.partition(".")[0] for imported in imports(MODULES[name])}
    assert roots <= {*sys.stdlib_module_names, "kaito"}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_for(name):
    assert ast.get_docstring(MODULES[name])


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"kaito.__main__"}))
def test_annotations_are_not_evaluated(name):
    assert "__future__" in set(imports(MODULES[name], late=False))


@pytest.mark.parametrize("name", MODULES)
def test_slow_imports_are_made_where_they_are_needed(name):
    allowed = {"subprocess"} if name == "kaito.kube.execplugin" else set()
    assert set(imports(MODULES[name], late=False)) & SLOW <= allowed


@pytest.mark.parametrize("name", [f"kaito.{name}" for name in PURE])
def test_parsers_are_pure(name):
    assert not {imported.partition(".")[0] for imported in imports(MODULES[name])} & IMPURE


@pytest.mark.parametrize(
    ("below", "above"),
    [
        pytest.param("kaito.kube.", ("kaito.chat.", "kaito.commands.", "kaito.cli"), id="kube"),
        pytest.param("kaito.kube.", ("kaito.endpoint", "kaito.openai", "kaito.links"), id="kube knows of no model"),
        pytest.param("kaito.chat.", ("kaito.commands.", "kaito.cli"), id="chat"),
        pytest.param("kaito.commands.", ("kaito.cli",), id="commands"),
        pytest.param("kaito.openai", ("kaito.chat.", "kaito.commands.", "kaito.cli", "kaito.endpoint"), id="openai"),
        pytest.param("kaito.transport", ("kaito.chat.", "kaito.kube.", "kaito.openai", "kaito.cli"), id="transport"),
        pytest.param("kaito.endpoint", ("kaito.chat.", "kaito.commands.", "kaito.cli"), id="endpoint"),
    ],
)
def test_imports_run_one_way(below, above):
    for name, tree in MODULES.items():
        if name.startswith(below):
            assert not [imported for imported in imports(tree) if imported.startswith(above)], name


def test_no_imports_run_in_a_circle():
    """At the top of modules, that is: what a function imports comes later."""
    graph = {name: {one for one in imports(tree, late=False) if one in MODULES} for name, tree in MODULES.items()}
    while graph:
        free = {name for name, wanted in graph.items() if not wanted & set(graph)}
        assert free, f"a circle among {sorted(graph)}"
        graph = {name: wanted for name, wanted in graph.items() if name not in free}
