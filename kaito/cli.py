"""The root of the program: the choice of the verb, help, error reports and exit codes."""

from __future__ import annotations

import os
import sys

from kaito.commands.kubectl_flags import KUBECTL_FLAGS, NAMESPACE
from kaito.errors import InferenceError, Interrupted, KaitoError, UsageError
from kaito.flags import SWITCH, Flag, describe, parse, split_verb
from kaito.terminal.streams import ReaderGone, hold_standard_streams, print_aside, print_text, report
from kaito.text import nearest
from kaito.timelimit import TimeUp
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kaito.commands.verb import Verb
    from kaito.flags import Values

PROGRAM = "kubectl kaito"

# In the order in which help lists them; `load` imports them.
VERBS = ("chat", "status", "get-endpoint", "version")

# Lists kubectl's flags, as `kubectl options` does; help does not list it among the verbs, as kubectl's does not.
_OPTIONS = "options"

HELP = Flag("help", SWITCH, False, "Show this help", short="h", bare="true")
VERSION = Flag("version", SWITCH, False, "Print the version", bare="true")
ROOT_FLAGS = (NAMESPACE, HELP, *KUBECTL_FLAGS)

EXIT_CODES = """\
Exit codes:
  0    success
  1    any other error
  2    usage: a flag, an unknown command in a pipe, no question
  3    cluster: kubeconfig, TLS, credentials, rights, not reachable
  4    workspace: missing, not ready, serves no model
  5    inference: HTTP error, broken or empty answer, timeout
  6    an answer does not match --expect
  130  interrupted
  141  the reader of stdout has closed it
"""


def load(name: str) -> Verb:
    """Import the verb of this name and return it. Raises KeyError for a name that is not in VERBS.

    Each verb is imported separately, so that a run does not pay for the others.
    """
    if name == "chat":
        from kaito.commands.chat import Chat

        return Chat()
    if name == "status":
        from kaito.commands.status import Status

        return Status()
    if name == "get-endpoint":
        from kaito.commands.get_endpoint import GetEndpoint

        return GetEndpoint()
    if name == "version":
        from kaito.commands.version import Version

        return Version()
    raise KeyError(name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code. Every failure is reported here, none with a traceback."""
    hold_standard_streams()
    sys.unraisablehook = _handle_unraisable
    try:
        return run(sys.argv[1:] if argv is None else argv)
    except KaitoError as error:
        report(error)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        if not isinstance(interrupt, Interrupted):
            _end_line()
        return 130
    except ReaderGone:
        return 141
    except TimeUp as error:
        # The time was up while the run left its TimeLimit, too late for that to turn TimeUp into an error.
        report(InferenceError(error.message))
        return InferenceError.exit_code
    except Exception as error:
        if _was_interrupted(error):
            _end_line()
            return 130
        if os.environ.get("KAITO_DEBUG"):
            raise
        # Only the kind of the error is shown: its text may hold a secret, for example a credential.
        report(
            KaitoError(
                f"internal error: {type(error).__name__}",
                "this is a bug of kubectl-kaito; KAITO_DEBUG=1 shows where it happens, for a report",
            )
        )
        return 1


def _end_line() -> None:
    """End the line on which the terminal has shown ^C, so that the shell's prompt gets a line of its own."""
    if os.isatty(2):
        print_aside("\n")


def _handle_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Handle an exception that cannot be raised, for example in a finalizer (the hook sys.unraisablehook).

    Python would write a traceback and continue. Here, an interrupt and the end of --timeout are sent again so that they
    are not lost, and any other exception is dropped.
    """
    if unraisable.exc_type in (KeyboardInterrupt, TimeUp):
        import _thread
        import signal

        number = signal.SIGINT if unraisable.exc_type is KeyboardInterrupt else signal.SIGALRM
        # From another thread, since a signal that this one sends would be handled inside this function and lost.
        _thread.start_new_thread(os.kill, (os.getpid(), number))
    elif os.environ.get("KAITO_DEBUG"):
        sys.__unraisablehook__(unraisable)


def _was_interrupted(error: BaseException | None) -> bool:
    """Return whether a KeyboardInterrupt led to `error`; Python may turn one into another error during an import."""
    if isinstance(error, ImportError) and str(error).startswith("PyCapsule_Import could not import"):
        # C code that imports a module drops the exception that the import raised.
        return True
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def complete() -> int:
    """Run as `kubectl_complete-kaito`, the program that kubectl calls for completion and that pip installs."""
    return main(["__complete", *sys.argv[1:]])


def run(argv: Sequence[str]) -> int:
    """Find the verb in `argv`, run it and return the exit code. Raises KaitoError."""
    if argv[:1] == ["__complete"]:
        from kaito.commands import complete

        return complete.run(argv[1:], ROOT_FLAGS, [load(name) for name in VERBS])
    name, rest = split_verb(argv, (*ROOT_FLAGS, VERSION))
    if name == "help":
        topic, _ = split_verb(rest, ROOT_FLAGS)
        name, rest = topic if topic != "help" else "", ["--help"]
    if name in ("", _OPTIONS):
        values = _parse(rest, (*ROOT_FLAGS, VERSION), PROGRAM)
        if values.switch("version"):
            return load("version").run(values)
        print_text(options_help() if name else root_help())
        return 0
    if name not in VERBS:
        raise _unknown(name)
    verb = load(name)
    values = _parse(rest, (*verb.flags, *ROOT_FLAGS), f"{PROGRAM} {name}")
    if values.switch("help"):
        print_text(verb_help(verb))
        return 0
    return verb.run(values)


def _unknown(name: str) -> UsageError:
    """Return the error for a verb that does not exist, with what the user may have meant."""
    from kaito.commands.older_verbs import INSTEAD

    hint = INSTEAD.get(name, f"see: {PROGRAM} --help")
    if name not in INSTEAD and (similar := nearest(name, (*VERBS, _OPTIONS, "help"))):
        hint = f"did you mean {PROGRAM} {similar[0]}?"
    return UsageError(f'unknown command "{name}" for "{PROGRAM}"', hint)


def _parse(argv: Sequence[str], flags: Sequence[Flag], command: str) -> Values:
    """Parse the flags. Raises UsageError, whose hint names the help of `command`."""
    try:
        return parse(argv, flags)
    except UsageError as error:
        raise UsageError(error.message, f"see: {command} --help") from None


def root_help() -> str:
    """Return the text of `kubectl kaito --help`."""
    verbs = [f"  {name:<14}{load(name).summary}" for name in VERBS]
    return _help(
        "Chat with the models that KAITO serves on Kubernetes.",
        "[command] [flags]",
        "  kubectl kaito chat --workspace-name phi-3-5-mini",
        "Commands:\n" + "\n".join(verbs),
        _section("Flags", (NAMESPACE, HELP, VERSION)),
        f'Use "{PROGRAM} COMMAND --help" for the flags of a command, and\n'
        f'"{PROGRAM} {_OPTIONS}" for those of kubectl, which every command takes.',
        EXIT_CODES,
    )


def verb_help(verb: Verb) -> str:
    """Return the text of `kubectl kaito VERB --help`."""
    return _help(
        verb.description,
        verb.usage,
        verb.examples,
        _section("Flags", (*verb.flags, NAMESPACE, HELP)),
        f'kubectl\'s flags: "{PROGRAM} {_OPTIONS}"; exit codes: "{PROGRAM} --help"\n',
    )


def options_help() -> str:
    """Return the text of `kubectl kaito options`."""
    return _section("Every command takes these flags of kubectl's", KUBECTL_FLAGS) + "\n"


def _help(description: str, usage: str, examples: str, *sections: str) -> str:
    head = (description, f"Usage:\n  {PROGRAM} {usage}", f"Examples:\n{examples}")
    return "\n\n".join((*head, *sections))


def _section(title: str, flags: Sequence[Flag]) -> str:
    return "\n".join((f"{title}:", *describe(flags)))
