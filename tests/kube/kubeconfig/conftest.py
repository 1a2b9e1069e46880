"""Fixtures of the tests of kubeconfigs."""

from __future__ import annotations

import pytest


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file in the test's folder and returns its path."""

    def written(text, name="config"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return written
