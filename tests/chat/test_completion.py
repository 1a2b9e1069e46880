"""What Tab makes of a line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kaito.chat.completion import candidates
from kaito.chat.slash import COMMANDS
from kaito.errors import InferenceError
from kaito.model.client import Model


def session(*names):
    """Return the part of a session that completion uses; its server lists these models, or fails without any."""

    def models():
        if not names:
            raise InferenceError("no answer")
        return [Model(name, 0, "") for name in names]

    return SimpleNamespace(model=SimpleNamespace(models=models))


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
    assert candidates(line, session("base", "tuned")) == whole


def test_no_models_where_the_server_lists_none():
    assert candidates("/model b", session()) == []


def test_files(tmp_path, monkeypatch):
    for name in ("a.json", "b c.json", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "deep.json").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert candidates("/save ", session()) == ["/save a.json", "/save b c.json", "/save folder/"]
    assert candidates("/load b c", session()) == ["/load b c.json"]
    assert candidates("/load .h", session()) == ["/load .hidden"]
    assert candidates("/load folder/", session()) == ["/load folder/deep.json"]
    assert candidates("/load ~/a", session()) == ["/load ~/a.json"]
    assert candidates("/load nowhere/", session()) == []
