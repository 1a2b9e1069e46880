"""The program's error messages, read from its sources: docs/troubleshooting.md has to describe them.

A message is a text that is passed to a kind of error, or to a function that returns one. A value that is inserted at
run time becomes a GAP. If that value is a variable to which the function assigns texts, each text makes a message.
"""

from __future__ import annotations

import ast
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

KAITO = Path(__file__).parent.parent / "kaito"
GAP = "…"

# The kinds whose text reaches a user, alone or as the reason in another message, with the text's place among the
# arguments. Their subclasses are found in the sources.
_ROOTS = {"KaitoError": 0, "TransportError": 1, "ValueError": 0}
# The YAML reader has too many messages, with line and column, to list.
_LEFT_OUT = "kaito/yaml/"
# Parameters of functions that return errors: these hold the next step, not a message.
_HINTS = ("hint", "details")

_Function = ast.FunctionDef


class Message(NamedTuple):
    """A text with GAPs, and its place: "kaito/net/tls.py:57"."""

    text: str
    place: str


def messages():
    """Return every message, in the order of the files."""
    trees = _trees()
    kinds = _kinds(trees.values())
    makers = _makers(trees.values(), kinds)
    found = []
    for file, tree in trees.items():
        if file.startswith(_LEFT_OUT):
            continue
        for function, call in _calls(tree):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in kinds:
                place = kinds[name]
                arguments = call.args[place : place + 1]
            else:
                arguments = [one for one, wanted in zip(call.args, makers.get(name, ())) if wanted]
            for text in (text for one in arguments for text in _texts(one, function)):
                if any(letter.isalpha() for letter in text):
                    found.append(Message(text, f"{file}:{call.lineno}"))
    return found


def texts():
    """Return every text in the sources and in the launcher, with GAPs."""
    launcher = ast.parse((KAITO.parent / "kubectl-kaito").read_text(encoding="utf-8"))
    nodes = (node for tree in (*_trees().values(), launcher) for node in ast.walk(tree))
    return [text for node in nodes if isinstance(node, (ast.Constant, ast.JoinedStr)) for text in _texts(node, None)]


def variables():
    """Return the environment variables that the program reads by name."""
    found = set()
    for function, node in (pair for tree in _trees().values() for pair in _nodes(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            read, name = node.func.value, node.args[0]
        elif isinstance(node, ast.Subscript):
            read, name = node.value, node.slice
        else:
            continue
        if ast.unparse(read).endswith("environ"):
            found.update(text for text in _texts(name, function) if text != GAP)
    return found - {name.lower() for name in found}


@cache
def _trees():
    return {
        path.relative_to(KAITO.parent).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(KAITO.rglob("*.py"))
    }


def _kinds(trees):
    """Return the names of all kinds of error, with the place of their text."""
    kinds = dict(_ROOTS)
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = True
    while found:
        found = False
        for one in classes:
            base = next((base.id for base in one.bases if isinstance(base, ast.Name) and base.id in kinds), None)
            if base and one.name not in kinds:
                kinds[one.name] = kinds[base]
                found = True
    return kinds


def _makers(trees, kinds):
    """Return the functions that return an error, and for each argument whether it can be part of the message."""
    makers = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, _Function) and isinstance(node.returns, ast.Name) and node.returns.id in kinds:
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
            makers[node.name] = [name not in _HINTS for name in names]
    return makers


def _calls(tree):
    """Return every call, with the function that contains it."""
    return ((function, node) for function, node in _nodes(tree) if isinstance(node, ast.Call))


def _nodes(tree):
    """Yield every node, with the function that contains it."""
    stack = [(None, tree)]
    while stack:
        function, node = stack.pop()
        yield function, node
        inner = node if isinstance(node, _Function) else function
        stack += [(inner, child) for child in ast.iter_child_nodes(node)]


def _texts(node, function):
    """Return the possible texts of an expression, from its literals and from what `function` assigns to its names."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else [GAP]
    if isinstance(node, ast.JoinedStr):
        return ["".join(parts) for parts in product(*(_texts(value, function) for value in node.values))]
    if isinstance(node, ast.FormattedValue):
        return _texts(node.value, function)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = _texts(node.left, function), _texts(node.right, function)
        return [left + right for left, right in product(*sides)]
    if isinstance(node, ast.IfExp):
        return _texts(node.body, function) + _texts(node.orelse, function)
    if isinstance(node, ast.Name) and function:
        given = list(dict.fromkeys(text for value in _assigned(node.id, function) for text in _texts(value, None)))
        return given if given and GAP not in given else [GAP]
    return [GAP]


def _assigned(name, function):
    """Yield what `function` assigns to a name."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts)
                    yield from (value for one, value in pairs if isinstance(one, ast.Name) and one.id == name)
