"""Only batteries of which something has moved are looked at again: whatever happens, the answer is that of a fresh look
at all of them, and a floor at rest costs next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.calendar import SECONDS_A_DAY
from firmware_py.core.derived import CLOCK_POINT, Derived, derive
from firmware_py.core.forecast import BatteryState, Watched
from firmware_py.core.image import Course, InputImage, Readings
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.shedplan import Battery, FedLoad

NAMES = ("ups1", "ups2", "ups3")
VALUES: dict[str, tuple[Value, ...]] = {
    "source": ("mains", "battery", "test", "unknown"),
    "charge": (80.0, 79.0, 40.0),
    "runtime": (1_800.0, 900.0),
    "load": (20.0, 41.0),
    "power": (2_000.0, 4_100.0),
}


def battery(name: str) -> Battery:
    return Battery(
        id=name, source=f"{name}.source", charge=f"{name}.charge", runtime=f"{name}.runtime", load=f"{name}.load",
        power=f"{name}.power", rating_w=10_000, trust_pct=100, orders=(1,),
        loads=(FedLoad(id="office", watts_w=1_000, output=f"feed.{name}", order=1),),
    )  # fmt: skip


class Table:
    """As the point table hands its pictures over: with the course of what moved, and the time of each group."""

    def __init__(self) -> None:
        self.now_ms, self.wall_s = 1_000, 1_800_000_000
        self.content = {
            f"{name}.{signal}": Reading(value=values[0], quality=Quality.GOOD, at_ms=0)
            for name in NAMES
            for signal, values in VALUES.items()
        }
        self.groups = {point: NAMES.index(point.partition(".")[0]) for point in self.content}
        self.course = Course()
        self.say(CLOCK_POINT, self.wall_s)

    def say(self, point: str, value: Value | None) -> None:
        old = self.content.get(point)
        if value is None:
            known = None if old is None else old.value
            made = Reading(value=known, quality=Quality.BAD, at_ms=self.now_ms, because=Reason.STALE)
        else:
            made = Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms)
        self.content[point] = made
        self.course.names.append(point)

    def picture(self) -> InputImage:
        times = {number: self.now_ms - 1 - number for number in range(len(NAMES))}
        known = Readings(self.content.copy(), self.groups, times, self.course, len(self.course.names))
        return InputImage(now_ms=self.now_ms, readings=known)


SAY = st.tuples(st.just("say"), st.sampled_from(NAMES), st.sampled_from(sorted(VALUES)), st.integers(0, 4))
SOURCE = st.tuples(st.just("say"), st.sampled_from(NAMES), st.just("source"), st.integers(0, 2))
RARE = st.one_of(
    st.tuples(st.just("clock"), st.sampled_from([1, 3_600, SECONDS_A_DAY, -3_601, -90_000, 0])),
    st.tuples(st.sampled_from(["off", "overlong", "learn"]), st.sampled_from(NAMES)),
    st.just(("anew",)),
)
MOVES = st.one_of(SAY, SOURCE, RARE)


class Pair:
    """The same course with and without what the last look saw."""

    def __init__(self) -> None:
        self.table, self.batteries = Table(), {name: battery(name) for name in NAMES}
        self.states: Mapping[str, BatteryState] = {name: BatteryState() for name in NAMES}
        self.known: Derived | None = None
        self.off, self.overlong = frozenset[str](), frozenset[str]()

    def play(self, move: tuple[object, ...]) -> None:
        match move:
            case ("say", str(name), str(signal), int(which)):
                values = VALUES[signal]
                self.table.say(f"{name}.{signal}", values[which] if which < len(values) else None)
            case ("clock", int(jump_s)):
                self.table.wall_s += jump_s
                self.table.say(CLOCK_POINT, self.table.wall_s if jump_s else None)
            case ("off", str(name)):
                self.off ^= {f"feed.{name}"}
            case ("overlong", str(name)):
                self.overlong ^= {name}
            case ("learn", str(name)):
                watched = {"7": (Watched(pct_lasts_ms=30_000, load_pm=400),)}
                self.states = {**self.states, name: replace(self.states[name], learnt=watched)}
            case _:
                self.table.course = Course()

    def look(self) -> Derived:
        self.table.now_ms += 1_000
        image = self.table.picture()
        hinted = derive(self.batteries, self.states, image, self.off, 1_000, self.overlong, self.known)
        fresh = derive(self.batteries, self.states, image, self.off, 1_000, self.overlong)
        assert dict(hinted.readings) == dict(fresh.readings)
        assert list(hinted.readings.shares) == list(fresh.readings.shares)
        assert {owner: hinted.readings.times[owner] for owner in fresh.readings.shares} == {
            owner: fresh.readings.times[owner] for owner in fresh.readings.shares
        }
        assert dict(hinted.batteries) == dict(fresh.batteries)
        assert hinted.running == fresh.running
        if self.known is not None:
            before = self.known.readings
            unlike = {p for p in before if hinted.readings.content(p) != before.content(p)}
            assert unlike <= set(hinted.readings.touched(before))
        self.states, self.known = hinted.batteries, hinted
        return hinted


@given(moves=st.lists(st.lists(MOVES, max_size=2), min_size=8, max_size=16))
def test_whatever_moves_the_answer_is_that_of_a_fresh_look_at_all(moves: list[list[tuple[object, ...]]]) -> None:
    pair = Pair()
    pair.look()
    for turn in moves:
        for move in turn:
            pair.play(move)
        pair.look()


def test_at_rest_nobody_is_looked_at_and_what_was_said_is_handed_on_with_new_times() -> None:
    pair = Pair()
    first = pair.look()
    pair.play(("say", "ups2", "load", 1))  # a load is not looked at before an outage has taught what it means
    second = pair.look()
    assert second.readings.shares is first.readings.shares and second.batteries is first.batteries
    assert second.readings["ups1.forecast.runtime_s"].at_ms == first.readings["ups1.forecast.runtime_s"].at_ms + 1_000
    pair.play(("say", "ups2", "charge", 1))
    third = pair.look()
    assert third.seen["ups2"] is not second.seen["ups2"]
    assert third.seen["ups1"] is second.seen["ups1"] and third.seen["ups3"] is second.seen["ups3"]


def test_a_test_that_counts_as_an_outage_by_now_is_seen_although_nothing_was_read_otherwise() -> None:
    pair = Pair()
    pair.play(("say", "ups2", "source", 2))
    assert pair.look().readings["ups2.forecast.on_battery"].value is False
    pair.play(("overlong", "ups2"))
    assert pair.look().readings["ups2.forecast.on_battery"].value is True


def test_days_are_counted_anew_when_the_wall_clock_is_put_back_within_them() -> None:
    pair = Pair()
    pair.look()
    pair.play(("clock", SECONDS_A_DAY + 3_600))
    assert pair.look().readings["ups1.forecast.untried_d"].value == 1
    pair.play(("clock", -3_601))
    assert pair.look().readings["ups1.forecast.untried_d"].value == 0
