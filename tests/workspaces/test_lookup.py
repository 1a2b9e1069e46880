"""The two requests of a lookup. What they lead to: end_to_end/test_not_ready.py."""

from __future__ import annotations

import pytest

from kaito.errors import ClusterError
from kaito.workspaces.lookup import look_up
from tests.cluster import workspace


class Server:
    """A client of an API server that has one workspace; `second` is the client beside it."""

    def __init__(self, second):
        self.second = second

    def prepare(self):
        pass

    def beside(self):
        return self.second

    def get(self, path):
        assert "/workspaces/" in path
        return workspace("phi")


class Second:
    """A client whose requests fail with `failure`."""

    def __init__(self, failure):
        self.failure = failure
        self.closed = False

    def get(self, path):
        raise self.failure

    def close(self):
        self.closed = True


@pytest.mark.parametrize("failure", [ClusterError("away"), RuntimeError("a bug"), MemoryError()], ids=repr)
def test_a_failure_of_the_second_request_reaches_the_caller(failure):
    server = Server(Second(failure))
    with pytest.raises(type(failure)) as caught:
        look_up(server, "phi", "default")
    assert caught.value is failure
    assert server.second.closed
