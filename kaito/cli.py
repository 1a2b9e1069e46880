"""The root of the program: which verb, its help, and how every run ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from kaito.commands.kubectl_flags import KUBECTL_FLAGS, NAMESPACE
from kaito.errors import InferenceError, Interrupted, KaitoError, UsageError
from kaito.flags import SWITCH, Flag, Values, describe, parse, split_verb
from kaito.terminal.streams import ReaderGone, hold_standard_streams, print_aside, print_text, report
from kaito.timelimit import TimeUp

PROGRAM = "kubectl kaito"

# Each verb is a module of kaito.commands with SUMMARY, USAGE, DESCRIPTION, EXAMPLES, FLAGS and run(values).
VERBS = ("chat", "status", "get-endpoint", "version")

HELP = Flag("help", SWITCH, False, "Show this help", short="h", bare="true")
ROOT_FLAGS = (NAMESPACE, HELP, *KUBECTL_FLAGS)

EXIT_CODES = """\
Exit codes:
  0    fine
  1    anything not below
  2    usage: a flag, an unknown command in a pipe, nothing was asked
  3    cluster: kubeconfig, TLS, credentials, rights, not reachable
  4    workspace: missing, not ready, serves nothing
  5    inference: HTTP error, broken or empty answer, timeout
  6    an answer does not match --expect
  130  interrupted
  141  the reader of the output went away
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code; every failure is told here, and none by a traceback."""
    hold_standard_streams()
    sys.unraisablehook = _told_by_nobody
    try:
        return run(sys.argv[1:] if argv is None else argv)
    except KaitoError as error:
        report(error)
        return error.exit_code
    except KeyboardInterrupt as end:
        if not isinstance(end, Interrupted):
            _leave_line()
        return 130
    except ReaderGone:
        return 141
    except TimeUp as error:
        # In the moment between the end of the run and that of its limit.
        report(InferenceError(error.message))
        return InferenceError.exit_code
    except Exception as error:
        if _was_interrupted(error):
            _leave_line()
            return 130
        if os.environ.get("KAITO_DEBUG"):
            raise
        # Its words may hold what must not be seen, a credential for one; its kind cannot.
        report(
            KaitoError(
                f"internal error: {type(error).__name__}",
                "this is a bug of kubectl-kaito; KAITO_DEBUG=1 shows where it happens, for a report",
            )
        )
        return 1


def _leave_line() -> None:
    """The terminal shows ^C where the cursor stands; the shell's prompt belongs on a line of its own."""
    if os.isatty(2):
        print_aside("\n")


def _told_by_nobody(lost: Any) -> None:
    """Python's hook (sys.unraisablehook) for an exception where none can be raised, as in a finalizer.

    Python itself would write a traceback and go on. An interrupt is not lost by it: it is given once more.
    """
    if lost.exc_type is KeyboardInterrupt:
        import _thread
        from signal import SIGINT

        # By another thread, since it would hit this very function.
        _thread.start_new_thread(os.kill, (os.getpid(), SIGINT))
    elif os.environ.get("KAITO_DEBUG"):
        sys.__unraisablehook__(lost)


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether `error` came of a KeyboardInterrupt: Python makes others of one that hits in the middle of an import."""
    if isinstance(error, ImportError) and str(error).startswith("PyCapsule_Import could not import"):
        # C code that imports drops what was raised meanwhile.
        return True
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def complete() -> int:
    """What kubectl runs as `kubectl_complete-kaito`, where pip has installed it."""
    return main(["__complete", *sys.argv[1:]])


def run(argv: Sequence[str]) -> int:
    """Finds the verb in `argv` and runs it. Raises KaitoError."""
    if argv[:1] == ["__complete"]:
        return _complete(argv[1:])
    name, rest = split_verb(argv, ROOT_FLAGS)
    if name == "help":
        asked, _ = split_verb(rest, ROOT_FLAGS)
        name, rest = asked if asked != "help" else "", ["--help"]
    if not name:
        _parse(rest, ROOT_FLAGS, PROGRAM)
        print_text(root_help())
        return 0
    if name not in VERBS:
        raise UsageError(f'unknown command "{name}" for "{PROGRAM}"', _nearest(name))
    verb = _module(name)
    values = _parse(rest, (*verb.FLAGS, *ROOT_FLAGS), f"{PROGRAM} {name}")
    if values.switch("help"):
        print_text(verb_help(verb))
        return 0
    code: int = verb.run(values)
    return code


def _parse(argv: Sequence[str], flags: Sequence[Flag], command: str) -> Values:
    try:
        return parse(argv, flags)
    except UsageError as error:
        raise UsageError(error.message, f"see: {command} --help") from None


def _module(name: str) -> Any:
    return import_module(f"kaito.commands.{name.replace('-', '_')}")


def _complete(words: Sequence[str]) -> int:
    from kaito.commands import complete

    verbs = {name: _module(name) for name in VERBS}
    about = {name: verb.SUMMARY for name, verb in verbs.items()}
    return complete.run(words, ROOT_FLAGS, {name: verb.FLAGS for name, verb in verbs.items()}, about)


def root_help() -> str:
    """What `kubectl kaito --help` says."""
    verbs = [f"  {name:<14}{_module(name).SUMMARY}" for name in VERBS]
    return _help(
        "Chat with the models that KAITO serves on Kubernetes.",
        "[command] [flags]",
        "  kubectl kaito chat --workspace-name phi-3.5-mini-instruct",
        "Commands:\n" + "\n".join(verbs),
        _section("Flags", (NAMESPACE, HELP)),
        _section("kubectl's flags, for every command", KUBECTL_FLAGS),
    )


def verb_help(verb: Any) -> str:
    """What `kubectl kaito VERB --help` says; `verb` is its module."""
    return _help(
        verb.DESCRIPTION,
        verb.USAGE,
        verb.EXAMPLES,
        _section("Flags", (*verb.FLAGS, NAMESPACE, HELP)),
        _section("kubectl's flags", KUBECTL_FLAGS),
    )


def _help(description: str, usage: str, examples: str, *sections: str) -> str:
    head = (description, f"Usage:\n  {PROGRAM} {usage}", f"Examples:\n{examples}")
    return "\n\n".join((*head, *sections, EXIT_CODES))


def _section(title: str, flags: Sequence[Flag]) -> str:
    return f"{title}:\n" + "\n".join(describe(flags))


def _nearest(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, VERBS, 1)
    return f"did you mean {PROGRAM} {close[0]}?" if close else f"see: {PROGRAM} --help"
