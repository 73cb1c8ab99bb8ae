"""How soon a silent trunk is down, and that one gap is not: the real exchange, poller and step together."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from typing import TypeAlias

import pytest

from config.model_site import Trunks
from config.shape import keys_of
from firmware_py.core.mode import Mode
from monitors import conservation, trunks
from monitors.parts import Part
from tests.conftest import run
from tests.e2e.rig import tell
from tests.wires.asterisk import SUITE, Asterisk
from tests.wires.many_trunks import MANY, NAMES, QUALIFY_S, TRUNKS, many_trunks
from tests.wires.pbx_floor import PhoneFloor

pytestmark = pytest.mark.wire
ON_DELAY_MS = 3_000  # the default of the site file
Provider: TypeAlias = "subprocess.Popen[bytes]"
Play: TypeAlias = Callable[[PhoneFloor, str, Provider], Awaitable[float | None]]
DOWN, FAILED = "trunks.main.down", trunks.below_minimum("main")


def floor(exchange: Asterisk, off_delay_ms: int = 30_000) -> PhoneFloor:
    delays = {"on_delay_ms": ON_DELAY_MS, "off_delay_ms": off_delay_ms}
    group = trunks.Group(name="main", trunks=("main",), minimum_up=1, **delays)
    cause = conservation.Conservation(cause="trunk", conditions=(FAILED,), stable_ms=1_000, spacing_ms=0)
    parts = (
        trunks.watch_trunk(trunks.Trunk(name="main", **delays)),
        trunks.watch_group(group),
        conservation.conserve((cause,), ("outbound_paused",)),
        conservation.shed(
            [
                conservation.ShedStage(
                    cause="trunk", order=1, outputs=("feed.desks",), after_ms=0, thresholds=(), dwell_ms=0
                )
            ]
        ),
        Part(),
    )
    return PhoneFloor(exchange.configure(settle_ms=0), parts, local=("feed.desks",))


async def measure(exchange: Asterisk, times: int) -> list[float]:
    """Seconds from the provider's last word to `down`, each time; the phase against the exchange's OPTIONS varies.

    At most ten times: SIPp ends itself after eleven stops.
    """
    loop, found = asyncio.get_running_loop(), []
    exchange.renew("main")
    async with floor(exchange, off_delay_ms=500).running() as phones:
        for number in range(times):
            await phones.until(lambda: phones.reads("trunks.main.state") == "up", 15, "the trunk is up")
            await phones.until(lambda: not phones.holds(DOWN), 15, "and no longer called down")
            await asyncio.sleep(0.37 * number % 2)
            with exchange.paused("provider-main"):
                silent_s = loop.time()
                await phones.until(lambda: phones.holds(DOWN), 15, "it is down")
                found.append(loop.time() - silent_s)
    return found


async def lose_one(phones: PhoneFloor, name: str, provider: Provider) -> None:
    """One OPTIONS is not answered in time: the exchange calls the trunk unreachable. The provider answers the next."""
    provider.send_signal(signal.SIGSTOP)
    await phones.until(lambda: phones.reads(f"trunks.{name}.state") == "down", 10, "the exchange misses an answer")
    provider.send_signal(signal.SIGCONT)
    await phones.until(lambda: phones.reads(f"trunks.{name}.state") == "up", 10, "and has the next one")


async def fall_silent(phones: PhoneFloor, name: str, provider: Provider) -> float:
    """Seconds from the provider's last word until the trunk is down."""
    loop = asyncio.get_running_loop()
    provider.send_signal(signal.SIGSTOP)
    silent_s = loop.time()
    await phones.until(lambda: phones.holds(f"trunks.{name}.down"), 20, "it is down")
    return loop.time() - silent_s


async def one_after_another(phones: PhoneFloor, providers: Mapping[str, Provider], what: Play) -> list[float]:
    """The same with every trunk, each begun a while after the one before: the phase against its OPTIONS varies."""

    async def play(number: int, name: str) -> float:
        await asyncio.sleep(number * QUALIFY_S / MANY)
        return await what(phones, name, providers[name]) or 0.0

    return await asyncio.gather(*(play(number, name) for number, name in enumerate(providers)))


@pytest.mark.acceptance
def test_ten_silent_trunks_are_down_within_six_seconds_and_none_for_one_lost_answer(healthy: Asterisk) -> None:
    delay_ms = keys_of(Trunks)["on_delay_ms"].default
    delays = {"on_delay_ms": delay_ms, "off_delay_ms": 30_000, "confirm": keys_of(Trunks)["looks"].default}
    group = trunks.Group(name="many", trunks=NAMES, minimum_up=1, **delays)
    cause = conservation.Conservation(
        cause="trunk", conditions=(trunks.below_minimum("many"),), stable_ms=1_000, spacing_ms=0
    )
    parts = [trunks.watch_trunk(trunks.Trunk(name=name, **delays)) for name in NAMES]
    parts += [trunks.watch_group(group), conservation.conserve((cause,), ("outbound_paused",))]

    async def scenario(providers: Mapping[str, Provider]) -> None:
        floor = PhoneFloor(healthy.configure(trunks=TRUNKS, settle_ms=0), parts)
        async with floor.running() as phones:
            await phones.until(
                lambda: all(phones.reads(f"trunks.{name}.state") == "up" for name in NAMES), 15, "all up"
            )
            await one_after_another(phones, providers, lose_one)
            assert not [event for event in phones.events if event.type == "alarm.raised"], "ten lost answers, no trunk"
            took_s = await one_after_another(phones, providers, fall_silent)
        told = f"median {median(took_s):.1f} s, {min(took_s):.1f} to {max(took_s):.1f} s"
        tell(f"silent to down, {MANY} trunks, Asterisk {SUITE}: {told}")
        assert median(took_s) < 6.0, took_s
        assert min(took_s) > delay_ms / 1000, took_s

    with many_trunks(healthy) as providers:
        run(scenario(providers), within_s=90)


@pytest.mark.proof
def test_the_median_over_ten_silences_is_below_six_seconds(healthy: Asterisk) -> None:
    took_s = run(measure(healthy, 10), within_s=400)
    tell(f"silent to down: median {median(took_s):.1f} s, {min(took_s):.1f} to {max(took_s):.1f} s")
    assert median(took_s) < 6.0, took_s


@pytest.mark.acceptance
def test_one_gap_of_three_seconds_raises_nothing(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with floor(healthy).running() as phones:
            await phones.until(lambda: phones.reads("trunks.main.state") == "up", 15, "the trunk is up")
            healthy.signal("provider-main", signal.SIGSTOP)
            await asyncio.sleep(3.05)  # what is tried is a gap of this length
            healthy.signal("provider-main", signal.SIGCONT)
            await phones.until(lambda: phones.reads("trunks.main.state") == "up", 10, "the trunk is back")
            raised = [event.data.get("alarm") for event in phones.events if event.type == "alarm.raised"]
            assert DOWN not in raised and FAILED not in raised
            assert not phones.holds(DOWN) and not phones.holds(FAILED)

    run(scenario(), within_s=60)


@pytest.mark.acceptance
def test_trunk_failure_is_conservation_and_ends_only_on_fresh_and_stable_evidence(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with floor(healthy, off_delay_ms=2_000).running() as phones:
            await phones.until(lambda: phones.reads("trunks.main.state") == "up", 15, "the trunk is up")
            healthy.signal("provider-main", signal.SIGSTOP)
            await phones.until(lambda: phones.reads("pbx1.outbound_paused") is True, 15, "the gate is closed")
            assert phones.last is not None and phones.last.mode is Mode.CONSERVATION
            assert phones.last.because == (FAILED,) and phones.last.outputs["feed.desks"].value is True
            assert phones.state.alarms[FAILED].active
            with healthy.paused("asterisk"):
                await phones.until(lambda: phones.reads("pbx1.link") in (None, "down"), 15, "the exchange hangs")
                healthy.signal("provider-main", signal.SIGCONT)
                assert phones.last.mode is Mode.CONSERVATION, "no evidence ends nothing"
            await phones.until(lambda: phones.reads("trunks.main.state") == "up", 20, "the trunk is back")
            assert phones.holds(FAILED), "seen once is not stable"
            await phones.until(lambda: phones.last and phones.last.mode is Mode.NORMAL, 20, "normal again")
            await phones.until(lambda: phones.reads("pbx1.outbound_paused") is False, 10, "the gate is open")

    run(scenario(), within_s=90)
