"""Commands from the far side on a real cycle: under their sender's name, journalled, refused with the core's reason."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.image import InputImage
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.kept import KeptWords, TopicMemory
from firmware_py.wiring.orders import FarOrders
from mqtt_bridge.commands import Answer, Order, Status
from tests.conftest import run
from tests.shell.floor import Floor
from tests.shell.virtual import VirtualClock, run_virtual, running, spend


def order(name: str, alarm: str = "") -> Order:
    return Order(id=f"id-{name}", name=name, by="ops@noc", boot="b41c", ttl_ms=10_000, alarm=alarm)


def test_an_order_is_done_by_the_core_and_one_that_the_floor_forbids_comes_back_with_the_reason(
    tmp_path: Path,
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, told = Floor(clock), list[Event]()
        far = FarOrders(floor.desk, clock, told.extend, KeptWords(tmp_path / "ids", Disk()), by_hand="manual")
        floor.later(5_000, floor.say("ups1", "battery"))
        async with running(floor.supervisor.run(floor.closing())):
            await spend(2_000)
            assert (await far.carry_out(order("ack"))).error == "nothing waits to be acknowledged"
            assert (await far.carry_out(order("lamp-test"))).status is Status.DONE
            assert floor.cycle.state.lamp_test_by == "mqtt:ops@noc"
            await spend(10_000)
            assert (await far.carry_out(order("ack", "ups1.on_battery"))).status is Status.DONE
            assert (await far.carry_out(order("ack", "no.such"))).status is Status.REJECTED
        assert told == [], "the core journals what it was asked"
        assert len([1 for _, line in floor.diary.lines if line.startswith("journal command.")]) == 4

    run_virtual(scenario)


def test_a_release_is_refused_while_a_cause_is_present_and_that_is_journalled(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, told = Floor(clock), list[Event]()
        far = FarOrders(floor.desk, clock, told.extend, KeptWords(tmp_path / "ids", Disk()), by_hand="manual")
        floor.diary.show = far.show  # type: ignore[method-assign]  # it looks on in the diary's place
        floor.later(2_500, floor.say("ups1", "battery"))
        async with running(floor.supervisor.run(floor.closing())):
            await spend(8_000)
            answer = await far.carry_out(order("release"))
        assert answer.error == "refused while a cause is present: power"
        (event,) = told
        assert (event.type, event.data["by"], event.data["id"]) == ("command.refused", "mqtt:ops@noc", "id-release")

    run_virtual(scenario)


def test_a_fire_alarm_that_sounds_is_silenced_acknowledged_and_shelved_at_the_floor_only(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, told = Floor(clock), list[Event]()
        fire = frozenset({"ups1.on_battery"})  # the small floor's only alarm plays the fire's part
        far = FarOrders(
            floor.desk, clock, told.extend, KeptWords(tmp_path / "ids", Disk()), by_hand="manual", fire=fire
        )
        floor.diary.show = far.show  # type: ignore[method-assign]  # it looks on in the diary's place
        floor.later(2_500, floor.say("ups1", "battery"))
        async with running(floor.supervisor.run(floor.closing())):
            await spend(8_000)
            for alarm, name in product(("", "ups1.on_battery", "2026-0001"), ("ack", "silence")):
                answer = await far.carry_out(order(name, alarm))
                assert (answer.status, answer.error[:36]) == (Status.REJECTED, "a fire alarm is silenced at the floo")
            assert floor.cycle.state.alarms["ups1.on_battery"].sounds
            await floor.desk.ask(Command(id="1", kind=CommandKind.SILENCE, by="duty manager"))
            await spend(1_000)
            assert (await far.carry_out(order("ack"))).status is Status.DONE, "it does not sound any more"
            assert far._forbid(order("shelve", "ups1.on_battery")) == "a fire alarm is shelved at the floor only"
        assert [event.type for event in told] == ["command.refused"] * 6

    run_virtual(scenario)


def test_another_plan_is_followed_also_where_the_very_same_alarms_are_shown_again(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, told = Floor(clock), list[Event]()
        far = FarOrders(floor.desk, clock, told.extend, KeptWords(tmp_path / "ids", Disk()), by_hand="manual")
        shown = list[tuple[InputImage, Decision]]()
        floor.diary.show = lambda image, decision: shown.append((image, decision))  # type: ignore[method-assign]  # as above
        floor.later(2_500, floor.say("ups1", "battery"))
        async with running(floor.supervisor.run(floor.closing())):
            await spend(8_000)
        far.show(*shown[-1])
        far.show(*shown[-1])
        assert far._forbid(order("ack")) == ""
        plan = floor.plan
        far.adopt(replace(plan, fire_cause=plan.alarms["ups1.on_battery"].cause))
        far.show(*shown[-1])
        assert far._forbid(order("ack")).startswith("a fire alarm is silenced at the floor only")
        far.show(*shown[0])
        assert far._forbid(order("release")) == "", "nothing stood then"

    run_virtual(scenario)


def test_an_order_that_nobody_answers_has_failed_in_the_reply_and_in_the_journal(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, told = Floor(clock), list[Event]()
        far = FarOrders(floor.desk, clock, told.extend, KeptWords(tmp_path / "ids", Disk()), by_hand="manual")
        answer = await far.carry_out(order("lamp-test"))  # no cycle runs
        assert (answer.status, told[0].data["status"]) == (Status.FAILED, "failed")

    run_virtual(scenario)


def test_what_never_reached_the_floor_is_journalled_with_who_and_why(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        told = list[Event]()
        floor = Floor(clock)
        far = FarOrders(floor.desk, clock, told.extend, KeptWords(tmp_path / "ids", Disk()), by_hand="manual")
        far.note(Answer(status=Status.FORBIDDEN, error="no", id="1", by="x", name="conserve"))
        far.note(Answer(status=Status.ACCEPTED, id="2", by="x", name="announce"))
        assert [event.type for event in told] == ["command.refused", "command.done"]
        assert told[0].data["by"] == "mqtt:x" and told[0].data["status"] == "forbidden"

    run_virtual(scenario)


def test_kept_words_survive_a_restart_and_rubbish_in_their_file(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    words = KeptWords(file, Disk())
    assert words.recall() == []
    run(words.remember(["b", "a"]))
    assert KeptWords(file, Disk()).recall() == ["b", "a"]
    for rubbish in (b"", b"{}", b"\xff", b"[1, null]", b"[" * 100_000):
        file.write_bytes(rubbish)
        assert words.recall() == []
    run(KeptWords(tmp_path / "no" / "folder", Disk()).remember(["a"]))  # a medium that fails costs the list only
    memory = TopicMemory(tmp_path, Disk())
    run(memory.remember(frozenset({"x"})))
    assert memory.recall() == {"x"}
