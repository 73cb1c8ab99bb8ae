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
    from types import MemberDescriptorType
    from typing import ClassVar

    @dataclasses.dataclass(init=False, eq=False, repr=False)
    class _Standard:
        """Of which is taken what is the same in all of them, on this Python."""

        one: int

    _PLAIN_FIELD = dataclasses.fields(_Standard)[0]._field_type
    _COMMON = {
        name: _Standard.__dict__[name] for name in ("__dataclass_params__", "__replace__") if name in vars(_Standard)
    }

    def dataclass(cls=None, /, *, eq=True, frozen=False, repr=True, slots=False, **options):
        """As `dataclasses.dataclass`."""

        if options.get("order"):
            return dataclasses.dataclass(cls, eq=eq, frozen=frozen, repr=repr, slots=slots, **options)

        def value(cls):
            fields = _fields(cls, options.get("kw_only", False)) if options.keys() <= {"kw_only"} else None
            if fields is None or type(cls) is not type or (slots and "__slots__" in cls.__dict__):
                return dataclasses.dataclass(cls, eq=eq, frozen=frozen, repr=repr, slots=slots, **options)
            every, own = tuple(fields.values()), cls.__dict__
            put = _methods(every, eq=eq, frozen=frozen, repr=repr, slots=slots)
            mine = [name for name in put if name in own and not (name == "__hash__" and own[name] is None and frozen)]
            for name in mine:
                del put[name]
            put |= {"__dataclass_fields__": fields, "__doc__": cls.__doc__ or cls.__name__}
            put["__match_args__"] = tuple([one.name for one in every if one.init and not one.kw_only])
            if slots:
                return _slotted(cls, fields, {**_COMMON, **put})
            for one in every:
                if isinstance(own.get(one.name), dataclasses.Field):
                    delattr(cls, one.name) if one.default is dataclasses.MISSING else setattr(
                        cls, one.name, one.default
                    )
            for name, part in {**_COMMON, **put}.items():
                setattr(cls, name, part)
                if type(part) is _Late:
                    part.__set_name__(cls, name)
            return cls

        return value if cls is None else value(cls)

    def _fields(cls, kw_only):
        """By name, those of the bases first, as the standard one has them; None where one is of an odd kind."""
        fields, none = {}, dataclasses.MISSING
        for base in cls.__mro__[-1:0:-1]:
            fields.update(base.__dict__.get("__dataclass_fields__", ()))
        for name, kind in cls.__dict__.get("__annotations__", {}).items():  # noqa: RUF063 - that would load `inspect`
            if _is_odd(kind):
                return None
            default = getattr(cls, name, none)
            if isinstance(default, dataclasses.Field):
                one = default
            elif isinstance(default, MemberDescriptorType):  # the slot of a base
                one = dataclasses.field()
            else:
                one = dataclasses.field(default=default)
            if one.default is not none and one.default.__class__.__hash__ is None:
                raise ValueError(
                    f"mutable default {type(default)} for field {name} is not allowed: use default_factory"
                )
            one.name, one.type, one._field_type = name, kind, _PLAIN_FIELD
            if one.kw_only is none:
                one.kw_only = kw_only
            fields[name] = one
        return fields

    def _is_odd(kind):
        if type(kind) is str:
            return "ClassVar" in kind or "InitVar" in kind or "KW_ONLY" in kind
        if type(kind) is type:
            return kind is dataclasses.KW_ONLY or kind is dataclasses.InitVar
        return isinstance(kind, dataclasses.InitVar) or ClassVar in (kind, getattr(kind, "__origin__", None))

    def _methods(every, *, eq, frozen, repr, slots):
        how = {"frozen": frozen, "slots": slots}
        methods = {"__init__": _Late("__init__", _init, how, _plain_init)}
        if repr:
            methods["__repr__"] = _Late("__repr__", _repr, [one.name for one in every if one.repr])
        if eq:
            methods["__eq__"] = _Late("__eq__", _eq, [one.name for one in every if one.compare], _plain_eq)
            hashed = [one.name for one in every if (one.compare if one.hash is None else one.hash)]
            methods["__hash__"] = _Late("__hash__", _hash, hashed) if frozen else None
        if frozen:
            methods |= {"__setattr__": _setattr, "__delattr__": _delattr}
            if slots:
                names = [one.name for one in every]
                methods["__getstate__"] = _Late("__getstate__", _getstate, names)
                methods["__setstate__"] = _Late("__setstate__", _setstate, names)
        return methods

    def _slotted(cls, fields, put):
        """The class once more, since slots are to be had at its making only."""
        space, above = dict(cls.__dict__), set()
        for base in cls.__mro__[1:-1]:
            slots = base.__dict__.get("__slots__", ())
            above.update((slots,) if isinstance(slots, str) else slots)
        for name in (*fields, "__dict__", "__weakref__"):
            space.pop(name, None)
        space |= put
        space["__slots__"] = tuple([name for name in fields if name not in above])
        space["__qualname__"] = cls.__qualname__
        return type(cls.__name__, cls.__bases__, space)

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

        def __init__(self, name, make, how, plain=None):
            self._cls, self._name, self._make, self._how, self._plain = None, name, make, how, plain
            self._uses, self._rest = 0, None

        def __set_name__(self, cls, name):
            self._cls = cls

        def __get__(self, instance, owner=None):
            if self._plain is None or self._uses >= _settled[0] or not isinstance(instance, self._cls):
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

    def _getstate(cls, names):
        return lambda self: tuple(getattr(self, name) for name in names)

    def _values(of, names):
        return f"({''.join(f'{of}.{name}, ' for name in names)})"

    def _eq(cls, names):
        same = f"return {_values('self', names)} == {_values('other', names)}"
        return _compile(cls, "__eq__(self, other)", [f"if other.__class__ is self.__class__: {same}", _NOT], {})

    _NOT = "return NotImplemented"

    def _hash(cls, names):
        return _compile(cls, "__hash__(self)", [f"return hash({_values('self', names)})"], {})

    def _repr(cls, names):
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
