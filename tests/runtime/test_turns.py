"""Readings that share the time of their source's answer, and everybody who asks only what has moved: never another
picture, message, recording or cause to wake than by the long way, on which each reading stands alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import redact as sieve
from firmware_py.core.image import InputImage, reads_otherwise, same_points, touched, unlike
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Answer, Quality, Reading, Reason, Sample, Source, bad
from firmware_py.core.state import State
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.recorded import replay
from firmware_py.runtime.recorder import Inputs, Recorder
from firmware_py.runtime.table import PointTable
from mqtt_bridge.ports import Snapshot
from mqtt_bridge.state_text import StateText
from tests.mqtt_bridge.floors import see
from tests.mqtt_bridge.test_state_text import agree
from tests.shell.virtual import VirtualClock, VirtualLoop

GROUPS = {"left": ("a.x", "a.y", "a.z", "both"), "right": ("b.x", "b.y", "both")}
LIVES_MS = {"a.x": 40, "a.y": 900, "a.z": 5_000, "b.x": 3_000, "b.y": 20_000, "both": 2_500, "own": 1_500}
POINTS = {
    name: Point(id=name, kind=Kind.INTEGER, stale_after_ms=life_ms, high=100, urgent=name in ("a.y", "both"))
    for name, life_ms in LIVES_MS.items()
}
WORKED_OUT = {"derived.n": Reading(value=1, quality=Quality.GOOD, at_ms=3)}
AGAIN = [Sample(value=value, detail=f"raw {value}") for value in (1, 7, 99, 101)]  # as a driver says the same once more
sample = st.one_of(
    st.sampled_from(AGAIN),
    st.integers(0, 120).map(lambda value: Sample(value=value, detail=f"raw {value}")),  # some beyond the point's range
    st.just(bad(Reason.SENTINEL, "not known")),
    st.just(Sample(value=7, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL)),
)
some = st.dictionaries(st.sampled_from(sorted(LIVES_MS)), sample, max_size=3)
turn = st.one_of(
    st.tuples(st.sampled_from(["left", "right", "left by news", "right by news"]), some),
    st.tuples(st.just("lost"), some),  # an answer that nobody took in
    st.tuples(st.just("own"), some),
    st.tuples(st.just("fail"), some),
    st.tuples(st.just("doubt"), some),
    st.tuples(st.just("plan"), some),
)
seconds = st.lists(st.tuples(st.integers(1, 4_000), st.lists(turn, max_size=4)), min_size=1, max_size=12)


Course: TypeAlias = list[tuple[int, list[tuple[str, dict[str, Sample]]]]]


class Floor:
    """Two tables that hear the same: one as sources answer, one as if each sample had come by itself."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.loop.close()  # it is only looked at for the time
        clock = VirtualClock(self.loop)
        self.woken = [0, 0]
        self.short = PointTable(POINTS, clock, lambda: self._wake(0), {"both": 3})
        self.long = PointTable(POINTS, clock, lambda: self._wake(1), {"both": 3})
        self.sources = {name: Source() for name in GROUPS}
        self.held = {name: {point: Sample(value=1) for point in points} for name, points in GROUPS.items()}

    def _wake(self, which: int) -> None:
        self.woken[which] += 1

    def answer(self, group: str, news: dict[str, Sample]) -> Answer:
        changed = {point: one for point, one in news.items() if point in GROUPS[group]}
        self.held[group] = self.held[group] | changed
        return self.sources[group].answer(self.held[group], changed)

    def happen_by_news(self, group: str, news: dict[str, Sample]) -> None:
        """As a turn without a task tells it."""
        changed = {point: one for point, one in news.items() if point in GROUPS[group]}
        self.held[group] = self.held[group] | changed
        told = self.sources[group].news(self.held[group], changed)
        wanted = self.short.take(told, frozenset(GROUPS[group]))
        if wanted is None:
            wanted = self.short.put(Answer(told.whole, told.source, told.number, None))
        assert wanted == self.long.put({point: replace(one) for point, one in self.held[group].items()})

    def happen(self, what: str, news: dict[str, Sample]) -> None:
        if what in GROUPS:
            answer = self.answer(what, news)
            alone = {point: replace(one) for point, one in answer.items()}
            assert self.short.put(answer) == self.long.put(alone)
        elif what.endswith(" by news"):
            self.happen_by_news(what.removesuffix(" by news"), news)
        elif what == "lost":
            self.answer("left", news)
        elif what == "own":
            assert self.short.put(news) == self.long.put({point: replace(one) for point, one in news.items()})
        elif what == "plan":
            for table in (self.short, self.long):
                table.adopt(POINTS, {"both": 3})
        else:
            for table in (self.short, self.long):
                table.fail(news, Reason.NO_COMMUNICATION, "gone") if what == "fail" else table.doubt(
                    news, "asked about"
                )


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(seconds)
def test_any_course_reads_as_if_each_reading_stood_alone(
    course: Course,
) -> None:
    floor = Floor()
    before: InputImage | None = None
    for pause_ms, turns in course:
        floor.loop.ms += pause_ms
        for what, news in turns:
            floor.happen(what, news)
        floor.loop.ms += 2
        image, alone = floor.short.freeze(floor.loop.ms), floor.long.freeze(floor.loop.ms)
        assert dict(image.readings) == dict(alone.readings)
        assert list(image.readings) == list(alone.readings)
        assert image.stale_at_ms == alone.stale_at_ms
        assert floor.short.readings == floor.long.readings
        assert floor.woken[0] == floor.woken[1]
        joined = image.joined(WORKED_OUT)
        assert dict(joined.readings) == dict(alone.joined(WORKED_OUT).readings)
        if before is not None:
            was, now = dict(before.readings), dict(joined.readings)
            moved = {name for name in now if reads_otherwise(was[name], now[name])}
            assert same_points(before.readings, joined.readings)
            assert set(unlike(before.readings, joined.readings)) == moved
            assert set(unlike(before.readings, joined.readings, {"a.x", "own"})) == moved & {"a.x", "own"}
            assert moved <= set(touched(before.readings, joined.readings))
        before = joined


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(seconds)
def test_any_course_is_told_to_the_far_side_as_if_each_second_were_written_anew(
    course: Course,
) -> None:
    floor, points, decision = Floor(), tuple(POINTS.values()), see().decision
    kept = StateText(points)
    for pause_ms, turns in course:
        floor.loop.ms += pause_ms
        for what, news in turns:
            floor.happen(what, news)
        floor.loop.ms += 2
        agree(kept, points, Snapshot(image=floor.short.freeze(floor.loop.ms), decision=decision))


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(seconds)
def test_any_course_is_recorded_so_that_each_picture_comes_back(tmp_path: Path, course: Course) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    floor, recorder, images = Floor(), Recorder(Disk(), folder), list[InputImage]()
    for pause_ms, turns in course:
        floor.loop.ms += pause_ms
        for what, news in turns:
            floor.happen(what, news)
        floor.loop.ms += 2
        images.append(floor.short.freeze(floor.loop.ms))
        recorder.remember(Inputs(before=State(), image=images[-1], commands=(), decision=see().decision))
    recorder.flush()
    assert [one.image for one in replay(Disk(), folder)] == images


def test_a_second_in_which_a_source_says_nothing_new_touches_none_of_its_points() -> None:
    floor = Floor()
    floor.happen("left", {})
    first = floor.short.freeze(floor.loop.ms + 2)
    floor.loop.ms += 1_000
    floor.happen("left", {})
    second = floor.short.freeze(floor.loop.ms + 2)
    assert not set(touched(first.readings, second.readings))
    assert second["a.z"].at_ms == floor.loop.ms > first["a.z"].at_ms


def test_a_secret_that_was_learnt_meanwhile_stands_in_no_text_of_a_number_that_comes_again() -> None:
    floor = Floor()
    again = [Sample(value=value, detail=f"raw {value} of hush7734") for value in (1, 2)]
    try:
        for sample in (again[0], again[1], again[0]):
            floor.happen_by_news("left", {"a.x": sample})
        assert floor.short.readings["a.x"].detail == "raw 1 of hush7734"
        sieve.learn("hush7734")
        for sample in (again[1], again[0]):
            floor.happen_by_news("left", {"a.x": sample})
            assert floor.short.readings["a.x"].detail == f"raw {sample.value} of {sieve.STRUCK}"
    finally:
        sieve.forget()


def test_of_numbers_that_never_come_again_only_so_many_are_kept() -> None:
    floor = Floor()
    for number in range(3_000):
        floor.happen_by_news("left", {"a.x": Sample(value=number % 100)})
        assert floor.short.readings["a.x"].value == number % 100
    assert all(len(known) <= 1_024 for known in floor.short._fits.known.values())


def test_drivers_that_come_and_go_leave_no_groups_behind() -> None:
    floor = Floor()
    for _ in range(1_000):
        floor.sources["left"] = Source()
        floor.happen("left", {})
    assert len(floor.short._turns.groups) < 200


def test_news_of_points_that_the_group_does_not_have_are_not_taken() -> None:
    floor, source = Floor(), Source()
    held = {point: Sample(value=1) for point in GROUPS["left"]}
    floor.short.put(source.answer(held, held))
    foreign = source.news(held, {"own": Sample(value=2)})
    assert floor.short.take(foreign, frozenset(GROUPS["left"])) is None
    assert "own" not in floor.short.readings
