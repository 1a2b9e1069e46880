"""Conversations in files: what `/save` writes, what it leaves alone, and what it leaves behind."""

from __future__ import annotations

import os

import pytest

from kaito.chat import saved
from kaito.chat.conversation import Conversation, Turn
from kaito.errors import KaitoError

TALK = Conversation((Turn("a", "b"),))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder in which files are by default for everybody to read."""
    before = os.umask(0o022)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    os.umask(before)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_new_file_is_the_user_s_alone(folder):
    assert not saved.save("talk.json", TALK)
    assert mode(folder / "talk.json") == 0o600
    assert saved.load("talk.json") == TALK


@pytest.mark.parametrize("before", [0o600, 0o640, 0o664])
def test_a_replaced_file_keeps_its_mode(folder, before):
    saved.save("talk.json", Conversation())
    (folder / "talk.json").chmod(before)
    assert saved.save("talk.json", TALK)
    assert mode(folder / "talk.json") == before
    assert saved.load("talk.json") == TALK


def test_no_other_file_is_touched(folder):
    for name in (f"talk.json.{os.getpid()}", "talk.json.tmp", "talk.json~"):
        (folder / name).write_text("mine")
    before = names(folder)
    saved.save("talk.json", TALK)
    assert names(folder) == sorted([*before, "talk.json"])
    assert all((folder / name).read_text() == "mine" for name in before)


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_a_name_may_be_as_long_as_the_system_allows(folder, name):
    saved.save(name, TALK)
    assert names(folder) == [name]


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_goes_on_pointing_where_it_points(folder, exists):
    (folder / "elsewhere").mkdir()
    if exists:
        saved.save("elsewhere/talk.json", Conversation())
    (folder / "link").symlink_to("elsewhere/talk.json")
    saved.save("link", TALK)
    assert os.readlink(folder / "link") == "elsewhere/talk.json"
    assert saved.load("elsewhere/talk.json") == TALK
    assert names(folder / "elsewhere") == ["talk.json"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["replace", "chmod"])
def test_a_failure_leaves_the_old_file_and_nothing_else(folder, monkeypatch, call, failure):
    saved.save("talk.json", TALK)

    def fail(*_):
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises((KaitoError, KeyboardInterrupt)):
            saved.save("talk.json", Conversation())
    assert names(folder) == ["talk.json"]
    assert saved.load("talk.json") == TALK


def test_a_folder_that_takes_no_file_is_named(folder):
    with pytest.raises(KaitoError, match=r"^cannot write no/talk.json: no such file or directory$"):
        saved.save("no/talk.json", TALK)


def test_a_fifo_is_neither_waited_for_nor_replaced(folder):
    os.mkfifo("fifo")
    with pytest.raises(KaitoError, match="holds no conversation"):
        saved.save("fifo", TALK)
    with pytest.raises(KaitoError, match="it is not a file"):
        saved.load("fifo")
