"""A surge's actions: each a switch of its own, owned by the surge, gone with it; others' pauses stay."""

import pytest

from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.output import Output, StopValue
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Value
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.core.volume import Volume, declare, week_point
from monitors import volume
from monitors.parts import assemble, join

LIMIT_MS = 9_000
COUNTED = Volume(
    id="pbx1", offered="pbx1.queue.offered", abandoned="pbx1.queue.abandoned", lines=("trunks.main.calls",),
    capacity_count=8,
)  # fmt: skip
ALL = volume.Watched(
    volume=COUNTED, outbound=("outbound_paused",), announcement="announcement", agents="agents",
    call_in=("call_in.present", "Anna"), off_delay_ms=5_000,
)  # fmt: skip


class Floor:
    """One exchange and its outputs, looked at once a second; the wait is what makes the surge."""

    def __init__(self, watched: volume.Watched) -> None:
        numbers = [COUNTED.offered, COUNTED.abandoned, *COUNTED.lines, "pbx1.queue.waiting", "pbx1.queue.longest_s"]
        points = [Point(id=name, kind=Kind.INTEGER, stale_after_ms=LIMIT_MS) for name in numbers]
        outputs = [
            Output(id=name, on_stop=StopValue.HOLD, on_fault=StopValue.HOLD)
            for name in ("outbound_paused", "announcement", "agents")
        ]
        self.plan = assemble(
            (*points, *declare("pbx1"), week_point(LIMIT_MS)),
            outputs,
            join((volume.cause(("pbx1",)), volume.watch(watched))),
            outbound=("outbound_paused",),
        )
        self.state, self.now_ms = State(), 0
        self.numbers: dict[str, Value] = dict.fromkeys(numbers, 0)

    def look(self, seconds: int = 1, wait_s: int | None = 0, *orders: Command) -> list[Decision]:
        made = []
        for _ in range(seconds):
            self.now_ms += 1_000
            shown = dict(self.numbers)
            if wait_s is not None:
                shown["pbx1.queue.longest_s"] = wait_s
            else:
                del shown["pbx1.queue.longest_s"]
            readings = {n: Reading(value=v, quality=Quality.GOOD, at_ms=self.now_ms) for n, v in shown.items()}
            image = InputImage(now_ms=self.now_ms, readings=readings)
            made.append(step(self.plan, self.state, image, orders, self.now_ms))
            self.state, orders = made[-1].state, ()
        return made


def on(decision: Decision) -> set[str]:
    return {name for name, drive in decision.outputs.items() if drive.value}


def told(decisions: list[Decision]) -> list[str]:
    return [event.type for one in decisions for event in one.events if event.type.startswith("calls.")]


def test_a_surge_asks_for_every_action_that_is_switched_on_and_ends_them_all() -> None:
    floor = Floor(ALL)
    floor.look()
    begun = floor.look(1, 181)
    assert on(begun[-1]) == {"outbound_paused", "announcement", "agents"}
    assert begun[-1].outputs["outbound_paused"].owners == (volume.OWNER,)
    assert told(begun) == ["calls.surge", "calls.call_in"]
    order = next(event for event in begun[-1].events if event.type == "calls.call_in").data["order"]
    assert order == ("call_in.present", "Anna")
    assert on(floor.look(1, 100)[-1]), "above half of the limit it goes on"
    over = floor.look(8, 0)
    assert on(over[-1]) == set() and told(over) == ["calls.surge_over", "calls.stand_down"]


@pytest.mark.parametrize(
    ("action", "watched"),
    [
        ({"outbound_paused"}, volume.Watched(volume=COUNTED, outbound=("outbound_paused",))),
        ({"announcement"}, volume.Watched(volume=COUNTED, announcement="announcement")),
        ({"agents"}, volume.Watched(volume=COUNTED, agents="agents")),
        (set(), volume.Watched(volume=COUNTED)),
    ],
)
def test_each_action_is_a_switch_of_its_own(action: set[str], watched: volume.Watched) -> None:
    floor = Floor(watched)
    floor.look()
    assert on(floor.look(1, 500)[-1]) == action


def test_a_surge_that_ends_leaves_a_persons_pause_alone() -> None:
    floor = Floor(ALL)
    floor.look()
    floor.look(1, 500, Command(id="1", kind=CommandKind.PAUSE_OUTBOUND, by="anna"))
    after = floor.look(8, 0)
    assert on(after[-1]) == {"outbound_paused"} and after[-1].outputs["outbound_paused"].owners == ("by anna",)


def test_an_exchange_that_is_not_seen_neither_begins_nor_ends_a_surge() -> None:
    floor = Floor(ALL)
    floor.look()
    assert on(floor.look(3, None)[-1]) == set()
    floor.look(1, 500)
    assert on(floor.look(30, None)[-1]) == {"outbound_paused", "announcement", "agents"}


def test_limits_of_nothing_are_not_watched() -> None:
    deaf = volume.Watched(volume=COUNTED, outbound=("outbound_paused",), busy_limit_pct=0, wait_limit_s=0)
    floor = Floor(deaf)
    floor.look()
    assert on(floor.look(3, 9_999)[-1]) == set()
