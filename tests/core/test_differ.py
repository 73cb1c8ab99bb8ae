"""What is told by identity to have moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.differ import moved

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
