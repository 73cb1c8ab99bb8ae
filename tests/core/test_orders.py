"""People's orders: each is carried out or refused with the reason, and recorded with who gave it."""

import pytest

from firmware_py.core import planned
from firmware_py.core.alarm import Display
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.orders import OVERRIDE_MS_MAX, obey
from firmware_py.core.output import Pattern
from firmware_py.core.plan import Plan
from firmware_py.core.state import State
from tests.core.floor import FIRE, MINUTE, OUTBOUND, SECOND, SOURCE, Floor, healthy


def outage() -> Floor:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    return floor


def refusal(floor: Floor, kind: CommandKind, target: str = "") -> str:
    before = floor.state
    reply = floor.order(kind, target).replies[0]
    assert not reply.done
    assert floor.state.overrides == before.overrides and floor.state.paused_by == before.paused_by
    return reply.error


def test_an_acknowledgement_steadies_the_lamp_and_ends_the_sound() -> None:
    floor = outage()
    floor.order(CommandKind.ACK, "ups1.on_battery")
    assert floor.value("lamp.power") is Pattern.CONSERVE
    assert floor.value("sounder") is False
    assert floor.state.alarms["ups1.on_battery"].display is Display.ACTIVE_ACKED
    assert floor.state.incidents["power"].acked_by == ("anna",)


def test_only_what_waits_can_be_acknowledged() -> None:
    floor = healthy()
    assert refusal(floor, CommandKind.ACK) == "nothing waits to be acknowledged"
    assert "there is no alarm" in refusal(floor, CommandKind.ACK, "ups9.on_battery")


def test_silence_is_no_acknowledgement_and_ends_with_any_new_alarm() -> None:
    floor = outage()
    floor.order(CommandKind.SILENCE)
    assert floor.value("sounder") is False
    assert floor.value("lamp.power") is Pattern.FLASH
    assert refusal(floor, CommandKind.SILENCE) == "nothing sounds"
    floor.values["trunks.main.state"] = "down"
    floor.run(7 * SECOND)
    assert floor.value("sounder") is Pattern.SOUND_HIGH
    assert not floor.state.alarms["ups1.on_battery"].silenced


def test_a_silence_from_afar_ends_by_itself_and_wakes_the_controller_for_it() -> None:
    floor = outage()
    decision = floor.order(CommandKind.SILENCE, ttl_ms=15 * MINUTE)
    assert floor.value("sounder") is False
    assert decision.wake_at_ms is not None and decision.wake_at_ms <= floor.now_ms + 15 * MINUTE
    floor.run(15 * MINUTE - 2 * SECOND)
    assert floor.value("sounder") is False
    floor.run(4 * SECOND)
    assert floor.value("sounder") is Pattern.SOUND_HIGH


def test_a_latched_alarm_is_reset_only_when_its_cause_has_ended() -> None:
    floor = healthy()
    assert refusal(floor, CommandKind.RESET) == "nothing is latched"
    floor.values[FIRE] = True
    floor.run(3 * SECOND)
    assert "still present" in refusal(floor, CommandKind.RESET)
    floor.values[FIRE] = False
    floor.run(5 * SECOND)
    assert floor.order(CommandKind.RESET).replies[0].done
    assert floor.state.alarms["fire1.zone1.burning"].display is Display.RETURNED_UNACKED


def test_an_override_wins_over_the_program_for_its_time() -> None:
    floor = outage()
    floor.order(CommandKind.OVERRIDE, "load.office", True, 10 * SECOND)
    assert floor.value("load.office") is True
    assert floor.last.outputs["load.office"].owners == ("by anna",)
    floor.run(9 * SECOND)
    assert floor.value("load.office") is True
    floor.run(2 * SECOND)
    assert floor.value("load.office") is False


def test_an_override_may_be_let_go_before_its_time() -> None:
    floor = outage()
    floor.order(CommandKind.OVERRIDE, "load.office", True)
    floor.run(5 * SECOND)
    assert floor.value("load.office") is True
    floor.order(CommandKind.RELEASE_OVERRIDE, "load.office")
    assert floor.value("load.office") is False
    assert "not overridden" in refusal(floor, CommandKind.RELEASE_OVERRIDE, "load.office")


def test_an_override_never_beats_life_safety() -> None:
    floor = healthy()
    floor.order(CommandKind.OVERRIDE, "load.kitchen", True)
    floor.values[FIRE] = True
    floor.run(3 * SECOND)
    assert floor.value("load.kitchen") is False


def test_overrides_that_make_no_sense_are_refused() -> None:
    floor = healthy()
    assert "there is no output" in refusal(floor, CommandKind.OVERRIDE, "load.moon")
    assert "say which value" in refusal(floor, CommandKind.OVERRIDE, "load.office")
    assert "`pause` and `resume`" in refusal(floor, CommandKind.OVERRIDE, OUTBOUND)
    reply = floor.order(CommandKind.OVERRIDE, "load.office", True, OVERRIDE_MS_MAX + 1).replies[0]
    assert "24 h" in reply.error


def test_going_towards_normal_is_refused_while_nothing_by_hand_is_in_force() -> None:
    floor = outage()
    assert "ends by itself" in refusal(floor, CommandKind.RELEASE)
    assert "other pauses end with their causes" in refusal(floor, CommandKind.RESUME_OUTBOUND)


def test_a_lamp_test_lights_every_lamp_for_ten_seconds_and_hides_no_fire() -> None:
    floor = healthy()
    floor.order(CommandKind.LAMP_TEST)
    assert all(floor.value(name) is True for name in floor.plan.outputs if name.startswith("lamp."))
    floor.values[FIRE] = True
    floor.run(SECOND)
    assert floor.value("lamp.fire") is Pattern.FLASH
    floor.run(10 * SECOND)
    assert floor.value("lamp.link") is False


def test_every_order_is_recorded_with_who_gave_it() -> None:
    floor = healthy()
    floor.order(CommandKind.PAUSE_OUTBOUND)
    floor.order(CommandKind.ACK)
    told = [event for decision in floor.decisions for event in decision.events if event.type.startswith("command.")]
    assert [(event.type, event.data["by"]) for event in told] == [("command.done", "anna"), ("command.refused", "anna")]


@pytest.mark.parametrize(
    ("kind", "fragment"),
    [
        (CommandKind.CONSERVE, "no conservation by hand"),
        (CommandKind.RELEASE, "not held by hand"),
        (CommandKind.PAUSE_OUTBOUND, "no way to pause"),
        (CommandKind.FIRE_CONFIRM, "watches no fire panel"),
    ],
)
def test_a_floor_refuses_what_it_does_not_have(kind: CommandKind, fragment: str) -> None:
    _, _, replies = obey(Plan(), State(), (Command(id="1", kind=kind, by="anna"),), 0)
    assert fragment in replies[0].error


def test_every_kind_of_order_is_known() -> None:
    for kind in CommandKind:
        _, events, replies = obey(Plan(), State(), (Command(id="1", kind=kind, by="anna"),), 0)
        assert len(events) == len(replies) == 1


def test_shelving_never_outlives_its_time() -> None:
    from dataclasses import replace

    floor = outage()
    shelved = replace(floor.state.alarms["ups1.on_battery"], shelved_ms=3_000, shelved_by="anna", shelved_why="noise")
    floor.state = replace(floor.state, alarms={**floor.state.alarms, "ups1.on_battery": shelved})
    floor.run(2 * SECOND)
    assert floor.state.alarms["ups1.on_battery"].display is Display.SHELVED
    floor.run(2 * SECOND)
    assert floor.state.alarms["ups1.on_battery"].shelved_by == ""
    assert floor.state.alarms["ups1.on_battery"].display is Display.ACTIVE_UNACKED


def test_suppressed_and_out_of_service_alarms_show_as_such() -> None:
    from dataclasses import replace

    alarm = outage().state.alarms["ups1.on_battery"]
    assert replace(alarm, suppressed_by="mains").display is Display.SUPPRESSED
    assert replace(alarm, out_of_service="being replaced").display is Display.SHELVED


def planned_floor() -> Plan:
    return Plan(points={point.id: point for point in planned.declare()}, notice_s=3_600)


def tell(plan: Plan, state: State, target: str) -> tuple[State, str]:
    order = Command(id="1", kind=CommandKind.OUTAGE_ADD, by="anna", target=target, why="switchgear")
    after, _, replies = obey(plan, state, (order,), 0)
    return after, replies[0].error


CUT = "2026-12-10T08:00+08:00/2026-12-10T12:00+08:00"


def test_a_cut_that_is_told_of_keeps_who_and_why_and_a_number_of_its_own() -> None:
    state, error = tell(planned_floor(), State(), CUT)
    assert error == ""
    assert [(cut.id, cut.by, cut.note, cut.notice_s) for cut in state.cuts] == [("cut1", "anna", "switchgear", 3_600)]
    order = Command(id="2", kind=CommandKind.OUTAGE_CANCEL, by="anna", target="cut1")
    state, _, replies = obey(planned_floor(), state, (order,), 0)
    assert (state.cuts, replies[0].done) == ((), True)
    again, _ = tell(planned_floor(), state, CUT)
    assert again.cuts[0].id == "cut2"


@pytest.mark.parametrize(
    ("plan", "known", "target", "said"),
    [
        (Plan(), 0, CUT, "has no UPS"),
        (planned_floor(), planned.MOST, CUT, "cancel some"),
        (planned_floor(), 0, "tomorrow", "say when it begins and when it ends"),
        (planned_floor(), 0, "2026-12-10T08:00Z/2026-12-10T08:00Z", "it must end after it begins"),
        (planned_floor(), 0, "2026-12-10T08:00Z/2027-12-10T08:00Z", "it lasts longer than 14 days"),
    ],
)
def test_a_cut_that_cannot_be_watched_kept_or_read_is_refused(plan: Plan, known: int, target: str, said: str) -> None:
    state = State(cuts=tuple(planned.Cut(start_s=0, end_s=1, id=f"cut{n}") for n in range(known)))
    assert said in tell(plan, state, target)[1]


def test_a_cut_of_the_site_file_is_cancelled_there() -> None:
    plan = Plan(cuts=(planned.Cut(start_s=0, end_s=1, id="file1"),))
    for target, said in (("file1", "stands in the site file"), ("cut9", "there is no planned outage")):
        order = Command(id="1", kind=CommandKind.OUTAGE_CANCEL, by="anna", target=target)
        assert said in obey(plan, State(), (order,), 0)[2][0].error
