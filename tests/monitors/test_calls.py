"""Calls as conditions: every emergency call an event with its number, the notice ends by itself, a drain has an end."""

from collections.abc import Mapping

from firmware_py.core.alarm import AlarmPriority, Display
from firmware_py.core.check import evaluate
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Value
from firmware_py.core.state import State
from firmware_py.core.step import step
from monitors import calls, trunks
from monitors.parts import assemble

WATCHED = calls.Calls(exchange="pbx1", verifies=True, gate="outbound_paused")
WORDS = ("passes", "gated", "missing", "unproven")


def plan(watched: calls.Calls = WATCHED) -> Plan:
    points = [Point(id="pbx1.emergency.path", kind=Kind.WORD, words=WORDS, stale_after_ms=10_000)]
    for line in range(1, calls.LINES + 1):
        points.append(Point(id=f"pbx1.emergency.line{line}", kind=Kind.FLAG, stale_after_ms=10_000))
        points += [
            Point(id=f"pbx1.emergency.{name}{line}", kind=Kind.TEXT, stale_after_ms=10_000)
            for name in ("number", "caller")
        ]
    points += [
        Point(id="pbx1.account.too_wide", kind=Kind.FLAG, stale_after_ms=10_000),
        Point(id="pbx1.account.excess", kind=Kind.TEXT, stale_after_ms=10_000),
        Point(id="pbx1.outbound_paused", kind=Kind.FLAG, stale_after_ms=10_000),
        Point(id="pbx1.outbound_calls", kind=Kind.INTEGER, stale_after_ms=10_000),
    ]
    return assemble(points, (), calls.watch(watched))


class Floor:
    """One exchange's calls, looked at once a second."""

    def __init__(self) -> None:
        self.plan, self.state, self.now_ms = plan(), State(), 0
        self.values: dict[str, Value] = {f"pbx1.emergency.line{n}": False for n in range(1, calls.LINES + 1)}
        self.values |= {"pbx1.emergency.path": "passes", "pbx1.account.too_wide": False, "pbx1.account.excess": ""}
        self.values |= {"pbx1.outbound_paused": False, "pbx1.outbound_calls": 0}

    def look(self, **changes: Value) -> Decision:
        self.values |= {f"pbx1.{name.replace('__', '.')}": value for name, value in changes.items()}
        self.now_ms += 1_000
        readings: Mapping[str, Reading] = {
            name: Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms) for name, value in self.values.items()
        }
        decision = step(self.plan, self.state, InputImage(now_ms=self.now_ms, readings=readings), (), self.now_ms)
        self.state = decision.state
        return decision


def told(decision: Decision) -> list[str]:
    return [event.type for event in decision.events if not event.type.startswith("alarm.")]


def test_two_emergency_calls_are_two_events_with_their_numbers_and_one_notice() -> None:
    floor = Floor()
    floor.look()
    first = floor.look(emergency__line1=True, emergency__number1="112", emergency__caller1="1001")
    assert told(first) == ["emergency.call"]
    event = next(event for event in first.events if event.type == "emergency.call")
    assert event.data["pbx1.emergency.number1"] == "112" and event.data["pbx1.emergency.caller1"] == "1001"
    assert told(floor.look(emergency__line2=True, emergency__number2="119", emergency__caller2="")) == [
        "emergency.call"
    ]
    alarm = floor.plan.alarms["pbx1.emergency_call"]
    assert alarm.priority is AlarmPriority.LOW and not alarm.latching
    assert floor.state.alarms[alarm.id].activations == 1
    assert told(floor.look(emergency__line1=False)) == ["emergency.call_over"]
    floor.look(emergency__line2=False)
    assert floor.state.alarms[alarm.id].display is Display.RETURNED_UNACKED
    assert not floor.state.alarms[alarm.id].active


def test_a_blocked_emergency_number_is_a_high_alarm_until_it_passes_again() -> None:
    floor = Floor()
    floor.look()
    assert told(floor.look(emergency__path="gated")) == ["emergency.blocked"]
    assert floor.plan.alarms["pbx1.emergency_blocked"].priority is AlarmPriority.HIGH
    assert told(floor.look(emergency__path="passes")) == ["emergency.passes"]
    floor.look(emergency__path="unproven")
    assert floor.state.alarms["pbx1.emergency_unproven"].active


def test_an_account_that_can_do_more_is_an_event_and_no_alarm() -> None:
    floor = Floor()
    decision = floor.look(account__too_wide=True, account__excess="originate: place calls")
    assert told(decision) == ["exchange.account_too_wide"]
    assert not [name for name in floor.plan.alarms if "account" in name]


def test_a_drain_begins_with_calls_behind_a_closed_gate_and_ends_with_the_last() -> None:
    floor = Floor()
    floor.look(outbound_calls=3)
    assert told(floor.look(outbound_paused=True)) == ["outbound.draining"]
    assert told(floor.look(outbound_calls=1)) == []
    assert told(floor.look(outbound_calls=0)) == ["outbound.drained"]


def test_what_a_site_does_not_have_is_not_watched() -> None:
    found = plan(calls.Calls(exchange="pbx1")).conditions
    assert not {"pbx1.emergency_blocked", "pbx1.emergency_unproven", "pbx1.draining"} & set(found)


def test_a_gate_closed_by_hand_is_shown_and_is_not_called_stuck() -> None:
    part = trunks.watch_exchange(trunks.Exchange(id="pbx1", silent_ms=0, gate="g", by_hand="pbx1.held_by_hand"))
    tests = {condition.id: condition.test for condition in part.conditions}

    def holds(name: str, *, follows: bool, by_hand: bool) -> bool | None:
        values = {"out.g.follows": follows, "pbx1.held_by_hand": by_hand}
        readings = {point: Reading(value=value, quality=Quality.GOOD, at_ms=0) for point, value in values.items()}
        return evaluate(tests[name], InputImage(now_ms=0, readings=readings), holding=False)

    assert holds("pbx1.gate_stuck", follows=False, by_hand=False)
    assert not holds("pbx1.gate_stuck", follows=False, by_hand=True)
    assert holds("pbx1.gate_by_hand", follows=False, by_hand=True)
    priorities = {row.alarm.id: row.alarm.priority for row in part.alarms}
    assert priorities["pbx1.gate_by_hand"] is AlarmPriority.LOW


def test_a_dialplan_that_would_never_fail_over_is_an_alarm_before_the_day_it_matters() -> None:
    part = calls.watch(calls.Calls(exchange="pbx1", fails_over=True))
    alarms = {listed.alarm.id: listed.alarm.priority for listed in part.alarms}
    assert alarms["pbx1.failover_never"] is AlarmPriority.MEDIUM
    assert alarms["pbx1.failover_unproven"] is AlarmPriority.LOW
    conditions = {condition.id: condition for condition in part.conditions}
    for word, never in (("works", False), ("none", True), ("never", True), ("unproven", False)):
        reading = Reading(value=word, quality=Quality.GOOD, at_ms=1)
        image = InputImage(now_ms=1, readings={"pbx1.failover.dialplan": reading})
        assert evaluate(conditions["pbx1.failover_never"].test, image, holding=False) is never
        assert evaluate(conditions["pbx1.failover_unproven"].test, image, holding=False) is (word == "unproven")
    assert "pbx1.failover_never" not in {c.id for c in calls.watch(WATCHED).conditions}
