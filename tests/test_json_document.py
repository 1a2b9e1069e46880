"""JSON objects within bounds, and their fields."""

from __future__ import annotations

import json

import pytest

from kaito.json_document import DEEPEST, DocumentError, read_object
from kaito.json_fields import identifier, line


def nested(levels):
    """Return an object of that many levels, itself included."""
    return '{"x":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


def workspaces(number):
    """Return about what 10,000 workspaces consist of, as much of it as `number` of them."""
    fields = {f"f:{name}": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}, "f:d": {}} for name in "abcdefgh"}
    texts = {f"name-{place}": "2026-11-22T20:35:28Z" for place in range(40)}
    return json.dumps({"items": [{"metadata": {"managedFields": [fields]}, "status": texts}] * number})


@pytest.mark.parametrize("source", ['{"a": [1, 2.5, "x", null]}', b'{"a": [1, 2.5, "x", null]}'])
@pytest.mark.parametrize("finite", [True, False])
def test_an_object(source, finite):
    assert read_object(source, finite=finite) == {"a": [1, 2.5, "x", None]}


@pytest.mark.parametrize("source", ["", "[1]", "1", "null", "{", "<p>", b"\xff", "[" * 100_000, b"[" * 100_000])
def test_anything_else_is_refused(source):
    with pytest.raises(ValueError) as failure:
        read_object(source)
    assert not isinstance(failure.value, DocumentError)


@pytest.mark.parametrize(
    "number",
    [
        *("1e999", "-1e999", "NaN", "Infinity", "-Infinity"),
        *(pytest.param(sign + "9" * 5000, id=f"{sign}5000 digits") for sign in ("", "-")),
        pytest.param("9" * 2_000_000, id="2,000,000 digits"),
    ],
)
class TestNumbersThatAreNotFinite:
    def test_are_refused(self, number):
        with pytest.raises(DocumentError):
            read_object(f'{{"x":[{number}]}}')

    def test_are_read_as_not_finite_where_they_may_come(self, number):
        (read,) = read_object(f'{{"x":[{number}]}}', finite=False)["x"]
        assert not abs(read) < float("inf")


def test_the_largest_numbers():
    assert read_object('{"x":[1e308,%s]}' % ("9" * 308))["x"] == [1e308, 10**308 - 1]


@pytest.mark.parametrize("encoded", [str, str.encode])
def test_the_depth_is_bounded(encoded):
    """Whatever is read can be written again, also with indentation, which json does by recursion."""
    assert json.dumps(read_object(encoded(nested(DEEPEST))), indent=2)
    for levels in (DEEPEST + 1, 950, 1100, 1400, 100_000):
        with pytest.raises(DocumentError, match="nested more than 400 levels"):
            read_object(encoded(nested(levels)))


def test_brackets_within_texts_are_not_levels():
    assert read_object(json.dumps({"x": "[" * 1000}))["x"] == "[" * 1000


@pytest.mark.parametrize(
    "part",
    [
        *("[],", "{},", "[0],", '{"":0},', '{"a":{}},', '"ab",', "1.5,"),
        pytest.param('{"a":' * 300 + "0" + "}" * 300 + ",", id="nested"),
        pytest.param("[" * 300 + "]" * 300 + ",", id="nested lists"),
    ],
)
@pytest.mark.parametrize("encoded", [str, str.encode])
def test_the_memory_is_bounded(part, encoded):
    with pytest.raises(DocumentError, match="more than 192 MiB of memory"):
        read_object(encoded('{"x":[' + part * ((20 << 20) // len(part)) + "0]}"))


def test_many_names_are_bounded():
    members = ",".join(f'"{number:x}":0' for number in range(1_500_000))
    with pytest.raises(DocumentError, match="more than 192 MiB of memory"):
        read_object("{" + members + "}")


def test_ten_thousand_workspaces_are_not_too_many():
    assert len(read_object(workspaces(10_000))["items"]) == 10_000


@pytest.mark.parametrize(
    ("value", "shown", "id_"),
    [
        ("google/gemma-3-4b-it", "google/gemma-3-4b-it", "google/gemma-3-4b-it"),
        ("Größe 世界", "Größe 世界", "Größe 世界"),
        ("a\x1b]0;pwned\x07", "a\ufffd]0;pwned\ufffd", ""),
        ("a\x9b\u202eb", "a\ufffd\ufffdb", ""),
        ("a\nb", "a b", ""),
        ("x" * 1_000_000, "x" * 252 + "…", ""),
        (7, "", ""),
        (None, "", ""),
    ],
)
def test_texts_for_a_cell_and_ids(value, shown, id_):
    assert (line({"x": value}, "x"), identifier({"x": value}, "x")) == (shown, id_)
