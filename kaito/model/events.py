"""The events that an answer consists of. Pure."""

from __future__ import annotations

from kaito.values import TYPE_CHECKING, NamedTuple


class Content(NamedTuple):
    """A piece of the answer."""

    text: str


class Reasoning(NamedTuple):
    """A piece of what the model thinks before it answers."""

    text: str


class ToolCall(NamedTuple):
    """A call of a tool that the model asks for, by the tool's name."""

    name: str


class Finish(NamedTuple):
    """The end of generation, with its finish reason, such as "stop" or "length"."""

    reason: str


class Usage(NamedTuple):
    """The tokens of one request, as the server counted them; 0 for a number that it does not report."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Served(NamedTuple):
    """The id of the model that answers, as the server names it."""

    model: str


if TYPE_CHECKING:
    from typing import Union

    Event = Union[Content, Reasoning, ToolCall, Finish, Usage, Served]
