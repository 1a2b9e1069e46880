"""Which lines are commands and which are messages."""

from __future__ import annotations

import pytest

from kaito.chat.slash import COMMANDS, Call, parse

DOCUMENTED = ("help", "status", "clear", "quit", "exit")


@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize("line", ["{}", "/{}", "  {} ", "/{}\r", "{}\n"])
def test_the_documented_commands_work_with_and_without_the_slash(name, line):
    assert parse(line.format(name)) == Call(name, "")


def test_only_the_documented_commands_work_without_the_slash():
    """Each such word is one that cannot be a message, so there are as few of them as possible."""
    assert {command.name for command in COMMANDS if command.bare} == set(DOCUMENTED)


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("/nope", Call("nope", "")),
        ("/Quit", Call("Quit", "")),
        ("/etc is empty", Call("etc", "is empty")),
        ("/set  temperature 0.5 ", Call("set", "temperature 0.5")),
        ("/set\ttemperature", Call("set", "temperature")),
    ],
)
def test_a_slash_and_letters_are_a_command_known_or_not(line, call):
    assert parse(line) == call


@pytest.mark.parametrize(
    "line",
    [
        "/etc/hosts is empty",
        "/etc/hosts",
        "quit smoking, how?",
        "quitting",
        "help me",
        "Quit",
        "clear the table",
        "status?",
        "/",
        "/ quit",
        "//quit",
        "/1",
        "/quit!",
        "/größe",
        "-quit",
        '"quit"',
        "what does /quit do",
        "",
    ],
)
def test_everything_else_is_a_message(line):
    assert parse(line) is None
