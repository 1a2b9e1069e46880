"""A kubeconfig of 1,000 contexts with embedded certificates (5.5 MB), beside kubectl reading the same file."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cluster.process import environment, program
from tests.kube.kubeconfig import big_file

from .measure import Row, milliseconds, paired, seconds

MOST = 0.3


def rows(folder, rounds):
    """Return the row for the whole program until it knows the contexts; none without kubectl."""
    if shutil.which("kubectl") is None:
        return []
    path = Path(folder, "thousand")
    path.write_text(big_file.text(1000), encoding="utf-8")
    env = environment(folder, {"KUBECONFIG": path})
    runs = (
        lambda: seconds(["kubectl", "config", "current-context"], env),
        lambda: seconds([*program(), "__complete", "chat", "--context", "arn:"], env),
    )
    (kubectl, ours), ratios = paired(runs, rounds)
    reference = f"`kubectl config current-context`: {milliseconds(kubectl)}"
    return [Row("kubeconfig of 1,000 contexts, 5.5 MB", milliseconds(ours), reference, ratios[1], MOST)]
