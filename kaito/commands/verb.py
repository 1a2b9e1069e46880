"""The interface between `cli` and the verbs."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kaito.flags import Flag, Values


class Verb(Protocol):
    """One verb. `cli` makes its help and its completion from these members, and runs it.

    Help imports the modules of all verbs, so such a module imports inside functions what only a run needs.
    """

    name: str
    summary: str  # one line, for the list of commands and for completion
    usage: str  # what follows "kubectl kaito"
    description: str
    examples: str
    flags: tuple[Flag, ...]

    def run(self, values: Values) -> int:
        """Turn the flags' values into the verb's options, run on those and return the exit code. Raises KaitoError."""
