#!/usr/bin/env python3
"""Makes dist/kubectl-kaito: the whole program as one executable file.

    python3 build_zipapp.py [FOLDER]

It is a zip archive behind a `#!` line (PEP 441), with the launcher as its __main__.py and the package beside it.
The same sources give the same bytes: names are sorted, dates and permissions fixed.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NAME = "kubectl-kaito"
_SHEBANG = b"#!/usr/bin/env python3\n"
# The earliest date that a zip archive can hold.
_DATE = (1980, 1, 1, 0, 0, 0)


def archive() -> bytes:
    """The program's bytes."""
    members = {"__main__.py": ROOT / NAME}
    for path in sorted((ROOT / "kaito").rglob("*.py")):
        members[path.relative_to(ROOT).as_posix()] = path
    buffer = io.BytesIO()
    buffer.write(_SHEBANG)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name, path in members.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, path.read_bytes())
    return buffer.getvalue()


def build(folder: Path) -> Path:
    """Writes the program into `folder` and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / NAME
    program.write_bytes(archive())
    program.chmod(0o755)
    return program


if __name__ == "__main__":
    built = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
    print(f"{built}: {built.stat().st_size:,} bytes")
