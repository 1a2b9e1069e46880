"""The files that users install."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import MAGIC_NUMBER

import pytest

import build_zipapp
from kaito import __version__
from kaito.yaml import load as yaml


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Build the program with byte code for the Python that runs the tests alone; return its path."""
    folder = tmp_path_factory.mktemp("dist")
    path = folder / "kubectl-kaito"
    path.write_bytes(build_zipapp.archive(own_python()))
    path.chmod(0o755)
    return path


def own_python():
    """Return the Python that runs the tests in the form of `interpreters`."""
    return {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}


def version_of(*words, **options):
    """Run `version` and return its output."""
    done = subprocess.run([*words, "version"], capture_output=True, text=True, check=False, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Build all files, with byte code for every Python that is found; return the folder, and the bytes by name."""
    folder = tmp_path_factory.mktemp("made")
    return folder, build_zipapp.build(folder)


def test_it_holds_byte_code_for_this_python(program):
    with zipfile.ZipFile(program) as archive:
        assert f"{sys.implementation.cache_tag}-{MAGIC_NUMBER.hex()}" in archive.namelist()


def test_it_holds_byte_code_for_every_python_that_was_found(made):
    with zipfile.ZipFile(made[0] / "kubectl-kaito") as archive:
        sets = {name.rpartition("-")[0] for name in archive.namelist() if name.startswith("cpython-")}
    assert sets == {f"cpython-{version.replace('.', '')}" for version in build_zipapp.interpreters()}


def test_the_build_finds_pythons_in_the_folders_that_a_variable_names(monkeypatch, tmp_path):
    """They come before any other, and a folder may be missing."""
    version = next(iter(own_python()))
    (tmp_path / f"python{version}").symlink_to(sys.executable)
    monkeypatch.setenv("KAITO_PYTHONS", os.pathsep.join([str(tmp_path / "missing"), str(tmp_path)]))
    assert build_zipapp.interpreters((version,)) == {version: str(tmp_path / f"python{version}")}


def test_modules_that_come_as_sources_only_exist():
    assert set(build_zipapp.sources()) >= build_zipapp.SOURCES_ONLY


def test_the_same_sources_give_the_same_bytes(made, tmp_path):
    """In another folder, with other file dates, and with another time zone, locale, umask and hash seed."""
    copy = tmp_path / "another checkout"
    copy.mkdir()
    for name in ("build_zipapp.py", "kubectl-kaito", "LICENSE"):
        shutil.copy(build_zipapp.ROOT / name, copy)
    shutil.copytree(build_zipapp.ROOT / "kaito", copy / "kaito", ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    habits = {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "1", "PYTHONUTF8": "0"}
    script = 'umask 077; exec "$@"'
    words = ["sh", "-c", script, "sh", sys.executable, copy / "build_zipapp.py", tmp_path / "dist"]
    subprocess.run(words, check=True, cwd="/", env={**os.environ, **habits}, stdout=subprocess.DEVNULL)
    folder, files = made
    for name, data in files.items():
        assert (tmp_path / "dist" / name).read_bytes() == data, name
        assert (tmp_path / "dist" / name).stat().st_mode == (folder / name).stat().st_mode, name


def test_it_fits_into_a_config_map(made):
    """Byte code for all seven Pythons included, the size of missing ones estimated. A ConfigMap holds at most 1 MiB.

    When this fails, `unzip -v dist/kubectl-kaito` shows the sizes. Add modules that few runs need to SOURCES_ONLY, or
    leave out the byte code of Python 3.10 (PYTHONS in build_zipapp.py): that Python then runs the sources, which are
    always there, and starts more slowly.
    """
    own = len(build_zipapp.archive(own_python())) - len(build_zipapp.archive({}))
    missing = len(build_zipapp.PYTHONS) - len(build_zipapp.interpreters())
    assert len(made[1]["kubectl-kaito"]) + missing * own <= 1_000_000


def test_it_needs_no_other_file(program, tmp_path):
    environment = {"PATH": os.path.dirname(sys.executable)}
    assert version_of(sys.executable, "-I", program, cwd=tmp_path, env=environment).startswith(
        f"kubectl-kaito {__version__} "
    )


def test_it_runs_under_any_name(program, tmp_path):
    copy = tmp_path / "another name"
    copy.write_bytes(program.read_bytes())
    copy.chmod(0o755)
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    assert __version__ in version_of(copy, env={**os.environ, "PATH": search})


def test_a_python_without_byte_code_runs_the_sources(program, tmp_path):
    bare = tmp_path / "bare"
    bare.write_bytes(build_zipapp.archive({}))
    assert version_of(sys.executable, bare) == version_of(sys.executable, program)


@pytest.mark.parametrize("path", sorted(build_zipapp.sources()))
def test_its_sources_lack_only_comments_and_docstrings(path):
    text = build_zipapp.sources()[path]
    assert statements(build_zipapp.without_prose(text)) == statements(text)


def statements(text):
    """Return the number of each line on which a statement begins, and the statement without docstrings."""
    tree = Wordless().visit(ast.parse(text))
    return [(node.lineno, ast.dump(node)) for node in ast.walk(tree) if isinstance(node, ast.stmt)]


class Wordless(ast.NodeTransformer):
    def visit_Expr(self, node):
        return None if isinstance(getattr(node.value, "value", None), str) else node


def test_prose_is_left_out():
    text = '"""Two\nlines."""\n\nA = "# no comment"  # one\n\n\ndef f():\n    """Return."""\n    return A\n'
    assert build_zipapp.without_prose(text) == '""\n\n\nA = "# no comment"\n\n\ndef f():\n    ""\n    return A\n'


def test_it_holds_the_program_and_no_path_of_this_machine(program):
    with zipfile.ZipFile(program) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    assert "__main__.py" in members
    folder = str(build_zipapp.ROOT).encode()
    assert not [name for name, data in members.items() if folder in data]


# ---- the files installed with it ----


@pytest.fixture(scope="module")
def manifest(made):
    """Parse krew's manifest."""
    return yaml.load(made[1]["kaito.yaml"])


@pytest.fixture(scope="module")
def unpacked(made):
    """Read krew's archive: tarfile's description and the bytes of each file, by name."""
    with tarfile.open(fileobj=io.BytesIO(made[1]["kubectl-kaito.tar.gz"])) as archive:
        return {one.name: (one, archive.extractfile(one).read()) for one in archive.getmembers()}


def test_the_manifest_follows_krews_rules(manifest):
    """The rules: krew.sigs.k8s.io/docs/developer-guide/plugin-manifest, and the checks of krew's index."""
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    assert manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert manifest["kind"] == "Plugin"
    assert re.fullmatch(r"[a-z][a-z0-9-]*", manifest["metadata"]["name"])
    spec = manifest["spec"]
    assert set(spec) <= {"version", "homepage", "shortDescription", "description", "caveats", "platforms"}
    assert re.fullmatch(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?", spec["version"])
    assert spec["version"] == f"v{__version__}"
    assert spec["homepage"].startswith("https://")
    assert 0 < len(spec["shortDescription"]) <= 50
    assert "\n" not in spec["shortDescription"] and not spec["shortDescription"].endswith(".")
    assert spec["description"].strip() and spec["platforms"]


def test_each_platform_is_offered_once(manifest, made, unpacked):
    chosen = []
    for platform in manifest["spec"]["platforms"]:
        assert set(platform) == {"selector", "uri", "sha256", "bin", "files"}
        ((kind, (rule,)),) = platform["selector"].items()
        assert kind == "matchExpressions"
        assert (rule["key"], rule["operator"]) == ("os", "In")
        chosen += rule["values"]
        assert re.fullmatch(rf"https://\S+/v{re.escape(__version__)}/kubectl-kaito\.tar\.gz", platform["uri"])
        assert platform["sha256"] == hashlib.sha256(made[1]["kubectl-kaito.tar.gz"]).hexdigest()
        assert platform["files"] == [{"from": "*", "to": "."}]
        assert platform["bin"] in unpacked
    assert sorted(chosen) == ["darwin", "linux", "windows"]


def test_the_archive_holds_what_the_build_writes_and_the_license(made, unpacked):
    files = made[1]
    programs = ["kubectl-kaito", "kubectl-kaito.cmd", "kubectl_complete-kaito"]
    assert sorted(unpacked) == sorted(["LICENSE", *programs])
    for name in programs:
        assert unpacked[name][1] == files[name]
        assert unpacked[name][0].mode == 0o755
    assert unpacked["LICENSE"][1] == (build_zipapp.ROOT / "LICENSE").read_bytes()
    assert unpacked["LICENSE"][0].mode == 0o644
    assert all(one.isreg() and (one.uid, one.gid, one.mtime) == (0, 0, 0) for one, _ in unpacked.values())


def test_what_krew_unpacks_runs(unpacked, tmp_path):
    for name, (described, data) in unpacked.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(described.mode)
    assert __version__ in version_of(sys.executable, tmp_path / "kubectl-kaito")
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    offered = subprocess.run(
        [tmp_path / "kubectl_complete-kaito", "vers"], stdout=subprocess.PIPE, env={"PATH": search}, check=True
    ).stdout
    assert offered == b"version\tPrint the version\n:4\n"


def test_windows_has_a_command_that_starts_it(made):
    text = made[1]["kubectl-kaito.cmd"].decode("ascii")
    assert text.count("\n") == text.count("\r\n") > 0
    lines = text.split("\r\n")
    assert lines[0] == "@echo off"
    # py comes first: python may be the alias that only opens the Microsoft Store.
    assert text.index("where py ") < text.index("where python ")
    calls = [number for number, line in enumerate(lines) if '"%~dp0kubectl-kaito"' in line]
    assert [lines[number].partition(" ")[0] for number in calls] == ["py", "python"]
    for number in calls:
        assert lines[number].endswith(' "%~dp0kubectl-kaito" %*')
        assert lines[number + 1] == "exit /b %errorlevel%"
    # In a block in parentheses, %errorlevel% would have its value from before the block.
    assert "(" not in text
    labels = {line[1:] for line in lines if line.startswith(":")}
    assert set(re.findall(r"goto (\w+)", text)) == labels == {"py", "python"}


def test_a_running_session_keeps_its_file(made):
    """A build replaces files instead of writing into those that are in use."""
    folder, files = made
    with open(folder / "kubectl-kaito", "rb") as held:
        build_zipapp.build(folder)
        assert held.read() == files["kubectl-kaito"]
        assert os.fstat(held.fileno()).st_nlink == 0
