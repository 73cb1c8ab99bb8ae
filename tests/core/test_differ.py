"""What is told by identity to have moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.alarm import AlarmState
from firmware_py.core.differ import moved, unlike_fields

THINGS = [object() for _ in range(4)]
MAPPINGS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(THINGS))


@given(before=MAPPINGS, now=MAPPINGS)
def test_it_names_what_has_another_object_or_is_new(before: dict[str, object], now: dict[str, object]) -> None:
    assert moved(before, now) == [name for name in now if name not in before or before[name] is not now[name]]


def test_the_same_names_in_another_order_are_compared_by_name() -> None:
    one, other = THINGS[:2]
    assert moved({"a": one, "b": other}, {"b": other, "a": one}) == []
    assert moved({"a": one, "b": other}, {"b": one, "a": one}) == ["b"]
    assert moved({}, {"a": one}) == ["a"]


@given(st.sets(st.sampled_from(("active", "acked", "shelved_ms", "activations"))), st.from_type(AlarmState))
def test_of_fields_those_are_named_that_are_another_object(names: set[str], one: AlarmState) -> None:
    other = AlarmState(active=not one.active, acked=one.acked, activations=one.activations + 1)
    asked = tuple(sorted(names))
    unlike = [(name, getattr(one, name), getattr(other, name)) for name in asked]
    assert [*unlike_fields(one, other, asked)] == [part for part in unlike if part[1] is not part[2]]
    assert [*unlike_fields(one, one, asked)] == []
