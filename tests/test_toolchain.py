"""The tools' settings agree: what pyproject.toml, the gate, the workflow and the commit hooks name alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import build_zipapp
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


def of_the_gate(name):
    """Return the Pythons in a variable of the gate."""
    return re.search(rf'^{name}="(.*?)"', text(".ci/run"), re.MULTILINE)[1].split()


def steps(workflow, job):
    return load(text(f".github/workflows/{workflow}.yml"))["jobs"][job]["steps"]


@pytest.mark.parametrize(("workflow", "job"), [("ci", "gate"), ("nightly", "every-python")])
def test_the_workflows_have_every_python_of_the_gate(workflow, job):
    found = [step["with"]["python-version"] for step in steps(workflow, job) if "setup-python" in step.get("uses", "")]
    assert [each.split() for each in found] == [of_the_gate("versions")]


def test_the_file_has_byte_code_for_every_python_of_the_gate():
    assert list(build_zipapp.PYTHONS) == of_the_gate("versions")


def test_the_gate_runs_all_tests_on_the_oldest_and_the_newest_python_at_least():
    versions, full = of_the_gate("versions"), of_the_gate("full")
    assert {versions[0], "3.11", "3.13", versions[-1]} <= set(full) <= set(versions)


def test_all_tests_run_on_every_python_each_night():
    commands = [step.get("run", "") for step in steps("nightly", "every-python")]
    assert any(re.search(r"\.ci/run .*--every-python.* suite", command) for command in commands)


@pytest.mark.parametrize("workflow", ["ci", "nightly"])
def test_the_workflows_may_only_read(workflow):
    assert load(text(f".github/workflows/{workflow}.yml"))["permissions"] == {"contents": "read"}


def test_the_oldest_python_of_the_gate_is_the_oldest_that_is_supported():
    oldest = re.search(r'^versions="(\S+)', text(".ci/run"), re.MULTILINE)[1]
    settings = text("pyproject.toml")
    assert f'requires-python = ">={oldest}"' in settings
    assert f'target-version = "py{oldest.replace(".", "")}"' in settings
    assert f'python_version = "{oldest}"' in settings
