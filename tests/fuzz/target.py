"""The promises of a fuzzed parser."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple


class Target(NamedTuple):
    """One parser. `run` takes a random.Random and an input; it returns, or raises one of `errors`.

    It asserts the parser's other promises. `samples`: inputs from which others are made; the parser accepts most.
    """

    run: Callable[[Any, bytes], object]
    errors: tuple[type[BaseException], ...]
    samples: list[bytes]
