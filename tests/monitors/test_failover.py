"""Lines that a relay moves: only with no call on them, not back before they are quiet; the hand procedure is told."""

from collections.abc import Mapping

from firmware_py.core.alarm import AlarmPriority
from firmware_py.core.check import Above, Below, Until, points_of
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Cause, Mode
from firmware_py.core.output import Output, StopValue
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Value
from firmware_py.core.state import State
from firmware_py.core.step import step
from monitors import trunks
from monitors.parts import Part, assemble, join

CALLS, IN_USE, RELAY = "trunks.a.calls", "contact.in_use", "relay.lines"
BY_HAND = {"relay": True, "calls": (CALLS,), "steps": ("failover.see", "Ring Anna")}
BY_ITSELF = {"relay": True, "calls": (CALLS,), "in_use": IN_USE, "back_ms": 20_000}


class Floor:
    """One group of one trunk, looked at once a second."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        group = {"name": "main", "trunks": ("a",), "minimum_up": 1, "on_delay_ms": 3_000, "off_delay_ms": 3_000}
        part = trunks.watch_group(trunks.Group(failover=RELAY, **group, **settings))  # type: ignore[arg-type] # a table of settings
        cause = Part(causes=(Cause(id="trunk", mode=Mode.CONSERVATION, conditions=("trunks.main.below_minimum",)),))
        points = (
            Point(id="trunks.a.state", kind=Kind.WORD, words=("up", "down"), stale_after_ms=9_000),
            Point(id=CALLS, kind=Kind.INTEGER, stale_after_ms=9_000),
            Point(id=IN_USE, kind=Kind.FLAG, stale_after_ms=9_000),
        )
        relay = Output(id=RELAY, on_stop=StopValue.HOLD, on_fault=StopValue.HOLD, min_on_ms=10_000)
        self.plan = assemble(points, (relay,), join((part, cause)))
        self.state, self.now_ms, self.decisions = State(), 0, list[Decision]()
        self.values: dict[str, Value] = {"trunks.a.state": "up", CALLS: 0, IN_USE: False}
        self.run(2)

    def run(self, seconds: int, **changes: Value | None) -> bool:
        """Whether the relay is on after so many seconds; None takes a point's readings away."""
        named = {"state": "trunks.a.state", "calls": CALLS, "in_use": IN_USE}
        self.values |= {named[name]: value for name, value in changes.items() if value is not None}
        gone = {named[name] for name, value in changes.items() if value is None}
        for _ in range(seconds):
            self.look(gone)
        return self.decisions[-1].outputs[RELAY].value is True

    def look(self, gone: set[str], *orders: Command) -> Decision:
        self.now_ms += 1_000
        shown = {name: value for name, value in self.values.items() if name not in gone}
        readings = {n: Reading(value=v, quality=Quality.GOOD, at_ms=self.now_ms) for n, v in shown.items()}
        image = InputImage(now_ms=self.now_ms, readings=readings)
        self.decisions.append(step(self.plan, self.state, image, orders, self.now_ms))
        self.state = self.decisions[-1].state
        return self.decisions[-1]

    def order(self, kind: CommandKind) -> str:
        return self.look(set(), Command(id="1", kind=kind, by="anna")).replies[0].error

    def told(self, kind: str) -> list[Mapping[str, object]]:
        return [event.data for one in self.decisions for event in one.events if event.type == kind]


def test_lines_with_a_call_on_them_are_not_moved_until_it_has_ended() -> None:
    floor = Floor(BY_HAND)
    assert not floor.run(20, state="down", calls=1)
    assert floor.run(5, calls=0)


def test_lines_of_which_nobody_knows_whether_a_call_is_on_them_are_not_moved() -> None:
    floor = Floor(BY_HAND)
    assert not floor.run(20, state="down", calls=None)


def test_lines_that_were_moved_stay_until_a_person_resets_it() -> None:
    floor = Floor(BY_HAND)
    assert floor.run(5, state="down")
    assert "still present" in floor.order(CommandKind.RESET), "not back while the lines are dead"
    assert floor.run(120, state="up"), "not by itself"
    assert floor.order(CommandKind.ACK) == "" and floor.order(CommandKind.RESET) == ""
    assert not floor.run(1)


def test_lines_that_may_come_back_by_themselves_wait_for_stability_and_for_calls() -> None:
    floor = Floor(BY_ITSELF)
    assert not floor.run(20, state="down", in_use=True)
    assert floor.run(5, in_use=False)
    assert floor.run(15, state="up"), "sound for too short a time"
    assert floor.run(30, in_use=True), "a call is on the line"
    assert floor.run(15, in_use=False)
    assert floor.run(2, in_use=None), "evidence that breaks off is none"
    assert floor.run(19)
    assert not floor.run(5)


def test_a_shortest_stay_outlasts_a_quick_return() -> None:
    floor = Floor({**BY_ITSELF, "back_ms": 0})
    assert floor.run(4, state="down")
    assert floor.run(7, state="up")
    assert not floor.run(4)


def test_the_hand_procedure_is_told_when_trunks_fail_and_its_end_with_its_time() -> None:
    floor = Floor(BY_HAND)
    floor.run(5, state="down")
    floor.run(5, state="up")
    (begun,) = floor.told("failover.advised")
    assert begun["order"] == ("failover.see", "Ring Anna")
    assert len(floor.told("failover.advice_over")) == 1


def test_a_move_is_an_alarm_of_its_own() -> None:
    assert trunks.below_minimum("main") in Floor(BY_HAND).plan.alarms
    alarm = Floor(BY_HAND).plan.alarms["trunks.main.moved"]
    assert alarm.latching and alarm.priority is AlarmPriority.MEDIUM
    assert not Floor(BY_ITSELF).plan.alarms["trunks.main.moved"].latching


def test_a_test_that_stays_for_other_reasons_names_each_of_its_points_once() -> None:
    test = Until(begins=Below(point="a", limit=1), stays=Above(point="b", limit=1))
    assert list(points_of(test)) == ["a", "b"]
    assert list(points_of(Until(begins=test, stays=test))) == ["a", "b"]
