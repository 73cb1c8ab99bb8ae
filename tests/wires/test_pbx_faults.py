"""A real Asterisk that hangs, is killed and boots: unreachable is not down, and a closed gate comes back closed."""

import asyncio
import signal
from collections.abc import Mapping

import pytest

from drivers.pbx import PbxBus
from firmware_py.core.reading import Quality, Sample
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.wires.asterisk import Asterisk
from tests.wires.test_pbx import connected

pytestmark = pytest.mark.wire


async def look(bus: PbxBus) -> tuple[str, Mapping[str, Sample]]:
    """One round of the poller: the link's word, and the samples when there are any."""
    link = await bus.read(bus.groups[0])
    try:
        samples = await bus.read(bus.groups[1])
    except DeviceError:
        samples = {}
    return str(link["pbx1.link"].value), samples


def claims_down(samples: Mapping[str, Sample]) -> bool:
    return any(sample.value == "down" for sample in samples.values())


async def poll(bus: PbxBus, word: str, seen: list[Mapping[str, Sample]], within_s: float) -> None:
    """Poll four times a second until the link has this word; everything that was read is kept in `seen`."""

    async def reached() -> bool:
        found, samples = await look(bus)
        seen.append(samples)
        return found == word

    await eventually_async(reached, within_s=within_s, every_s=0.25, what=f"the link is {word}")


@pytest.mark.acceptance
def test_a_hung_exchange_is_unreachable_within_six_seconds_and_no_trunk_is_down(healthy: Asterisk) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        seen: list[Mapping[str, Sample]] = []
        async with connected(healthy.configure(settle_ms=0)) as bus:
            assert (await look(bus))[0] == "up"
            with healthy.paused("asterisk"):
                hung_s = loop.time()
                await asyncio.sleep(bus.groups[1].period_ms / 1000)  # the worst case: it hung just after a reading
                with pytest.raises(DeviceError, match="hangs"):
                    await bus.read(bus.groups[1])
                assert loop.time() - hung_s < 6
                with pytest.raises(DeviceError):
                    await bus.write("outbound_paused", True)
                await poll(bus, "down", seen, within_s=4)
            await poll(bus, "up", seen, within_s=10)
            seen.append(await bus.read(bus.groups[1]))
            assert not any(claims_down(samples) for samples in seen)
            assert seen[-1]["trunks.main.state"].value == "up"
            # The write that failed was the newest wish: it is compared and brought about, not replayed from a queue.
            assert await bus.read_back("outbound_paused") is True
            await bus.write("outbound_paused", False)

    run(scenario(), within_s=40)


def test_a_gate_closed_just_before_a_kill_is_closed_again_after_the_boot(healthy: Asterisk) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        seen: list[Mapping[str, Sample]] = []
        async with connected(healthy.configure()) as bus:
            await bus.write("outbound_paused", False)
            await asyncio.sleep(1.5)  # so that "open" is what AstDB has on its disk
            await bus.write("outbound_paused", True)
            await asyncio.sleep(0.1)
            healthy.kill()
            assert (await look(bus)) == ("down", {})
            starting = asyncio.create_task(asyncio.to_thread(healthy.start, providers=False))
            await poll(bus, "up", seen, within_s=15)
            up_s = loop.time()

            async def closed() -> bool:
                samples = (await look(bus))[1]
                seen.append(samples)
                return bool(samples) and samples["pbx1.outbound_paused"].value is True

            await eventually_async(closed, within_s=5, every_s=0.1)
            assert loop.time() - up_s < 5
            await starting
            assert await bus.read_back("outbound_paused") is True
            assert not any(claims_down(samples) for samples in seen)
            await bus.write("outbound_paused", False)

    run(scenario(), within_s=40)


def test_a_gate_survives_a_kill_once_its_repeated_write_is_done(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure(durable_ms=200)) as bus:
            await bus.write("outbound_paused", True)
            await asyncio.sleep(0.3)
            await look(bus)  # writes it a second time
            await asyncio.sleep(1.2)  # AstDB commits once a second
            healthy.kill()
        await asyncio.to_thread(healthy.start, providers=False)
        async with connected(healthy.configure()) as fresh:  # a controller that knows nothing of the old one's wishes

            async def kept() -> bool:
                samples = (await look(fresh))[1]
                return bool(samples) and samples["pbx1.outbound_paused"].value is True

            await eventually_async(kept, within_s=8, every_s=0.2)
            await fresh.write("outbound_paused", False)

    run(scenario(), within_s=40)


@pytest.mark.parametrize(
    "boots", [pytest.param(4, marks=pytest.mark.acceptance), pytest.param(50, marks=pytest.mark.proof)]
)
def test_no_boot_makes_a_trunk_that_was_never_lost_look_down(healthy: Asterisk, boots: int) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus:
            for _ in range(boots):
                seen: list[Mapping[str, Sample]] = []
                healthy.kill()
                starting = asyncio.create_task(asyncio.to_thread(healthy.start, providers=False))

                async def both_up(seen: list[Mapping[str, Sample]] = seen) -> bool:
                    seen.append((await look(bus))[1])
                    states = [seen[-1].get(f"trunks.{name}.state") for name in ("main", "backup")]
                    return all(state == Sample(value="up", detail=state.detail) for state in states if state) and all(
                        states
                    )

                await eventually_async(both_up, within_s=12, every_s=0.05, what="both trunks up")
                await starting
                assert not any(claims_down(samples) for samples in seen)

    run(scenario(), within_s=20 * boots)


def test_a_trunk_lost_while_the_exchange_boots_is_doubtful_until_it_has_settled(healthy: Asterisk) -> None:
    async def scenario() -> None:
        healthy.kill()
        with healthy.paused("provider-main"):
            await asyncio.to_thread(healthy.start, providers=False)
            async with connected(healthy.configure(settle_ms=5000)) as bus:
                words: list[tuple[object, Quality]] = []

                async def judged() -> bool:
                    sample = (await look(bus))[1].get("trunks.main.state")
                    if sample is not None:
                        words.append((sample.value, sample.quality))
                    return bool(words) and words[-1] == ("down", Quality.GOOD)

                await eventually_async(judged, within_s=10, every_s=0.2)
                assert words[0] == ("unknown", Quality.UNCERTAIN)
                assert {word for word, quality in words if quality is Quality.GOOD} == {"down"}
                healthy.signal("provider-main", signal.SIGCONT)

    run(scenario(), within_s=40)
