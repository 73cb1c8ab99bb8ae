"""From counters to minutes: what was not seen is not counted, what is learnt outlives a reboot, crowding needs none."""

from dataclasses import replace

import pytest

from firmware_py.core.codec import decode, encode
from firmware_py.core.dangling import faults
from firmware_py.core.image import InputImage
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.core.surge import SLOTS, WEEKS, SurgeState, learnt
from firmware_py.core.volume import RECENT, WEEK_POINT, Volume, VolumeState, declare, derive, week_point

OFFERED, ABANDONED, LINES = "pbx1.queue.offered", "pbx1.queue.abandoned", ("trunks.a.calls", "trunks.b.calls")
VOLUME = Volume(id="pbx1", offered=OFFERED, abandoned=ABANDONED, lines=LINES, capacity_count=8)
USUAL = learnt(dict.fromkeys(range(SLOTS), (60,) * WEEKS))  # two calls a minute, always
STEP_MS = 5_000


class Exchange:
    """One exchange, looked at every five seconds."""

    def __init__(self, state: VolumeState | None = None) -> None:
        self.state = state or VolumeState(callers=SurgeState(history=USUAL))
        self.offered = self.abandoned = self.calls = 0
        self.utc_ms, self.now_ms = 0, 1_000_000
        self.dark: set[str] = set()
        self.synced = True
        self.shown: dict[str, Reading] = {}

    def look(self, dt_ms: int = STEP_MS) -> None:
        self.now_ms, self.utc_ms = self.now_ms + dt_ms, self.utc_ms + dt_ms
        values: dict[str, Value] = {OFFERED: self.offered, ABANDONED: self.abandoned}
        values |= {LINES[0]: self.calls // 2, LINES[1]: self.calls - self.calls // 2}
        readings = {name: self._reading(name, value) for name, value in values.items()}
        week = Reading(value=self.utc_ms // 60_000 % 10_080, quality=Quality.GOOD, at_ms=self.now_ms)
        doubt = replace(week, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL)
        readings[WEEK_POINT] = week if self.synced else doubt
        image = InputImage(now_ms=self.now_ms, readings=readings)
        states, self.shown = derive({"pbx1": VOLUME}, {"pbx1": self.state}, image, dt_ms)
        self.state = states["pbx1"]

    def _reading(self, name: str, value: Value) -> Reading:
        if name in self.dark:
            return Reading(value=value, quality=Quality.BAD, at_ms=0, because=Reason.NO_COMMUNICATION)
        return Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms)

    def minutes(self, count: int, offered: int, *, abandoned: int = 0, calls: int = 0) -> "Exchange":
        """So many minutes with so many callers each."""
        self.calls = calls
        for _ in range(count):
            self.offered, self.abandoned = self.offered + offered, self.abandoned + abandoned
            for _ in range(60_000 // STEP_MS):
                self.look()
        return self

    def value(self, point: str) -> Value | None:
        reading = self.shown[f"pbx1.volume.{point}"]
        return reading.value if reading.good else None


def test_three_times_the_usual_is_a_surge_and_the_usual_is_shown() -> None:
    exchange = Exchange().minutes(60, 2)
    assert exchange.value("surge") is False and exchange.value("learning") is False
    assert exchange.value("times") == pytest.approx(1.0, abs=0.2) and exchange.value("seen") == 20
    assert exchange.minutes(9, 6).value("surge") is True


def test_what_was_learnt_outlives_a_reboot_and_the_way_into_a_file() -> None:
    exchange = Exchange(VolumeState()).minutes(61, 1)
    history = exchange.state.callers.history
    assert history["1"] == "30"
    kept = decode(State, encode(State(volumes={"pbx1": exchange.state}), sparse=True)).volumes["pbx1"]
    assert kept == exchange.state
    after = Exchange(kept)
    after.utc_ms, after.offered = exchange.utc_ms + 3_600_000, 0  # off for an hour; the counters start anew
    after.minutes(30, 1)
    assert {**after.state.callers.history, **history} == after.state.callers.history


def test_a_counter_that_starts_anew_counts_from_nothing() -> None:
    exchange = Exchange().minutes(3, 2)
    exchange.offered = 0
    exchange.minutes(1, 2).look()
    assert [past.offered_count for past in exchange.state.recent] == [0, 2, 2, 2]


def test_a_minute_of_which_a_part_was_not_seen_is_no_quiet_minute() -> None:
    exchange = Exchange().minutes(2, 2)
    exchange.dark = {OFFERED}
    exchange.look()
    assert exchange.shown["pbx1.volume.surge"].because is Reason.NO_COMMUNICATION
    exchange.dark = set()
    exchange.minutes(2, 2)
    assert None in [past.offered_count for past in exchange.state.recent]


def test_a_flag_is_no_count() -> None:
    exchange = Exchange()
    exchange.offered = True
    exchange.look()
    assert exchange.state.offered_mark_count is None


def test_without_a_sound_clock_nothing_is_learnt_and_crowding_is_still_seen() -> None:
    exchange = Exchange(VolumeState())
    exchange.synced = False
    exchange.minutes(RECENT + 5, 1, abandoned=1, calls=8)
    assert exchange.state.index is None and not exchange.state.callers.minutes
    assert exchange.value("busy_pct") == 100.0 and exchange.value("abandoned_pct") == 100.0
    assert exchange.value("learning") is True and exchange.value("usual") is None


def test_the_share_of_time_with_every_line_taken_is_of_the_time_that_was_seen() -> None:
    exchange = Exchange().minutes(11, 1, calls=8)
    assert exchange.value("busy_pct") == 100.0
    exchange.dark = {LINES[0]}
    exchange.minutes(5, 1, calls=8)
    exchange.dark = set()
    exchange.minutes(10, 1, calls=7)
    assert exchange.value("busy_pct") == pytest.approx(30.0, abs=12)


def test_few_callers_prove_no_abandonment_and_few_minutes_no_crowd() -> None:
    exchange = Exchange().minutes(3, 1, abandoned=1, calls=8)
    assert exchange.value("abandoned_pct") == 0.0 and exchange.value("busy_pct") == 0.0


def test_lines_that_do_not_say_how_many_they_are_are_never_all_taken() -> None:
    image = InputImage(now_ms=1, readings={})
    states, _ = derive({"x": replace(VOLUME, lines=(), capacity_count=0)}, {"x": VolumeState()}, image, 1_000)
    assert states["x"].seen_ms == 0 and states["x"].age_ms == 1_000


def test_a_volume_that_leads_nowhere_is_told() -> None:
    assert [fault for fault in faults(Plan(volumes={"pbx1": VOLUME})) if fault.startswith("volume:")]


def test_a_step_counts_and_shows_what_it_has_counted() -> None:
    counters = [Point(id=name, kind=Kind.INTEGER, stale_after_ms=9_000) for name in (OFFERED, ABANDONED, *LINES)]
    points = {point.id: point for point in (*counters, *declare("pbx1"), week_point(9_000))}
    plan = Plan(points=points, volumes={"pbx1": VOLUME})
    assert not faults(plan)
    state = State()
    for now_ms in (1_000, 2_000):
        readings = {name: Reading(value=now_ms, quality=Quality.GOOD, at_ms=now_ms) for name in (OFFERED, WEEK_POINT)}
        decision = step(plan, state, InputImage(now_ms=now_ms, readings=readings), (), now_ms)
        state = decision.state
    assert state.volumes["pbx1"].index == 2_000
    assert state.volumes["pbx1"].recent[-1].offered_count == 1_000
    assert decision.derived["pbx1.volume.seen"].good
