"""Reasoning that a model writes into its answer, as <think>…</think> before everything else. Pure.

Models of the DeepSeek-R1 and Qwen families do so if their server has no parser for their reasoning (vLLM's
--reasoning-parser). A tag anywhere else is a part of the answer.
"""

from __future__ import annotations

from kaito.model.events import Content, Finish, Reasoning
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from kaito.model.events import Event

_BEGIN, _END = "<think>", "</think>"

_MOST = 4096  # characters of white space that are held


def set_apart(first: Content, events: Iterator[Event]) -> Iterator[Event]:
    """Yield `first`, the first piece of the content, and the events after it, with the reasoning in it set apart.

    Line feeds after the closing tag, and white space inside the tags, belong to the tags.
    """
    held = first.text
    while len(held) < _MOST and _BEGIN.startswith(held.lstrip()):
        event = next(events, None)
        if isinstance(event, Content):
            held += event.text
            continue
        if held and held.lstrip() != _BEGIN:
            # The content ends here, or reasoning comes in between.
            yield Content(held)
            held = "."
        if event is None:
            return
        yield event
    if held.lstrip().startswith(_BEGIN):
        rest = yield from _reasoning(held.lstrip()[len(_BEGIN) :], events)
        yield from _after(rest, events)
    elif held != ".":
        yield Content(held)
    yield from events


def _reasoning(held: str, events: Iterator[Event]) -> Generator[Event, None, str]:
    """Yield the reasoning that begins with `held`, and return the content after it; "" if it does not end."""
    begun = False
    while _END not in held:
        shown = held.rstrip()
        for size in range(len(_END) - 1, 0, -1):
            if held.endswith(_END[:size]):
                shown = held[:-size].rstrip()
                break
        shown = held if len(held) - len(shown) > _MOST else shown
        if shown.strip():
            yield Reasoning(shown if begun else shown.lstrip())
            begun, held = True, held[len(shown) :]
        event = next(events, None)
        if event is None:
            if held.strip():
                yield Reasoning(held)
            return ""
        if isinstance(event, Content):
            held += event.text
        else:
            if type(event) is Finish and held.strip():
                yield Reasoning(held)
                held = ""
            yield event
    thought, _, rest = held.partition(_END)
    if thought.strip():
        yield Reasoning(thought.rstrip() if begun else thought.strip())
    return rest


def _after(rest: str, events: Iterator[Event]) -> Iterator[Event]:
    """Yield the first piece of the answer, which may begin with `rest`, and the events before it."""
    rest = rest.lstrip("\n")
    while not rest:
        event = next(events, None)
        if event is None:
            return
        if isinstance(event, Content):
            rest = event.text.lstrip("\n")
        else:
            yield event
    yield Content(rest)
