"""Alarms one by one: shelving, service, suppression by design, chatter, floods, first-out, and being reminded."""

from __future__ import annotations

import pytest

from firmware_py.core.alarm import AlarmState, Display
from firmware_py.core.command import CommandKind
from firmware_py.core.output import Pattern
from tests.core.alarm_floor import (
    BATTERY_LOW,
    BURNING,
    COOLING,
    DOOR,
    FAILED,
    FIRE,
    HOUR,
    MINUTE,
    ON_BATTERY,
    OPEN,
    SECOND,
    SOURCE,
    AlarmFloor,
)

SHELVE, UNSHELVE = CommandKind.SHELVE, CommandKind.UNSHELVE


def with_open_door() -> AlarmFloor:
    floor = AlarmFloor()
    floor.values[DOOR] = True
    floor.run(SECOND)
    return floor


def on_battery() -> AlarmFloor:
    floor = AlarmFloor()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    return floor


def shown(floor: AlarmFloor, alarm: str) -> Display:
    return floor.state.alarms[alarm].display


def output(floor: AlarmFloor, name: str) -> object:
    return floor.last.outputs[name].value


# ------------------------------------------------------------------------------------------------------------ shelving
def test_a_shelf_has_an_end_an_author_and_a_reason() -> None:
    floor = with_open_door()
    assert "say why" in floor.order(SHELVE, OPEN, ttl_ms=HOUR)
    assert "at most 480 min" in floor.order(SHELVE, OPEN, why="painters")
    assert "at most 480 min" in floor.order(SHELVE, OPEN, ttl_ms=8 * HOUR + 1, why="painters")
    assert floor.order(SHELVE, OPEN, ttl_ms=HOUR, why="painters") == ""
    assert shown(floor, OPEN) is Display.SHELVED
    assert (output(floor, "sounder"), output(floor, "lamp.service")) == (False, True)
    assert "maintenance" in floor.last.flags
    (told,) = floor.events("alarm.shelved")
    assert (told["by"], told["why"], told["for_ms"]) == ("anna", "painters", HOUR)
    floor.run(HOUR, every_ms=MINUTE)
    assert shown(floor, OPEN) is Display.ACTIVE_UNACKED
    assert output(floor, "sounder") is Pattern.SOUND_LOW
    assert floor.told.count("alarm.unshelved") == 1


def test_a_fire_is_shelved_for_an_hour_at_most_and_its_lamp_stays_lit() -> None:
    floor = AlarmFloor()
    floor.values[FIRE] = True
    floor.run(3 * SECOND)
    assert "at most 60 min" in floor.order(SHELVE, BURNING, ttl_ms=HOUR + 1, why="welding")
    assert "never taken out of service" in floor.order(CommandKind.OUT_OF_SERVICE, BURNING, why="welding")
    assert floor.order(SHELVE, BURNING, ttl_ms=HOUR, why="welding") == ""
    assert (output(floor, "sounder"), output(floor, "lamp.fire"), output(floor, "beacon")) == (False, True, True)
    assert floor.last.mode.word == "evacuation"


def test_a_shelf_is_ended_by_hand_only_where_there_is_one() -> None:
    floor = with_open_door()
    assert "not shelved" in floor.order(UNSHELVE, OPEN)
    assert "name the alarm" in floor.order(UNSHELVE)
    assert "there is no alarm" in floor.order(SHELVE, "moon", ttl_ms=HOUR, why="dark")
    floor.order(SHELVE, OPEN, ttl_ms=HOUR, why="painters")
    assert floor.order(UNSHELVE, OPEN) == ""
    assert shown(floor, OPEN) is Display.ACTIVE_UNACKED


def test_what_happens_on_a_shelf_is_counted_and_shown_afterwards() -> None:
    floor = AlarmFloor()
    floor.order(SHELVE, OPEN, ttl_ms=10 * MINUTE, why="painters")
    floor.values[DOOR] = True
    floor.run(SECOND)
    (raised,) = floor.events("alarm.raised")
    assert (raised["activation"], raised["hidden"]) == (1, "shelved")
    assert "nothing waits" in floor.order(CommandKind.ACK)  # nobody is shown it
    floor.run(10 * MINUTE, every_ms=MINUTE)
    assert shown(floor, OPEN) is Display.ACTIVE_UNACKED


@pytest.mark.parametrize(
    ("same_boot", "knows_time", "left_ms"),
    [(True, False, 20 * MINUTE), (False, True, 20 * MINUTE), (False, False, 0)],
    ids=["the daemon alone", "a reboot with a sound clock", "a reboot without a clock"],
)
def test_a_shelf_survives_a_restart_as_far_as_its_time_can_be_known(
    same_boot: bool, knows_time: bool, left_ms: int
) -> None:
    floor = with_open_door()
    floor.order(SHELVE, OPEN, ttl_ms=HOUR, why="painters")
    floor.run(10 * MINUTE, every_ms=MINUTE)
    floor.knows_time = knows_time
    floor.restart(off_ms=30 * MINUTE, same_boot=same_boot)
    alarm = floor.state.alarms[OPEN]
    assert abs(alarm.shelved_ms - left_ms) <= 2 * SECOND
    assert bool(alarm.shelved_by) is bool(left_ms)


def test_a_timed_silence_does_not_outlive_a_reboot() -> None:
    floor = with_open_door()
    floor.order(CommandKind.SILENCE, ttl_ms=15 * MINUTE)
    assert output(floor, "sounder") is False
    floor.restart(off_ms=SECOND)
    assert output(floor, "sounder") is Pattern.SOUND_LOW


# ------------------------------------------------------------------------------------------------------------- service
def test_an_alarm_out_of_service_is_evaluated_and_told_but_not_shown() -> None:
    floor = AlarmFloor()
    assert "say why" in floor.order(CommandKind.OUT_OF_SERVICE, OPEN)
    assert "in service" in floor.order(CommandKind.IN_SERVICE, OPEN)
    floor.order(SHELVE, OPEN, ttl_ms=HOUR, why="painters")
    assert floor.order(CommandKind.OUT_OF_SERVICE, OPEN, why="new lock") == ""
    assert "by anna" in floor.order(CommandKind.OUT_OF_SERVICE, OPEN, why="again")
    assert "out of service" in floor.order(SHELVE, OPEN, ttl_ms=HOUR, why="painters")
    floor.values[DOOR] = True
    floor.restart(off_ms=24 * HOUR)
    assert (shown(floor, OPEN), output(floor, "sounder")) == (Display.SHELVED, False)
    assert floor.events("alarm.raised")[-1]["hidden"] == "out of service"
    assert floor.order(CommandKind.IN_SERVICE, OPEN) == ""
    assert output(floor, "sounder") is Pattern.SOUND_LOW
    assert [event for event in floor.told if "service" in event] == ["alarm.out_of_service", "alarm.in_service"]


# --------------------------------------------------------------------------------------------------------- suppression
def test_a_consequence_is_recorded_and_not_shown() -> None:
    floor = on_battery()
    floor.order(CommandKind.ACK)
    floor.values[COOLING] = True
    floor.run(3 * SECOND)
    assert (shown(floor, FAILED), output(floor, "lamp.cooling"), output(floor, "sounder")) == (
        Display.SUPPRESSED, False, False,
    )  # fmt: skip
    assert floor.events("alarm.raised")[-1]["hidden"] == f"consequence of {ON_BATTERY}"


def test_a_consequence_that_outlasts_its_cause_is_an_alarm_when_things_have_settled() -> None:
    floor = on_battery()
    floor.order(CommandKind.ACK)
    floor.values[COOLING] = True
    floor.run(3 * SECOND)
    floor.values[SOURCE] = "mains"
    floor.run(2 * MINUTE)
    assert shown(floor, FAILED) is Display.SUPPRESSED
    floor.run(10 * SECOND)
    assert (shown(floor, FAILED), output(floor, "sounder")) == (Display.ACTIVE_UNACKED, Pattern.SOUND_MEDIUM)
    assert floor.events("alarm.unsuppressed")[-1]["because"] == ON_BATTERY


def test_a_consequence_that_ends_with_its_cause_asks_nobody_for_an_acknowledgement() -> None:
    floor = on_battery()
    floor.values[COOLING] = True
    floor.run(3 * SECOND)
    floor.values |= {SOURCE: "mains", COOLING: False}
    floor.run(5 * MINUTE)
    assert shown(floor, FAILED) is Display.NORMAL
    assert floor.state.alarms[FAILED].activations == 1


def test_what_stood_before_its_cause_came_is_no_consequence() -> None:
    floor = AlarmFloor()
    floor.values[COOLING] = True
    floor.run(3 * SECOND)
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    assert shown(floor, FAILED) is Display.ACTIVE_UNACKED


# -------------------------------------------------------------------------------------------------- chatter and floods
def chatter(floor: AlarmFloor, point: str, times: int, every_ms: int = 5 * SECOND) -> None:
    for _ in range(times):
        for value in (True, False):
            floor.values[point] = value
            floor.run(every_ms)


def test_an_alarm_that_comes_three_times_a_minute_stays_until_it_has_been_quiet() -> None:
    floor = AlarmFloor()
    chatter(floor, DOOR, 2)
    assert floor.told.count("alarm.chattering") == 0
    chatter(floor, DOOR, 4)
    assert floor.told.count("alarm.chattering") == 1
    assert floor.state.alarms[OPEN].activations == 3  # the fourth to sixth are one with the third
    assert shown(floor, OPEN) is Display.ACTIVE_UNACKED
    floor.run(4 * MINUTE + 50 * SECOND)
    assert floor.state.alarms[OPEN].active
    floor.run(15 * SECOND)
    assert not floor.state.alarms[OPEN].active
    assert floor.told.count("alarm.chatter_over") == 1


def test_three_times_in_more_than_a_minute_is_no_chatter() -> None:
    floor = AlarmFloor()
    chatter(floor, DOOR, 5, every_ms=16 * SECOND)
    assert "alarm.chattering" not in floor.told
    assert floor.state.alarms[OPEN].activations == 5


def flood(floor: AlarmFloor) -> None:
    """Twelve annunciations of three alarms within some minutes, none of them chattering."""
    for point in (COOLING, DOOR, "ups1.low") * 4:
        floor.values[point] = True
        floor.run(8 * SECOND)
        floor.values[point] = False
        floor.run(8 * SECOND)


def test_in_a_flood_only_high_alarms_sound_and_every_lamp_goes_on() -> None:
    floor = AlarmFloor()
    flood(floor)
    assert "flood" in floor.last.flags
    assert floor.told.count("alarm.flood") == 1
    floor.order(CommandKind.ACK)
    floor.values[DOOR] = True
    floor.run(SECOND)
    assert (shown(floor, OPEN), output(floor, "sounder")) == (Display.ACTIVE_UNACKED, False)
    floor.values["ups1.low"] = True
    floor.run(SECOND)
    assert output(floor, "sounder") is Pattern.SOUND_HIGH
    floor.order(CommandKind.SILENCE)
    floor.values[COOLING] = True
    floor.run(SECOND)
    assert output(floor, "sounder") is False  # nor does a medium one end the silence of a high one


def test_a_flood_is_over_when_fewer_than_five_came_in_ten_minutes() -> None:
    floor = AlarmFloor()
    flood(floor)
    floor.run(10 * MINUTE, every_ms=10 * SECOND)
    assert "flood" not in floor.last.flags
    assert floor.told.count("alarm.flood_over") == 1
    floor.order(CommandKind.ACK)
    floor.values[DOOR] = True
    floor.run(SECOND)
    assert output(floor, "sounder") is Pattern.SOUND_LOW


# ------------------------------------------------------------------------------------------------- first-out, reminders
def test_the_first_of_several_keeps_its_double_blink_until_a_reset() -> None:
    floor = on_battery()
    assert output(floor, "lamp.power") is Pattern.FLASH  # alone it is nothing special
    floor.values["ups1.low"] = True
    floor.run(SECOND)
    assert output(floor, "lamp.power") is Pattern.FIRST
    assert floor.state.annunciation.firsts == {ON_BATTERY}
    floor.values[SOURCE] = "mains"
    floor.run(10 * SECOND)
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    assert floor.state.annunciation.firsts == {ON_BATTERY}
    assert "nothing is latched" in floor.order(CommandKind.RESET, BATTERY_LOW)
    assert floor.order(CommandKind.RESET) == ""
    assert output(floor, "lamp.power") is Pattern.FLASH
    floor.values["ups1.low"] = False
    floor.run(SECOND)
    floor.values["ups1.low"] = True
    floor.run(SECOND)
    assert floor.state.annunciation.firsts == frozenset()


def test_of_two_in_one_cycle_the_higher_was_first_and_all_ends_when_nothing_stands() -> None:
    floor = AlarmFloor()
    floor.values |= {SOURCE: "battery"}
    floor.run(2 * SECOND)
    floor.values["ups1.low"] = True
    floor.run(SECOND)
    assert floor.state.annunciation.arrivals == {"power": (ON_BATTERY, BATTERY_LOW)}
    floor.values |= {SOURCE: "mains", "ups1.low": False}
    floor.run(10 * SECOND)
    floor.order(CommandKind.ACK)
    assert floor.state.annunciation.arrivals == {}


def test_an_acknowledgement_of_what_goes_on_is_forgotten_after_its_time() -> None:
    floor = with_open_door()
    floor.order(CommandKind.ACK, by="bo")
    assert floor.state.alarms[OPEN].acked_by == "bo"
    floor.run(HOUR - 10 * SECOND, every_ms=MINUTE)
    assert shown(floor, OPEN) is Display.ACTIVE_ACKED
    floor.run(20 * SECOND)
    assert (shown(floor, OPEN), output(floor, "sounder")) == (Display.ACTIVE_UNACKED, Pattern.SOUND_LOW)
    assert floor.told.count("alarm.reminded") == 1
    assert floor.state.alarms[OPEN].activations == 1  # the same instance


def test_an_alarm_stands_while_anything_of_it_is_left() -> None:
    assert not AlarmState().stands
    assert AlarmState(active=True).stands and AlarmState(acked=False).stands and AlarmState(latched=True).stands


@pytest.mark.parametrize("pause_ms", [SECOND, 10 * MINUTE])
def test_no_time_of_an_alarm_runs_before_the_look_that_began_it(pause_ms: int) -> None:
    floor = on_battery()
    floor.order(CommandKind.ACK)
    floor.values[COOLING] = True
    floor.run(3 * SECOND)
    floor.now_ms += pause_ms
    floor.values[SOURCE] = "mains"
    floor.run(SECOND)
    floor.run(2 * MINUTE)
    assert shown(floor, FAILED) is Display.SUPPRESSED  # the outage's own off-delay runs first

    floor = AlarmFloor()
    chatter(floor, DOOR, 3)
    floor.values[DOOR] = True
    floor.run(SECOND)
    floor.now_ms += pause_ms
    floor.values[DOOR] = False
    floor.run(4 * MINUTE + 50 * SECOND)
    assert floor.state.alarms[OPEN].active

    floor = with_open_door()
    floor.now_ms += pause_ms
    floor.order(CommandKind.ACK)
    assert floor.state.alarms[OPEN].acked_ms == 0
