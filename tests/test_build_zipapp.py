"""The one file that users copy."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

import build_zipapp
from kaito import __version__


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The path of a program built here, for the Python that runs the tests alone."""
    folder = tmp_path_factory.mktemp("dist")
    path = folder / "kubectl-kaito"
    path.write_bytes(build_zipapp.archive(own()))
    path.chmod(0o755)
    return path


def own():
    """The Python that runs the tests, as `interpreters` names it."""
    return {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}


def ask(*words, **options):
    """Run `version` and return what it says."""
    done = subprocess.run([*words, "version"], capture_output=True, text=True, check=False, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_same_sources_give_the_same_bytes(program, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.chdir("/")
    assert build_zipapp.archive(own()) == program.read_bytes()


def test_it_needs_nothing_beside_it(program, tmp_path):
    environment = {"PATH": os.path.dirname(sys.executable)}
    assert ask(sys.executable, "-I", program, cwd=tmp_path, env=environment).startswith(f"kubectl-kaito {__version__} ")


def test_it_is_an_executable_of_any_name(program, tmp_path):
    copy = tmp_path / "another name"
    copy.write_bytes(program.read_bytes())
    copy.chmod(0o755)
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    assert __version__ in ask(copy, env={**os.environ, "PATH": search})


def test_a_python_without_byte_code_runs_the_sources(program, tmp_path):
    bare = tmp_path / "bare"
    bare.write_bytes(build_zipapp.archive({}))
    assert ask(sys.executable, bare) == ask(sys.executable, program)


def test_modules_of_the_user_do_not_get_in_the_way(program, tmp_path):
    """PYTHONPATH and the working folder may hold anything, a kaito of another kind too."""
    for name in ("kaito", "json", "re", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    assert __version__ in ask(sys.executable, program, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)})


def test_it_holds_the_program_and_no_path_of_this_machine(program):
    with zipfile.ZipFile(program) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    assert "__main__.py" in members
    folder = str(build_zipapp.ROOT).encode()
    assert not [name for name, data in members.items() if folder in data]
