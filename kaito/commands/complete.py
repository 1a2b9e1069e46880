"""`kubectl kaito __complete WORDS… LAST`: shell completion, in the protocol of cobra that kubectl speaks with plugins.

The answer is one candidate a line, with its description after a tab, and a last line with a directive (cobra's
ShellCompDirective). kubectl runs `kubectl_complete-kaito`, which runs this. Within 2 s it either answers or offers
nothing; it never reports an error.
"""

from __future__ import annotations

import os

from kaito.flags import by_word, parse, split_verb
from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kaito.commands.verb import Verb
    from kaito.flags import Flag, Values

# cobra's directives: complete file names if there are no candidates (ShellCompDirectiveDefault), or nothing but the
# candidates (ShellCompDirectiveNoFileComp).
_FILES, _NOTHING_ELSE = 0, 4

_SECONDS = 1.8

# The flags whose values are files; the shell completes those.
_FILE_FLAGS = frozenset(("kubeconfig", "file", "certificate-authority", "client-certificate", "client-key"))
_OBJECT_FLAGS = frozenset(("namespace", "workspace-name"))

# The name of an object, a DNS subdomain (RFC 1123). The API server may hold other names only if it is hostile.
_OBJECT_NAME = pattern(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")

# What a shell would not take as part of a word, or would replace: not every completion script quotes candidates.
_SHELL_SYNTAX = pattern(r"""^[=~-]|[\s!"#$&'()*;<>?\[\\\]^`{|}]""")


def answer(words: Sequence[str], root: Sequence[Flag], verbs: Sequence[Verb]) -> str:
    """Return the whole answer for `words`, the last of which is being typed. `root`: the flags of every verb."""
    candidates: Iterable[tuple[str, str]] = ()
    directive = _NOTHING_ELSE
    try:
        candidates, directive = _candidates(words, root, verbs)
    except (Exception, SystemExit):
        # Whatever is wrong (no cluster, no rights), an error message would only disturb the line being typed.
        pass
    lines = [f"{name}\t{description}" if description else name for name, description in candidates]
    return "".join(f"{line}\n" for line in (*lines, f":{directive}"))


def _candidates(words: Sequence[str], root: Sequence[Flag], verbs: Sequence[Verb]) -> tuple[list[tuple[str, str]], int]:
    """Return the candidates, each with its description or "", and the directive. Raises KaitoError."""
    typed = words[-1] if words else ""
    name, rest = split_verb(words[:-1], root)
    flags = (*(flag for verb in verbs if verb.name == name for flag in verb.flags), *root)
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
    if name in ("", "help"):
        return [(verb.name, verb.summary) for verb in verbs if verb.name.startswith(typed)], _NOTHING_ELSE
    return [], _NOTHING_ELSE


def _is_safe(name: str, flag: Flag) -> bool:
    """Return whether `name` is valid for the flag, and means itself on a shell's command line."""
    if flag.name in _OBJECT_FLAGS:
        return _OBJECT_NAME.fullmatch(name) is not None
    return name.isprintable() and not _SHELL_SYNTAX.search(name)


def _awaiting(rest: Sequence[str], typed: str, flags: Sequence[Flag]) -> tuple[Flag | None, str, Sequence[str]]:
    """Return the flag whose value is being typed, the part of the value so far, and the words without that flag."""
    known_words = by_word(flags)
    name, equals, value = typed.partition("=")
    if equals and name in known_words:
        return known_words[name], value, rest
    last = known_words.get(rest[-1]) if rest else None
    if last and last.bare is None:
        return last, typed, rest[:-1]
    return None, typed, rest


def _values(flag: Flag, values: Values) -> list[str]:
    """Return the valid values of `flag`, as far as they can be listed. Raises KaitoError."""
    if flag.kind.choices:
        return list(flag.kind.choices)
    if flag.name in ("context", "cluster", "user"):
        from kaito.kube.kubeconfig.files import read_config

        config = read_config(values.text("kubeconfig"), os.environ)
        return sorted({"context": config.contexts, "cluster": config.clusters, "user": config.users}[flag.name])
    if flag.name in _OBJECT_FLAGS:
        return _object_names(flag.name, values)
    return []


def _object_names(flag_name: str, values: Values) -> list[str]:
    """Return the names of the cluster's namespaces, or of the namespace's workspaces. Raises KaitoError."""
    from kaito.commands.kubectl_flags import connect, read_kubectl_flags
    from kaito.json_fields import items, part, text
    from kaito.workspaces.objects import fetch

    # The shell owns the terminal while it completes a word, so no exec plugin may ask for anything.
    api = connect(read_kubectl_flags(values), interactive=False)
    if flag_name == "namespace":
        listed = api.get("/api/v1/namespaces")
    else:
        listed = dict(fetch(api, "workspaces", api.target.namespace).document)
    return sorted(text(part(item, "metadata"), "name") for item in items(listed, "items"))


def run(words: Sequence[str], root: Sequence[Flag], verbs: Sequence[Verb]) -> int:
    """Print the answer and return the exit code, which is always 0."""
    from kaito.errors import InferenceError
    from kaito.terminal.streams import print_text
    from kaito.timelimit import TimeLimit

    # The messages of an exec plugin would disturb the line being typed.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        with TimeLimit(_SECONDS):
            print_text(answer(words, root, verbs))
    except InferenceError:
        print_text(f":{_NOTHING_ELSE}\n")
    return 0
