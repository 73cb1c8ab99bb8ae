"""When the far side is told: the rhythm of values, what moves at once, and alarms that are the very same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.alarm import AlarmState
from firmware_py.core.condition import ConditionState
from firmware_py.core.mode import Mode
from mqtt_bridge.announcer import Announcer
from mqtt_bridge.client import Session
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import Snapshot
from mqtt_bridge.settings import Bridge, Broker
from tests.mqtt_bridge.floors import ABOUT, ACTIVE, ALARMS, BOOT, SITE, ListOutbox, LoopClock, Notes, see
from tests.shell.virtual import VirtualClock, run_virtual, running, spend

STATE = f"floor/v1/{SITE}/state"
ON_BATTERY = f"floor/v1/{SITE}/alarm/ups1/on_battery"
CALM: Mapping[str, ConditionState] = {}  # the very same as long as no condition moves
BEGINS_MS = 1_001_000  # of the loop; a whole second
TELLS_MS = 3  # at most, where a condition moves


@dataclass
class Line:
    """A broker that takes each message at once, but for topics that it `refuses`; `said`: when, where and what."""

    clock: VirtualClock
    refuses: set[str] = field(default_factory=set)
    may_post: bool = True  # False: as where the socket is full, or the last one has no answer yet
    posted: int = 0
    said: list[tuple[int, str, bytes]] = field(default_factory=list)

    async def send(self, message: Message) -> asyncio.Future[str]:
        self.said.append((self.clock.now_ms(), message.topic, message.payload))
        receipt: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        receipt.set_result("not authorized" if message.topic in self.refuses else "")
        return receipt

    async def publish(self, message: Message) -> str:
        return await (await self.send(message))

    def post(self, message: Message, hear: Callable[[str], None]) -> bool:
        if self.may_post:
            self.said.append((self.clock.now_ms(), message.topic, message.payload))
            self.posted += 1
            asyncio.get_running_loop().call_soon(hear, "not authorized" if message.topic in self.refuses else "")
        return self.may_post

    def states(self) -> list[tuple[int, object]]:
        told = [(at_ms - BEGINS_MS, json.loads(raw)) for at_ms, topic, raw in self.said if topic == STATE]
        return [(at_ms, message["ups1"]["battery"]["charge_pct"]["v"]) for at_ms, message in told]

    def alarms(self) -> list[tuple[str, str]]:
        return [
            (topic.rpartition("/")[2], json.loads(raw)["state"] if raw else "gone")
            for _, topic, raw in self.said
            if "/alarm/" in topic
        ]


def announcer(notes: Notes | None = None, refused: Callable[[str, str], None] | None = None) -> Announcer:
    return Announcer(
        Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=1)), boot=BOOT, points=ABOUT.points, alarms=ALARMS,
        text=lambda alarm: alarm.text, clock=LoopClock(), outbox=ListOutbox(), memory=notes or Notes(),
        refused=refused or (lambda topic, why: None),
    )  # fmt: skip


def shown(
    charge_pct: int = 96, *, mode: Mode = Mode.NORMAL, alarms: Mapping[str, AlarmState] | None = None,
    conditions: Mapping[str, ConditionState] = CALM,
) -> Snapshot:  # fmt: skip
    seen = see(charge_pct=charge_pct, mode=mode)
    state = replace(seen.decision.state, alarms={} if alarms is None else alarms, conditions=conditions)
    return replace(seen, decision=replace(seen.decision, state=state))


def course(pictures: Mapping[int, Callable[[], Snapshot]], until_ms: int) -> list[tuple[int, object]]:
    """When which charge was told, of pictures at these milliseconds."""
    told: list[tuple[int, object]] = []

    async def scenario(clock: VirtualClock) -> None:
        line, ours = Line(clock), announcer()
        session = cast(Session, line)
        await spend(BEGINS_MS - clock.now_ms())
        ours.offer(shown(0))
        await ours.announce(session)
        async with running(ours.run(session)):
            for at_ms, picture in pictures.items():
                await spend(BEGINS_MS + at_ms - clock.now_ms())
                ours.offer(picture())
            await spend(BEGINS_MS + until_ms - clock.now_ms())
        told.extend(line.states())

    run_virtual(scenario)
    return told


def test_values_that_move_each_second_are_told_with_each_picture_though_one_comes_a_little_early() -> None:
    pictures = {1_000: lambda: shown(1), 2_020: lambda: shown(2), 2_990: lambda: shown(3), 4_000: lambda: shown(4)}
    assert course(pictures, 4_900) == [(0, 0), (1_000, 1), (2_020, 2), (2_990, 3), (4_000, 4)]


def test_values_come_back_to_the_turn_of_whoever_shows_them_after_a_state_in_between() -> None:
    told = course(
        {
            1_000: lambda: shown(1),
            1_500: lambda: shown(2, mode=Mode.CONSERVATION),
            2_000: lambda: shown(3, mode=Mode.CONSERVATION),
            3_000: lambda: shown(4, mode=Mode.CONSERVATION),
            4_000: lambda: shown(5, mode=Mode.CONSERVATION),
        },
        4_900,
    )
    assert told == [(0, 0), (1_000, 1), (1_500, 2), (3_000, 4), (4_000, 5)], "and not at 2,500"


def test_values_without_another_picture_are_told_after_one_and_a_half_gaps() -> None:
    assert course({1_000: lambda: shown(1), 1_200: lambda: shown(2)}, 9_000) == [(0, 0), (1_000, 1), (2_500, 2)]


def test_what_does_not_move_is_told_once_a_minute() -> None:
    pictures = {at_ms: lambda: shown(0) for at_ms in range(1_000, 130_000, 1_000)}
    assert course(pictures, 130_500) == [(0, 0), (60_000, 0), (120_000, 0)]


def test_a_picture_in_which_a_condition_moves_waits_for_what_confirms_it_but_never_long() -> None:
    first: Mapping[str, ConditionState] = {"ups1.on_battery": ConditionState()}
    confirmed: Mapping[str, ConditionState] = {"ups1.on_battery": ConditionState()}
    both = course(
        {
            1_400: lambda: shown(1, conditions=first),
            1_402: lambda: shown(2, mode=Mode.CONSERVATION, conditions=confirmed),
        },
        1_900,
    )
    assert both == [(0, 0), (1_400 + TELLS_MS, 2)], "one message that says all of it"
    alone = course({1_400: lambda: shown(1, conditions=first)}, 1_900)
    assert alone == [(0, 0), (1_400 + TELLS_MS, 1)]
    at_once = course({1_400: lambda: shown(2, mode=Mode.CONSERVATION, conditions=confirmed)}, 1_900)
    assert at_once == [(0, 0), (1_400, 2)], "what changes the floor's mode is confirmed"


RETURNED = replace(ACTIVE, active=False)
STATES = st.sampled_from([None, ACTIVE, RETURNED, replace(ACTIVE, acked=True), replace(ACTIVE, activations=2)])
TURN = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(ALARMS, STATES)),
    st.booleans(),  # nothing has moved: the very same alarms as before
    st.sampled_from(["", "", "repeat", "refuse", "allow", "late"]),
)


@given(turns=st.lists(TURN, min_size=1, max_size=10))
def test_alarms_that_are_the_very_same_are_told_as_if_all_were_looked_at(
    turns: list[tuple[dict[str, AlarmState | None], bool, str]],
) -> None:
    said: list[list[tuple[int, str, bytes]]] = []

    async def play(clock: VirtualClock, *, is_same: bool) -> None:
        line, ours = Line(clock), announcer()
        session = cast(Session, line)
        standing: Mapping[str, AlarmState] = {}
        await spend(BEGINS_MS - clock.now_ms())
        ours.offer(shown())
        await ours.announce(session)
        async with running(ours.run(session)):
            for given_states, stays, what in turns:
                if not stays:
                    standing = {name: one or AlarmState() for name, one in given_states.items()}
                line.refuses = {ON_BATTERY} if what == "refuse" else line.refuses
                line.refuses = set() if what == "allow" else line.refuses
                if what == "repeat":
                    ours.repeat()
                ours.offer(shown(alarms=standing if is_same else dict(standing)))
                await spend(61_000 if what == "late" else 1_000)
        said.append([(at_ms, topic, raw) for at_ms, topic, raw in line.said if "/alarm/" in topic])

    run_virtual(lambda clock: play(clock, is_same=True))
    run_virtual(lambda clock: play(clock, is_same=False))
    assert said[0] == said[1]


def test_an_alarm_is_told_when_it_comes_and_emptied_when_it_is_gone_and_in_between_nothing_is_said() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, notes = Line(clock), Notes()
        ours, session = announcer(notes), cast(Session, line)
        ours.offer(shown())
        await ours.announce(session)
        async with running(ours.run(session)):
            raised = {"ups1.on_battery": ACTIVE, "trunks.main.down": AlarmState()}
            for _ in range(5):
                ours.offer(shown(alarms=raised))
                await spend(1_000)
            assert [name for name, _ in line.alarms()] == ["on_battery"] and len(notes.alarms) == 1
            ours.repeat()
            await spend(1_000)
            assert len(line.alarms()) == 2, "whoever asks is told all of it again"
            for _ in range(5):
                ours.offer(shown(alarms={name: AlarmState() for name in raised}))
                await spend(1_000)
            assert line.alarms()[2:] == [("on_battery", "gone")] and not notes.alarms

    run_virtual(scenario)


PICTURE = st.tuples(
    st.sampled_from([7, 400, 950, 1_000, 1_000, 1_000, 1_001, 2_600, 61_000]),  # ms since the one before
    st.integers(0, 2),
    st.sampled_from([Mode.NORMAL, Mode.NORMAL, Mode.NORMAL, Mode.CONSERVATION]),
    st.sampled_from([None, None, None, None, ACTIVE, RETURNED]),
    st.sampled_from(["", "", "", "", "", "repeat", "full", "free", "refuse", "allow"]),
)


@given(pictures=st.lists(PICTURE, min_size=1, max_size=12))
def test_values_told_in_the_very_turn_are_those_that_the_task_would_tell(
    pictures: list[tuple[int, int, Mode, AlarmState | None, str]],
) -> None:
    """When, what and what became of it; only that a repetition is the task's in both."""
    told: list[tuple[list[tuple[int, str, bytes]], list[tuple[str, str]]]] = []

    async def play(clock: VirtualClock, *, is_prompt: bool) -> None:
        heard = list[tuple[str, str]]()
        line = Line(clock, may_post=is_prompt)
        ours, session = announcer(refused=lambda topic, why: heard.append((topic, why))), cast(Session, line)
        alarms: Mapping[str, AlarmState] = {}
        await spend(BEGINS_MS - clock.now_ms())
        ours.offer(shown(0, alarms=alarms))
        await ours.announce(session)
        async with running(ours.run(session)):
            for pause_ms, charge_pct, mode, alarm, what in pictures:
                await spend(pause_ms)
                if alarm is not None:
                    alarms = {"ups1.on_battery": alarm}
                line.may_post = is_prompt and (line.may_post or what == "free") and what != "full"
                line.refuses = {STATE} if what == "refuse" else set() if what == "allow" else line.refuses
                if what == "repeat":
                    ours.repeat()
                ours.offer(shown(charge_pct, mode=mode, alarms=alarms))
            await spend(62_000)
        told.append((line.said, heard))

    run_virtual(lambda clock: play(clock, is_prompt=True))
    run_virtual(lambda clock: play(clock, is_prompt=False))
    assert told[0] == told[1]


def test_each_second_at_rest_is_told_without_the_task() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, ours = Line(clock), announcer()
        session = cast(Session, line)
        alarms: Mapping[str, AlarmState] = {}
        await spend(BEGINS_MS - clock.now_ms())
        ours.offer(shown(0, alarms=alarms))
        await ours.announce(session)
        async with running(ours.run(session)):
            for charge_pct in range(1, 6):
                await spend(1_000)
                ours.offer(shown(charge_pct, alarms=alarms))
                assert line.states()[-1][1] == charge_pct, "before the next turn of the loop"
        assert line.posted == 5

    run_virtual(scenario)


def test_a_large_floor_is_told_by_the_task_so_that_its_cycle_does_not_hold_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mqtt_bridge.announcer._MOST_PROMPTLY", len(ABOUT.points) - 1)

    async def scenario(clock: VirtualClock) -> None:
        line, ours = Line(clock), announcer()
        alarms: Mapping[str, AlarmState] = {}
        ours.offer(shown(0, alarms=alarms))
        await ours.announce(cast(Session, line))
        async with running(ours.run(cast(Session, line))):
            for charge_pct in range(1, 4):
                await spend(1_000)
                ours.offer(shown(charge_pct, alarms=alarms))
                assert line.states()[-1][1] == charge_pct - 1
        assert line.posted == 0 and len(line.states()) == 3

    run_virtual(scenario)


def test_a_refused_alarm_is_said_again_each_minute_though_values_move_each_second() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, ours = Line(clock), announcer()
        raised: Mapping[str, AlarmState] = {"ups1.on_battery": ACTIVE}
        line.refuses = {ON_BATTERY}
        ours.offer(shown(0, alarms=raised))
        await ours.announce(cast(Session, line))
        async with running(ours.run(cast(Session, line))):
            for second in range(1, 151):
                ours.offer(shown(second % 2, alarms=raised))
                await spend(1_000)
                line.refuses = set() if second == 90 else line.refuses
            said_s = [round((at_ms - line.said[0][0]) / 1_000) for at_ms, where, _ in line.said if where == ON_BATTERY]
            assert said_s == [0, 60, 120], "refused twice, and taken the third time"
        assert len(line.states()) > 140

    run_virtual(scenario)


def test_a_fault_of_ours_in_the_very_turn_is_met_again_by_the_task() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, ours = Line(clock), announcer()
        alarms: Mapping[str, AlarmState] = {}
        ours.offer(shown(0, alarms=alarms))
        await ours.announce(cast(Session, line))
        task = asyncio.ensure_future(ours.run(cast(Session, line)))
        await spend(1_000)
        with pytest.raises(AttributeError):  # which is told and passed over by whoever shows it
            ours.offer(cast(Snapshot, object()))
        await asyncio.wait({task}, timeout=10)
        assert isinstance(task.exception(), AttributeError)

    run_virtual(scenario)
