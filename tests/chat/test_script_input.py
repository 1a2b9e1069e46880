"""What a script asks: messages from flags, files and stdin (the real file descriptor 0)."""

from __future__ import annotations

import os
import time

import pytest

from kaito.chat.script_input import Question, from_file, from_flags, from_lines, is_left
from kaito.errors import UsageError


@pytest.fixture
def stdin(tmp_path):
    """Make bytes, or a descriptor, the process's stdin: stdin(b"…")."""
    kept = os.dup(0)

    def put(source):
        if isinstance(source, bytes):
            (tmp_path / "stdin").write_bytes(source)
            source = os.open(tmp_path / "stdin", os.O_RDONLY)
        os.dup2(source, 0)
        os.close(source)

    yield put
    os.dup2(kept, 0)
    os.close(kept)


@pytest.fixture
def notices():
    return []


@pytest.mark.parametrize(
    ("messages", "piped", "texts"),
    [
        pytest.param(["a"], b"", ["a"], id="one"),
        pytest.param(["a", "b"], b"", ["a", "b"], id="several"),
        pytest.param(["a", "b"], b"log\n", ["a\n\nlog\n", "b"], id="what is piped belongs to the first"),
        pytest.param(["a"], b" \n\t\n", ["a"], id="a pipe that says nothing"),
        pytest.param(["a"], b"\xef\xbb\xbflog", ["a\n\nlog"], id="a byte order mark"),
        pytest.param(["a"], b"\r\n x \r\n", ["a\n\n\r\n x \r\n"], id="as it is"),
    ],
)
def test_messages_of_flags(stdin, notices, messages, piped, texts):
    stdin(piped)
    assert from_flags(messages, notices.append) == [Question(text) for text in texts]
    assert notices == []


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_message_is_refused(stdin, notices, text):
    stdin(b"log")
    with pytest.raises(UsageError, match="a --message is empty"):
        from_flags(["a", text], notices.append)


@pytest.mark.parametrize("name", ["FILE", "-"])
def test_a_file_or_stdin_is_one_message(stdin, tmp_path, name):
    stdin(b"/quit\n\nb")
    assert from_file(str(tmp_path / "stdin") if name == "FILE" else "-") == [Question("/quit\n\nb")]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n \n\r\n", [], id="lines that say nothing"),
        pytest.param(b"a\nb", ["a", "b"], id="the last needs no end"),
        pytest.param(b"a\r\nb\r\n", ["a", "b"], id="CRLF"),
        pytest.param(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"], id="a byte order mark, at the front alone"),
        pytest.param("a\u2028b\x85c\x0cd\n".encode(), ["a\u2028b\x85c\x0cd"], id="only a line feed ends a line"),
        pytest.param(b"x" * 200_000 + b"\ny", ["x" * 200_000, "y"], id="longer than one read"),
        pytest.param("ü".encode() * 100_000, ["ü" * 100_000], id="characters across two reads"),
    ],
)
def test_lines(stdin, data, lines):
    stdin(data)
    assert [question._replace(more=False) for question in from_lines()] == [Question(one, line=True) for one in lines]


@pytest.mark.parametrize(
    ("data", "more"),
    [
        pytest.param(b"a\nb\nc", [True, True, False], id="lines"),
        pytest.param(b"a\nb\n", [True, False], id="the last line's end is nothing more"),
        pytest.param(b"a\n\n \r\n\t\n", [False], id="nor are blank lines"),
        pytest.param(b"a\n\n \r\nb\n\n", [True, False], id="after blank lines"),
    ],
)
def test_a_line_knows_whether_more_was_read(stdin, data, more):
    stdin(data)
    assert [question.more for question in from_lines()] == more


def test_whether_more_is_there_is_known_without_waiting(stdin):
    read, write = os.pipe()
    stdin(read)
    assert not is_left()
    os.write(write, b"\n \n")
    assert not is_left()
    os.write(write, b"a")
    assert is_left()
    os.close(write)
    assert not is_left()


def test_time_is_linear_in_a_line(stdin):
    stdin(b"x" * (64 << 20))
    start = time.process_time()
    assert sum(len(question.text) for question in from_lines()) == 64 << 20
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(b"\xff", 1, id="at once"),
        pytest.param(b"a\n\n\xc3\n", 3, id="half a character"),
        pytest.param(b"a\nb\xed\xa0\x80\n", 2, id="a surrogate"),
    ],
)
def test_the_line_that_is_not_utf_8_is_named(stdin, notices, data, line):
    message = f"line {line} of stdin is not UTF-8"
    for read in (lambda: list(from_lines()), lambda: from_file("-"), lambda: from_flags(["a"], notices.append)):
        stdin(data)
        with pytest.raises(UsageError) as caught:
            read()
        assert (caught.value.message, caught.value.hint) == (message, "convert it first: iconv -f ENCODING -t UTF-8")


def test_a_line_comes_as_soon_as_it_is_there(stdin):
    read, write = os.pipe()
    stdin(read)
    lines = from_lines()
    os.write(write, b"a\nb")
    assert next(lines).text == "a"
    os.write(write, b"c\n")
    assert next(lines).text == "bc"
    os.close(write)
    assert list(lines) == []
