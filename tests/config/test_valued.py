"""Our `dataclass` beside the standard library's: the same values, the same refusals, the same words."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

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


PAIRS = [(classes(ours, **how), classes(dataclasses.dataclass, **how)) for how in ({"frozen": True}, {}, {"eq": False})]


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except (TypeError, AssertionError, dataclasses.FrozenInstanceError) as error:
        return type(error), str(error)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_a_value_does_what_the_standard_one_does(mine: Any, theirs: Any) -> None:
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
        lambda point, place: point.__hash__ is not None and hash(place(x=1)) == hash(place(x=1, seen={"b": 1})),
        lambda point, place: repr(dataclasses.replace(place(x=1), x=3)),
        lambda point, place: dataclasses.asdict(place(x=1)),
        lambda point, place: [(f.name, f.kw_only, f.compare) for f in dataclasses.fields(place)],
        lambda point, place: (point.__match_args__, place.__slots__, point.__doc__ is None, point.__name__),
        lambda point, place: repr(copy.deepcopy(place(x=1, seen={"a": 2}))),
        lambda point, place: hasattr(place(x=1), "__dict__"),
        lambda point, place: str(inspect.signature(place)),
        lambda point, place: typing.get_type_hints(place.__init__),
    ):
        assert outcome(lambda way=way: way(*mine)) == outcome(lambda way=way: way(*theirs))


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
