"""docs/architecture.md's rules, as far as the sources show whether they hold."""

from __future__ import annotations

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    re.sub(r"\.__init__$", "", ".".join(path.relative_to(ROOT).with_suffix("").parts)): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for path in sorted((ROOT / "kaito").rglob("*.py"))
}
SOURCES = {name for name, tree in MODULES.items() if len(tree.body) > 1}

GROUND, ROOF = "ground", "roof"

# Text or bytes in, values out: none of these may reach a file, a socket or the clock.
PURE = (
    *("errors", "flags", "text", "lazy_re", "json_fields"),
    *("net.head", "net.url", "net.request", "net.proxy", "net.chunked", "net.errors"),
    *(f"yaml.{name}" for name in ("load", "block", "scanner", "composer", "scalars", "resolver")),
    *("model.events", "model.errors", "model.payload", "model.sse", "model.refusals"),
    *("workspaces.workspace", "workspaces.ways", "workspaces.service", "chat.conversation"),
)
IMPURE = {"os", "socket", "ssl", "http", "select", "subprocess", "time", "threading", "tempfile", "shutil", "io"}

# What costs too much to be imported before it is known that it is needed. An exec plugin's module needs it always.
SLOW = {"argparse", "dataclasses", "logging", "readline", "subprocess", "tempfile", "threading", "urllib.request"}

# The heads of HTTP messages are read and written in net/head.py: http.client imports all of email.
NEVER = {"http", "email"}


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


def own_imports(name):
    """The modules of kaito/ that a module imports, also late and for types alone."""
    return {imported for imported in imports(MODULES[name]) if imported in MODULES and imported != name}


def package_table():
    """docs/architecture.md's table: package → (its modules where they are listed, the packages it may import)."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.search(r"^## Packages$.*?^((?:\|[^\n]*\n)+)", text, re.MULTILINE | re.DOTALL)[1].splitlines()[2:]
    table = {}
    for row in rows:
        package, _, allowed = (cell.strip() for cell in row.strip("|").split("|"))
        name, _, listed = package.partition(":")
        allowed = {word.strip(" `/") for word in allowed.split(",")} - {"–"}
        table[name.strip("`/")] = set(re.findall(r"`(\w+)`", listed)), allowed
    return table


TABLE = package_table()


def package_of(name):
    """The row that a module belongs to."""
    parts = name.split(".")[1:]
    for package, (listed, _) in TABLE.items():
        if not parts or parts[0] == package or (len(parts) == 1 and parts[0] in listed):
            return package if parts else GROUND
    raise AssertionError(f"{name} is in no row of docs/architecture.md's table of packages")


def test_the_table_names_every_package_and_nothing_else():
    found = {package_of(name) for name in MODULES}
    assert found == set(TABLE)
    for listed, _ in TABLE.values():
        assert {f"kaito.{name}" for name in listed} <= set(MODULES)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_module_imports_only_what_the_table_of_packages_allows(name):
    package = package_of(name)
    allowed = {package, GROUND} | TABLE[package][1]
    wrong = {imported for imported in own_imports(name) if package_of(imported) not in allowed}
    assert not wrong, f"{name} may import {', '.join(sorted(allowed))}"


@pytest.mark.parametrize("of", ["packages", "modules"])
def test_nothing_imports_in_a_circle(of):
    """Imports within functions and for types alone included."""
    if of == "packages":
        graph = {package: allowed for package, (_, allowed) in TABLE.items()}
    else:
        graph = {name: own_imports(name) for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' → '.join(error.args[1])}") from None


@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs sys.stdlib_module_names")
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_nothing_but_the_standard_library_is_imported(name):
    roots = {imported.partition(".")[0] for imported in imports(MODULES[name])}
    assert roots <= {*sys.stdlib_module_names, "kaito"}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_no_module_imports_http_or_email(name):
    assert not {imported.partition(".")[0] for imported in imports(MODULES[name])} & NEVER


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_says_what_it_is_for(name):
    assert ast.get_docstring(MODULES[name])


@pytest.mark.parametrize("name", sorted(SOURCES - {"kaito", "kaito.__main__"}))
def test_annotations_are_not_evaluated(name):
    assert "__future__" in set(imports(MODULES[name], late=False))


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_slow_imports_are_made_where_they_are_needed(name):
    allowed = {"subprocess"} if name == "kaito.kube.exec_plugin" else set()
    assert set(imports(MODULES[name], late=False)) & SLOW <= allowed


@pytest.mark.parametrize("name", [f"kaito.{name}" for name in PURE])
def test_parsers_are_pure(name):
    assert not {imported.partition(".")[0] for imported in imports(MODULES[name])} & IMPURE
