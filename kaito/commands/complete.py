"""`kubectl kaito __complete WORDS… LAST`: what Tab offers, in cobra's protocol, which kubectl speaks with plugins.

A candidate a line, with its description behind a tab, then a line with a directive (cobra's ShellCompDirective).
kubectl runs `kubectl_complete-kaito` for it, which runs this. It answers within 2 s or offers nothing, and never
says anything else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from kaito.flags import Flag, Values, parse, split_verb
from kaito.lazy_re import pattern

# cobra's directives: offer file names when there is nothing else; or offer nothing else.
_FILES, _NOTHING_ELSE = 0, 4

_SECONDS = 1.8

# Flags whose values are names that somebody else knows, and those whose values are files.
_FILE_FLAGS = frozenset(("kubeconfig", "file", "certificate-authority", "client-certificate", "client-key"))
_OBJECT_FLAGS = frozenset(("namespace", "workspace-name"))
_CONFIG_FLAGS = {"context": "contexts", "cluster": "clusters", "user": "users"}

# The name of an object, a DNS subdomain (RFC 1123). The API server may hold other names only if it is hostile.
_OBJECT_NAME = pattern(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")

# What a shell would not take as part of a word, or would replace: not every completion script quotes candidates.
_SHELL_SYNTAX = pattern(r"""^[=~-]|[\s!"#$&'()*;<>?\[\\\]^`{|}]""")


def answer(words: Sequence[str], root: Sequence[Flag], verbs: dict[str, Sequence[Flag]], about: dict[str, str]) -> str:
    """The whole answer for `words`, whose last one is being typed. `about`: what each verb does."""
    candidates: Iterable[tuple[str, str]] = ()
    directive = _NOTHING_ELSE
    try:
        candidates, directive = _candidates(words, root, verbs, about)
    except (Exception, SystemExit):
        # Whatever is wrong (no cluster, no rights), a person who presses Tab does not want to read it here.
        pass
    lines = [f"{name}\t{description}" if description else name for name, description in candidates]
    return "".join(f"{line}\n" for line in (*lines, f":{directive}"))


def _candidates(
    words: Sequence[str], root: Sequence[Flag], verbs: dict[str, Sequence[Flag]], about: dict[str, str]
) -> tuple[list[tuple[str, str]], int]:
    typed = words[-1] if words else ""
    verb, rest = split_verb(words[:-1], root)
    flags = (*verbs.get(verb, ()), *root)
    flag, typed, others = _awaiting(rest, typed, flags)
    if flag:
        if flag.name in _FILE_FLAGS:
            return [], _FILES
        names = _values(flag, parse(others, flags))
        return [(name, "") for name in names if name.startswith(typed) and _is_safe(name, flag)], _NOTHING_ELSE
    if typed.startswith("-"):
        given = parse(rest, flags).given
        shown = [(f"--{flag.name}", flag.help) for flag in flags if flag.many or flag.name not in given]
        return [one for one in shown if one[0].startswith(typed)], _NOTHING_ELSE
    if verb in ("", "help"):
        return [(name, text) for name, text in about.items() if name.startswith(typed)], _NOTHING_ELSE
    return [], _NOTHING_ELSE


def _is_safe(name: str, flag: Flag) -> bool:
    """Return whether `name` is valid for the flag, and means itself on a shell's command line."""
    if flag.name in _OBJECT_FLAGS:
        return _OBJECT_NAME.fullmatch(name) is not None
    return name.isprintable() and not _SHELL_SYNTAX.search(name)


def _awaiting(rest: Sequence[str], typed: str, flags: Sequence[Flag]) -> tuple[Flag | None, str, Sequence[str]]:
    """The flag whose value is being typed, what of the value is there, and the words without that flag."""
    by_word = {f"--{flag.name}": flag for flag in flags}
    by_word.update({f"-{flag.short}": flag for flag in flags if flag.short})
    name, equals, value = typed.partition("=")
    if equals and name in by_word:
        return by_word[name], value, rest
    last = by_word.get(rest[-1]) if rest else None
    if last and last.bare is None:
        return last, typed, rest[:-1]
    return None, typed, rest


def _values(flag: Flag, values: Values) -> list[str]:
    if flag.kind.choices:
        return list(flag.kind.choices)
    if flag.name in _CONFIG_FLAGS:
        from kaito.kube.kubeconfig import read_config

        return sorted(getattr(read_config(values.text("kubeconfig"), os.environ), _CONFIG_FLAGS[flag.name]))
    if flag.name in _OBJECT_FLAGS:
        return _names(flag.name, values)
    return []


def _names(what: str, values: Values) -> list[str]:
    from kaito.commands.kubectl_flags import connect
    from kaito.json_fields import items, part, text
    from kaito.workspaces.objects import fetch

    # The terminal is the shell's while Tab is pressed: no plugin may ask for anything there.
    api = connect(values, interactive=False)
    if what == "namespace":
        listed = api.get("/api/v1/namespaces")
    else:
        listed = dict(fetch(api, "workspaces", api.target.namespace).document)
    return sorted(text(part(item, "metadata"), "name") for item in items(listed, "items"))


def run(words: Sequence[str], root: Sequence[Flag], verbs: dict[str, Sequence[Flag]], about: dict[str, str]) -> int:
    """Prints the answer and returns the exit code, which is always 0."""
    from kaito.errors import InferenceError
    from kaito.terminal.streams import print_text
    from kaito.timelimit import limit

    # What an exec plugin says has no place between a person and the word that is being completed.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        with limit(_SECONDS):
            print_text(answer(words, root, verbs, about))
    except InferenceError:
        print_text(f":{_NOTHING_ELSE}\n")
    return 0
