"""`dataclass` as the standard library has it, without what that costs at the start: 1.3 ms for each of 300 classes.

The standard one writes and compiles five methods for each class. Here they are written when they have been used a few
times, which in a start happens to few (record 0102). It must not change what a dataclass is:
`tests/config/test_valued.py` compares.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import dataclass as dataclass
    from dataclasses import replace as replace

    def write_used() -> Iterator[object]:
        """Write each method that was used and is not written yet, one a step; from now on all at their first use."""
else:
    import dataclasses
    import sys
    from itertools import repeat as ever
    from operator import attrgetter, call
    from reprlib import recursive_repr

    def dataclass(cls=None, /, *, eq=True, frozen=False, repr=True, slots=False, **options):
        """As `dataclasses.dataclass`."""

        if options.get("order"):
            return dataclasses.dataclass(cls, eq=eq, frozen=frozen, repr=repr, slots=slots, **options)

        def value(cls):
            own = set(cls.__dict__)
            cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard one works the signature out
            made = dataclasses.dataclass(cls, init=False, eq=False, repr=False, slots=slots, **options)
            every = dataclasses.fields(made)
            how = {"frozen": frozen, "slots": slots}
            methods = {"__init__": _Late(made, "__init__", _init, how, _plain_init)}
            if repr:
                methods["__repr__"] = _repr([one.name for one in every if one.repr])
            if eq:
                compared = [one.name for one in every if one.compare]
                methods["__eq__"] = _Late(made, "__eq__", _eq, compared, _plain_eq)
                hashed = [one.name for one in every if (one.compare if one.hash is None else one.hash)]
                methods["__hash__"] = _Late(made, "__hash__", _hash, hashed) if frozen else None
            if frozen:
                methods |= {"__setattr__": _setattr, "__delattr__": _delattr}
                if slots:
                    names = [one.name for one in every]
                    methods |= {"__getstate__": _getstate(names), "__setstate__": _setstate(made, names)}
            for name, method in methods.items():
                if name not in own or (name == "__hash__" and cls.__dict__["__hash__"] is None and frozen):
                    setattr(made, name, method)
            return made

        return value if cls is None else value(cls)

    def replace(instance, /, **changes):
        """As `dataclasses.replace`, which goes through `__init__` and asks each field what it is."""
        cls = instance.__class__
        parts = _PARTS.get(cls)
        if parts is None:
            parts = _PARTS[cls] = _parts(cls)
        values, puts, by_name = parts
        if puts is None:
            return dataclasses.replace(instance, **changes)
        fresh = object.__new__(cls)
        any(map(call, puts, ever(fresh), values(instance)))  # sets all of them: `put` gives None
        try:
            for name, value in changes.items():
                by_name[name](fresh, value)
        except KeyError as error:
            raise TypeError(f"{cls.__name__} has no field {error}") from None
        return fresh

    _PARTS = {}

    def _parts(cls):
        """How to read and how to set all fields; no way to set them where a copy needs more than that."""
        every = dataclasses.fields(cls)
        puts = {one.name: getattr(getattr(cls, one.name, None), "__set__", None) for one in every}
        if len(every) < 2 or hasattr(cls, "__post_init__") or not all(one.init and puts[one.name] for one in every):
            return None, None, None
        return attrgetter(*puts), tuple(puts.values()), puts

    class _Late:
        """Stands in the class until the method has been used a few times: until then `plain` does the same, slowly."""

        __slots__ = ("_cls", "_how", "_make", "_name", "_plain", "_rest", "_uses")

        def __init__(self, cls, name, make, how, plain=None):
            self._cls, self._name, self._make, self._how, self._plain = cls, name, make, how, plain
            self._uses, self._rest = 0, None

        def __get__(self, instance, owner=None):
            if instance is None or self._plain is None or self._uses >= _settled[0]:
                return self.write().__get__(instance, owner)
            if not self._uses:
                self._rest = self._plain(self._cls, self._how, self)
                _used.append(self)
            self._uses += 1
            return self._rest.__get__(instance, owner)

        def write(self):
            """The method itself, from now on in the class."""
            real = self._make(self._cls, self._how)
            real.__qualname__ = f"{self._cls.__qualname__}.{self._name}"
            if self._cls.__dict__.get(self._name) is self:
                setattr(self._cls, self._name, real)
            return real

    _USES = 8  # what is used no more often in a start costs less as it is than being written
    _settled, _used = [_USES], []

    def write_used():
        """As said above."""
        _settled[0] = 0
        while _used:
            late = _used.pop()
            if late._cls.__dict__.get(late._name) is late:
                yield late.write()

    def _plain_init(cls, how, late):
        """As `_init` writes it, from its fields; whatever does not fit is said by the written one."""
        every = dataclasses.fields(cls)
        put = object.__setattr__ if how["frozen"] else setattr
        check = getattr(cls, "__post_init__", None)
        none, plain, set_too, names = dataclasses.MISSING, [], [], set()
        for one in every:
            if one.init:
                names.add(one.name)
                plain.append((one.name, one.default, one.default_factory))
            elif one.default_factory is not none or (one.default is not none and how["slots"]):
                set_too.append((one.name, one.default, one.default_factory))
        places = [one.name for one in every if one.init and not one.kw_only]

        def init(self, *values, **given):
            if values:
                if len(values) > len(places) or not given.keys().isdisjoint(places[: len(values)]):
                    return late.write()(self, *values, **given)
                given.update(zip(places, values, strict=False))
            if not given.keys() <= names:
                return late.write()(self, *values, **given)
            for name, default, make in plain:
                if name in given:
                    put(self, name, given[name])
                elif make is not none:
                    put(self, name, make())
                elif default is not none:
                    put(self, name, default)
                else:
                    return late.write()(self, *values, **given)
            for name, default, make in set_too:
                put(self, name, default if make is none else make())
            if check is not None:
                self.__post_init__()

        return init

    def _plain_eq(cls, names, late):
        values = attrgetter(*names) if len(names) > 1 else lambda one: tuple(getattr(one, name) for name in names)

        def same(self, other):
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

        return same

    class _Factory:
        def __repr__(self):
            return "<factory>"  # as the standard one says it in a signature

    _FACTORY = _Factory()

    def _init(cls, how):
        every = dataclasses.fields(cls)
        around = {"_set": object.__setattr__, "_FACTORY": _FACTORY}
        body = [line for one in every if (line := _line(one, around, how))]
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        given = [one for one in every if one.init]
        plain, named = ([_parameter(one) for one in given if one.kw_only is only] for only in (False, True))
        words = ", ".join(["self", *plain, *(["*", *named] if named else [])])
        init = _compile(cls, f"__init__({words})", body or ["pass"], around)
        init.__annotations__ = {**{one.name: one.type for one in given}, "return": None}
        return init

    def _compile(cls, head, body, around):
        lines = [f"def make({', '.join(around)}):", f" def {head}:", *(f"  {line}" for line in body)]
        made = {}
        source = "\n".join([*lines, f" return {head.partition('(')[0]}"])
        exec(source, sys.modules[cls.__module__].__dict__, made)  # noqa: S102 - field names only, as the standard one does
        return made["make"](**around)

    def _parameter(one):
        if one.default_factory is not dataclasses.MISSING:
            return f"{one.name}=_FACTORY"
        return one.name if one.default is dataclasses.MISSING else f"{one.name}=_d_{one.name}"

    def _line(one, around, how):
        """What one field's value is, and where it goes; "" where it has none yet."""
        name, value = one.name, one.name
        if one.default_factory is not dataclasses.MISSING:
            around[f"_f_{name}"] = one.default_factory
            value = f"_f_{name}() if {name} is _FACTORY else {name}" if one.init else f"_f_{name}()"
        elif one.default is not dataclasses.MISSING:
            around[f"_d_{name}"] = one.default
            value = name if one.init else f"_d_{name}" if how["slots"] else ""
        elif not one.init:
            value = ""
        if not value:
            return ""
        return f"_set(self, {name!r}, {value})" if how["frozen"] else f"self.{name} = {value}"

    def _getstate(names):
        return lambda self: tuple(getattr(self, name) for name in names)

    def _values(of, names):
        return f"({''.join(f'{of}.{name}, ' for name in names)})"

    def _eq(cls, names):
        same = f"return {_values('self', names)} == {_values('other', names)}"
        return _compile(cls, "__eq__(self, other)", [f"if other.__class__ is self.__class__: {same}", _NOT], {})

    _NOT = "return NotImplemented"

    def _hash(cls, names):
        return _compile(cls, "__hash__(self)", [f"return hash({_values('self', names)})"], {})

    def _repr(names):
        @recursive_repr()
        def __repr__(self):  # noqa: N807 - it is one
            return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

        return __repr__

    def _setattr(self, name, value):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def _delattr(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def _setstate(cls, names):
        puts = tuple(getattr(cls, name).__set__ for name in names)

        def __setstate__(self, state):  # noqa: N807 - it is one
            for put, value in zip(puts, state, strict=True):
                put(self, value)

        return __setstate__
