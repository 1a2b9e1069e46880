"""What a Status of the API server says."""

from __future__ import annotations

import json

import pytest

from kaito.kube.status import Status, read_status
from tests.cluster import data


def body(name):
    """Return the body of a recorded answer."""
    with open(data(f"recordings/{name}.http"), "rb") as file:
        return file.read().partition(b"\r\n\r\n")[2]


class TestStatus:
    @pytest.mark.parametrize(
        ("name", "code", "reason", "message"),
        [
            ("proxy-401", 401, "Unauthorized", "Unauthorized"),
            ("workspace-404", 404, "NotFound", 'workspaces.kaito.sh "nope" not found'),
            ("proxy-503-no-endpoints", 503, "ServiceUnavailable", "no endpoints available for service "),
        ],
    )
    def test_a_recorded_status_is_read(self, name, code, reason, message):
        said = read_status(body(name))
        assert (said.code, said.reason) == (code, reason)
        assert said.message.startswith(message)

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"404 page not found\n",
            b"null",
            b"[]",
            b'{"kind":"Workspace"}',
            b'{"error":{"message":"a model\'s own"}}',
            b"\xff",
            b"[" * 100_000,
        ],
    )
    def test_other_bodies_are_no_status(self, text):
        assert read_status(text) is None

    def test_fields_of_other_types_are_ignored_and_the_message_is_harmless(self):
        odd = {"kind": "Status", "code": "x", "reason": 1, "message": "a\x1b[31m\nb" + "c" * 1000}
        said = read_status(json.dumps(odd).encode())
        assert said[:2] == (0, "")
        assert said.message.startswith("a\ufffd[31m bccc")
        assert len(said.message) == 500
        assert read_status(b'{"kind":"Status","message":null}') == Status(0, "", "")
