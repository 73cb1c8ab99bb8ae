"""What cooling declares: rates of rise on three sound samples, humidity, and what is asked for less in conservation."""

from firmware_py.core.check import Above, Below
from firmware_py.core.mode import CausePhase
from firmware_py.core.plan import CauseIn
from monitors import hvac
from tests.core.floor import MINUTE, SECOND


def room(**wanted: float) -> hvac.Room:
    return hvac.Room(
        id="room1",
        point="room1.temp_c",
        warn_c=27.0,
        alarm_c=32.0,
        critical_c=35.0,
        deadband_c=1.0,
        on_delay_ms=30 * SECOND,
        off_delay_ms=MINUTE,
        **wanted,
    )


def test_a_rise_counts_on_three_sound_samples_and_before_any_level() -> None:
    part = hvac.watch_rise(room(rise_c=2.0))
    rising = next(condition for condition in part.conditions if condition.id == hvac.rising("room1"))
    assert (rising.confirm, rising.on_delay_ms) == (3, 0)
    assert isinstance(rising.test, Above)
    assert rising.test.point == "room1.rise_c"
    assert 1.9 < rising.test.limit < 2.0
    (trend,) = part.trends
    assert (trend.window_ms, trend.jump_limit) == (5 * MINUTE, 5.0)


def test_air_is_too_dry_or_too_damp() -> None:
    air = hvac.Air(
        id="room1", point="room1.humidity_pct", dry_pct=20, humid_pct=70, deadband_pct=3, on_delay_ms=1, off_delay_ms=1
    )
    tests = {condition.id: condition.test for condition in hvac.watch_air(air).conditions}
    assert isinstance(tests["room1.dry"], Below)
    assert isinstance(tests["room1.humid"], Above)


def test_less_is_asked_for_until_the_cause_is_over() -> None:
    rules = hvac.ease(("ups_mode",), ("power",)).rules
    assert [rule.output for rule in rules] == ["ups_mode"]
    assert rules[0].when == CauseIn(cause="power", phases=frozenset({CausePhase.ACTIVE, CausePhase.RECOVERING}))


def test_a_room_that_warms_too_fast_starts_the_fans() -> None:
    part = hvac.cool((), ("room1",), ("fan",), "", rises=True)
    assert part.causes[0].conditions == ("room1.hot", "room1.rising")
    assert len(part.rules) == 2
