"""A small floor in words of the core, and what a publisher needs: outbox, memory and wall clock with behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firmware_py.core.alarm import Alarm, AlarmPriority, AlarmState
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Mode
from firmware_py.core.output import Drive, Pattern, Priority
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.core.state import State
from mqtt_bridge.commands import Answer, Order, Status
from mqtt_bridge.payload import About
from mqtt_bridge.ports import Health, Snapshot
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.schema import digest
from mqtt_bridge.settings import Bridge

SITE = "mnl-2f"
BOOT = "b41c"
TOPIC = f"floor/v1/{SITE}"

POINTS = (
    Point(id="ups1.output_source", kind=Kind.WORD, stale_after_ms=5_000, urgent=True, words=("mains", "battery")),
    Point(id="ups1.battery.charge_pct", kind=Kind.INTEGER, unit="%", stale_after_ms=30_000, low=0, high=100),
    Point(id="room1.temp_c", kind=Kind.NUMBER, unit="C", stale_after_ms=30_000, low=-20, high=60),
)
ALARMS = {
    one.id: one
    for one in (
        Alarm(id="ups1.on_battery", condition="ups1.on_battery", priority=AlarmPriority.HIGH, text="on_battery"),
        Alarm(id="trunks.main.down", condition="trunks.main.down", priority=AlarmPriority.MEDIUM, text="trunk_down"),
    )
}
ABOUT = About(version="0.1.0", schema=digest(), points=POINTS)
ACTIVE = AlarmState(active=True, acked=False, activations=1, incident="2026-0007")


def utc_text(at_ms: int) -> str:
    """Wall time as text; the controller of these tests was started at 14:30."""
    seconds, ms = divmod(at_ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes + 30, 60)
    days, hour = divmod(hours + 14, 24)
    return f"2026-11-{21 + days % 9:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"


def see(
    *,
    now_ms: int = 0,
    charge_pct: int = 96,
    source: str = "mains",
    alarms: Mapping[str, AlarmState] | None = None,
    mode: Mode = Mode.NORMAL,
) -> Snapshot:
    """One cycle's picture; the room's temperature has been stale for a while."""
    readings = {
        "ups1.output_source": Reading(value=source, quality=Quality.GOOD, at_ms=now_ms),
        "ups1.battery.charge_pct": Reading(value=charge_pct, quality=Quality.GOOD, at_ms=now_ms),
        "room1.temp_c": Reading(value=24.1, quality=Quality.BAD, at_ms=0, because=Reason.STALE),
    }
    paused = mode >= Mode.CONSERVATION
    because = ("ups1.on_battery",) if paused else ()
    outputs = {
        "outbound_paused": Drive(value=paused, priority=Priority.PROGRAM, because=because),
        "lamp.power": Drive(value=Pattern.FLASH if paused else False, priority=Priority.PROGRAM, because=because),
    }
    decision = Decision(
        state=State(alarms=dict(alarms or {})),
        outputs=outputs,
        mode=mode,
        flags=frozenset(),
        because=because,
        stage=2 if paused else 0,
    )
    return Snapshot(image=InputImage(now_ms=now_ms, readings=readings), decision=decision)


def power_cut(now_ms: int = 1_000) -> Snapshot:
    return see(now_ms=now_ms, source="battery", alarms={"ups1.on_battery": ACTIVE}, mode=Mode.CONSERVATION)


class ListOutbox:
    """A journal that is a list. `delay_s` is the storage thread's time to answer."""

    def __init__(self, *, log: str = "7f3a", delay_s: float = 0.0) -> None:
        self.log = log
        self.ack = 0
        self.cursor_seen = False
        self.records: list[dict[str, Any]] = []
        self.asked: list[int] = []
        self._delay_s = delay_s

    @property
    def last(self) -> int:
        return int(self.records[-1]["seq"]) if self.records else 0

    def append(self, type_: str = "power.mains_lost", **data: Any) -> None:
        seq = self.last + 1
        record = {"seq": seq, "log": self.log, "ts": utc_text(seq), "clk": "ntp", "up_ms": seq, "boot": BOOT}
        self.records.append(record | {"type": type_, "sev": "info", "incident": None, "drill": False, "data": data})

    async def pending(self, after: int, limit: int) -> Sequence[dict[str, Any]]:
        self.asked.append(limit)
        await asyncio.sleep(self._delay_s)
        return [record for record in self.records if record["seq"] > after][:limit]

    def acknowledged(self, seq: int, *, cursor: bool) -> None:
        self.ack = seq
        self.cursor_seen = self.cursor_seen or cursor


class Notes:
    """Memory that outlives a publisher."""

    def __init__(self, topics: frozenset[str] = frozenset()) -> None:
        self.topics = topics

    @property
    def alarms(self) -> set[str]:
        return {topic for topic in self.topics if "/alarm/" in topic}

    def recall(self) -> frozenset[str]:
        return self.topics

    async def remember(self, topics: frozenset[str]) -> None:
        self.topics = topics


class NotedOrders:
    """A floor that does what it is told, and a journal that is a list. `refuses`: what it answers instead."""

    def __init__(self, seen: Sequence[str] = (), refuses: str = "") -> None:
        self.done: list[Order] = []
        self.noted: list[tuple[Answer, int]] = []
        self.seen, self._refuses = list(seen), refuses

    async def carry_out(self, order: Order) -> Answer:
        assert order.id in self.seen, "remembered before it acts"
        await asyncio.sleep(0)
        self.done.append(order)
        return order.answer(Status.REJECTED if self._refuses else Status.DONE, self._refuses)

    def note(self, answer: Answer, count: int = 1) -> None:
        self.noted.append((answer, count))

    def recall(self) -> Sequence[str]:
        return self.seen

    async def remember(self, ids: Sequence[str]) -> None:
        self.seen = list(ids)


class LoopClock:
    """Wall time that runs with the event loop."""

    def __init__(self, clk: str = "ntp") -> None:
        self.clk = clk
        self.known_ms: int | None = None
        self.floor = ""

    def corrected(self, at_ms: int) -> str:
        return "" if self.known_ms is None else utc_text(at_ms + self.known_ms)

    def age_ms(self, utc_ms: int) -> int | None:
        return None

    def now_ms(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000) % 86_400_000

    def utc(self, at_ms: int) -> str:
        return utc_text(at_ms)


def shortly(low_s: float, high_s: float) -> float:
    """Chance for tests that cannot wait: the order of back-off without its length."""
    return min(low_s, 1.0) / 20


def make_publisher(
    settings: Bridge,
    *,
    outbox: ListOutbox | None = None,
    notes: Notes | None = None,
    healths: list[Health] | None = None,
    boot: str = BOOT,
    clock: LoopClock | None = None,
    orders: NotedOrders | None = None,
    chance: Callable[[float, float], float] = shortly,
) -> Publisher:
    return Publisher(
        settings,
        boot=boot,
        about=ABOUT,
        alarms=ALARMS,
        text=lambda alarm: f"Text of {alarm.text}",
        clock=clock or LoopClock(),
        outbox=outbox or ListOutbox(),
        memory=notes or Notes(),
        report=(healths if healths is not None else []).append,
        orders=orders,
        chance=chance,
    )
