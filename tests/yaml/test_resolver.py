"""What scalars mean: which words and numbers of kubectl's YAML are not text."""

from __future__ import annotations

import pytest

from kaito.yaml.load import load


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        ("y Y yes Yes YES true True TRUE on On ON", True),
        ("n N no No NO false False FALSE off Off OFF", False),
        ("~ null Null NULL", None),
        ("15 0xF 0b1111 0o17 017 1_5 +15", 15),
        ("-15 -0xf", -15),
        ("1e3 1000. 1.0e+3 1_000.0", 1000.0),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)),
    ],
)
def test_words_and_numbers(texts, value):
    for text in texts.split():
        assert load(f"[{text}]") == [value], text
        assert type(load(f"[{text}]")[0]) is type(value), text


@pytest.mark.parametrize(
    "text", ["yEs", "tRUE", "nULL", "1e", "0x", "0b2", "1:30", "2001-01-01", ".inF", "=", "<<", "1e400", "_1", "--"]
)
def test_words_that_only_resemble_other_types_are_text(text):
    assert load(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["yes", "1", "~", "1.5", ".inf", ""])
def test_quoted_is_always_text(text):
    assert load(f"['{text}', \"{text}\"]") == [text, text]
