"""What the real kubectl makes of YAML: the oracle for the reader's tests.

A kubeconfig's extensions may hold anything and are shown back as JSON, so one start of kubectl says what hundreds of
values mean. Whether a whole text is YAML at all shows in how kubectl refuses it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kaito.yaml import load as yaml

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
# How kubectl says that a text is no YAML, or has no JSON; all else that it says is about a kubeconfig's fields.
_NO_YAML = ("yaml: ", "unsupported map key", "invalid map key", "json: unsupported value")
REFUSED = "refused"


def _view(text: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    path = folder / "kubeconfig"
    path.write_bytes(text)
    command = [KUBECTL, "config", "view", "--raw", "-o", "json", "--kubeconfig", str(path)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)


def accepts(text: bytes, folder: Path) -> bool:
    """Whether kubectl takes the text for YAML, of whatever content."""
    answer = _view(text, folder)
    message = answer.stderr.decode()
    return answer.returncode == 0 or not any(sign in message for sign in _NO_YAML)


def values(texts: list[str], folder: Path) -> list[object]:
    """What each text means as a value inside a mapping: [value] or "refused". As few starts of kubectl as may be."""
    answer = _view(_as_extensions(texts), folder)
    if answer.returncode == 0:
        shown = json.loads(answer.stdout).get("extensions") or []
        by_name = {extension["name"]: extension["extension"] for extension in shown}
        if by_name.keys() == {str(number) for number in range(len(texts))}:
            return [[by_name[str(number)]["k"]] for number in range(len(texts))]
    if len(texts) == 1:
        return [REFUSED]
    middle = len(texts) // 2
    return values(texts[:middle], folder) + values(texts[middle:], folder)


def our_values(texts: list[str]) -> list[object]:
    """The same, as the reader under test has it."""
    return [_our_value(text) for text in texts]


def _our_value(text: str) -> object:
    try:
        document = yaml.load(_as_extensions([text]))
    except yaml.YamlError:
        return REFUSED
    # A text that ends its place, and says something of its own behind, is refused by the comparison as by kubectl.
    extensions = document.get("extensions") if isinstance(document, dict) else None
    if isinstance(extensions, list) and len(extensions) == 1 and isinstance(extensions[0], dict):
        extension = extensions[0].get("extension")
        if extensions[0].get("name") == "0" and isinstance(extension, dict) and "k" in extension:
            return [extension["k"]]
    return REFUSED


def _as_extensions(texts: list[str]) -> bytes:
    """A kubeconfig whose extensions are named "0", "1", … and hold {k: text}."""
    parts = ["apiVersion: v1\nkind: Config\nextensions:\n"]
    for number, text in enumerate(texts):
        indented = "\n".join(f"      {line}" if line else "" for line in text.split("\n"))
        parts.append(f'- name: "{number}"\n  extension:\n    k:\n{indented}\n')
    return "".join(parts).encode()


def same(ours: object, theirs: object) -> bool:
    """Equal, with booleans apart from numbers, and numbers as numbers: JSON has one kind, and 64 bits for a float."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, float) or isinstance(theirs, float):
        numbers = isinstance(ours, (int, float)) and isinstance(theirs, (int, float))
        return numbers and float(ours) == float(theirs)
    return type(ours) is type(theirs) and ours == theirs
