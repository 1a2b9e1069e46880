"""`kubectl kaito version`."""

from __future__ import annotations

import sys

from kaito import __version__
from kaito.errors import UsageError
from kaito.flags import Flag, Values
from kaito.terminal.streams import print_text

SUMMARY = "Print the version"
USAGE = "version"
DESCRIPTION = "Print the version of this plugin and of the Python that runs it."
EXAMPLES = "  kubectl kaito version"
FLAGS: tuple[Flag, ...] = ()


def run(values: Values) -> int:
    """Prints one line and returns the exit code. Raises UsageError."""
    if values.arguments:
        raise UsageError(
            f'version takes no arguments, but was given "{values.arguments[0]}"', "see: kubectl kaito version --help"
        )
    python = ".".join(map(str, sys.version_info[:3]))
    print_text(f"kubectl-kaito {__version__} (Python {python})\n")
    return 0
