"""The gate against any course of owners, restarts, disconnects and strangers: it ends as wanted, closed while anybody
is left who asks for it, and a person's pause at the exchange is never lifted."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.ami_account import Account
from drivers.pbx import PbxBus
from drivers.pbx_config import PbxConfig
from firmware_py.core.arbiter import arbitrate
from firmware_py.core.mode import Mode
from firmware_py.core.output import Output, Priority, StopValue
from firmware_py.core.plan import Plan
from firmware_py.core.rules import Request, Situation, collect
from firmware_py.demo.exchange import SimExchange, SimTrunk
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run

GATE, MARK, OUTPUT = "Custom:outbound-gate", "Custom:floorguard-outbound-gate", "outbound_paused"
PLAN = Plan(
    outputs={OUTPUT: Output(id=OUTPUT, on_stop=StopValue.HOLD, on_fault=StopValue.HOLD, lease_ms=60_000)},
    outbound=(OUTPUT,),
)
NOW = Situation(conditions={}, alarms={}, causes={}, stages={}, mode=Mode.NORMAL, because=())
MANUAL = "manual"
OWNERS = ("power", "trunk", "surge", "drill", MANUAL)  # each step of this name begins its reason, or ends it
STEPS = (*OWNERS, "refresh", "look", "cut", "reboot", "lose", "rebuild", "hand_closes", "hand_opens")


@dataclass
class Course:
    """One exchange, our driver on it, and what a person there last did to the gate."""

    exchange: SimExchange
    bus: PbxBus
    owners: set[str] = field(default_factory=set)
    person_holds: bool = False
    kept: dict[str, str] = field(default_factory=dict)

    def config(self) -> PbxConfig:
        account = Account(host="127.0.0.1", port=self.exchange.port, user="u", secret="x", answer_ms=300)
        return PbxConfig(name="pbx1", account=account, trunks=(), failover="", settle_ms=0, durable_ms=1)

    @property
    def wanted(self) -> bool:
        """What the core makes of everybody who asks."""
        causes = sorted(self.owners - {MANUAL})
        asked = [
            Request(output=OUTPUT, value=True, priority=Priority.PROGRAM, owner=one, because=(one,)) for one in causes
        ]
        asked += collect(PLAN, NOW, {}, "anna" if MANUAL in self.owners else "", [OUTPUT])
        return arbitrate(PLAN, asked, NOW, {}, [OUTPUT])[OUTPUT].value is True

    @property
    def closed(self) -> bool:
        return self.exchange.device_states.get(GATE) == "INUSE"

    def seen(self) -> None:
        """A person's closed gate is a person's until a person opens it."""
        assert not self.person_holds or self.closed, "a person's pause was lifted"

    async def go(self, step: str) -> None:
        moves: Mapping[str, Callable[[], Awaitable[None]]] = {
            "refresh": self.tell, "look": self.look, "cut": self.cut, "reboot": self.reboot, "lose": self.lose,
            "rebuild": self.rebuild,
            "hand_closes": self.hand_closes, "hand_opens": self.hand_opens,
        }  # fmt: skip
        if step in OWNERS:
            self.owners ^= {step}
            await self.tell()
        else:
            await moves[step]()
        self.seen()

    async def tell(self) -> None:
        self.kept = dict(self.exchange.device_states)
        with contextlib.suppress(DeviceError):  # tried again at the next refresh, as the poller does
            await self.bus.write(OUTPUT, self.wanted)

    async def look(self) -> None:
        with contextlib.suppress(DeviceError):
            await self.bus.read(self.bus.groups[1])

    async def cut(self) -> None:
        await self.exchange.stop()
        await self.exchange.start()

    async def reboot(self) -> None:
        await self.exchange.stop()
        await self.exchange.start(boot_s=0.01)

    async def lose(self) -> None:
        """Killed before AstDB has committed our latest write; what a person did was committed."""
        await self.exchange.stop()
        self.exchange.device_states = dict(self.kept)
        await self.exchange.start()

    async def rebuild(self) -> None:
        """The controller restarts, and knows only what it wants."""
        await self.bus.close()
        self.bus = PbxBus(self.config())

    async def hand_closes(self) -> None:
        if not self.closed:  # closing what we have closed already changes nothing that anybody could tell apart
            self.exchange.device_states[GATE] = "INUSE"
            self.kept = dict(self.exchange.device_states)
            self.person_holds = self.exchange.device_states.get(MARK) != "INUSE"

    async def hand_opens(self) -> None:
        self.exchange.device_states[GATE] = "NOT_INUSE"
        self.kept = dict(self.exchange.device_states)  # later than ours, so ours is committed too
        self.person_holds = False

    async def settle(self) -> None:
        """A minute later: the wish is refreshed, looked at, refreshed again."""

        async def written() -> bool:
            try:
                await self.bus.write(OUTPUT, self.wanted)
                await self.bus.read(self.bus.groups[1])
            except DeviceError:
                return False
            return True

        await eventually_async(written, within_s=10, every_s=0.02)
        await eventually_async(written, within_s=10, every_s=0.02)


async def follow(steps: list[str]) -> None:
    exchange = SimExchange((SimTrunk(endpoint="t"),), user="u", secret="x")
    await exchange.start()
    course = Course(exchange=exchange, bus=None)  # type: ignore[arg-type] # made on the next line, from the course's port
    course.bus = PbxBus(course.config())
    try:
        for step in steps:
            await course.go(step)
        await course.settle()
        course.seen()
        assert course.wanted is bool(course.owners), "open only when all of them are gone"
        assert course.closed is (course.wanted or course.person_holds), (course.owners, course.person_holds)
    finally:
        await course.bus.close()
        await exchange.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_whatever_happens_the_gate_ends_as_wanted_and_a_persons_pause_stands(steps: list[str]) -> None:
    run(follow(steps), within_s=60)


@pytest.mark.proof
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=40))
def test_long_courses_end_the_same(steps: list[str]) -> None:
    run(follow(steps), within_s=120)


def test_a_persons_pause_outlives_ours() -> None:
    run(follow(["look", "hand_closes", "power", "refresh", "power", "rebuild", "refresh", "cut", "look"]))


def test_our_pause_ends_although_the_controller_was_new_in_between() -> None:
    run(follow(["trunk", "rebuild", "cut", "trunk"]))


def test_who_holds_the_gate_is_told() -> None:
    async def scenario() -> None:
        exchange = SimExchange((SimTrunk(endpoint="t"),), user="u", secret="x")
        await exchange.start()
        course = Course(exchange=exchange, bus=None)  # type: ignore[arg-type] # made on the next line
        bus = course.bus = PbxBus(course.config())

        async def held() -> object:
            return (await bus.read(bus.groups[1]))["pbx1.held_by_hand"].value

        try:
            assert await held() is False
            await course.hand_closes()
            assert await held() is True
            await bus.write(OUTPUT, False)
            assert course.closed and await bus.read_back(OUTPUT) is True
            await course.hand_opens()
            await bus.write(OUTPUT, True)
            assert await held() is False
            await asyncio.sleep(0)
        finally:
            await bus.close()
            await exchange.stop()

    run(scenario())
