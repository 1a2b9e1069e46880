"""What Tab makes of a line."""

from __future__ import annotations

import pytest

from kaito.chat.completion import candidates
from kaito.chat.slash import COMMANDS
from kaito.errors import InferenceError
from kaito.model.client import Model


class Server:
    """A session's part that completion asks."""

    def __init__(self, *names):
        self.names = names

    def models(self):
        if not self.names:
            raise InferenceError("no answer")
        return [Model(name, 0, "") for name in self.names]


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("/", [f"/{command.name}" + (" " if command.arguments else "") for command in COMMANDS]),
        ("/st", ["/status"]),
        ("/s", ["/status", "/set ", "/system ", "/save "]),
        ("/nope", []),
        ("/set ", ["/set temperature ", "/set max-tokens ", "/set top-p "]),
        ("/set max_", ["/set max-tokens "]),
        ("/set temperature 0", []),
        ("/model ", ["/model base", "/model tuned"]),
        ("/model t", ["/model tuned"]),
        ("/params ", []),
        ("/system no", []),
        ("/nope x", []),
        ("", ["\t"]),
        ("a message", ["a message\t"]),
        (" /st", [" /st\t"]),
    ],
)
def test_candidates(line, whole):
    assert candidates(line, Server("base", "tuned")) == whole


def test_no_models_where_the_server_lists_none():
    assert candidates("/model b", Server()) == []


def test_files(tmp_path, monkeypatch):
    for name in ("a.json", "b c.json", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "deep.json").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert candidates("/save ", Server()) == ["/save a.json", "/save b c.json", "/save folder/"]
    assert candidates("/load b c", Server()) == ["/load b c.json"]
    assert candidates("/load .h", Server()) == ["/load .hidden"]
    assert candidates("/load folder/", Server()) == ["/load folder/deep.json"]
    assert candidates("/load ~/a", Server()) == ["/load ~/a.json"]
    assert candidates("/load nowhere/", Server()) == []
