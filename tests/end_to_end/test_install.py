"""The program as pip installs it, and as kubectl finds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv

import pytest

from tests.cluster.process import ROOT, run

from . import CHAT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of programs in a fresh environment into which `pip install .` has installed this one."""
    folder = tmp_path_factory.mktemp("installed")
    # A copy, because setuptools leaves folders in the checkout that it builds.
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(os.path.join(ROOT, name), checkout)
    shutil.copytree(os.path.join(ROOT, "kaito"), checkout / "kaito", ignore=shutil.ignore_patterns("__pycache__"))
    venv.create(folder / "venv", with_pip=True)
    words = [folder / "venv/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--retries=0", "."]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode and "No matching distribution found for setuptools" in done.stdout + done.stderr:
        pytest.skip("pip cannot fetch setuptools here")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "venv/bin"


def test_pip_installs_all_of_it(installed, kubeconfig):
    """pip installs every package and nothing else, and the command works."""
    result = run([*CHAT, "--kubeconfig", kubeconfig, "-q"], "Say OK\n", command=[str(installed / "kubectl-kaito")])
    assert result == (0, "OK\n", "")
    script = "import kaito, os; print(os.path.dirname(kaito.__file__))"
    package = subprocess.run([installed / "python", "-I", "-c", script], capture_output=True, text=True, check=True)
    there, here = (
        {os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top) for name in names}
        for top in (package.stdout.strip(), os.path.join(ROOT, "kaito"))
    )
    assert {path for path in there if path.endswith(".py")} == {path for path in here if path.endswith(".py")}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl_lists_what_pip_installed(installed, home):
    path = os.pathsep.join([str(installed), os.path.dirname(shutil.which("kubectl"))])
    listed = run(["plugin", "list"], command=["kubectl"], env={"PATH": path}, home=home)
    assert str(installed / "kubectl-kaito") in listed.out


def test_pip_installs_the_completion(installed):
    result = run(["vers"], command=[str(installed / "kubectl_complete-kaito")])
    assert result == (0, "version\tPrint the version\n:4\n", "")


@pytest.mark.parametrize("page", ["README.md", "docs/install.md"])
def test_the_documented_commands_install_it(page, tmp_path):
    """Run the first such commands of each page, in a checkout, for a user with an empty home."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        blocks = re.findall(r"^```bash\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    commands = next(block for block in blocks if "install dist/kubectl-kaito" in block)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("build_zipapp.py", "kubectl-kaito", "LICENSE"):
        shutil.copy(os.path.join(ROOT, name), checkout)
    shutil.copytree(os.path.join(ROOT, "kaito"), checkout / "kaito", ignore=shutil.ignore_patterns("__pycache__"))
    home = tmp_path / "home"
    home.mkdir()
    path = os.pathsep.join([str(home / ".local/bin"), os.path.dirname(sys.executable), os.environ["PATH"]])
    done = run(["-ec", commands], command=["sh"], cwd=checkout, home=home, env={"PATH": path})
    assert (done.code, done.err) == (0, "")
    version = run(["version"], command=["kubectl-kaito"], home=home, env={"PATH": path})
    assert (version.code, version.err) == (0, "")
    offered = run(["vers"], command=["kubectl_complete-kaito"], home=home, env={"PATH": path})
    assert offered.out.startswith("version\t")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl_runs_the_copied_file(plugin_path, kubeconfig):
    result = run(
        [*CHAT, "--kubeconfig", kubeconfig, "-q"], "Say OK\n", command=["kubectl", "kaito"], env={"PATH": plugin_path}
    )
    assert result == (0, "OK\n", "")


def test_the_module_runs_too(kubeconfig):
    """`python -m kaito`, from a checkout."""
    words = [sys.executable, "-m", "kaito"]
    result = run([*CHAT, "--kubeconfig", kubeconfig, "-q"], "Say OK\n", command=words, cwd=ROOT)
    assert result == (0, "OK\n", "")
