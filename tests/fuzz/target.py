"""What a fuzzed parser promises."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple


class Target(NamedTuple):
    """One parser. `run` gets a random.Random and an input; it returns, or raises one of `errors`.

    What else has to hold, it asserts. `samples`: inputs from which others are made; the parser accepts most of them.
    """

    run: Callable[[Any, bytes], object]
    errors: tuple[type[BaseException], ...]
    samples: list[bytes]
