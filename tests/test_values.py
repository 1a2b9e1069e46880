"""Frozen values: they behave like typing.NamedTuple's, at the same speed."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
import timeit
import typing

import pytest

from kaito.values import NamedTuple


class Point(NamedTuple):
    """A point."""

    x: int
    y: int = 2
    name: str = ""

    @property
    def sum(self):
        return self.x + self.y


class Reference(typing.NamedTuple):
    """A point."""

    x: int
    y: int = 2
    name: str = ""


class Many(NamedTuple):
    """More fields than there are compiled constructors."""

    a: int = 0
    b: int = 1
    c: int = 2
    d: int = 3
    e: int = 4
    f: int = 5
    g: int = 6
    h: int = 7
    i: int = 8
    j: int = 9
    k: int = 10
    m: int = 11


class Nothing(NamedTuple):
    """No fields."""


def test_fields_by_position_by_name_and_by_default():
    assert Point(1) == Point(x=1, y=2, name="") == (1, 2, "")
    assert (Point(1, name="a").name, Point(1).x, Point(3, 4).sum) == ("a", 1, 7)
    assert Many(a=5)[:3] == (5, 1, 2) and Many().m == 11 and len(Many()) == 12
    assert Nothing() == ()


@pytest.mark.parametrize("arguments", [((), {}), ((1, 2, "", 4), {}), ((1,), {"x": 2}), ((1,), {"z": 2})])
def test_wrong_arguments_are_refused(arguments):
    places, names = arguments
    for kind in (Point, Reference):
        with pytest.raises(TypeError):
            kind(*places, **names)


@pytest.mark.parametrize("arguments", [(range(13), {}), ((1,), {"a": 2}), ((), {"z": 2})])
def test_wrong_arguments_for_many_fields_are_refused(arguments):
    places, names = arguments
    with pytest.raises(TypeError, match="Many takes each of these fields once: a, b, c"):
        Many(*places, **names)


def test_a_value_is_frozen():
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2
    with pytest.raises(AttributeError):
        point.other = 2
    assert not hasattr(point, "__dict__")


def test_what_a_class_offers():
    assert Point._fields == Point.__match_args__ == ("x", "y", "name")
    assert Point._field_defaults == {"y": 2, "name": ""}
    assert Point._make([1, 2, "a"]) == Point(1, 2, "a")
    with pytest.raises(TypeError):
        Point._make([1])
    assert Point(1)._replace(y=5) == Point(1, 5) and type(Point(1)._replace(y=5)) is Point
    with pytest.raises(TypeError):
        Point(1)._replace(z=5)
    assert Point(1)._asdict() == {"x": 1, "y": 2, "name": ""}
    assert repr(Point(1, name="a")) == "Point(x=1, y=2, name='a')"
    assert str(inspect.signature(Point)) == "(x, y=2, name='')"
    assert Point.__doc__ == "A point." and Point.__name__ == "Point"


def test_a_subclass_has_the_fields_of_its_base():
    for base in (Point, Reference):

        class Named(base):
            """A point with a title."""

            scale = 10

            @property
            def title(self):
                return f"{self.name} at {self.x * self.scale}"

        assert Named(1, name="a") == Named(x=1, y=2, name="a") == (1, 2, "a")
        assert Named._fields == base._fields and Named._field_defaults == base._field_defaults
        assert Named(1, name="a")._replace(x=2).title == "a at 20" and type(Named(1)._replace(x=2)) is Named
        assert repr(Named(1)) == "Named(x=1, y=2, name='')"


def test_copies_and_pickles():
    for twin in (copy.copy(Point(1)), copy.deepcopy(Point(1)), pickle.loads(pickle.dumps(Point(1)))):
        assert twin == Point(1) and type(twin) is Point


def test_a_field_without_a_default_after_one_with_a_default_is_refused():
    with pytest.raises(TypeError, match="follows one with a default"):

        class Wrong(NamedTuple):
            x: int = 0
            y: int


def test_a_class_may_have_methods_of_its_own():
    class Quiet(NamedTuple):
        secret: str

        def __repr__(self):
            return "Quiet()"

    assert repr(Quiet("x")) == "Quiet()"


@pytest.mark.skipif("coverage" in sys.modules, reason="coverage slows one of the two")
@pytest.mark.parametrize("statement", ["kind(1, 2, 'a')", "kind(1)", "value.x", "value.name", "a, b, c = value"])
def test_values_take_no_more_time_than_those_of_typing(statement):
    def seconds(kind):
        return min(timeit.repeat(statement, number=20_000, repeat=7, globals={"kind": kind, "value": kind(1)}))

    # The best of many runs, with room for other work of the machine.
    assert min(seconds(Point) / seconds(Reference) for _ in range(3)) < 1.3
