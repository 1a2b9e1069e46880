"""The tools' settings agree: what pyproject.toml, the gate, the workflow and the commit hooks name alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kaito.yaml.load import load
from tests.cluster.process import ROOT


def text(path):
    return Path(ROOT, path).read_text(encoding="utf-8")


def pins():
    """Return the pinned packages of pyproject.toml: name → version."""
    groups = re.search(r"^\[dependency-groups\]$(.*?)^\[", text("pyproject.toml"), re.MULTILINE | re.DOTALL)[1]
    return dict(re.findall(r'"([\w-]+)==([\w.]+)"', groups))


def test_every_tool_is_pinned():
    groups = re.search(r"^\[dependency-groups\]$(.*?)^\[", text("pyproject.toml"), re.MULTILINE | re.DOTALL)[1]
    assert len(re.findall(r'^ *"', groups, re.MULTILINE)) == len(pins()) == 5


@pytest.mark.parametrize(("repository", "tool"), [("ruff-pre-commit", "ruff"), ("mirrors-mypy", "mypy")])
def test_the_commit_hooks_use_the_pinned_tools(repository, tool):
    repositories = load(text(".pre-commit-config.yaml"))["repos"]
    (found,) = [each for each in repositories if each["repo"].endswith(f"/{repository}")]
    assert found["rev"] == f"v{pins()[tool]}"
    for hook in found["hooks"]:
        for package in hook.get("additional_dependencies", ()):
            name, _, version = package.partition("==")
            assert version == pins()[name]


def test_the_workflow_has_every_python_of_the_gate():
    steps = load(text(".github/workflows/ci.yml"))["jobs"]["gate"]["steps"]
    (pythons,) = [step["with"]["python-version"] for step in steps if "setup-python" in step.get("uses", "")]
    gate = re.search(r'^versions="(.*)"$', text(".ci/run"), re.MULTILINE)[1].split()
    assert pythons.split() == gate


def test_the_workflow_may_only_read():
    assert load(text(".github/workflows/ci.yml"))["permissions"] == {"contents": "read"}


def test_the_oldest_python_of_the_gate_is_the_oldest_that_is_supported():
    oldest = re.search(r'^versions="(\S+)', text(".ci/run"), re.MULTILINE)[1]
    settings = text("pyproject.toml")
    assert f'requires-python = ">={oldest}"' in settings
    assert f'target-version = "py{oldest.replace(".", "")}"' in settings
    assert f'python_version = "{oldest}"' in settings
