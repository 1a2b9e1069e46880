"""Loading YAML: what each form means, how errors read, encodings, and the bound on the size."""

from __future__ import annotations

import pytest

from kaito.yaml import load as yaml
from kaito.yaml.load import YamlError, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("# only a comment\n", None, id="a comment only"),
        pytest.param("a: b\n", {"a": "b"}, id="a mapping"),
        pytest.param("a:\n  b: c\n  d: e\nf: g\n", {"a": {"b": "c", "d": "e"}, "f": "g"}, id="nested mappings"),
        pytest.param("a:\n- b\n- c\nd: e\n", {"a": ["b", "c"], "d": "e"}, id="a list at its parent's indentation"),
        pytest.param("a:\n  - b\n  - c\n", {"a": ["b", "c"]}, id="a list further right"),
        pytest.param("- a: b\n  c: d\n- e\n", [{"a": "b", "c": "d"}, "e"], id="mappings in a list"),
        pytest.param("- - a\n  - b\n- c\n", [["a", "b"], "c"], id="lists in a list"),
        pytest.param("a:\nb:\n", {"a": None, "b": None}, id="keys without values"),
        pytest.param("a: b\na: c\n", {"a": "c"}, id="the last of duplicate keys counts"),
        pytest.param("'a b': c\n\"d\": e\n", {"a b": "c", "d": "e"}, id="quoted keys"),
        pytest.param("? a\n: b\n? c\n", {"a": "b", "c": None}, id="explicit keys"),
        pytest.param("1: a\nyes: b\n1e6: c\n", {"1": "a", "true": "b", "1e+06": "c"}, id="keys that are not strings"),
        pytest.param("arn:aws:eks:eu:1:cluster/x: a\n", {"arn:aws:eks:eu:1:cluster/x": "a"}, id="colons in a key"),
        pytest.param("a: b # c\n# d\ne: f#g\n", {"a": "b", "e": "f#g"}, id="comments"),
        pytest.param("{a: [b, {c: d}], 'e': \"f\"}", {"a": ["b", {"c": "d"}], "e": "f"}, id="flow style"),
        pytest.param("[a, b: c, ]", ["a", {"b": "c"}], id="a pair in a flow list, and a last comma"),
        pytest.param('{"a":1,"b":[true,null]}', {"a": 1, "b": [True, None]}, id="JSON"),
        pytest.param("a: &x {b: c}\nd: *x\n", {"a": {"b": "c"}, "d": {"b": "c"}}, id="an alias"),
        pytest.param(
            "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}, id="a merge"
        ),
        pytest.param("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}, id="a merge of several: the first counts"),
        pytest.param("{a: 1, <<: {a: 2}}", {"a": 2}, id="a merge over what is before it"),
        pytest.param("%YAML 1.1\n---\na: b\n...\n", {"a": "b"}, id="markers and a directive"),
        pytest.param("a: b\n---\nc: d\n", {"a": "b"}, id="the first of several documents"),
        pytest.param("a: b\n---\n@ [", {"a": "b"}, id="what follows the first document need not be YAML"),
        pytest.param("  a: b\n c: d\n", {"a": "b"}, id="a key left of the first one ends the document"),
        pytest.param("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}, id="CR LF"),
        pytest.param("\ufeffa: b", {"a": "b"}, id="a byte order mark"),
        pytest.param("[!!str 12, !x 1, !!int '3', !!binary aGk=]", ["12", "1", 3, "hi"], id="tags"),
    ],
)
def test_what_each_form_means(text, value):
    assert load(text) == value
    assert load(text.encode()) == value


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_names_the_encoding(encoding):
    assert load("a: é\U0001f600\n".encode(encoding)) == {"a": "é\U0001f600"}


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        pytest.param("a:\n\tb: c\n", 2, 1, "tabs cannot indent", id="a tab as indentation"),
        pytest.param("a: *b\n", 1, 4, "expected '&b'", id="an unknown anchor"),
        pytest.param("a: &b [*b]\n", 1, 8, "contains itself", id="an anchor that contains itself"),
        pytest.param("a: b\x07\n", 1, 5, "U+0007", id="a control character"),
        pytest.param("a: @b\n", 1, 4, "expected quotes", id="@ at the start of a value"),
        pytest.param("a: `b\n", 1, 4, "expected quotes", id="a backtick at the start of a value"),
        pytest.param("a: [b\n", 2, 1, "expected ',' or ']'", id="an open list"),
        pytest.param("a: {b: c\n", 2, 1, "expected ',' or '}'", id="an open mapping"),
        pytest.param("a: b: c\n", 1, 5, "': ' is not allowed here", id="a second colon"),
        pytest.param("a: b\n c: d\n", 2, 3, "': ' is not allowed here", id="a key too far right"),
        pytest.param("a: b\nc\n", 2, 1, "expected a ':'", id="a missing colon"),
        pytest.param("a:\n- b\n  c: d\n", 3, 4, "': ' is not allowed here", id="an item that goes on as a mapping"),
        pytest.param("[a]: b\n", 1, 1, "as the key", id="a list as a key"),
        pytest.param("~: b\n", 1, 1, "as the key", id="null as a key"),
        pytest.param("a: .inf\n", 1, 4, "finite", id="an infinity"),
        pytest.param("a: !!int b\n", 1, 10, "!!int", id="a value that its tag does not fit"),
        pytest.param("a: !e!b c\n", 1, 4, "%TAG", id="an undeclared tag handle"),
        pytest.param("<<: a\n", 1, 3, "expected a mapping", id="a merge of something else than a mapping"),
        pytest.param("%YAML 1.2\n---\na: b\n", 1, 1, "%YAML 1.1", id="another version"),
        pytest.param("é: b\nü: @\n", 2, 4, "expected quotes", id="columns are characters"),
        pytest.param("a: b\r\nc: @\r\n", 2, 4, "expected quotes", id="CR LF is one line break"),
    ],
)
def test_errors_say_where_and_what_was_expected(text, line, column, expected):
    with pytest.raises(YamlError) as caught:
        load(text.encode())
    assert (caught.value.line, caught.value.column) == (line, column)
    assert expected in caught.value.message
    assert "\n" not in caught.value.message
    assert str(caught.value) == f"line {line}, column {column}: {caught.value.message}"


def test_an_error_names_the_place_of_bytes_that_are_not_utf_8():
    with pytest.raises(YamlError) as caught:
        load(b"a: b\nc: \xff\n")
    assert (caught.value.line, caught.value.column, caught.value.message[:14]) == (2, 4, "expected UTF-8")


def test_an_error_shows_nothing_of_a_value():
    for text in ('"s3cret\\q"', "'s3cret", "!!int s3cret", "!!binary s3cret!", "[s3cret", "s3cret: b", "s3cret\nb"):
        with pytest.raises(YamlError) as caught:
            load(f"a: {text}")
        assert "s3cret" not in str(caught.value)


def test_the_size_is_bounded(monkeypatch):
    monkeypatch.setattr(yaml, "MAX_BYTES", 1000)
    assert load("a: " + "b" * 900)
    with pytest.raises(YamlError, match="larger than"):
        load("a: " + "b" * 1000)
