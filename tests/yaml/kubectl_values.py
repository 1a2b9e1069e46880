"""What the real kubectl makes of YAML: the oracle for the reader's tests.

A kubeconfig's extensions may hold anything, and kubectl shows them as JSON. So one run of kubectl says what hundreds
of values mean. Whether a whole text is YAML at all shows in how kubectl refuses it.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from kaito.yaml import load as yaml

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
# How kubectl says that a text is not YAML, or has no JSON. Its other errors are about a kubeconfig's fields.
_NOT_YAML = ("yaml: ", "unsupported map key", "invalid map key", "json: unsupported value")
REFUSED = "refused"


def _view(text, folder):
    path = folder / "kubeconfig"
    path.write_bytes(text)
    command = [KUBECTL, "config", "view", "--raw", "-o", "json", "--kubeconfig", str(path)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)


def accepts(text, folder):
    """Return whether kubectl takes the text for YAML, whatever its content."""
    answer = _view(text, folder)
    message = answer.stderr.decode()
    return answer.returncode == 0 or not any(sign in message for sign in _NOT_YAML)


def values(texts, folder):
    """Return what each text means as a value in a mapping, [value] or "refused", with few runs of kubectl."""
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


def our_values(texts):
    """Return the same as the reader under test has it."""
    return [_our_value(text) for text in texts]


def _our_value(text):
    try:
        document = yaml.load(_as_extensions([text]))
    except yaml.YamlError:
        return REFUSED
    # A text may end its place and go on with something else: the comparison refuses that, as `values` does.
    extensions = document.get("extensions") if isinstance(document, dict) else None
    if isinstance(extensions, list) and len(extensions) == 1 and isinstance(extensions[0], dict):
        extension = extensions[0].get("extension")
        if extensions[0].get("name") == "0" and isinstance(extension, dict) and "k" in extension:
            return [extension["k"]]
    return REFUSED


def _as_extensions(texts):
    """Make a kubeconfig whose extensions are named "0", "1", … and hold {k: text}."""
    parts = ["apiVersion: v1\nkind: Config\nextensions:\n"]
    for number, text in enumerate(texts):
        indented = "\n".join(f"      {line}" if line else "" for line in text.split("\n"))
        parts.append(f'- name: "{number}"\n  extension:\n    k:\n{indented}\n')
    return "".join(parts).encode()


def same(ours, theirs):
    """Compare two values as JSON: a boolean is not a number, but an int and a float may be the same number."""
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
