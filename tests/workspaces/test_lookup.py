"""The two requests of a lookup. What they lead to: end_to_end/test_not_ready.py."""

from __future__ import annotations

import threading

import pytest

from kaito.errors import ClusterError
from kaito.workspaces import lookup
from kaito.workspaces.lookup import look_up
from kaito.workspaces.reference import Reference
from tests.cluster import service, workspace


class Server:
    """A client of an API server that has one workspace; `second` is the client beside it.

    `distant`: it sends the Workspace only once the second client has asked for something.
    """

    def __init__(self, second, *, distant):
        self.second = second
        self.distant = distant

    def prepare(self):
        pass

    def beside(self):
        return self.second

    def get(self, path):
        if "/services/" in path:
            return service("phi")
        if self.distant:
            assert self.second.asked.wait(30)
        return workspace("phi")


class Second:
    """A client whose requests fail with `failure`."""

    def __init__(self, failure):
        self.failure = failure
        self.asked = threading.Event()
        self.closed = False

    def get(self, path):
        self.asked.set()
        raise self.failure

    def close(self):
        self.closed = True


@pytest.mark.parametrize("failure", [ClusterError("away"), RuntimeError("a bug"), MemoryError()], ids=repr)
def test_a_failure_of_the_second_request_reaches_the_caller(failure):
    server = Server(Second(failure), distant=True)
    with pytest.raises(type(failure)) as caught:
        look_up(server, Reference("phi"), "default")
    assert caught.value is failure
    assert server.second.closed


def test_a_server_nearby_answers_both_on_one_connection(monkeypatch):
    monkeypatch.setattr(lookup, "_NEARBY_SECONDS", 60)
    server = Server(Second(RuntimeError("not asked")), distant=False)
    assert look_up(server, Reference("phi"), "default").service == service("phi")
    assert server.second.closed
