"""Compressors: shortest times, starts an hour, one after the other, the device's limits, and what a reboot leaves."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.core.compressor import ARM_MS, Compressor, CompressorState, protect
from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.image import InputImage
from firmware_py.core.output import Drive, Priority
from firmware_py.core.reading import Quality, Reading, Reason

SECOND, MINUTE = 1_000, 60_000
SHORTEST = 5 * MINUTE


class Room:
    """Compressors and a hand on the clock; `starts` and `stops` are what the wire saw."""

    def __init__(self, *compressors: Compressor) -> None:
        self.plan = {each.output: each for each in compressors}
        self.states = dict.fromkeys(self.plan, CompressorState(on=True, stood_ms=3_600_000))
        self.now_ms, self.stepped_ms = 10_000_000, None
        self.wanted = dict.fromkeys(self.plan, True)
        self.priority = Priority.PROGRAM
        self.readings: dict[str, Reading] = {}
        self.conditions: dict[str, ConditionState] = {"fire.seen": ConditionState()}
        self.starts: dict[str, list[int]] = {name: [] for name in self.plan}
        self.why: dict[str, tuple[str, ...]] = {}
        self.settle()

    def settle(self) -> None:
        self.stepped_ms = self.now_ms

    def look(self) -> None:
        drives = {name: Drive(value=on, priority=self.priority, because=("wish",)) for name, on in self.wanted.items()}
        image = InputImage(now_ms=self.now_ms, readings=self.readings)
        before = self.states
        self.states, held = protect(self.plan, before, drives, image, self.conditions, stepped_ms=self.stepped_ms)
        for name, drive in held.items():
            assert drive.priority is Priority.MINIMUM_ON_OFF
            assert drive.value is self.states[name].on
        self.why = {name: drive.because for name, drive in held.items()}
        for name, state in self.states.items():
            if state.on and not before[name].on:
                self.starts[name].append(self.now_ms)
        self.settle()

    def run(self, ms: int) -> None:
        for _ in range(ms // SECOND):
            self.now_ms += SECOND
            self.look()

    def on(self, name: str = "a") -> bool:
        return self.states[name].on


def one(**wanted: object) -> Room:
    return Room(Compressor(output="a", **wanted))  # type: ignore[arg-type]  # a table of settings


def stopped(**wanted: object) -> Room:
    room = one(**wanted)
    room.wanted["a"] = False
    room.run(ARM_MS + 2 * SECOND)
    assert not room.on()
    return room


def test_a_stopped_compressor_stays_off_for_its_shortest_time() -> None:
    room = stopped()
    room.wanted["a"] = True
    room.run(SHORTEST - 10 * SECOND)
    assert not room.on()
    assert room.why["a"] == ("wish", "shortest time off")
    room.run(15 * SECOND)
    assert room.on()


def test_a_started_compressor_runs_for_its_shortest_time_unless_it_burns() -> None:
    room = stopped()
    room.wanted["a"] = True
    room.run(SHORTEST + 5 * SECOND)
    assert room.on()
    room.wanted["a"] = False
    room.run(4 * MINUTE)
    assert room.on()
    assert room.why["a"][-1] == "shortest time on"
    room.priority = Priority.LIFE_SAFETY
    room.run(SECOND)
    assert not room.on()


def test_a_wish_that_passes_again_turns_nothing() -> None:
    room = one()
    room.wanted["a"] = False
    room.run(SECOND)
    assert room.states["a"].turning
    room.wanted["a"] = True
    room.run(5 * SECOND)
    assert room.on()
    assert room.states["a"].start_count == 0


def test_six_start_limit_are_the_most() -> None:
    room = one(min_on_ms=0, min_off_ms=0)
    for _ in range(2 * 60):
        room.wanted["a"] = not room.wanted["a"]
        room.run(30 * SECOND)
    room.wanted["a"] = True
    assert len(room.starts["a"]) == 6
    room.run(30 * SECOND)
    assert room.why["a"][-1] == "starts an hour"
    room.run(5 * MINUTE)
    assert len(room.starts["a"]) == 7


def test_no_compressor_starts_within_half_a_minute_of_another() -> None:
    room = Room(*(Compressor(output=name) for name in "abc"))
    room.wanted = dict.fromkeys("abc", False)
    room.run(10 * MINUTE)
    room.wanted = dict.fromkeys("abc", True)
    room.run(3 * MINUTE)
    times = sorted(at_ms for starts in room.starts.values() for at_ms in starts)
    assert len(times) == 3
    assert min(b - a for a, b in pairwise(times)) >= 30 * SECOND


def test_none_starts_while_the_panel_is_in_fire_and_one_that_runs_is_left_alone() -> None:
    room = stopped(barred=("fire.seen",))
    room.run(10 * MINUTE)
    room.conditions["fire.seen"] = ConditionState(phase=Phase.PENDING, held=True)
    room.wanted["a"] = True
    room.run(30 * MINUTE)
    assert not room.on()
    assert room.why["a"][-1] == "fire.seen"
    assert room.states["a"].wait_ms == 0
    room.conditions["fire.seen"] = ConditionState(held=False)
    room.run(10 * SECOND)
    assert room.on()
    room.conditions["fire.seen"] = ConditionState(phase=Phase.ACTIVE)
    room.run(MINUTE)
    assert room.on()


def device(seconds: float | str, quality: Quality = Quality.GOOD) -> Reading:
    because = None if quality is Quality.GOOD else Reason.STALE
    return Reading(value=seconds, quality=quality, at_ms=1, because=because)


def test_the_devices_own_limits_count_where_they_are_longer_and_after_they_went_dark() -> None:
    room = one(points_on=("on_s",), points_off=("off_s",), points_between=("between_s",))
    room.readings = {"on_s": device(30), "off_s": device(600), "between_s": device(1_200)}
    room.wanted["a"] = False
    room.run(10 * SECOND)
    room.readings = {"off_s": device(0, Quality.BAD), "between_s": device("x"), "on_s": device(10**6)}
    room.wanted["a"] = True
    room.run(590 * SECOND)
    assert not room.on()
    room.run(10 * SECOND)
    assert room.on()
    assert room.states["a"].on_ms == 30 * SECOND
    room.run(SHORTEST)
    room.wanted["a"] = False
    room.run(10 * SECOND)
    room.wanted["a"] = True
    room.run(11 * MINUTE)
    assert room.why["a"][-1] == "time between starts"


def reboot(room: Room) -> None:
    room.stepped_ms = None
    room.now_ms = 5_000
    room.look()


def test_a_compressor_without_memory_counts_as_just_stopped() -> None:
    room = one()
    room.states = {"a": CompressorState()}
    reboot(room)
    assert not room.on()
    room.run(SHORTEST + 3 * SECOND)
    assert room.on()


@pytest.mark.parametrize("survives", [True, False])
def test_a_reboot_leaves_a_coil_as_it_was_and_a_pin_off(survives: bool) -> None:
    room = one(survives=survives)
    reboot(room)
    assert room.on() is survives
    room.run(SHORTEST - 10 * SECOND)
    assert room.on() is survives
    room.run(15 * SECOND)
    assert room.on()
    assert room.states["a"].start_count == (not survives)


def test_a_start_that_was_remembered_and_perhaps_made_counts_after_a_reboot() -> None:
    room = stopped()
    room.run(10 * MINUTE)
    room.wanted["a"] = True
    room.run(SECOND)
    assert room.states["a"].turning
    reboot(room)
    assert room.on()
    assert (room.states["a"].start_count, room.states["a"].ages_ms) == (1, (0,))


def test_a_stop_that_was_remembered_and_perhaps_made_counts_after_a_reboot() -> None:
    room = one()
    room.wanted["a"] = False
    room.run(SECOND)
    assert room.states["a"].turning
    room.wanted["a"] = True
    reboot(room)
    assert not room.on()
    room.run(SHORTEST - 5 * SECOND)
    assert not room.on()


def test_a_compressor_without_a_start_an_hour_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="a"):
        Compressor(output="a", start_limit=0)


@settings(max_examples=15, deadline=None)
@given(
    wishes=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 900)), max_size=20),
    shortest=st.integers(0, 600),
)
def test_whatever_is_wished_no_limit_is_broken(wishes: list[tuple[bool, bool, int]], shortest: int) -> None:
    room = Room(*(Compressor(output=n, min_on_ms=shortest * SECOND, min_off_ms=shortest * SECOND) for n in "ab"))
    ended: dict[str, int] = {}
    for a, b, seconds in wishes:
        room.wanted = {"a": a, "b": b}
        for _ in range(seconds):
            before = dict(room.states)
            room.run(SECOND)
            for name in "ab":
                if before[name].on and not room.on(name):
                    ended[name] = room.now_ms
                    assert not room.starts[name] or room.now_ms - room.starts[name][-1] >= shortest * SECOND
                if room.on(name) and not before[name].on and name in ended:
                    assert room.now_ms - ended[name] >= shortest * SECOND
    every = sorted(at_ms for starts in room.starts.values() for at_ms in starts)
    assert all(b - a >= 30 * SECOND for a, b in pairwise(every))
    for starts in room.starts.values():
        assert all(b - a >= 3_600 * SECOND for a, b in zip(starts, starts[6:], strict=False))
