"""The one file that users copy, wherever they put it and whatever is beside it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import build_zipapp
from tests.cluster import NO_ENDPOINTS, Terminal, workspace
from tests.cluster.process import run

from . import BANNER, CHAT, NAME, UNMEASURED

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
NOBODY = 65534


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A zipapp without byte code for the Python that runs it."""
    path = tmp_path_factory.mktemp("bare") / "kubectl-kaito"
    path.write_bytes(build_zipapp.archive({}))
    return str(path)


@pytest.fixture(params=["byte code", "sources"])
def program(request, zipapp, bare, tmp_path):
    """A copy of the program that runs byte code, or the sources because it holds no byte code for this Python."""
    return shutil.copy(zipapp if request.param == "byte code" else bare, tmp_path / "kubectl-kaito")


@pytest.fixture
def assert_answers(kubeconfig):
    """Ask one question with the program that `words` start; the answer must be the only output."""

    def ask_it(*words, **options):
        command = [str(word) for word in words]
        result = run([*CHAT, "--kubeconfig", kubeconfig, "--quiet"], "Say OK\n", command=command, **options)
        assert result == (0, "OK\n", "")

    return ask_it


@pytest.fixture
def public_folder():
    """A folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def words_of_nobody(cluster, zipapp, public_folder):
    """Return words that let the user nobody ask a question, with files that all may read and none may write."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root becomes another user, with setpriv")
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    tried = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 9))"]
    if python is None or subprocess.run(tried, check=False).returncode:
        pytest.skip("no Python 3.9 or later that every user may run")
    program = shutil.copy(zipapp, public_folder / "kubectl-kaito")
    os.chmod(program, 0o555)
    kubeconfig = cluster.write_kubeconfig(public_folder)
    os.chmod(kubeconfig, 0o444)
    os.chmod(public_folder, 0o555)
    identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["setpriv", *identity, python, "-I", "-S", program, *CHAT, "--kubeconfig", kubeconfig, "--quiet"]


def answer(words, **options):
    """Run words that ask a question, in an empty environment, and return (exit code, stdout, stderr)."""
    done = subprocess.run(words, input=b"Say OK\n", capture_output=True, timeout=30, env={}, check=False, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param([], id="as it is"),
        pytest.param(["-I"], id="isolated"),
        pytest.param(["-I", "-S"], id="isolated, without site"),
        pytest.param(["-E", "-B", "-OO"], id="optimised"),
    ],
)
def test_it_runs_without_a_home(assert_answers, program, flags):
    assert_answers(sys.executable, *flags, program, env={"HOME": None, "PATH": None}, cwd="/")


def test_it_runs_from_a_path_with_spaces(assert_answers, zipapp, tmp_path):
    folder = tmp_path / "my programs (é)"
    folder.mkdir()
    assert_answers(sys.executable, shutil.copy(zipapp, folder / "kubectl kaito"))


def test_it_runs_by_itself_and_by_a_link(assert_answers, zipapp, tmp_path):
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    program = shutil.copy(zipapp, tmp_path / "kubectl-kaito")
    os.chmod(program, 0o755)
    (tmp_path / "link").symlink_to("kubectl-kaito")
    assert_answers(program, env={"PATH": path})
    assert_answers(tmp_path / "link", env={"PATH": path})


def test_another_user_runs_it_from_a_folder_that_cannot_be_written(words_of_nobody):
    assert answer(words_of_nobody, cwd="/") == (0, b"OK\n", b"")


@pytest.mark.parametrize(
    "mount",
    [
        pytest.param("mount -o remount,ro,bind /", id="nothing can be written"),
        pytest.param("mount --bind {folder} {folder} && mount -o remount,noexec,bind {folder}", id="noexec"),
    ],
)
def test_another_user_runs_it_from_such_a_file_system(words_of_nobody, public_folder, mount):
    script = "mount --make-rprivate / && " + mount.format(folder=public_folder)
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "sh", "-c", script], check=False).returncode:
        pytest.skip("no mounts of one's own here")
    words = ["unshare", "-m", "sh", "-c", f'{script} && exec "$@"', "sh", *words_of_nobody]
    done = subprocess.run(words, input=b"Say OK\n", capture_output=True, timeout=30, cwd="/", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"OK\n", b"")


@UNMEASURED
@pytest.mark.parametrize("relative", [False, True])
def test_no_module_of_pythonpath_gets_in_the_way(assert_answers, program, tmp_path, relative):
    """Every module of the standard library is shadowed, except those that Python itself imports at its start."""
    empty = tmp_path / "empty"
    with build_zipapp.zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("__main__.py", "import json, sys; print(json.dumps(sorted(sys.modules)))")
    listed = subprocess.run([sys.executable, empty], stdout=subprocess.PIPE, check=True).stdout
    python_own = {name.partition(".")[0] for name in json.loads(listed)} - {"json"} | {"sitecustomize"}
    shadows = tmp_path / "shadows"
    shadows.mkdir()
    library = Path(os.__file__).parent
    for found in (*library.glob("*.py"), *library.glob("*/__init__.py")):
        name = found.stem if found.parent == library else found.parent.name
        if name not in python_own and name != "site-packages":
            (shadows / f"{name}.py").write_text(f"raise SystemExit('{name} of PYTHONPATH')")
    for name in ("kaito", "ssl"):
        (shadows / f"{name}.py").write_text(f"raise SystemExit('{name} of PYTHONPATH')")
    assert len(list(shadows.iterdir())) > 100
    if relative:
        assert_answers(sys.executable, program, cwd=tmp_path, env={"PYTHONPATH": "shadows:"})
    else:
        assert_answers(sys.executable, program, env={"PYTHONPATH": f"{shadows}{os.pathsep}{shadows}/"})


def test_modules_beside_it_do_not_get_in_the_way(assert_answers, program, tmp_path):
    for name in ("json", "ssl", "kaito", "typing", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} beside the program')")
    assert_answers(sys.executable, program, cwd=tmp_path)


@pytest.mark.parametrize("how", ["overwritten", "renamed over", "deleted"])
def test_a_session_outlives_its_file(cluster, kubeconfig, home, program, how):
    flags = ["--kubeconfig", kubeconfig, "--retry-timeout", "0"]
    with Terminal([*CHAT, *flags], command=[sys.executable, program], home=home, columns=200) as chat:
        chat.expect(BANNER)
        if how == "overwritten":
            Path(program).write_bytes(b"#!/bin/sh\necho another version\n" * 50_000)
        else:
            os.unlink(program)
        if how == "renamed over":
            Path(program).write_bytes(b"PK\x05\x06 a broken archive")
        chat.line("Say OK")
        chat.expect("OK\n\n> ")
        chat.line("/status")
        chat.expect("Endpoint:")
        chat.expect("\n> ")
        chat.line("/models")
        chat.expect("unknown command /models")
        cluster.tokens = {"another token": "token-user"}
        chat.line("Say OK")
        chat.expect("does not accept the credentials")
        cluster.tokens = {cluster.token: "token-user"}
        cluster.route(NAME, NO_ENDPOINTS)
        cluster.add(workspace(NAME, ready=False))
        chat.line("Say OK")
        chat.expect("error: ")
        chat.expect("is not ready")
        chat.line("/quit")
        assert chat.wait() == 0
        assert "internal error" not in chat.text


def test_no_module_is_read_from_the_file_later(program):
    """All modules that a session can still need are in memory when it begins."""
    script = """if True:
        import os, runpy, sys, zipimport
        launcher = runpy.run_path(sys.argv[1], run_name="launcher")
        launcher["unpack"](zipimport.zipimporter(sys.argv[1]))
        os.unlink(sys.argv[1])
        sys.path[:] = [folder for folder in sys.path if folder != sys.argv[1]]
        for name in sys.argv[2:]:
            __import__(name)
            assert sys.modules[name].__spec__.loader.codes, name
    """
    names = [path[: -len(".py")].replace("/", ".") for path in build_zipapp.sources() if "__" not in path]
    assert len(names) > 40
    subprocess.run([sys.executable, "-c", script, program, *names], check=True, cwd="/", timeout=30)


@pytest.mark.parametrize("version", build_zipapp.PYTHONS)
@pytest.mark.parametrize("with_set", [True, False], ids=["byte code", "sources"])
def test_it_runs_on_every_python_in_an_empty_environment(zipapp, bare, kubeconfig, version, with_set):
    found = build_zipapp.interpreters((version,))
    if not found:
        pytest.skip(f"no Python {version} here")
    program = zipapp if with_set else bare
    words = [found[version], "-I", "-S", program, *CHAT, "--kubeconfig", kubeconfig, "--quiet"]
    assert answer(words, cwd="/") == (0, b"OK\n", b"")


LINES = """if True:
    import json, runpy, sys, zipimport
    launcher = runpy.run_path(sys.argv[1], run_name="launcher")
    launcher["unpack"](zipimport.zipimporter(sys.argv[1]))
    from kaito.cli import main
    from kaito.workspaces.wait import wait
    print(json.dumps([main.__code__.co_firstlineno, wait.__code__.co_firstlineno]))
"""


def lines(program, **env):
    """Return where two functions begin, as a traceback shows it: one of cli.py, one of a module without byte code."""
    done = subprocess.run([sys.executable, "-I", "-c", LINES, program], stdout=subprocess.PIPE, env=env, check=True)
    return json.loads(done.stdout)


def test_debugging_runs_the_sources_with_their_line_numbers(assert_answers, zipapp, bare):
    assert_answers(sys.executable, zipapp, env={"KAITO_DEBUG": "1"})
    sources = build_zipapp.sources()
    main = sources["kaito/cli.py"].splitlines().index("def main(argv: Sequence[str] | None = None) -> int:") + 1
    waits = sources["kaito/workspaces/wait.py"].splitlines()
    wait = next(number for number, line in enumerate(waits, 1) if line.startswith("def wait("))
    assert lines(bare) == lines(zipapp, KAITO_DEBUG="1") == [main, wait]
    assert lines(zipapp) == [1, wait]


OLD = ("2.7", "3.6", "3.7", "3.8")


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_gets_one_clear_line(zipapp, version):
    found = build_zipapp.interpreters((version,))
    if not found:
        pytest.skip(f"no Python {version} here")
    result = run(["version"], command=[found[version], zipapp])
    message = f"error: kubectl-kaito needs Python 3.9 or later; this is {version}\n"
    assert result == (1, "", message)


def test_it_is_executable_and_says_so(zipapp):
    assert stat.S_IMODE(os.stat(zipapp).st_mode) & 0o555 == 0o555
    with open(zipapp, "rb") as file:
        assert file.readline() == b"#!/usr/bin/env python3\n"
