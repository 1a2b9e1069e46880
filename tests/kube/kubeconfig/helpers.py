"""What the tests of kubeconfigs share: `resolve` in short, and the error that it raises."""

from __future__ import annotations

import pytest

from kaito.errors import ClusterError
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve


def choose(kubeconfig, environ=None, **flags):
    return resolve(Overrides(kubeconfig=kubeconfig, **flags), environ or {})


def refusal(*args, **kwargs):
    """Return the error that `resolve` raises; its message and its hint are one line each."""
    with pytest.raises(ClusterError) as caught:
        resolve(*args, **kwargs)
    error = caught.value
    assert error.message and error.hint
    assert "\n" not in error.message + error.hint
    assert error.exit_code == 3
    return error


HERE = {"server": "https://here:6443", "certificate-authority": None}
