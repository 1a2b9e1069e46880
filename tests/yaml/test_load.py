"""The YAML reader: what each form means, how errors read, that it is bounded and takes linear time."""

from __future__ import annotations

import gc
import random
import time
from pathlib import Path
from statistics import median

import pytest

from kaito.yaml import load as yaml
from kaito.yaml.composer import MAX_DEPTH
from kaito.yaml.load import YamlError, load
from tests.yaml.texts import kubeconfig

KUBECONFIGS = sorted((Path(__file__).parent.parent / "data" / "yaml" / "kubeconfigs").iterdir())


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
        pytest.param("a:\nb:\n", {"a": None, "b": None}, id="values that are not written"),
        pytest.param("a: b\na: c\n", {"a": "c"}, id="of duplicate keys the last"),
        pytest.param("'a b': c\n\"d\": e\n", {"a b": "c", "d": "e"}, id="quoted keys"),
        pytest.param("? a\n: b\n? c\n", {"a": "b", "c": None}, id="explicit keys"),
        pytest.param("1: a\nyes: b\n1e6: c\n", {"1": "a", "true": "b", "1e+06": "c"}, id="keys that are no strings"),
        pytest.param("arn:aws:eks:eu:1:cluster/x: a\n", {"arn:aws:eks:eu:1:cluster/x": "a"}, id="colons in a key"),
        pytest.param("a: b # c\n# d\ne: f#g\n", {"a": "b", "e": "f#g"}, id="comments"),
        pytest.param("a: b\n  c\n\n  d\n", {"a": "b c\nd"}, id="a plain value over lines"),
        pytest.param("{a: [b, {c: d}], 'e': \"f\"}", {"a": ["b", {"c": "d"}], "e": "f"}, id="flow style"),
        pytest.param("[a, b: c, ]", ["a", {"b": "c"}], id="a pair in a flow list, and a last comma"),
        pytest.param('{"a":1,"b":[true,null]}', {"a": 1, "b": [True, None]}, id="JSON"),
        pytest.param("a: 'it''s\n  folded\n\n  twice'\n", {"a": "it's folded\ntwice"}, id="single quotes"),
        pytest.param('a: "b\\tc\\x41\\u00e9\\\n  d"\n', {"a": "b\tcAéd"}, id="double quotes"),
        pytest.param("a: |\n  b\n   c\n\n  d\n\n", {"a": "b\n c\n\nd\n"}, id="a literal"),
        pytest.param("a: |-\n  b\nc: |+\n  d\n\n", {"a": "b", "c": "d\n\n"}, id="chomping"),
        pytest.param("a: |2-\n    b\n", {"a": "  b"}, id="an indentation indicator"),
        pytest.param("a: >\n  b\n  c\n\n  d\n   e\n  f\n", {"a": "b c\nd\n e\nf\n"}, id="a folded scalar"),
        pytest.param("a: &x {b: c}\nd: *x\n", {"a": {"b": "c"}, "d": {"b": "c"}}, id="an alias"),
        pytest.param(
            "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}, id="a merge"
        ),
        pytest.param("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}, id="a merge of several: the first counts"),
        pytest.param("{a: 1, <<: {a: 2}}", {"a": 2}, id="a merge over what is before it"),
        pytest.param("%YAML 1.1\n---\na: b\n...\n", {"a": "b"}, id="markers and a directive"),
        pytest.param("a: b\n---\nc: d\n", {"a": "b"}, id="of several documents the first"),
        pytest.param("a: b\n---\n@ [", {"a": "b"}, id="what follows the first document may be no YAML"),
        pytest.param("  a: b\n c: d\n", {"a": "b"}, id="a key left of the first ends the document"),
        pytest.param("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}, id="CR LF"),
        pytest.param("\ufeffa: b", {"a": "b"}, id="a byte order mark"),
        pytest.param("[!!str 12, !x 1, !!int '3', !!binary aGk=]", ["12", "1", 3, "hi"], id="tags"),
    ],
)
def test_what_each_form_means(text, value):
    assert load(text) == value
    assert load(text.encode()) == value


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_that_a_byte_order_mark_names(encoding):
    assert load("a: é\U0001f600\n".encode(encoding)) == {"a": "é\U0001f600"}


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
def test_words_that_only_look_like_more(text):
    assert load(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["yes", "1", "~", "1.5", ".inf", ""])
def test_quoted_is_always_text(text):
    assert load(f"['{text}', \"{text}\"]") == [text, text]


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        pytest.param("a:\n\tb: c\n", 2, 1, "tabs cannot indent", id="a tab as indentation"),
        pytest.param("a: |\n\tb\n", 2, 1, "tabs cannot indent", id="a tab in a literal's indentation"),
        pytest.param("a: *b\n", 1, 4, "expected '&b'", id="an unknown anchor"),
        pytest.param("a: &b [*b]\n", 1, 8, "contains itself", id="an anchor inside of itself"),
        pytest.param('a: "b\\q"\n', 1, 6, "unknown escape", id="an unknown escape"),
        pytest.param('a: "\\u12"\n', 1, 5, "4 hexadecimal digits", id="an escape that is cut"),
        pytest.param('a: "\\ud83d"\n', 1, 5, "half of a pair", id="half of a pair"),
        pytest.param("a: b\x07\n", 1, 5, "U+0007", id="a control character"),
        pytest.param("a: @b\n", 1, 4, "expected quotes", id="@ at a value's start"),
        pytest.param("a: `b\n", 1, 4, "expected quotes", id="a backtick at a value's start"),
        pytest.param("a: 'b\n", 1, 4, 'expected a closing "\'"', id="an open quote"),
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
        pytest.param("<<: a\n", 1, 3, "expected a mapping", id="a merge of no mapping"),
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


def test_bytes_that_are_no_utf_8_are_named_where_they_are():
    with pytest.raises(YamlError) as caught:
        load(b"a: b\nc: \xff\n")
    assert (caught.value.line, caught.value.column, caught.value.message[:14]) == (2, 4, "expected UTF-8")


def test_an_error_shows_nothing_of_a_value():
    for text in ('"s3cret\\q"', "'s3cret", "!!int s3cret", "!!binary s3cret!", "[s3cret", "s3cret: b", "s3cret\nb"):
        with pytest.raises(YamlError) as caught:
            load(f"a: {text}")
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("path", KUBECONFIGS, ids=lambda path: path.name)
def test_both_ways_of_reading_agree_on_what_tools_write(path, monkeypatch):
    text = path.read_bytes()
    value = load(text)
    assert {"clusters", "contexts", "users", "current-context"} <= value.keys()
    _read_nothing_by_lines(monkeypatch)
    assert load(text) == value


def _read_nothing_by_lines(monkeypatch):
    def refuse(_):
        raise yaml._NotBlockStyle

    monkeypatch.setattr(yaml, "_block_style", refuse)


# ---- bounds ----


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


def test_the_size_is_bounded(monkeypatch):
    monkeypatch.setattr(yaml, "MAX_BYTES", 1000)
    assert load("a: " + "b" * 900)
    with pytest.raises(YamlError, match="larger than"):
        load("a: " + "b" * 1000)


# ---- time ----


def seconds(text):
    """The processor time that reading takes, without collections of what the whole test run holds (as timeit does)."""
    gc.disable()
    start = time.process_time()
    try:
        load(text)
    except YamlError:
        pass
    finally:
        gc.enable()
    return time.process_time() - start


def grows_linearly(small, large, factor=2.2):
    """Whether twice the text takes at most `factor` times as long.

    Measured in turn, so that a busy machine slows both; by medians, which a lucky run does not move; and measured on
    while in doubt.
    """
    small_times, large_times = [], []
    for run in range(40):
        small_times.append(seconds(small))
        large_times.append(seconds(large))
        if run >= 4 and median(large_times) <= factor * median(small_times) + 0.002:
            return True
    return False


def test_two_thousand_contexts_take_twice_the_time_of_one_thousand():
    small, large = (kubeconfig(random.Random(1), contexts).encode() for contexts in (1000, 2000))
    assert 5_000_000 < len(small) < 6_000_000
    assert len(load(small)["contexts"]) == 1000
    assert grows_linearly(small, large)


def test_the_same_holds_where_a_text_is_not_in_plain_block_style(monkeypatch):
    _read_nothing_by_lines(monkeypatch)
    assert grows_linearly(*(kubeconfig(random.Random(1), contexts).encode() for contexts in (100, 200)))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda n: "[" * n, id="open lists"),
        pytest.param(lambda n: "[" + "[], " * n + "]", id="flow lists"),
        pytest.param(lambda n: "[" + "a, " * n + "]", id="a long flow list"),
        pytest.param(lambda n: "[" + "a,\n" * n + "]", id="a flow list over lines"),
        pytest.param(lambda n: "{" + "".join(f"a{i}: b, " for i in range(n)) + "}", id="a long flow mapping"),
        pytest.param(lambda n: "- " * n, id="open items"),
        pytest.param(lambda n: "a:\n" + "".join(f"- &x{i} b\n- *x{i}\n" for i in range(n)), id="anchors and aliases"),
        pytest.param(lambda n: "a: &x {b: c}\nd:\n" + "- {<<: *x}\n" * n, id="merges"),
        pytest.param(
            lambda n: "&x {" + "".join(f"a{i}: b, " for i in range(n // 9)) + "<<: {" + "a: b, " * n + "}}",
            id="a wide merge",
        ),
        pytest.param(lambda n: 'a: "' + "b " * n + '"', id="a long double-quoted value"),
        pytest.param(lambda n: 'a: "' + "\\n" * n + '"', id="escapes"),
        pytest.param(lambda n: 'a: "' + "b\n" * n + '"', id="a double-quoted value over lines"),
        pytest.param(lambda n: "a: '" + "''" * n + "'", id="a single-quoted value"),
        pytest.param(lambda n: "a: '" + "\n" * n + "'", id="line breaks in quotes"),
        pytest.param(lambda n: "a: " + "b " * n, id="a long plain value"),
        pytest.param(lambda n: "a: b\n" + " c\n" * n, id="a plain value over lines"),
        pytest.param(lambda n: "a: " + ":b" * n, id="colons"),
        pytest.param(lambda n: "a: |\n" + " b\n" * n, id="a long literal"),
        pytest.param(lambda n: "a: >\n" + " b\n\n" * n, id="a long folded value"),
        pytest.param(lambda n: "a: |\n" + "\n" * n, id="a literal of line breaks"),
        pytest.param(lambda n: "a: |\n" + " " * n + "\n b\n", id="a literal behind a long blank line"),
        pytest.param(lambda n: "\n" * n, id="line breaks"),
        pytest.param(lambda n: " \n" * n, id="blank lines"),
        pytest.param(lambda n: "# c\n" * n, id="comments"),
        pytest.param(lambda n: " " * n, id="spaces"),
        pytest.param(lambda n: "a: b" + " " * n + "\nc: d", id="trailing spaces"),
        pytest.param(lambda n: "a:" + "\t" * n + "b", id="tabs"),
        pytest.param(lambda n: "a: b\n" + " \t" * n, id="spaces and tabs"),
        pytest.param(lambda n: "a: b\n" + "  \t\n" * n, id="tabs on blank lines"),
        pytest.param(lambda n: "a: " + "1" * n, id="a long number"),
        pytest.param(lambda n: "a: 0x" + "f" * n, id="a long hexadecimal number"),
        pytest.param(lambda n: "a: 1." + "1" * n + "e1", id="a long fraction"),
        pytest.param(lambda n: "a: !" + "b" * n + " c", id="a long tag"),
        pytest.param(lambda n: "a: !" + "%41" * n + " c", id="a long escaped tag"),
        pytest.param(lambda n: "a: &" + "b" * n + " c", id="a long anchor"),
        pytest.param(lambda n: "a: !!binary " + "YWFh" * n, id="long base64"),
        pytest.param(lambda n: "%TAG !a! b\n" * n, id="directives"),
        pytest.param(lambda n: "".join(f"%TAG !a{i}! b\n" for i in range(n)) + "---\na", id="tag handles"),
        pytest.param(lambda n: "a" * n + ": b", id="a long key"),
        pytest.param(lambda n: "".join(f"a{i}:\n" for i in range(n)), id="keys without values"),
        pytest.param(lambda n: "? a\n" * n, id="explicit keys"),
        pytest.param(lambda n: "a: b\u2028" * n, id="line separators"),
        pytest.param(lambda n: "é: ü\n" * n, id="text that is not ASCII"),
    ],
)
def test_no_text_takes_more_than_linear_time(make):
    assert grows_linearly(make(2_500), make(5_000), 3)
