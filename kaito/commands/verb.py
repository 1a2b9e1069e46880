"""The interface between `cli` and the verbs."""

from __future__ import annotations

from typing import Protocol

from kaito.flags import Flag, Values


class Verb(Protocol):
    """One verb. `cli` makes its help, its completion and its exit code from these.

    Help imports the modules of all verbs, so such a module imports what only a run needs inside of functions.
    """

    name: str
    summary: str  # One line, for the list of commands and for completion.
    usage: str  # What follows "kubectl kaito".
    description: str
    examples: str
    flags: tuple[Flag, ...]

    def run(self, values: Values) -> int:
        """Turn the flags' values into the verb's options, run on those and return the exit code. Raises KaitoError."""
        ...
