"""Readings that were worked out and share times: they read as the mapping of all, and tell what may have moved."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import example, given
from hypothesis import strategies as st

from firmware_py.core.image import (
    NOTHING_READ,
    Course,
    InputImage,
    Readings,
    Shared,
    changes,
    reads_otherwise,
    same_points,
    touched,
    unlike,
    unlike_at,
)
from firmware_py.core.reading import Quality, Reading, Reason, Sample, Source, good

OWNERS = {"a": "one", "b": "one", "c": "two"}
REST = ("d", "e")
VALUES = st.integers(0, 2)


def reading(value: int, at_ms: int = 0) -> Reading:
    return Reading(value=value, quality=Quality.GOOD, at_ms=at_ms)


class Floor:
    """One that is worked out again and again: a share that says the same is the very same."""

    def __init__(self) -> None:
        self.content: dict[str, Mapping[str, Reading]] = {"one": {}, "two": {}}

    def look(self, values: Mapping[str, int], times: Mapping[str, int]) -> Shared:
        for owner, known in self.content.items():
            now = {point: reading(values[point]) for point, own in OWNERS.items() if own == owner}
            if any(reads_otherwise(known.get(point, NOTHING_READ), one) for point, one in now.items()):
                self.content[owner] = now
        return Shared(
            OWNERS, dict(self.content), times, {point: reading(values[point], times[point]) for point in REST}
        )


def picture(derived: Mapping[str, Reading], course: Course) -> InputImage:
    known = dict.fromkeys((*OWNERS, *REST), NOTHING_READ) | {"read": reading(1, 5)}
    return InputImage(now_ms=9, readings=Readings(known, {}, {}, course, 0)).joined(derived)


LOOKS = st.tuples(
    st.fixed_dictionaries(dict.fromkeys((*OWNERS, *REST), VALUES)),
    st.fixed_dictionaries(dict.fromkeys(("one", "two", *REST), VALUES)),
)


@given(looks=st.lists(LOOKS, min_size=1, max_size=5))
def test_it_reads_as_all_its_readings_and_names_whatever_reads_otherwise(
    looks: list[tuple[dict[str, int], dict[str, int]]],
) -> None:
    floor, course, before = Floor(), Course(), None
    for values, times in looks:
        now = floor.look(values, times)
        whole = {point: reading(values[point], times[OWNERS.get(point, point)]) for point in (*OWNERS, *REST)}
        assert now == whole and len(now) == len(whole) and set(now) == set(whole)
        assert all(now[point] == now[point] and point in now for point in whole) and "x" not in now
        image = picture(now, course)
        assert {point: image[point] for point in whole} == whole and image["read"].at_ms == 5
        for point in whole:
            assert image.at_ms(point) == whole[point].at_ms
            assert not reads_otherwise(image.content(point), whole[point])
        if before is not None:
            moved = {point for point in whole if reads_otherwise(before[point], image[point])}
            assert moved <= set(touched(before.readings, image.readings))
            assert moved == set(unlike(before.readings, image.readings))
            for among in (set(whole), {"a", "d"}, {"e"}):
                found = unlike_at(before.readings, image.readings, among)
                assert found in moved & among if moved & among else found is None
            told = dict(zip(*changes(before.readings, image.readings), strict=True))
            assert moved <= told.keys()
            assert not any(reads_otherwise(image[point], one) for point, one in told.items())
        before = image


def test_what_has_other_owners_is_touched_as_a_whole() -> None:
    course, values = Course(), dict.fromkeys((*OWNERS, *REST), 1)
    shared = Floor().look(values, dict.fromkeys(("one", "two", *REST), 1))
    plain = picture(dict(shared), course)
    assert set(touched(plain.readings, picture(shared, course).readings)) == {*OWNERS, *REST}
    assert set(touched(picture(shared, course).readings, plain.readings)) == {*OWNERS, *REST}
    assert shared.content("x") is None


def test_a_point_that_nobody_knows_was_not_read() -> None:
    image = picture({}, Course())
    assert image.content("nobody") is NOTHING_READ and image.at_ms("nobody") == 0
    plain = InputImage(now_ms=1, readings={"a": reading(1, 4)})
    assert plain.content("nobody") is NOTHING_READ
    assert (plain.content("a").value, plain.at_ms("a"), plain.at_ms("nobody")) == (1, 4, 0)


def test_pictures_with_the_same_owners_and_rest_are_of_the_same_points() -> None:
    course, floor, values = Course(), Floor(), dict.fromkeys((*OWNERS, *REST), 1)
    times = dict.fromkeys(("one", "two", *REST), 1)
    one, other = floor.look(values, times), floor.look(values | {"a": 2}, times)
    assert same_points(picture(one, course).readings, picture(other, course).readings)
    fewer = Shared(OWNERS, one.shares, one.times, {"d": reading(1)})
    assert same_points(picture(one, course).readings, picture(fewer, course).readings), "the plan has them all"
    stranger = Shared(OWNERS, one.shares, one.times, {"x": reading(1)})
    assert not same_points(picture(one, course).readings, picture(stranger, course).readings)


def test_what_is_not_among_those_worked_out_is_looked_for_among_those_read() -> None:
    image = picture({"d": reading(2, 7)}, Course())
    assert image.content("read") == reading(1, 5) and image.content("d") == reading(2, 7)


def test_a_source_says_what_has_changed_until_something_else_was_read() -> None:
    source, samples = Source(), {"a": good(1), "b": good(2, "raw 2")}
    assert samples["b"] == Sample(value=2, detail="raw 2")
    assert source.answer(samples, {}).changed is None, "the first is taken in as a whole"
    second = source.answer(samples, {"a": samples["a"]})
    assert second.changed == {"a": samples["a"]} and second.number == 2 and dict(second) == samples
    source.break_off()
    assert source.answer(samples, {}).changed is None


def test_news_are_numbered_with_the_answers_and_tell_what_changed_only_when_something_came_before() -> None:
    source, held = Source(), {"a": good(1)}
    first = source.news(held, {})
    said = [(first.number, first.changed)]
    second = source.answer(held, held)
    said.append((second.number, second.changed))
    source.break_off()
    for _ in range(2):
        news = source.news(held, held)
        said.append((news.number, news.changed))
    assert said == [(1, None), (2, held), (3, None), (4, held)]
    assert news is first, "it tells its last answer only"
    assert first.whole is held and first.source is source


@given(
    turns=st.lists(st.lists(st.tuples(st.sampled_from("abcd"), VALUES), max_size=4), min_size=1, max_size=6),
    worked=st.lists(st.dictionaries(st.sampled_from("dxy"), VALUES, max_size=3), min_size=6, max_size=6),
)
@example(turns=[[("d", 1)], [("d", 2), ("a", 1)]], worked=[{"d": 1}, {"d": 0}, {}, {}, {}, {}])
def test_changes_name_whatever_reads_otherwise_with_what_it_is_now(
    turns: list[list[tuple[str, int]]], worked: list[dict[str, int]]
) -> None:
    """Also where a point is both read and worked out, and where the course is another one."""
    course, content = Course(), dict.fromkeys("abcd", NOTHING_READ)
    before = None
    for turn, values in zip(turns, worked, strict=False):
        for name, value in turn:
            content = content | {name: reading(value)}
            course.names.append(name)
        now = Readings(content, {}, {}, course, len(course.names), {name: reading(one) for name, one in values.items()})
        for other in (before, None if before is None else dict(before)):
            if other is None or not same_points(other, now):
                continue
            told = dict(zip(*changes(other, now), strict=True))
            moved = {name for name in now if reads_otherwise(other[name], now[name])}
            assert moved <= told.keys()
            found = unlike_at(other, now, set(now))
            assert found in moved if moved else found is None
            assert not any(reads_otherwise(now[name], one) for name, one in told.items())
        before = now


def test_what_is_worked_out_anew_and_says_the_same_is_no_change() -> None:
    course, values = Course(), dict.fromkeys((*OWNERS, *REST), 1)
    base = Floor().look(values, dict.fromkeys(("one", "two", *REST), 1))

    def told(before: Mapping[str, Reading], now: Mapping[str, Reading]) -> set[str]:
        def whole(rest: Mapping[str, Reading]) -> InputImage:
            return picture(Shared(OWNERS, base.shares, base.times, rest), course)

        return set(changes(whole(before).readings, whole(now).readings)[0])

    one = reading(1)
    assert told({"d": one}, {"d": one}) == set()
    assert told({"d": one}, {"d": reading(1, 9)}) == set(), "it is only newer"
    assert told({"d": one}, {"d": reading(2)}) == {"d"}
    lost = Reading(value=None, quality=Quality.BAD, at_ms=1, because=Reason.DOUBTFUL)
    assert told({"d": lost}, {"d": lost.renewed(7)}) == set()
    assert told({"d": one}, {"d": lost}) == {"d"}
    for value, other in ((1, True), (1, 1.0), (1.0, 1.0), (0.0, -0.0)):
        was, now = (Reading(value=each, quality=Quality.GOOD, at_ms=1) for each in (value, other))
        found = told({"d": was}, {"d": now})
        assert found == {"d"} or value is other, "who only looks equal is looked at"
    assert told({"d": one, "e": one}, {"d": one}) == {"e"} and told({"d": one}, {"d": one, "e": one}) == {"e"}
    plain, shared = picture({"d": one}, course).readings, picture(base, course).readings
    assert set(changes(plain, shared)[0]) == {*OWNERS, *REST}


def test_a_reading_of_a_group_is_as_new_as_the_group() -> None:
    known = Readings({"a": reading(1, 4), "b": reading(2, 4)}, {"a": 1}, {1: 9}, Course(), 0)
    assert (known["a"].at_ms, known["b"].at_ms) == (9, 4)
    assert known["a"] is known["a"]
