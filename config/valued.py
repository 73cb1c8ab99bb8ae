"""`dataclass` as the standard library has it, without what that costs at the start: 1.3 ms for each of 300 classes.

The standard one writes and compiles five methods for each class. Here four are closures, and `__init__`, which must be
as fast as the standard one, is written as that writes it, but when the first value is made. It must not change what a
dataclass is: `tests/config/test_valued.py` compares the two.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    import sys
    from operator import attrgetter
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
            methods = {"__init__": _Init(made, frozen, slots)}
            if repr:
                methods["__repr__"] = _repr([one.name for one in every if one.repr])
            if eq:
                methods["__eq__"] = _eq(_getter([one.name for one in every if one.compare]))
                hashed = [one.name for one in every if (one.compare if one.hash is None else one.hash)]
                methods["__hash__"] = _hash(_getter(hashed)) if frozen else None
            if frozen:
                methods |= {"__setattr__": _setattr, "__delattr__": _delattr}
                if slots:
                    names = [one.name for one in every]
                    methods |= {"__getstate__": _getter(names, method=True), "__setstate__": _setstate(made, names)}
            for name, method in methods.items():
                if name not in own or (name == "__hash__" and cls.__dict__["__hash__"] is None and frozen):
                    setattr(made, name, method)
            return made

        return value if cls is None else value(cls)

    class _Init:
        """Stands in the class until somebody asks for `__init__`."""

        def __init__(self, cls, frozen, slots):
            self._cls, self._how = cls, {"frozen": frozen, "slots": slots}

        def __get__(self, instance, owner=None):
            real = _compile_init(self._cls, self._how)
            if self._cls.__dict__.get("__init__") is self:
                self._cls.__init__ = real
            return real.__get__(instance, owner)

    class _Factory:
        def __repr__(self):
            return "<factory>"  # as the standard one says it in a signature

    _FACTORY = _Factory()

    def _compile_init(cls, how):
        every = dataclasses.fields(cls)
        around = {"_set": object.__setattr__, "_FACTORY": _FACTORY}
        body = [line for one in every if (line := _line(one, around, how))]
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        given = [one for one in every if one.init]
        plain, named = ([_parameter(one) for one in given if one.kw_only is only] for only in (False, True))
        words = ", ".join(["self", *plain, *(["*", *named] if named else [])])
        lines = [
            f"def make({', '.join(around)}):",
            f" def __init__({words}):",
            *(f"  {line}" for line in body or ["pass"]),
        ]
        made = {}
        exec("\n".join([*lines, " return __init__"]), sys.modules[cls.__module__].__dict__, made)  # noqa: S102 - as theirs
        init = made["make"](**around)
        init.__annotations__ = {**{one.name: one.type for one in given}, "return": None}
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        return init

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

    def _getter(names, *, method=False):
        """Values as a tuple, also of one field and of none."""
        if len(names) > 1:
            many = attrgetter(*names)
            return (lambda self: many(self)) if method else many
        return lambda self: tuple(getattr(self, name) for name in names)

    def _eq(values):
        def __eq__(self, other):  # noqa: N807 - it is one
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

        return __eq__

    def _hash(values):
        return lambda self: hash(values(self))

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
