"""The one file that users copy."""

from __future__ import annotations

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
    """The path of a program built here, for the Python that runs the tests alone."""
    folder = tmp_path_factory.mktemp("dist")
    path = folder / "kubectl-kaito"
    path.write_bytes(build_zipapp.archive(own_python()))
    path.chmod(0o755)
    return path


def own_python():
    """The Python that runs the tests, as `interpreters` names it."""
    return {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}


def ask(*words, **options):
    """Run `version` and return what it says."""
    done = subprocess.run([*words, "version"], capture_output=True, text=True, check=False, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Everything that the build writes, with byte code for every Python here: the folder and the bytes by name."""
    folder = tmp_path_factory.mktemp("made")
    return folder, build_zipapp.build(folder)


def test_it_holds_byte_code_for_this_python(program):
    with zipfile.ZipFile(program) as archive:
        assert f"{sys.implementation.cache_tag}-{MAGIC_NUMBER.hex()}" in archive.namelist()


def test_the_same_sources_give_the_same_bytes(made, tmp_path):
    """Elsewhere, at another time of the world, for a user with other habits, in a folder of another name."""
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
    """With byte code for all five Pythons, as far as they are here; a ConfigMap holds 1 MiB with all else in it.

    When this fails: `unzip -v dist/kubectl-kaito` shows what takes the room. Leave the byte code of the oldest Python
    out (PYTHONS in build_zipapp.py): it then runs the sources, which are there anyway, and only starts more slowly.
    """
    own = len(build_zipapp.archive(own_python())) - len(build_zipapp.archive({}))
    missing = len(build_zipapp.PYTHONS) - len(build_zipapp.interpreters())
    assert len(made[1]["kubectl-kaito"]) + missing * own < 800_000


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


def test_it_holds_the_program_and_no_path_of_this_machine(program):
    with zipfile.ZipFile(program) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    assert "__main__.py" in members
    folder = str(build_zipapp.ROOT).encode()
    assert not [name for name, data in members.items() if folder in data]


# ---- what goes beside it ----


@pytest.fixture(scope="module")
def manifest(made):
    """krew's manifest, read."""
    return yaml.load(made[1]["kaito.yaml"])


@pytest.fixture(scope="module")
def unpacked(made):
    """What krew's archive holds, by name: tarfile's description and the bytes."""
    with tarfile.open(fileobj=io.BytesIO(made[1]["kubectl-kaito.tar.gz"])) as archive:
        return {one.name: (one, archive.extractfile(one).read()) for one in archive.getmembers()}


def test_the_manifest_is_one_of_krews(manifest):
    """krew.sigs.k8s.io/docs/developer-guide/plugin-manifest, and its index's checks of a Plugin."""
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


def test_each_platform_is_to_be_had_and_none_twice(manifest, made, unpacked):
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
    assert __version__ in ask(sys.executable, tmp_path / "kubectl-kaito")
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    offered = subprocess.run(
        [tmp_path / "kubectl_complete-kaito", "vers"], stdout=subprocess.PIPE, env={"PATH": search}, check=True
    ).stdout
    assert offered == b"version\tPrint the version\n:4\n"


def test_windows_is_told_how_to_start_it(made):
    text = made[1]["kubectl-kaito.cmd"].decode("ascii")
    assert text.count("\n") == text.count("\r\n") > 0
    lines = text.split("\r\n")
    assert lines[0] == "@echo off"
    # py is asked for first: python may be the alias that only opens a shop.
    assert text.index("where py ") < text.index("where python ")
    calls = [number for number, line in enumerate(lines) if '"%~dp0kubectl-kaito"' in line]
    assert [lines[number].partition(" ")[0] for number in calls] == ["py", "python"]
    for number in calls:
        assert lines[number].endswith(' "%~dp0kubectl-kaito" %*')
        assert lines[number + 1] == "exit /b %errorlevel%"
    # In parentheses, %errorlevel% would be what it was before the block.
    assert "(" not in text
    labels = {line[1:] for line in lines if line.startswith(":")}
    assert set(re.findall(r"goto (\w+)", text)) == labels == {"py", "python"}


def test_a_run_that_is_under_way_keeps_its_file(made):
    """A build moves its files into place instead of writing into those that are in use."""
    folder, files = made
    with open(folder / "kubectl-kaito", "rb") as held:
        build_zipapp.build(folder)
        assert held.read() == files["kubectl-kaito"]
        assert os.fstat(held.fileno()).st_nlink == 0
