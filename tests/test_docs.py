"""The documentation against the program: what only one of them has fails here."""

from __future__ import annotations

import itertools
import re
import shlex

import pytest

from kaito import cli
from kaito.chat import slash
from kaito.chat.json_output import FIELDS
from kaito.commands import chat, get_endpoint, status, version
from kaito.commands.kubectl_flags import KUBECTL_FLAGS
from kaito.flags import describe, parse, split_verb
from kaito.kube.names import is_label
from tests import messages
from tests.messages import GAP, KAITO

ROOT = KAITO.parent
README, CONTRIBUTING, CHANGELOG = (ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG"))
DOCS = {path.stem: path for path in sorted((ROOT / "docs").glob("*.md"))}
CHAT, TROUBLESHOOTING, ARCHITECTURE = (DOCS[name] for name in ("chat", "troubleshooting", "architecture"))
PAGES = (README, CONTRIBUTING, CHANGELOG, *DOCS.values())


def text(path):
    return path.read_text(encoding="utf-8")


def section(page, title):
    """Return the text below the heading `title`, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", without_code(page), re.MULTILINE | re.DOTALL)
    assert found, f'there is no heading "{title}"'
    return found[1]


def without_code(page):
    """Return the page without its code blocks, in which neither "#" nor brackets have a meaning."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


def rows(part):
    """Return the rows of the tables in a text, as lists of cells, without the tables' heads."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[cell.replace(r"\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if row[0] not in ("flag", "command", "code", "field", "variable", "promise", "---")]


def code(cell):
    """Return the code spans of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def same(page, documented, real):
    """Fail, and say what to do, unless the page lists exactly what the program has."""
    new = [one for one in real if one not in documented]
    gone = [one for one in documented if one not in real]
    assert not new and not gone, f"{page.name}: describe {new}; remove or correct {gone}"


# --- The reference -------------------------------------------------------------------------------------------


def flag_row(flag):
    """Return what a table says about a flag: its names, its type, its default."""
    names = [f"-{flag.short}", f"--{flag.name}"] if flag.short else [f"--{flag.name}"]
    default = re.search(r"\(default (.+)\)$", " ".join(describe([flag])))
    return names, flag.kind.word or "switch", default[1] if default else ""


@pytest.mark.parametrize(
    ("title", "flags"),
    [
        pytest.param("Flags", (*chat.FLAGS, *set(cli.ROOT_FLAGS) - set(KUBECTL_FLAGS)), id="chat"),
        pytest.param("kubectl's flags", KUBECTL_FLAGS, id="kubectl"),
        pytest.param("kubectl kaito status", status.FLAGS, id="status"),
        pytest.param("kubectl kaito get-endpoint", get_endpoint.FLAGS, id="get-endpoint"),
        pytest.param("kubectl kaito version", version.FLAGS, id="version"),
    ],
)
def test_chat_md_lists_each_flag_with_its_type_and_default(title, flags):
    documented = [(code(row[0]), row[1], row[2]) for row in rows(section(text(CHAT), title))]
    same(CHAT, documented, list(map(flag_row, flags)))


def test_the_readme_s_flags_are_the_program_s():
    known = {names[-1]: (names, *others) for names, *others in map(flag_row, (*chat.FLAGS, *cli.ROOT_FLAGS))}
    shown = {code(row[0])[-1]: (code(row[0]), row[1], row[2]) for row in rows(section(text(README), "Flags"))}
    assert {"--workspace-name", "--namespace", "--temperature", "--max-tokens", "--top-p"} <= set(shown)
    for name, row in shown.items():
        assert row == known[name]


@pytest.mark.parametrize("page", [pytest.param(CHAT, id="chat.md"), pytest.param(README, id="README.md")])
def test_exit_codes_are_those_of_the_help(page):
    codes = re.findall(r"^  (\d+) +(.+)$", cli.EXIT_CODES, re.MULTILINE)
    same(page, [tuple(row) for row in rows(section(text(page), "Exit codes"))], codes)


def test_ci_md_says_what_each_exit_code_means_to_a_script():
    codes = re.findall(r"^  (\d+) ", cli.EXIT_CODES, re.MULTILINE)
    same(DOCS["ci"], [row[0] for row in rows(section(text(DOCS["ci"]), "Exit codes"))], codes)


def test_chat_md_lists_the_commands_of_the_chat():
    commands = [f"/{command.name} {command.arguments}".rstrip() for command in slash.COMMANDS]
    same(CHAT, [code(row[0])[0] for row in rows(section(text(CHAT), "Commands in the chat"))], commands)


def test_the_readme_s_commands_of_the_chat_are_the_program_s():
    shown = {span for row in rows(section(text(README), "Commands in the chat")) for span in code(row[0])}
    assert {f"/{command.name}" for command in slash.COMMANDS if command.bare} <= shown
    named = set(re.findall(r"`/([a-z]+)[` ]", text(README)))
    assert named <= {command.name for command in slash.COMMANDS}


@pytest.mark.parametrize("verb", [verb for verb in cli.VERBS if verb != "version"])
def test_the_readme_names_each_verb(verb):
    assert f"kubectl kaito {verb}" in text(README)


def test_chat_md_has_a_section_for_each_verb():
    titles = re.findall(r"^#+ kubectl kaito ([\w-]+)$", without_code(text(CHAT)), re.MULTILINE)
    same(CHAT, titles, cli.VERBS)


@pytest.mark.parametrize(("page", "title"), [("chat", "JSON"), ("ci", "What comes back")])
def test_the_fields_of_the_json_are_listed(page, title):
    assert [code(row[0])[0] for row in rows(section(text(DOCS[page]), title))] == list(FIELDS)


def test_chat_md_lists_the_environment_variables():
    documented = {name for row in rows(section(text(CHAT), "Environment variables")) for name in code(row[0])}
    same(CHAT, documented - {"KUBERNETES_EXEC_INFO"}, messages.variables())


# At the beginning of a line, in a list of YAML, after a prompt, a pipe, or xargs.
_COMMAND = re.compile(r"(?:^ *(?:- )?|[$|] |-I \w+ )kubectl kaito (.+)", re.MULTILINE)


def command_lines():
    """Yield the words of each `kubectl kaito …` in a code block, up to a pipe, redirection, comment or line end."""
    for page in PAGES:
        for block in re.findall(r"^```.*?\n(.*?)^```$", text(page), re.MULTILINE | re.DOTALL):
            for line in re.findall(_COMMAND, block.replace("\\\n", " ")):
                lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
                lexer.whitespace_split, lexer.commenters = True, "#"
                words = list(itertools.takewhile(lambda word: not set(word) <= set("|<>;&"), lexer))
                yield pytest.param(words, id=f"{page.name}: {' '.join(words)}")


@pytest.mark.parametrize("words", list(command_lines()))
def test_the_program_accepts_each_documented_command_line(words):
    name, rest = split_verb(words, cli.ROOT_FLAGS)
    assert name in (*cli.VERBS, "")
    values = parse(rest, (*(cli.load(name).flags if name else ()), *cli.ROOT_FLAGS))
    assert not values.arguments
    # A Workspace's Service has its name, which must be a label (RFC 1123); placeholders are in capitals.
    name = values.text("workspace-name") if "workspace-name" in values.given else ""
    assert not name.islower() or is_label(name)


# --- Messages ------------------------------------------------------------------------------------------------


# Messages for programmers, or for the sender of a request, which no user sees.
INTERNAL = {
    "an https URL needs a TLS context",
    "request line is malformed: …",
    "request line cannot be sent as it is",
    "headers have both a Content-Length and a Transfer-Encoding",
    "headers have a Transfer-Encoding, which HTTP/1.0 does not know",
}


def documented_messages():
    """Return the messages in troubleshooting.md: the code at the beginning of an item, or after "or"."""
    return re.findall(r"^ *(?:- |or )`([^`]+)`", text(TROUBLESHOOTING), re.MULTILINE)


def plain(message):
    """Return a message without its quotation marks, which may belong to a gap or not."""
    return message.replace('"', "")


def pattern(message):
    """Return the pattern that finds a message in a text, with anything in its gaps."""
    return ".*".join(re.escape(part) for part in re.split(f"{GAP}+", plain(message).strip(f"{GAP}: ")))


def test_each_error_message_is_described():
    described = [plain(one) for one in documented_messages()]
    new = [
        f"{message.place}: this message is new: describe it in docs/troubleshooting.md: {message.text}"
        for message in messages.messages()
        if message.text not in INTERNAL and not any(re.search(pattern(message.text), one) for one in described)
    ]
    assert not new, "\n".join(["", *new])


def test_each_note_is_described():
    described = [plain(one) for one in documented_messages()]
    notes = [one for one in messages.texts() if one.startswith("note: ")]
    assert notes
    assert [one for one in notes if not any(re.search(pattern(one), known) for known in described)] == []


def test_each_described_message_can_be_printed():
    whole = [plain(message.text) for message in messages.messages()]
    pieces = [plain(piece) for piece in messages.texts()]
    gone = []
    for message in documented_messages():
        parts = [part for part in re.split(f" *{GAP} *|: ", plain(message)) if len(part) > 3]
        assert parts, f"docs/troubleshooting.md: too little to search for: {message}"
        printed = any(re.search(pattern(message), one) for one in whole)
        if not printed and not all(any(part in piece for piece in pieces) for part in parts):
            gone.append(f"the program no longer says this: remove it from docs/troubleshooting.md: {message}")
    assert not gone, "\n".join(["", *gone])


# --- Security ------------------------------------------------------------------------------------------------


def test_security_md_names_a_test_that_exists_for_each_promise():
    promises = rows(section(text(DOCS["security"]), "What is promised"))
    assert len(promises) > 10
    for promise, held_by in promises:
        named = [name for name in code(held_by) if name.startswith("tests/")]
        assert named, f"docs/security.md names no test for: {promise}"
        assert not [name for name in named if not (ROOT / name).exists()]


# --- Links ---------------------------------------------------------------------------------------------------


def anchors(page):
    """Return the anchors that GitHub makes from a page's headings."""
    titles = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)]+)\)", without_code(text(page))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name) if name else page
        assert there.exists(), f"{page.name} links to {name}, which does not exist"
        if anchor:
            assert anchor in anchors(text(there)), f"{page.name} links to {target}, which has no such heading"


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in DOCS.values()])
def test_the_readme_leads_to_each_page(page):
    assert f"docs/{page.name}" in text(README)
