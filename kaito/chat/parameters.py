"""The parameters of a chat that can be set while it goes on: those of the flags, with the same ranges. Pure."""

from __future__ import annotations

from typing import Any

from kaito.flags import Kind, number, whole_number
from kaito.model.client import Sampling

# By the flag's name; the field of Sampling has "_" for "-".
PARAMETERS: dict[str, Kind] = {
    "temperature": number(0.0, 2.0),
    "max-tokens": whole_number(1),
    "top-p": number(0.0, 1.0),
}


def rows(sampling: Sampling) -> list[tuple[str, object]]:
    """The parameters and their values, by the flags' names."""
    return [(name, getattr(sampling, name.replace("-", "_"))) for name in PARAMETERS]


def change(sampling: Sampling, name: str, text: str) -> Sampling:
    """`sampling` with one parameter read from `text`. Raises KeyError for no such name, ValueError with the range."""
    name = name.replace("_", "-")
    fields: dict[str, Any] = {name.replace("-", "_"): PARAMETERS[name].read(text)}
    return sampling._replace(**fields)
