"""A question to a known agent that nobody awaits: whatever comes back, it ends as the one that is awaited.

Real sockets in virtual time; the agent is the simulated floor's, whose replies a course twists.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.snmp_bus import SnmpBus
from firmware_py.core.reading import News, Sample
from firmware_py.demo.ups_agent import Gauge32
from firmware_py.ports import DeviceError, PollGroup
from tests.drivers.snmp_profiles import UPS
from tests.drivers.snmp_twisted import USER, SecureTwisted, Twisted
from tests.shell.virtual import VirtualClock, VirtualLoop, run_virtual, spend
from tests.wires.snmp_peers import HOST, make_bus

TWISTS = (
    "", "", "", "", "", "", "silent", "once silent", "twice", "other number", "other community", "cut", "longer",
    "a status", "no status", "rubbish", "stranger", "unasked before", "slow", "too slow", "8 KiB more",
)  # fmt: skip
SECURE_TWISTS = (
    *TWISTS, "touched", "signed only", "an earlier boot", "an old message", "another message", "restarted",
    "not in time", "unknown user",
)  # fmt: skip
news = st.fixed_dictionaries(
    {},
    optional={
        f"{UPS}.2.3.0": st.sampled_from([0, 43, 44, 300]), f"{UPS}.2.4.0": st.sampled_from([0, 3, 99, 100, 65535]),
        f"{UPS}.2.5.0": st.sampled_from([540, 545, 9]), f"{UPS}.4.1.0": st.sampled_from([3, 3, 5, 1, 9]),
        f"{UPS}.4.4.1.4.1": st.sampled_from([0, 20, 800]), f"{UPS}.3.3.1.3.1": st.sampled_from([230, 231, 2310, -1]),
        f"{UPS}.2.1.0": st.sampled_from([2, 3, 1]), f"{UPS}.6.1.0": st.sampled_from([Gauge32(0), Gauge32(2)]),
        f"{UPS}.4.4.1.2.1": st.sampled_from([230, 2300, "text"]),
    },
)  # fmt: skip
turns = st.lists(st.tuples(st.sampled_from(TWISTS), news), min_size=1, max_size=9)
secure_turns = st.lists(st.tuples(st.sampled_from(SECURE_TWISTS), news), min_size=1, max_size=9)
Course = list[tuple[str, dict[str, int | str]]]


@pytest.fixture(autouse=True)
def addresses_are_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server has no place in virtual time."""

    async def found(_: VirtualLoop, host: str, port: int, **how: Any) -> object:
        return socket.getaddrinfo(host, port, type=how.get("type", 0))

    monkeypatch.setattr(VirtualLoop, "getaddrinfo", found, raising=False)

    async def at_once(function: Callable[..., object], *given: object) -> object:
        return function(*given)

    monkeypatch.setattr(asyncio, "to_thread", at_once)  # no more has a thread


async def promptly(bus: SnmpBus, group: PollGroup) -> tuple[Mapping[str, Sample], bool]:
    """As the poller does it; and whether nobody had to wait."""
    fate: asyncio.Future[News | None] = asyncio.get_running_loop().create_future()
    begun = bus.begin(group, fate.set_result)
    if isinstance(begun, News):
        return dict(begun.whole), True
    if begun:
        await asyncio.wait({fate}, timeout=begun / 1000)
        told = fate.result() if fate.done() else None
        if told is not None:
            return dict(told.whole), True
    return await bus.read(group), False


async def follow(course: Course, *, prompt: bool, secure: bool = False) -> tuple[list[object], int]:
    agent = SecureTwisted() if secure else Twisted()
    port = await agent.start(HOST)
    access = USER if secure else None
    bus = make_bus(port, access, slow_period_ms=1_000, fast_deadline_ms=900, slow_deadline_ms=900)
    loop, seen, quick = asyncio.get_running_loop(), list[object](), 0
    plain: Course = [("", {})] * 3
    try:
        for twist, values in [*plain, *course, ("", {})]:
            agent.values |= values
            agent.twist = "" if twist == "unasked before" else twist
            if twist == "unasked before" and agent._transport is not None:
                agent._transport.sendto(bytes(40), agent.last_peer)
                await spend(1)
            for group in bus.groups:
                try:
                    if prompt:
                        found, is_quick = await promptly(bus, group)
                        quick += is_quick
                    else:
                        found = await bus.read(group)
                    seen.append(dict(found))
                except DeviceError as error:
                    seen.append((str(error).replace(f"{port}", "PORT"), error.because, error.unit_only))
                seen.append(round(loop.time(), 3))
                await spend(1)  # what comes twice has then been thrown away
                seen += [dict(bus.sources), bus._losses, agent.asked]
                seen.append(bus._session.dropped if bus._session is not None else None)
            agent.twist = ""
            await spend(1_000 - round(loop.time() * 1000) % 1_000)
    finally:
        await bus.close()
        await agent.close()
        await spend(20)
    return seen, quick


def compare(course: Course, *, secure: bool) -> None:
    async def scenario(_: VirtualClock, *, prompt: bool) -> list[object]:
        return (await follow(course, prompt=prompt, secure=secure))[0]

    awaited = run_virtual(lambda clock: scenario(clock, prompt=False))
    told = run_virtual(lambda clock: scenario(clock, prompt=True))
    for step, (one, other) in enumerate(zip(told, awaited, strict=True)):
        assert one == other, step


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(turns)
def test_any_course_of_replies_ends_as_where_it_is_awaited(course: Course) -> None:
    compare(course, secure=False)


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(secure_turns)
def test_any_course_of_signed_replies_ends_as_where_it_is_awaited(course: Course) -> None:
    compare(course, secure=True)


@pytest.mark.parametrize("secure", [False, True])
def test_a_known_agent_needs_nobody_to_wait(secure: bool) -> None:
    async def scenario(_: VirtualClock) -> int:
        course: Course = [("", {f"{UPS}.2.5.0": 540 + n}) for n in range(6)]
        return (await follow(course, prompt=True, secure=secure))[1]

    assert run_virtual(scenario) >= 12
