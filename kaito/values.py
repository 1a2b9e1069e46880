"""`NamedTuple` for frozen values, without the cost of importing typing and of compiling a constructor for each class.

mypy sees `typing.NamedTuple`. The interpreter gets a class that behaves in the same way: fields from annotations,
defaults, `_replace`, `_asdict`, `_fields`. Importing typing takes 6 to 10 ms, and typing.NamedTuple compiles source
text for each class, which takes 0.2 ms; here a constructor is a copy of one that is compiled already. Creating a value
takes the same time with both.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""mypy treats every variable of this name as true, like typing.TYPE_CHECKING."""

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
    from typing import Protocol as Protocol
else:
    # A protocol tells a type checker what a class must offer; nothing asks for one at run time.
    Protocol = object

    try:
        from _collections import _tuplegetter as _field
    except ImportError:  # not CPython

        def _field(index, doc):
            return property(lambda self: tuple.__getitem__(self, index), doc=doc)

    _new = tuple.__new__

    # Constructors by their number of fields; `_constructor` gives the parameters their names.
    _CONSTRUCTORS = (
        lambda cls: _new(cls, ()),
        lambda cls, a: _new(cls, (a,)),
        lambda cls, a, b: _new(cls, (a, b)),
        lambda cls, a, b, c: _new(cls, (a, b, c)),
        lambda cls, a, b, c, d: _new(cls, (a, b, c, d)),
        lambda cls, a, b, c, d, e: _new(cls, (a, b, c, d, e)),
        lambda cls, a, b, c, d, e, f: _new(cls, (a, b, c, d, e, f)),
        lambda cls, a, b, c, d, e, f, g: _new(cls, (a, b, c, d, e, f, g)),
        lambda cls, a, b, c, d, e, f, g, h: _new(cls, (a, b, c, d, e, f, g, h)),
        lambda cls, a, b, c, d, e, f, g, h, i: _new(cls, (a, b, c, d, e, f, g, h, i)),
    )

    def _constructor(name, fields, defaults):
        """Return `__new__` for a class with these fields; `defaults` belong to the last of them."""
        count = len(fields)
        if count < len(_CONSTRUCTORS):
            function = _CONSTRUCTORS[count]
            code = function.__code__.replace(co_varnames=("_cls", *fields), co_name="__new__")
            made = type(function)(code, globals(), "__new__")
            made.__defaults__ = defaults
        else:
            made = _slow_constructor(name, fields, dict(zip(reversed(fields), reversed(defaults))))
        made.__qualname__ = f"{name}.__new__"
        return made

    def _slow_constructor(name, fields, defaults):
        """Return `__new__` for a class with more fields than _CONSTRUCTORS knows, of which a run makes few values."""

        def __new__(_cls, /, *values, **named):
            given = {**defaults, **dict(zip(fields, values)), **named}
            repeated = [field for field in fields[: len(values)] if field in named]
            if len(values) > len(fields) or repeated or given.keys() != set(fields):
                raise TypeError(f"{name} takes each of these fields once: {', '.join(fields)}")
            return _new(_cls, [given[field] for field in fields])

        return __new__

    class _FieldsOfAnnotations(type):
        """The metaclass that makes a tuple class from a class body with annotated fields."""

        def __new__(meta, name, bases, namespace):
            if getattr(bases[0], "_fields", ()):
                # A subclass of a value class has the fields and the constructor of that class.
                return super().__new__(meta, name, bases, namespace)
            namespace["__slots__"] = ()
            annotations = namespace.get("__annotations__")
            if annotations is None and "__annotate_func__" in namespace:  # Python 3.14 and later
                annotations = namespace["__annotate_func__"](1)
            fields = tuple(annotations or ())
            defaults = tuple(namespace[field] for field in fields if field in namespace)
            if any(field not in namespace for field in fields[len(fields) - len(defaults) :]):
                raise TypeError(f"{name}: a field without a default follows one with a default")
            for index, field in enumerate(fields):
                namespace[field] = _field(index, f"Field {index}.")
            namespace["_fields"] = namespace["__match_args__"] = fields
            namespace["_field_defaults"] = dict(zip(fields[len(fields) - len(defaults) :], defaults))
            if bases != (tuple,):
                namespace["__new__"] = _constructor(name, fields, defaults)
            return super().__new__(meta, name, bases, namespace)

    class NamedTuple(tuple, metaclass=_FieldsOfAnnotations):
        """The base of frozen values, as typing.NamedTuple."""

        def __repr__(self):
            fields = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
            return f"{type(self).__name__}({fields})"

        @classmethod
        def _make(cls, values):
            """Return a value from an iterable. Raises TypeError if the number of items is wrong."""
            made = _new(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"expected {len(cls._fields)} fields, got {len(made)}")
            return made

        def _replace(self, /, **changes):
            """Return a copy with some fields changed. Raises TypeError for a field that does not exist."""
            made = _new(type(self), [changes.pop(field, value) for field, value in zip(self._fields, self)])
            if changes:
                raise TypeError(f"{type(self).__name__} has no field {', '.join(changes)}")
            return made

        def _asdict(self):
            """Return the fields as a dict, in order."""
            return dict(zip(self._fields, self))

        def __getnewargs__(self):
            """Return the arguments with which copy and pickle call the constructor."""
            return tuple(self)
