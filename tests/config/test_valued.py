"""Our `dataclass` beside the standard library's: the same values, the same refusals, the same words."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from config import valued
from config.valued import dataclass as ours
from config.valued import replace

Decorator = Callable[..., Any]


def classes(decorate: Decorator, **options: bool) -> tuple[Any, Any]:
    @decorate(slots=True, kw_only=True, **options)
    class Point:
        x: int
        tags: tuple[str, ...] = ()
        seen: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
        hidden: int = dataclasses.field(default=7, init=False, repr=False)

        def __post_init__(self) -> None:
            assert self.x >= 0, "below zero"

    @decorate(slots=True, kw_only=True, **options)
    class Place(Point):
        name: str = "here"

    return Point, Place


MODES: tuple[dict[str, bool], ...] = ({"frozen": True}, {}, {"eq": False})
SOME_USES = 12  # more than those after which a method is written
PAIRS = [(classes(ours, **how), classes(dataclasses.dataclass, **how)) for how in MODES]


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except (TypeError, AssertionError, dataclasses.FrozenInstanceError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("how", MODES)
def test_a_value_does_what_the_standard_one_does_at_each_of_its_uses(how: dict[str, bool]) -> None:
    theirs = classes(dataclasses.dataclass, **how)
    for way in (
        lambda point, place: repr(point(x=1)),
        lambda point, place: repr(place(x=1, tags=("a",), seen={"b": 2}, name="there")),
        lambda point, place: point(x=1) == point(x=1),
        lambda point, place: point(x=1, seen={"a": 1}) == point(x=1),
        lambda point, place: point(x=1) == point(x=2),
        lambda point, place: point(x=1) == place(x=1),
        lambda point, place: point(x=1) != 1,
        lambda point, place: point(x=-1),
        lambda point, place: point(),
        lambda point, place: point(1),
        lambda point, place: point(x=1, y=2),
        lambda point, place: point(x=1, hidden=2),
        lambda point, place: setattr(point(x=1), "x", 2),
        lambda point, place: delattr(point(x=1), "x"),
        lambda point, place: point.__hash__ is None,
        lambda point, place: (
            point.__hash__ in (None, object.__hash__) or hash(place(x=1)) == hash(place(x=1, seen={"b": 1}))
        ),
        lambda point, place: place(7, x=1),
        lambda point, place: point.__init__(point(x=1), x=-1),
        lambda point, place: repr(place(name="there", x=3, seen={1: 2})),
        lambda point, place: repr(dataclasses.replace(place(x=1), x=3)),
        lambda point, place: dataclasses.asdict(place(x=1)),
        lambda point, place: [(f.name, f.kw_only, f.compare) for f in dataclasses.fields(place)],
        lambda point, place: (point.__match_args__, place.__slots__, point.__doc__ is None, point.__name__),
        lambda point, place: repr(copy.deepcopy(place(x=1, seen={"a": 2}))),
        lambda point, place: hasattr(place(x=1), "__dict__"),
        lambda point, place: str(inspect.signature(place)),
        lambda point, place: typing.get_type_hints(place.__init__),
    ):
        mine, expected = classes(ours, **how), outcome(lambda way=way: way(*theirs))
        assert [outcome(lambda way=way, mine=mine: way(*mine)) for _ in range(SOME_USES)] == [expected] * SOME_USES


@ours
class Loose:
    """Neither frozen nor slotted, and by position."""

    one: int
    two: int = 2
    rest: list[int] = dataclasses.field(default_factory=list)
    made: int = dataclasses.field(default=5, init=False)


def test_places_and_names_may_be_mixed_as_far_as_they_do_not_meet() -> None:
    theirs = dataclasses.make_dataclass(
        "Loose",
        [("one", int), ("two", int, 2), ("rest", list, dataclasses.field(default_factory=list)),
         ("made", int, dataclasses.field(default=5, init=False))],
    )  # fmt: skip
    ways: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
        ((1,), {}), ((1, 3), {}), ((1,), {"two": 4}), ((1, 2, [3]), {}), ((1, 2), {"rest": [4]}), ((), {"one": 1}),
        ((), {}), ((1, 2, [], 4), {}), ((1,), {"one": 2}), ((1,), {"made": 2}), ((), {"two": 1}),
    )  # fmt: skip
    for values, given in ways:
        assert outcome(lambda v=values, g=given: vars(Loose(*v, **g))) == outcome(
            lambda v=values, g=given: vars(theirs(*v, **g))
        )
    assert Loose(1).rest is not Loose(1).rest
    assert Loose(1) == Loose(1) != Loose(1, 3)


def odd(decorate: Decorator) -> tuple[Any, ...]:
    @decorate(slots=True, kw_only=True, frozen=True)
    class Odd:
        most: typing.ClassVar[int] = 5
        start: dataclasses.InitVar[int]
        one: int = 0

        def __post_init__(self, start: int) -> None:
            object.__setattr__(self, "one", start + self.most)

    @decorate
    class Open:
        one: int = dataclasses.field(default=1, kw_only=True)
        many: list[int] = dataclasses.field(default_factory=list)

    @decorate(slots=True)
    class Narrow(Open):
        __doc__ = "said"
        one: int
        two: int = 2

    return Odd, Open, Narrow


def test_kinds_of_fields_that_are_rare_are_as_the_standard_one_has_them() -> None:
    mine, theirs = odd(ours), odd(dataclasses.dataclass)
    for way in (
        lambda some: repr(some[0](start=3)),
        lambda some: (some[0].__slots__, some[0].most, [one.name for one in dataclasses.fields(some[0])]),
        lambda some: vars(some[1](one=4)),
        lambda some: (some[1].one, hasattr(some[1], "many"), some[1].__match_args__),
        lambda some: repr(some[2]([], two=5)),
        lambda some: (some[2].__slots__, some[2].__match_args__, some[2].__doc__, some[2].__qualname__),
        lambda some: [(f.name, f.type, f.default, f.kw_only) for f in dataclasses.fields(some[2])],
        lambda some: repr(dataclasses.replace(some[2]([1], one=2), two=9)),
        lambda some: hash(some[1]()),
    ):
        assert outcome(lambda way=way: way(mine)) == outcome(lambda way=way: way(theirs))


def test_a_default_that_all_would_share_is_refused() -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @ours(slots=True)
        class Shared:
            many: list[int] = []  # noqa: RUF012 - that is the point


def test_what_was_used_a_little_is_written_one_by_one_when_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valued, "_settled", [valued._USES])
    point, _ = classes(ours, frozen=True)
    assert point(x=1) == point(x=1)
    late = (point.__dict__["__init__"], point.__dict__["__eq__"])
    assert not any(isinstance(one, FunctionType) for one in late)
    written = [one.__qualname__ for one in valued.write_used()]
    assert {one.__name__ for one in (point.__dict__["__init__"], point.__dict__["__eq__"])} == {"__init__", "__eq__"}
    assert sum("classes.<locals>.Point." in name for name in written) == 2
    assert list(valued.write_used()) == []
    point, _ = classes(ours, frozen=True)
    assert point(x=1).x == 1
    assert isinstance(point.__dict__["__init__"], FunctionType), "later ones at their first use"


@ours(frozen=True, slots=True, kw_only=True)
class Kept:
    """At the module's level, where pickle finds it."""

    one: int = 1
    two: str = "2"


@ours(frozen=True, slots=True)
class Nothing:
    """No field at all."""


@ours(frozen=True, slots=True)
class Sibling:
    """Methods of its own stay."""

    one: int

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment] - as the class says

    def __repr__(self) -> str:
        return "mine"


@ours(frozen=True, slots=True, kw_only=True)
class Checked:
    """Looks at itself when it is made."""

    low: int
    high: int

    def __post_init__(self) -> None:
        assert self.low <= self.high, "upside down"


def test_a_copy_with_changes_is_what_the_standard_one_makes() -> None:
    kept = Kept(one=5, two="x")
    assert replace(kept, one=6) == dataclasses.replace(kept, one=6)
    assert replace(kept) == kept
    assert replace(kept) is not kept
    assert kept == Kept(one=5, two="x")
    assert replace(Nothing()) == Nothing()
    assert replace(Checked(low=1, high=2), low=2) == Checked(low=2, high=2)
    for mine, theirs in PAIRS:
        assert repr(replace(mine[1](x=1, tags=("a",)), x=3)) == repr(
            dataclasses.replace(theirs[1](x=1, tags=("a",)), x=3)
        )


def test_a_copy_is_checked_as_a_new_value_is_and_has_no_other_fields() -> None:
    with pytest.raises(AssertionError, match="upside down"):
        replace(Checked(low=1, high=2), low=3)
    with pytest.raises(TypeError, match="three"):
        replace(Kept(), three=3)  # type: ignore[call-arg]  # that is the point


def test_values_are_pickled_and_copied_whole() -> None:
    assert pickle.loads(pickle.dumps(Kept(one=5))) == Kept(one=5)
    assert copy.copy(Kept(one=5)) == Kept(one=5)
    assert (Nothing(), hash(Nothing()), repr(Nothing())) == (Nothing(), hash(()), "Nothing()")


def test_methods_that_a_class_has_itself_stay() -> None:
    assert repr(Sibling(1)) == "mine"
    assert Sibling(1) == 5


def test_a_first_value_of_a_subclass_does_not_change_the_class_above() -> None:
    point, place = classes(ours, frozen=True)
    assert place(x=1, name="a").name == "a"
    assert outcome(lambda: point(x=1, name="a")) == (
        TypeError,
        "Point.__init__() got an unexpected keyword argument 'name'".replace("Point", point.__qualname__),
    )
    assert repr(point(x=2)).endswith("Point(x=2, tags=(), seen={})")
