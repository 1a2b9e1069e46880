"""What is not a regular file is refused at once, whatever stands in its place."""

from __future__ import annotations

import os

import pytest

from kaito.regular_file import NotRegularError, open_regular


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_another_kind_is_refused(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(NotRegularError):
        open_regular(str(tmp_path / "a"), os.O_RDONLY)


def test_a_new_file_is_private(tmp_path):
    with open(tmp_path / "a", "wb", opener=open_regular) as file:
        file.write(b"secret")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"text")
    (tmp_path / "b").symlink_to("a")
    with open(tmp_path / "b", "rb", opener=open_regular) as file:
        assert file.read() == b"text"


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(str(tmp_path / "a"), os.O_RDONLY)
