#!/usr/bin/env python3
"""Build dist/kubectl-kaito, the whole program as one executable file, and the files that are installed with it.

    python3 build_zipapp.py [FOLDER]

The program is a zip archive after a `#!` line (PEP 441). Its members:

    __main__.py             the launcher
    sources                 the sources without comments and docstrings: a JSON object, text by path, compressed by zlib
    cpython-311-a70d0d0a    byte code for one Python, named after its tag and magic number: a marshalled dict, code by
                            path; None for the modules of SOURCES_ONLY

Compiling would take longer than the rest of a start, and one member is smaller and faster to read than one for each
module. There is one for each of PYTHONS that is found here: on PATH, in pyenv's folders, and in the folders that the
environment variable KAITO_PYTHONS names, separated like those of PATH. Other Pythons run the sources.

The same sources and interpreters give the same bytes: names are sorted, dates and permissions are fixed, and byte code
is compiled in a separate process with a fixed hash seed.

The other files are kubectl_complete-kaito (shell completion), kubectl-kaito.cmd (Windows), and an archive and a
manifest for krew.
"""

from __future__ import annotations

import ast
import glob
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NAME = "kubectl-kaito"
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
HOME = "https://github.com/kaito-project/kubectl-kaito"

# Modules without byte code, which would be 119,000 bytes more: no question, no session and no help needs them
# (tests/end_to_end/test_imports.py), or only one that waits anyway. A run that does need one compiles its source; for
# the YAML reader, the largest of them, that takes 10 ms.
SOURCES_ONLY = frozenset(
    f"kaito/{name}.py"
    for name in (
        *("__main__", "commands/verb", "model/link"),  # installations by pip; type checkers
        *("yaml/composer", "yaml/scanner", "yaml/aliases", "yaml/tokens"),  # kubeconfigs that no tool has written
        *("net/socks", "net/http_date", "kube/oidc", "chat/saved"),  # SOCKS, Retry-After dates, OIDC, /save and /load
        *("chat/endings", "chat/refused"),  # no answer, and rare finish reasons; what does not fit the window
        "chat/thoughts",  # reasoning that a server leaves in the content
        *("workspaces/wait", "workspaces/watch", "model/refusals"),  # --wait, and refused requests
        *("workspaces/readiness", "workspaces/phase", "workspaces/probe"),  # what is not ready
        *("workspaces/sets", "workspaces/replicas", "workspaces/inference_set"),  # InferenceSets, in 4 ms
        *("kube/duration", "commands/complete"),  # ages; Tab in a shell
        *("workspaces/details", "commands/status_fetch", "commands/status_view"),  # status, which is not a chat
        *("commands/choose", "commands/older_verbs"),  # a workspace that is not named; a verb that is none
        *(f"terminal/{name}" for name in ("render", "markdown", "table", "wrap", "styles")),  # loaded beside the prompt
        *("kube/exec_plugin", "kube/plugin_process"),  # a plugin's own start takes many times longer
    )
)

_SHEBANG = b"#!/usr/bin/env python3\n"
# The earliest date that a zip archive can store.
_DATE = (1980, 1, 1, 0, 0, 0)

# Each interpreter runs this script. It reads JSON from stdin (sources by path; an empty one stays without code) and
# writes to stdout a line with its tag and a marshalled dict (code by path; in one piece, so that a name that many
# modules use is there once). It leaves out what no run needs; with KAITO_DEBUG=1 the sources run instead. What that
# saves in a file for seven Pythons, in bytes: docstrings and assertions (optimize=2) 240,000, imports for type checkers
# 24,000, annotations of functions 72,000, line numbers 456,000 and 18,000 (the first of each function), names of
# functions 32,000, names of local variables 17,000. The one piece saves 33,000, the imports of __future__ 8,000.
_COMPILE = """
import __future__, ast, importlib.util, json, marshal, sys

class Bare(ast.NodeTransformer):
    def visit_If(self, node):
        # Imports for type checkers alone.
        self.generic_visit(node)
        return node.orelse if getattr(node.test, "id", "") == "TYPE_CHECKING" else node

    def visit_ImportFrom(self, node):
        # The compiler is told of it.
        return None if node.module == "__future__" else node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node):
        node.annotation = None
        return node

def bare(code):
    inner = tuple(bare(one) if hasattr(one, "co_code") else one for one in code.co_consts)
    left_out = {"co_name": "", "co_firstlineno": 1}
    left_out["co_linetable" if hasattr(code, "co_linetable") else "co_lnotab"] = b""
    # Code refers to its variables by number. Callers know parameters by name.
    parameters = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    left_out["co_varnames"] = code.co_varnames[:parameters] + ("_",) * (len(code.co_varnames) - parameters)
    if hasattr(code, "co_qualname"):
        left_out["co_qualname"] = ""
    return code.replace(co_consts=inner, **left_out)

sources = json.load(sys.stdin)
codes = {}
for path in sorted(sources):
    tree = Bare().visit(ast.parse(sources[path]))
    code = compile(tree, path, "exec", __future__.annotations.compiler_flag, dont_inherit=True, optimize=2)
    codes[path] = bare(code) if sources[path] else None
tag = f"{sys.implementation.cache_tag}-{importlib.util.MAGIC_NUMBER.hex()}"
sys.stdout.buffer.write(tag.encode() + b"\\n" + marshal.dumps(codes))
"""

COMPLETER = """\
#!/bin/sh
# kubectl runs this to complete `kubectl kaito …`. The program itself is in the same folder or on PATH.
here=$(dirname -- "$0")
if [ -x "$here/kubectl-kaito" ]; then
  exec "$here/kubectl-kaito" __complete "$@"
fi
exec kubectl-kaito __complete "$@"
"""

# No call is in parentheses: cmd.exe expands %errorlevel% in a block before it runs the block.
WINDOWS = """\
@echo off
rem Run the file kubectl-kaito in this folder with the Python that is installed.
setlocal
where py >nul 2>nul
if not errorlevel 1 goto py
where python >nul 2>nul
if not errorlevel 1 goto python
echo error: kubectl-kaito needs Python 3.9 or later, and neither py nor python is on PATH>&2
exit /b 1
:py
py -3 "%~dp0kubectl-kaito" %*
exit /b %errorlevel%
:python
python "%~dp0kubectl-kaito" %*
exit /b %errorlevel%
"""


def sources() -> dict[str, str]:
    """Return the text of each module of the package by its path in the archive."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "kaito").rglob("*.py"))
    }


def without_prose(text: str) -> str:
    """Return a module's text without comments and docstrings, which saves 42,000 bytes. Each line keeps its number."""
    lines = io.StringIO(text).readlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            lines[first:last] = [lines[first][: node.col_offset] + '""\n', *["\n"] * (last - first - 1)]
    return "".join(lines)


def interpreters(versions: Sequence[str] = PYTHONS) -> dict[str, str]:
    """Return the path of each Python that is found, by version.

    The folders of KAITO_PYTHONS come first, then pyenv's own, since its shims on PATH are slow and may run another
    version, then PATH.
    """
    found = {}
    for version in versions:
        named = shutil.which(f"python{version}", path=os.environ.get("KAITO_PYTHONS", ""))
        kept = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python{version}")))
        for candidate in (named, *kept, shutil.which(f"python{version}"), sys.executable):
            if candidate and _version(candidate) == version:
                found[version] = candidate
                break
    return found


def byte_code(interpreter: str, texts: Mapping[str, str]) -> tuple[str, bytes]:
    """Compile the modules with `interpreter`; return the name (tag and magic number) and bytes of the member."""
    texts = {path: "" if path in SOURCES_ONLY else text for path, text in texts.items()}
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}
    words = [interpreter, "-S", "-s", "-c", _COMPILE]
    done = subprocess.run(words, input=json.dumps(texts).encode(), stdout=subprocess.PIPE, env=environment, check=True)
    tag, _, codes = done.stdout.partition(b"\n")
    return tag.decode(), codes


def archive(pythons: Mapping[str, str]) -> bytes:
    """Return the program's bytes, with byte code for `pythons` (the result of `interpreters`)."""
    texts = sources()
    bare = {path: without_prose(text) for path, text in texts.items()}
    members = dict(byte_code(interpreter, texts) for interpreter in pythons.values())
    members["__main__.py"] = (ROOT / NAME).read_bytes()
    # The launcher keeps it in memory and decompresses it if it needs a source.
    members["sources"] = zlib.compress(json.dumps(bare, sort_keys=True).encode(), 9)
    buffer = io.BytesIO()
    buffer.write(_SHEBANG)
    with zipfile.ZipFile(buffer, "a") as target:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            kind = zipfile.ZIP_STORED if name == "sources" else zipfile.ZIP_DEFLATED
            target.writestr(info, members[name], kind, compresslevel=9)
    return buffer.getvalue()


def krew_archive(files: Mapping[str, bytes]) -> bytes:
    """Return a .tar.gz of `files` (bytes by name) for krew. The same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as target:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            info.mode = 0o644 if name in ("LICENSE",) else 0o755
            target.addfile(info, io.BytesIO(files[name]))
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def krew_manifest(version: str, sha256: str) -> str:
    """Return the manifest for krew's index (krew.googlecontainertools.github.com/v1alpha2, Plugin)."""
    uri = f"{HOME}/releases/download/v{version}/{NAME}.tar.gz"
    platforms = "".join(
        f"""\
    - selector:
        matchExpressions:
          - key: os
            operator: In
            values: [{systems}]
      uri: {uri}
      sha256: {sha256}
      bin: {binary}
      files:
        - from: "*"
          to: "."
"""
        for systems, binary in (("darwin, linux", NAME), ("windows", f"{NAME}.cmd"))
    )
    return f"""\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: kaito
spec:
  version: v{version}
  homepage: {HOME}
  shortDescription: Chat with the models that KAITO serves
  description: |
    Opens a chat with the model of a KAITO workspace, in a terminal or from a script. It finds the endpoint by
    itself (inside the cluster, a LoadBalancer, or the API server's service proxy), uses kubectl's credentials and
    streams the answers.
  caveats: |
    Needs Python 3.9 or later on PATH.
  platforms:
{platforms}"""


def build(folder: Path) -> dict[str, bytes]:
    """Write all files into `folder` and return their bytes by name."""
    version = re.search(r'__version__ = "(.+)"', sources()["kaito/__init__.py"])
    assert version
    pythons = interpreters()
    print("byte code for", ", ".join(pythons) or "no Python", "| missing:", _missing(pythons))
    programs = {
        NAME: archive(pythons),
        "kubectl_complete-kaito": COMPLETER.encode(),
        f"{NAME}.cmd": WINDOWS.replace("\n", "\r\n").encode(),
    }
    packed = krew_archive({**programs, "LICENSE": (ROOT / "LICENSE").read_bytes()})
    manifest = krew_manifest(version[1], hashlib.sha256(packed).hexdigest())
    made = {**programs, f"{NAME}.tar.gz": packed, "kaito.yaml": manifest.encode()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        # Each file is replaced as a whole, so that a running session keeps the one that it started from.
        temporary = folder / f".{name}.new"
        temporary.write_bytes(data)
        temporary.chmod(0o755 if name in programs else 0o644)
        temporary.replace(folder / name)
    return made


def _missing(pythons: Mapping[str, str]) -> str:
    return ", ".join(version for version in PYTHONS if version not in pythons) or "none"


def _version(interpreter: str) -> str:
    words = [interpreter, "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode().strip()


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    for name, data in build(where).items():
        print(f"{where / name}: {len(data):,} bytes")
