"""What Tab makes of a line."""

from __future__ import annotations

import os
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
        ("/set ", ["/set temperature ", "/set max-tokens ", "/set top-p ", "/set render "]),
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


@pytest.mark.parametrize(
    "name",
    ["x\x9b31m", "x\x1b[2J", "x\u202etxt", "x\u200by", "x\ny", "x\ty", "x\ud800", " x", "x ", "x" * 257, "x\u2028"],
)
def test_a_model_id_that_is_harmful_or_cannot_be_typed_is_left_out(name):
    assert candidates("/model ", session("base", name, "modèle 漢字")) == ["/model base", "/model modèle 漢字"]


def test_file_names_that_a_terminal_would_obey_are_left_out(tmp_path):
    for name in (b"x\x1b[2J", b"x\xc2\x9b", b"x\x9b", "x\u202e".encode(), b"x\n", b"x\xe9", "x\u202f\u200d".encode()):
        (tmp_path / os.fsdecode(name)).touch()
    assert candidates(f"/load {tmp_path}/", session()) == [
        f"/load {tmp_path}/{name}" for name in ("x\u202f\u200d", "x\udce9")
    ]


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
