"""`kubectl kaito __complete WORDS… LAST`: shell completion, in the protocol of cobra that kubectl speaks with plugins.

The answer is one candidate a line, with its description after a tab, and a last line with a directive (cobra's
ShellCompDirective). kubectl runs `kubectl_complete-kaito`, which runs this. Within 2 s it either answers or offers
nothing; it never reports an error.
"""

from __future__ import annotations

import os

from kaito.errors import KaitoError
from kaito.flags import by_word, parse, split_verb
from kaito.lazy_re import pattern
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from kaito.commands.verb import Verb
    from kaito.flags import Flag, Values
    from kaito.kube.api_server import ApiServer

# cobra's directives: complete file names if there are no candidates (ShellCompDirectiveDefault), or nothing but the
# candidates (ShellCompDirectiveNoFileComp).
_FILES, _NOTHING_ELSE = 0, 4

# The bounds of the whole run, and of the user's credentials and the lists of objects in it.
_SECONDS = 1.8
_LIST_SECONDS = 1.6

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
        names = _values(flag, typed, parse(others, flags))
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
        # `_names` has left out all others.
        return True
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


def _values(flag: Flag, typed: str, values: Values) -> list[str]:
    """Return the valid values of `flag`, as far as they can be listed. `typed`: the begin of one. Raises KaitoError."""
    if flag.kind.choices:
        return list(flag.kind.choices)
    if flag.name in ("context", "cluster", "user"):
        from kaito.kube.kubeconfig.files import read_config

        config = read_config(values.text("kubeconfig"), os.environ)
        return sorted({"context": config.contexts, "cluster": config.clusters, "user": config.users}[flag.name])
    if flag.name in _OBJECT_FLAGS:
        from kaito.commands.kubectl_flags import connect, read_kubectl_flags

        # The shell owns the terminal while it completes a word, so no exec plugin may ask for anything.
        api = connect(read_kubectl_flags(values), interactive=False)
        if flag.name == "namespace":
            return sorted(_names(api.get("/api/v1/namespaces")))
        return _models(api, typed)
    if flag.name == "model" and "workspace-name" in values.given:
        return _served_models(values)
    return []


def _models(api: ApiServer, typed: str) -> list[str]:
    """Return the names of the namespace's workspaces and InferenceSets, or KIND/NAME of one if a kind is typed.

    Both are listed at the same time, so that one that fails or hangs does not hide the other. Raises ClusterError.
    """
    import _thread
    import time

    from kaito.workspaces.objects import fetch
    from kaito.workspaces.reference import INFERENCE_SETS, WORKSPACES, read_reference

    kind, slash, _ = typed.rpartition("/")
    wanted = read_reference(f"{kind}{slash}any")
    kinds = [one for one in (WORKSPACES, INFERENCE_SETS) if wanted and wanted.may_be(one)]
    found: set[str] = set()
    listed = []
    end = time.monotonic() + _LIST_SECONDS
    api.prepare()

    def list_kind(plural: str, done: _thread.LockType) -> None:
        try:
            found.update(_names(fetch(api.beside(), plural, api.target.namespace).document))
        except KaitoError:
            # The other kind may be listed all the same.
            pass
        finally:
            done.release()

    for plural in kinds:
        listed.append(_thread.allocate_lock())
        listed[-1].acquire()
        _thread.start_new_thread(list_kind, (plural, listed[-1]))
    for done in listed:
        done.acquire(timeout=max(0.0, end - time.monotonic()))
    return sorted(f"{kind}{slash}{name}" for name in tuple(found))


def _names(listed: Mapping[str, Any]) -> list[str]:
    """Return the names of the objects in a list, if they are valid."""
    from kaito.json_fields import items, part, text

    found = (text(part(item, "metadata"), "name") for item in items(listed, "items"))
    return [name for name in found if _OBJECT_NAME.fullmatch(name)]


def _served_models(values: Values) -> list[str]:
    """Return the ids of the models that the workspace's server lists. Raises KaitoError."""
    from kaito.commands.kubectl_flags import connect, read_kubectl_flags, required_name
    from kaito.model.client import ChatModel
    from kaito.workspaces.endpoint import find

    api = connect(read_kubectl_flags(values), interactive=False)
    wanted = required_name(values, "chat")
    endpoint = find(api, wanted, api.target.namespace, os.environ, values.text("via")).endpoint
    return [model.id for model in endpoint.models or ChatModel(endpoint.link).models()]


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
