"""A floor that sleeps until it is woken says the same at the same time as one that looks each second: floods."""

from __future__ import annotations

from tests.core.alarm_floor import AlarmFloor
from tests.core.test_alarms import flood

SECOND, MINUTE = 1_000, 60_000


def test_the_end_of_a_flood_wakes_a_floor_that_sleeps() -> None:
    awake, asleep = AlarmFloor(), AlarmFloor()
    for floor in (awake, asleep):
        flood(floor)
    while "flood" in awake.last.flags:
        awake.run(SECOND)
    awake.run(MINUTE)
    while asleep.now_ms < awake.now_ms:
        wake_ms = asleep.last.wake_at_ms
        sleep_ms = awake.now_ms - asleep.now_ms if wake_ms is None else min(wake_ms, awake.now_ms) - asleep.now_ms
        asleep.run(sleep_ms, every_ms=sleep_ms)
    over = [
        [event.at_ms for decision in floor.decisions for event in decision.events if event.type == "alarm.flood_over"]
        for floor in (awake, asleep)
    ]
    assert len(over[0]) == 1
    assert over[1] == over[0]
