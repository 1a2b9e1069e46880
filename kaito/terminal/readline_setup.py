"""Setting up readline, which is GNU readline, libedit under its name, or missing."""

from __future__ import annotations

import os

from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

# GNU readline has bracketed paste since 7.0. Since 8.1 it also leaves the prompt's line at the end of input.
_BRACKETS_PASTES = 0x700
_ENDS_LINE = 0x801

# Terminals that do not mark pasted text, and would display the request to do so.
_WITHOUT_PASTE_MARKS = ("", "dumb", "linux", "ansi", "vt100", "vt102", "vt220", "eterm-color")


def load() -> ModuleType | None:
    """Import readline under a locale in which it keeps what is typed; None if this Python has no readline."""
    _leave_ascii_locale()
    try:
        import readline
    except ImportError:
        return None
    return readline


def _leave_ascii_locale() -> None:
    """Replace a locale that is limited to ASCII, or not installed, by C.UTF-8 where the system has it.

    In such a locale readline drops all other characters, while Python itself goes on in UTF-8 (PEP 540).
    """
    import locale

    try:
        if locale.setlocale(locale.LC_CTYPE, "") not in ("C", "POSIX"):
            return
    except locale.Error:
        # The user's locale is not installed, which leaves the process in C.
        pass
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return
    # Python reads the locale from this variable each time it calls readline.
    os.environ["LC_ALL"] = "C.UTF-8"


def add_history(readline: ModuleType, entry: str) -> None:
    """Add an entry for the arrow keys, unless the locale lacks its characters."""
    try:
        readline.add_history(entry)
    except UnicodeError:
        pass


def _is_gnu(readline: ModuleType) -> bool:
    return "libedit" not in (readline.__doc__ or "")


def bracket_pastes(readline: ModuleType, terminal: str) -> int:
    """Let the terminal mark pasted text; `terminal` is its type ($TERM).

    Returns GNU readline's version (0x802 for 8.2), or 0 if readline or the terminal cannot do it.
    """
    version: int = getattr(readline, "_READLINE_RUNTIME_VERSION", 0)
    able = _is_gnu(readline) and version >= _BRACKETS_PASTES and terminal not in _WITHOUT_PASTE_MARKS
    if _is_gnu(readline):
        readline.parse_and_bind(f"set enable-bracketed-paste {'on' if able else 'off'}")
    return version if able else 0


def prompt(readline: ModuleType, plain: str, shown: str) -> str:
    """Return the prompt `shown` with marks around what is invisible in it, so that readline knows its width.

    libedit gets the `plain` one: it loses control sequences at the end of a prompt.
    """
    if not plain:
        return ""
    head, found, tail = shown.partition(plain)
    return f"\1{head}\2{plain}\1{tail}\2" if _is_gnu(readline) and found and head else plain


def ends_line(brackets: int) -> bool:
    """Return whether readline itself leaves the prompt's line at the end of input; `brackets` as `bracket_pastes`."""
    return brackets >= _ENDS_LINE


def set_completer(readline: ModuleType, complete: Callable[[str], list[str]]) -> None:
    """Make Tab offer what `complete` returns: the whole lines that the line typed so far may become."""
    found: list[str] = []

    def completer(word: str, state: int) -> str | None:
        if state == 0:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            # readline replaces the word at the cursor, not the line.
            found[:] = [whole[len(line) - len(word) :] for whole in complete(line)]
        return found[state] if state < len(found) else None

    readline.set_completer(completer)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete" if _is_gnu(readline) else "bind ^I rl_complete")
