"""The rules of docs/architecture.md, as far as the sources show whether they hold."""

from __future__ import annotations

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

GROUND, ROOF = "ground", "roof"

# Text or bytes in, values out: these modules use no file, no socket and no clock.
PURE = (
    *("errors", "flags", "text", "lazy_re", "json_document", "json_fields"),
    *("net.head", "net.url", "net.request", "net.proxy", "net.chunked", "net.errors"),
    *(f"yaml.{name}" for name in ("load", "block", "scanner", "composer", "scalars", "resolver")),
    *(f"terminal.{name}" for name in ("width", "wrap", "styles", "table", "markdown")),
    *("model.events", "model.errors", "model.payload", "model.sse", "model.refusals"),
    *(
        "workspaces.workspace",
        "workspaces.ways",
        "workspaces.service",
        "kube.names",
        "chat.conversation",
        "chat.thoughts",
    ),
)
IMPURE = {"os", "socket", "ssl", "http", "select", "subprocess", "time", "threading", "tempfile", "shutil", "io"}

# Modules that take too long to import before they are needed. An exec plugin always needs a subprocess.
SLOW = {"argparse", "dataclasses", "logging", "readline", "subprocess", "tempfile", "threading", "urllib.request"}

# net/head.py reads and writes the heads of HTTP messages, because http.client imports all of email.
NEVER = {"http", "email"}

MOST_LINES = 60  # of a function
MOST_ATTRIBUTES = 10  # of an object; NamedTuples may have more fields

# The names that begin with an underscore and belong to an interface all the same.
PUBLIC = {"_replace", "_fields", "_field_defaults", "_asdict", "_make", "_exit"}


def parsed(folder):
    """Return the syntax trees of a folder's modules by dotted name; a package has the name of its folder."""
    trees = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


MODULES = parsed("kaito")
TESTS = parsed("tests")
each_module = pytest.mark.parametrize("name", sorted(MODULES))


def imports(tree, *, late=True):
    """Yield the dotted names that a module imports, without `late` only those at its top."""
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            yield from {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES) or {node.module}


def roots(tree):
    """Return the first parts of the names that a module imports."""
    return {imported.partition(".")[0] for imported in imports(tree)}


def own_imports(name):
    """Return the modules of kaito/ that a module imports, also inside functions and for types alone."""
    return (set(imports(MODULES[name])) & set(MODULES)) - {name}


# --- Packages ------------------------------------------------------------------------------------------------


def package_table():
    """Return the page's table: package → (its modules if it lists them, the packages that it may import)."""
    rows = re.search(r"^## Packages$.*?^((?:\|[^\n]*\n)+)", PAGE, re.MULTILINE | re.DOTALL)[1].splitlines()[2:]
    table = {}
    for row in rows:
        package, _, allowed = (cell.strip() for cell in row.strip("|").split("|"))
        name, _, listed = package.partition(":")
        table[name.strip("`/")] = set(re.findall(r"`(\w+)`", listed)), set(re.findall(r"`(\w+)/`", allowed))
    return table


TABLE = package_table()


def package_of(name):
    """Return the table's row for a module. kaito/__init__.py, which imports nothing, counts as ground."""
    first, *rest = name.split(".")[1:] or [""]
    for package, (listed, _) in TABLE.items():
        if first == package or (first in listed and not rest):
            return package
    assert not first, f"{name} is in no row of docs/architecture.md's table of packages"
    return GROUND


def test_the_table_names_every_package_and_nothing_else():
    assert {package_of(name) for name in MODULES} == set(TABLE)
    assert {f"kaito.{name}" for listed, _ in TABLE.values() for name in listed} <= set(MODULES)
    assert set(TABLE) >= {GROUND, ROOF} | {allowed for _, row in TABLE.values() for allowed in row}


@each_module
def test_a_module_imports_only_what_the_table_of_packages_allows(name):
    package = package_of(name)
    allowed = {package, GROUND} | TABLE[package][1]
    wrong = {imported for imported in own_imports(name) if package_of(imported) not in allowed}
    assert not wrong, f"{name} may import {', '.join(sorted(allowed))}"


GRAPHS = {
    "packages": {package: allowed for package, (_, allowed) in TABLE.items()},
    "modules": {name: own_imports(name) for name in MODULES},
}


@pytest.mark.parametrize("graph", list(GRAPHS.values()), ids=list(GRAPHS))
def test_nothing_imports_in_a_circle(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' → '.join(error.args[1])}") from None


# --- Imports -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs sys.stdlib_module_names")
@each_module
def test_nothing_but_the_standard_library_is_imported(name):
    assert roots(MODULES[name]) <= {*sys.stdlib_module_names, "kaito"}


@each_module
def test_no_module_imports_http_or_email(name):
    assert not roots(MODULES[name]) & NEVER


@each_module
def test_slow_imports_are_made_where_they_are_needed(name):
    allowed = {"subprocess"} if name == "kaito.kube.plugin_process" else set()
    assert set(imports(MODULES[name], late=False)) & SLOW <= allowed


@pytest.mark.parametrize("name", [f"kaito.{name}" for name in PURE])
def test_parsers_are_pure(name):
    assert not roots(MODULES[name]) & IMPURE


# --- Sizes ---------------------------------------------------------------------------------------------------


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def attributes(node):
    """Return the names of the attributes that a class sets on its objects."""
    targets = [target for target in ast.walk(node) if isinstance(target, ast.Attribute)]
    own = [target for target in targets if isinstance(target.value, ast.Name) and target.value.id == "self"]
    return {target.attr for target in own if isinstance(target.ctx, ast.Store)}


@each_module
def test_functions_are_short(name):
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in functions(MODULES[name])}
    assert {function: lines for function, lines in lengths.items() if lines > MOST_LINES} == {}


@each_module
def test_objects_have_few_attributes(name):
    classes = [node for node in ast.walk(MODULES[name]) if isinstance(node, ast.ClassDef)]
    sizes = {node.name: len(attributes(node)) for node in classes}
    assert {kind: count for kind, count in sizes.items() if count > MOST_ATTRIBUTES} == {}


# --- The page ------------------------------------------------------------------------------------------------


def top_level_names(tree):
    """Return the names that a module defines at its top."""
    assigned = [node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    targets = [target for node in assigned for target in getattr(node, "targets", None) or [node.target]]
    defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return {*defined, *(node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_/]+\.py)`", PAGE))))
def test_the_page_names_files_that_exist(path):
    assert (ROOT / path).exists() or (ROOT / "kaito" / path).exists()


@pytest.mark.parametrize(("path", "name"), sorted(set(re.findall(r"`(\w+(?:/\w+)*)\.(\w+)`", PAGE))))
def test_the_page_names_what_modules_define(path, name):
    """`chat/slash.COMMANDS`; a path that is neither in kaito/ nor at the top of the checkout names something else."""
    tree = MODULES.get(f"kaito.{path.replace('/', '.')}")
    if tree is not None and name != "py":
        assert name in top_level_names(tree)


# --- Tests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TESTS))
def test_tests_use_no_private_names(name):
    """A test's own classes have private attributes; those of another object are somebody else's."""
    nodes = list(ast.walk(TESTS[name]))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    others = {node.attr for node in nodes if isinstance(node, ast.Attribute) and not _is_own(node.value)}
    private = {word for word in imported | others if word.startswith("_") and not word.startswith("__")}
    assert private <= PUBLIC


def _is_own(node):
    return isinstance(node, ast.Name) and node.id in ("self", "cls")
