"""What readline is asked to do, for kinds of readline that the machine may lack: libedit and old versions."""

from __future__ import annotations

import types

import pytest

from kaito.terminal.readline_setup import add_history, bracket_pastes, ends_line, set_completer

GNU = "Importing this module enables command line editing using GNU readline."
LIBEDIT = "Importing this module enables command line editing using libedit readline."


class Readline(types.SimpleNamespace):
    """A readline module that records what it is asked to do."""

    def __init__(self, doc=GNU, version=0x802):
        super().__init__(__doc__=doc, _READLINE_RUNTIME_VERSION=version, bound=[], line="")
        self.parse_and_bind = self.bound.append
        self.set_completer_delims = lambda _: None
        self.get_line_buffer = lambda: self.line
        self.get_endidx = lambda: len(self.line)

    def set_completer(self, completer):
        self.completer = completer


@pytest.mark.parametrize(
    ("doc", "version", "term", "brackets", "bound"),
    [
        pytest.param(GNU, 0x802, "xterm", 0x802, ["set enable-bracketed-paste on"], id="GNU 8.2"),
        pytest.param(GNU, 0x700, "xterm", 0x700, ["set enable-bracketed-paste on"], id="GNU 7.0, where it is off"),
        pytest.param(GNU, 0x603, "xterm", 0, ["set enable-bracketed-paste off"], id="GNU 6.3, which cannot"),
        pytest.param(GNU, 0x802, "dumb", 0, ["set enable-bracketed-paste off"], id="a dumb terminal"),
        pytest.param(GNU, 0x802, "", 0, ["set enable-bracketed-paste off"], id="an unknown terminal"),
        pytest.param(LIBEDIT, 0x402, "xterm", 0, [], id="libedit"),
    ],
)
def test_bracketed_paste(doc, version, term, brackets, bound):
    readline = Readline(doc, version)
    assert bracket_pastes(readline, term) == brackets
    assert readline.bound == bound


@pytest.mark.parametrize(("doc", "bound"), [(GNU, "tab: complete"), (LIBEDIT, "bind ^I rl_complete")])
def test_completion_replaces_the_word_at_the_cursor(doc, bound):
    readline = Readline(doc)
    set_completer(readline, lambda line: [line + "a", line + "b"])
    assert readline.bound == [bound]
    readline.line = "/save my fi"
    assert [readline.completer("fi", state) for state in range(3)] == ["fia", "fib", None]


@pytest.mark.parametrize(("brackets", "ends"), [(0x802, True), (0x801, True), (0x800, False), (0, False)])
def test_which_readline_leaves_the_line_at_the_end_of_input(brackets, ends):
    assert ends_line(brackets) == ends


def test_an_entry_that_the_locale_cannot_hold_is_left_out():
    def refuse(entry):
        entry.encode("ascii")

    add_history(types.SimpleNamespace(add_history=refuse), "é")
