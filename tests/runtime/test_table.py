"""The point table: what is stamped, kept, refused, and who is woken."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_py.core.image import freeze
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Sample, Source, Value, bad
from firmware_py.runtime.table import PointTable
from tests.shell.virtual import VirtualClock, VirtualLoop, run_virtual, spend

POINTS = {
    point.id: point
    for point in (
        Point(id="ups1.output_source", kind=Kind.WORD, stale_after_ms=5_000, urgent=True, words=("normal", "battery")),
        Point(id="ups1.battery.charge_pct", kind=Kind.NUMBER, stale_after_ms=5_000, low=0, high=100),
        Point(id="ups1.cells", kind=Kind.INTEGER, stale_after_ms=5_000, low=0, high=100),
        Point(id="ups1.name", kind=Kind.TEXT, stale_after_ms=5_000),
        Point(id="door.open", kind=Kind.FLAG, stale_after_ms=5_000),
    )
}


class Bench:
    def __init__(self, loop: VirtualLoop | None = None) -> None:
        self.loop = loop or VirtualLoop()
        if loop is None:
            self.loop.close()  # it is only looked at for the time
        self.woken = 0
        self.table = PointTable(POINTS, VirtualClock(self.loop), self.wake)

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_reading_carries_the_time_at_which_it_arrived(bench: Bench) -> None:
    bench.table.put({"door.open": Sample(value=True)})
    assert bench.table.readings["door.open"].at_ms == bench.loop.ms


def test_a_name_that_a_driver_makes_anew_each_time_is_not_kept(bench: Bench) -> None:
    names = ["".join(("ups1.", "cells")) for _ in range(50)]
    before = [sys.getrefcount(name) for name in names]
    for number, name in enumerate(names):
        bench.table.put({name: Sample(value=number)})
        bench.table.freeze(bench.loop.ms + number + 1)
    after = [sys.getrefcount(name) for name in names]
    assert after[1:-1] == before[1:-1]  # a first one may be, and the last one still has its name here


def test_a_reading_in_the_millisecond_of_a_freeze_belongs_to_the_next_picture(bench: Bench) -> None:
    now_ms = bench.loop.ms
    image = bench.table.freeze(now_ms)
    bench.table.put({"door.open": Sample(value=True)})
    assert image["door.open"].because is Reason.NOT_YET
    assert bench.table.readings["door.open"].at_ms == now_ms + 1
    assert bench.table.freeze(now_ms + 1)["door.open"].good


def test_two_pictures_never_carry_the_same_time(bench: Bench) -> None:
    bench.table.freeze(5)
    with pytest.raises(AssertionError, match="time does not stand still"):
        bench.table.freeze(5)


def test_what_goes_bad_keeps_its_last_value_and_the_time_of_it(bench: Bench) -> None:
    bench.table.put({"ups1.cells": Sample(value=12)})
    then_ms = bench.loop.ms
    bench.loop.ms += 4_000
    bench.table.fail(["ups1.cells"], Reason.NO_COMMUNICATION, "silence")
    reading = bench.table.readings["ups1.cells"]
    assert (reading.value, reading.at_ms, reading.quality) == (12, then_ms, Quality.BAD)
    assert (reading.because, reading.detail) == (Reason.NO_COMMUNICATION, "silence")


def test_a_change_of_an_urgent_point_wakes_the_cycle_and_a_repetition_does_not(bench: Bench) -> None:
    put = bench.table.put
    assert put({"ups1.output_source": Sample(value="normal")})
    assert not put({"ups1.output_source": Sample(value="normal")})
    assert put({"ups1.output_source": Sample(value="battery")})
    assert put({"ups1.output_source": bad(Reason.NO_COMMUNICATION)})
    assert not put({"ups1.output_source": bad(Reason.SOURCE_LOST)})
    assert not put({"ups1.cells": Sample(value=1)})
    assert bench.woken == 3


def test_an_unknown_point_is_refused_loudly_and_an_offered_one_is_dropped(bench: Bench) -> None:
    with pytest.raises(AssertionError, match="no such point"):
        bench.table.put({"ups9.cells": Sample(value=1)})
    bench.table.offer({"ups9.cells": Sample(value=1), "ups1.cells": Sample(value=2)})
    assert set(bench.table.readings) == {"ups1.cells"}


@pytest.mark.parametrize(
    ("point", "value", "reason"),
    [
        ("ups1.battery.charge_pct", 101.0, Reason.OUT_OF_RANGE),
        ("ups1.battery.charge_pct", float("nan"), Reason.OUT_OF_RANGE),
        ("ups1.battery.charge_pct", float("-inf"), Reason.OUT_OF_RANGE),
        ("ups1.battery.charge_pct", True, Reason.BAD_REPLY),
        ("ups1.battery.charge_pct", "96", Reason.BAD_REPLY),
        ("ups1.cells", -1, Reason.OUT_OF_RANGE),
        ("ups1.cells", 1.5, Reason.BAD_REPLY),
        ("ups1.output_source", "bypass", Reason.UNKNOWN_WORD),
        ("ups1.output_source", 3, Reason.BAD_REPLY),
        ("door.open", 1, Reason.BAD_REPLY),
        ("ups1.name", "x" * 256, Reason.BAD_REPLY),
    ],
)
def test_a_value_that_cannot_be_the_points_is_bad_and_says_why(
    bench: Bench, point: str, value: Value, reason: Reason
) -> None:
    bench.table.put({point: Sample(value=value)})
    reading = bench.table.readings[point]
    assert (reading.value, reading.quality, reading.because) == (None, Quality.BAD, reason)
    assert 0 < len(reading.detail) <= 200


def test_an_uncertain_value_is_kept_with_its_reason(bench: Bench) -> None:
    bench.table.put({"ups1.cells": Sample(value=3, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL)})
    reading = bench.table.readings["ups1.cells"]
    assert (reading.value, reading.quality, reading.because) == (3, Quality.UNCERTAIN, Reason.DOUBTFUL)


def test_whoever_waits_for_a_picture_gets_it_or_gives_up() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock._loop)
        start_ms = clock.now_ms()
        await bench.table.pictured(100, bench.table.stamp_ms())
        assert clock.now_ms() == start_ms + 100
        clock._loop.call_later(0.03, lambda: bench.table.freeze(clock.now_ms()))
        heard_ms = bench.table.stamp_ms()
        await bench.table.pictured(100, heard_ms)
        assert clock.now_ms() == start_ms + 130
        await bench.table.pictured(100, heard_ms)
        assert clock.now_ms() == start_ms + 130, "what a picture shows already is not waited for"
        await bench.table.pictured(100, bench.table.stamp_ms())
        assert clock.now_ms() == start_ms + 230, "what comes in the millisecond of a picture is in the next one"
        await spend(1_000)
        assert not bench.table._waiting

    run_virtual(scenario)


samples = st.one_of(
    st.integers(0, 120).map(lambda value: Sample(value=value)),
    st.just(bad(Reason.NO_COMMUNICATION, "gone")),
    st.just(Sample(value=7, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL)),
    st.none(),  # the same again, as a driver says it
)
AGING = {f"p{n}": Point(id=f"p{n}", kind=Kind.INTEGER, stale_after_ms=n, high=100) for n in (40, 900, 5_000, 20_000)}
turns = st.tuples(st.integers(1, 4_000), st.dictionaries(st.sampled_from(sorted(AGING)), samples), st.booleans())


@example(
    [(1, {"p40": Sample(value=0)}, False), (37, {}, False), (1, {"p40": None}, False)]
)  # stale, then the same again
@settings(deadline=None)
@given(st.lists(turns, max_size=25))
def test_a_picture_that_is_mended_is_the_picture_taken_anew(
    course: list[tuple[int, dict[str, Sample | None], bool]],
) -> None:
    loop = VirtualLoop()
    table = PointTable(AGING, VirtualClock(loop), lambda: None)
    last: dict[str, Sample] = {}
    for pause_ms, given_, doubted in course:
        loop.ms += pause_ms
        fresh = {name: sample or last.get(name, Sample(value=1)) for name, sample in given_.items()}
        last |= fresh
        table.put(fresh)
        if doubted:
            table.doubt(fresh, "asked about")
        loop.ms += 2
        mended, anew = table.freeze(loop.ms), freeze(AGING.values(), table.readings, loop.ms)
        assert dict(mended.readings) == dict(anew.readings)
        if mended.stale_at_ms != anew.stale_at_ms:  # early only where it wakes nobody
            assert mended.stale_at_ms is not None and loop.ms + 1_000 < mended.stale_at_ms
            assert anew.stale_at_ms is None or mended.stale_at_ms <= anew.stale_at_ms


def test_what_has_turned_stale_stays_so_until_it_is_read_again_and_other_points_begin_anew(bench: Bench) -> None:
    now_ms = bench.loop.ms
    sound = Sample(value=5)
    bench.table.put({"ups1.cells": sound})
    assert bench.table.freeze(now_ms + 1)["ups1.cells"].good
    for age_ms in (5_100, 5_200, 9_000):
        assert bench.table.freeze(now_ms + age_ms)["ups1.cells"].because is Reason.STALE
    bench.table.put({"ups1.cells": sound})
    assert bench.table.freeze(now_ms + 9_500)["ups1.cells"].good
    narrow = Point(id="ups1.cells", kind=Kind.INTEGER, stale_after_ms=5_000, low=0, high=3)
    bench.table.adopt({"ups1.cells": narrow}, {})
    bench.table.put({"ups1.cells": sound})
    assert bench.table.freeze(now_ms + 9_600)["ups1.cells"].because is Reason.OUT_OF_RANGE, (
        "the very same is judged anew"
    )


NUMBERS = st.one_of(
    st.floats(), st.integers(-(10**400), 10**400), st.integers(-3, 102), st.booleans(), st.sampled_from(["1", ""])
)
ENDS = st.one_of(st.none(), st.integers(-2, 2), st.floats(allow_nan=False), st.integers(-(10**400), 10**400))


@given(st.sampled_from([Kind.NUMBER, Kind.INTEGER]), ENDS, ENDS, NUMBERS)
@example(Kind.NUMBER, None, None, float("inf"))
@example(Kind.NUMBER, None, None, float("nan"))
@example(Kind.INTEGER, 0, 1, True)
def test_a_value_that_has_moved_is_taken_as_one_that_is_new(
    kind: Kind, low: float | None, high: float | None, value: Value
) -> None:
    point = Point(id="p", kind=kind, stale_after_ms=5_000, low=low, high=high)
    source, readings, loop = Source(), list[Reading](), VirtualLoop()
    loop.close()  # it is only looked at for the time
    one = {"p": Sample(value=value, detail="raw")}
    for told in ([{"p": Sample(value=0)}, one], [one]):
        table = PointTable({"p": point}, VirtualClock(loop), lambda: None)
        for samples in told:
            table.put(source.answer(samples, samples))
        readings.append(table.readings["p"])
    moved, new = readings
    assert (moved.quality, moved.because, moved.detail) == (new.quality, new.because, new.detail)
    assert point.fits(value) is (moved.quality is Quality.GOOD)
    assert moved.quality is Quality.BAD or moved.value == value
