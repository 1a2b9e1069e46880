"""The conversation as a value: what a request carries of it."""

from __future__ import annotations

import json

import pytest

from kaito.chat.conversation import Conversation, Turn, dump, load

TWO = Conversation().add(Turn("a", "one")).add(Turn("b", "two", cut_off=True))


def roles(messages):
    """Return messages as (first letter of the role, content)."""
    return [(message["role"][0], message["content"]) for message in messages]


def test_a_request_carries_every_turn_and_the_question():
    assert Conversation().messages("a") == [{"role": "user", "content": "a"}]
    assert roles(TWO.messages("c")) == [("u", "a"), ("a", "one"), ("u", "b"), ("a", "two"), ("u", "c")]


def test_the_oldest_turns_may_be_left_out_and_never_the_system_prompt_or_the_question():
    instructed = TWO._replace(system="Be brief.")
    assert roles(instructed.messages("c", 1)) == [("s", "Be brief."), ("u", "b"), ("a", "two"), ("u", "c")]
    assert roles(instructed.messages("c", 2)) == [("s", "Be brief."), ("u", "c")]


def test_each_change_makes_a_new_conversation():
    one = Conversation().add(Turn("a", "one"))
    assert one.add(Turn("b", "two")).undo() == one
    assert one.clear() == Conversation()
    assert one.turns == (Turn("a", "one"),)
    assert one._replace(system="s").clear() == Conversation(system="s")


@pytest.mark.parametrize("conversation", [Conversation(), TWO, TWO._replace(system="Sei kurz: 世界")])
def test_what_is_saved_is_what_is_loaded(conversation):
    text = dump(conversation, workspace="w", model="m")
    assert load(text) == conversation
    assert json.loads(text)["workspace"] == "w"


def test_a_bare_list_of_messages_is_loaded_too():
    assert load(json.dumps(TWO.messages("c")[:2])) == Conversation((Turn("a", "one"),))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("{}", "it holds no messages"),
        ('{"messages": 1}', "it holds no messages"),
        ('[{"role": "user", "content": "a"}]', "its last message has no answer"),
        ('[{"role": "assistant", "content": "a"}]', "message 1 must have the role system or user"),
        ('[{"role": "user", "content": null}, {}]', "message 1 must have the role system or user"),
        (
            '[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]',
            "message 2 must have the role assistant",
        ),
        ("[1, 2]", "message 1 must have the role system or user"),
    ],
)
def test_a_text_that_is_not_a_conversation_is_refused_with_a_reason(text, why):
    with pytest.raises(ValueError, match=why):
        load(text)
