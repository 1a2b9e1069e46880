"""The files in tests/data/yaml: kubeconfigs of many tools, the public test suite, and what kubectl said."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent.parent / "data" / "yaml"
KUBECONFIGS = sorted((DATA / "kubeconfigs").iterdir())
KUBECTL_ANSWERS = DATA / "kubectl.json"
# One dict a case: "id", "yaml", and "json" or "fail" where the suite has a verdict.
SUITE = json.loads((DATA / "suite" / "cases.json").read_text())


@cache
def recorded(part):
    """Return what kubectl said: about the "accepted" files, the "suite", or the "values" of the table."""
    return json.loads(KUBECTL_ANSWERS.read_text())[part]
