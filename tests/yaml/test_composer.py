"""The general reader: the bounds on nesting and on aliases."""

from __future__ import annotations

import pytest

from kaito.yaml.composer import MAX_DEPTH
from kaito.yaml.load import YamlError, load


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[a, {b: ", "[\n"])
def test_nesting_is_bounded(opening):
    with pytest.raises(YamlError):
        load(opening * 100_000)


def test_nesting_up_to_the_bound_is_read():
    value = load("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        [value] = value
    assert value == []
    with pytest.raises(YamlError, match=f"expected at most {MAX_DEPTH} levels"):
        load("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
    with pytest.raises(YamlError, match=f"expected at most {MAX_DEPTH} levels"):
        load("".join(f"{' ' * depth}a:\n" for depth in range(MAX_DEPTH + 2)))


def test_aliases_cannot_multiply_without_end():
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    with pytest.raises(YamlError, match="aliases"):
        load(laughs)
