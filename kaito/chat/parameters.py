"""The parameters of a chat that flags set at its start and `/set` changes later. Pure.

This table is the only place for their names, ranges and defaults. Each name, with "_" for "-", is also the field of
`Sampling`. Importing this module costs little: help and completion need it, and neither needs the model's client.
"""

from __future__ import annotations

from kaito.flags import Flag, choice, number, whole_number
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from kaito.model.client import Sampling


def _number(name: str, low: float, high: float, default: float, about: str) -> Flag:
    return Flag(name, number(low, high), default, f"{about} ({low}-{high})")


PARAMETERS: tuple[Flag, ...] = (
    _number("temperature", 0.0, 2.0, 0.7, "Temperature for response generation"),
    Flag("max-tokens", whole_number(1), 1024, "Maximum tokens in response"),
    _number("top-p", 0.0, 1.0, 0.9, "Top-p (nucleus sampling) parameter"),
)
NAMES = tuple(parameter.name for parameter in PARAMETERS)

RENDER = Flag("render", choice("auto", "raw"), "auto", "How a terminal shows answers: auto (Markdown) or raw")
"""A setting of the screen, so not one of the parameters, which are the model's."""

SETTABLE = (*NAMES, RENDER.name)


def rows(sampling: Sampling) -> list[tuple[str, object]]:
    """Return the (name, value) pairs of all parameters, in the table's order."""
    return [(name, getattr(sampling, _field(name))) for name in NAMES]


def with_value(sampling: Sampling, name: str, text: str) -> Sampling:
    """Return `sampling` with the parameter `name` read from `text`.

    Raises KeyError for an unknown name, and ValueError that says what the parameter takes.
    """
    kinds = {parameter.name: parameter.kind for parameter in PARAMETERS}
    field: dict[str, Any] = {_field(name): kinds[name].read(text)}
    return sampling._replace(**field)


def flag_name(typed: str) -> str:
    """Return a parameter's name as its flag spells it; people also type the underscores of the API."""
    return typed.replace("_", "-")


def _field(name: str) -> str:
    return name.replace("-", "_")
