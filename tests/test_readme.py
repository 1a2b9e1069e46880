"""The README says what the program does: flags, commands and exit codes.

Of flags and commands it has the most used ones; that docs/chat.md has them all is shown in test_docs.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kaito.chat.slash import COMMANDS
from kaito.cli import EXIT_CODES, VERBS
from kaito.commands import chat
from kaito.commands.kubectl_flags import KUBECTL_FLAGS, NAMESPACE

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("| ")]
FLAGS = {flag.name: flag for flag in (*chat.FLAGS, *KUBECTL_FLAGS, NAMESPACE)}


def documented_flags():
    """The rows that describe a flag, by its long name."""
    rows = {}
    for row in ROWS:
        name = re.search(r"`--([a-z-]+)", row[0])
        if name:
            rows[name[1]] = row
    return rows


@pytest.mark.parametrize("name", sorted(documented_flags()))
def test_what_it_says_of_a_flag_is_so(name):
    row, flag = documented_flags()[name], FLAGS[name]
    assert (f"`-{flag.short}`" in row[0]) == bool(flag.short)
    assert row[1] == flag.kind.word
    if flag.default not in ("", (), False, None) and flag.bare is None:
        assert row[2] == (flag.shown or str(flag.default))


@pytest.mark.parametrize("name", ["workspace-name", "namespace", "temperature", "max-tokens", "top-p"])
def test_the_documented_flags_are_there(name):
    assert name in documented_flags()


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.bare])
def test_the_documented_commands_are_there(name):
    assert f"`/{name}" in README


def test_it_names_no_command_that_is_not_there():
    named = set(re.findall(r"`/([a-z]+)[` ]", README))
    assert named <= {command.name for command in COMMANDS}


@pytest.mark.parametrize("name", [name for name in VERBS if name != "version"])
def test_every_verb_is_there(name):
    assert f"kubectl kaito {name}" in README


def test_its_exit_codes_are_those_of_help():
    told = dict(re.findall(r"^  (\d+) +(.+)$", EXIT_CODES, re.MULTILINE))
    assert {row[0]: row[1] for row in ROWS if row[0].isdigit()} == told
