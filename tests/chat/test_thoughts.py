"""Reasoning that a model writes into its answer between tags."""

from __future__ import annotations

import pytest

from kaito.chat.answer import with_thoughts_apart
from kaito.model.events import Content, Finish, Reasoning, Usage


def apart(text, pieces):
    events = [*map(Content, pieces), Finish("stop"), Usage(1, 2, 3)]
    made = list(with_thoughts_apart(iter(events)))
    assert made[-2:] == events[-2:], "the other events come after them, as before"
    assert all(event.text for event in made[:-2])
    thoughts, answer = (
        "".join(event.text for event in made[:-2] if type(event) is kind) for kind in (Reasoning, Content)
    )
    return thoughts, answer


@pytest.mark.parametrize(
    ("text", "reasoning", "content"),
    [
        pytest.param("Four.", "", "Four.", id="none"),
        pytest.param("<think>hm</think>Four.", "hm", "Four.", id="at the beginning"),
        pytest.param("\n <think>\nhm\nso\n</think>\n\nFour.\n", "hm\nso", "Four.\n", id="with line feeds around"),
        pytest.param("<think>\n\n</think>\n\nFour.", "", "Four.", id="without a thought"),
        pytest.param("<think>hm", "hm", "", id="not ended"),
        pytest.param("<think>hm </thi", "hm </thi", "", id="not quite ended"),
        pytest.param("<think>a < b </b> c</think>d", "a < b </b> c", "d", id="other tags"),
        pytest.param("Use <think> in it</think>.", "", "Use <think> in it</think>.", id="inside an answer"),
        pytest.param("<thinking>a", "", "<thinking>a", id="another tag"),
        pytest.param("<thi", "", "<thi", id="the beginning of a tag alone"),
        pytest.param("\n\n  Four.", "", "\n\n  Four.", id="blank lines alone"),
        pytest.param("<think>a</think>b<think>c</think>", "a", "b<think>c</think>", id="twice"),
    ],
)
def test_thoughts(text, reasoning, content):
    for pieces in ([text], list(text), [text[:5], text[5:]]):
        assert apart(text, [piece for piece in pieces if piece]) == (reasoning, content)


def test_events_of_reasoning_pass():
    events = [Reasoning("hm"), Content("\n"), Reasoning("so"), Content("<think>a</think>")]
    assert list(with_thoughts_apart(iter(events))) == events


def test_each_thought_passes_at_once():
    came = with_thoughts_apart(
        iter([Content("<think>"), Content("a"), Content(" b"), Content("</think>"), Content("c")])
    )
    assert list(came) == [Reasoning("a"), Reasoning(" b"), Content("c")]


def test_white_space_without_end_takes_linear_time():
    for first in ("", "<think>", "<think>a"):
        assert len(list(with_thoughts_apart(iter([Content(first + " "), *[Content(" ")] * 30_000])))) < 30_010
