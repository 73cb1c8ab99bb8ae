"""The exchange as bus and outputs, against the simulated one where a real one cannot be bent at will."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from drivers.ami_account import Account
from drivers.pbx import PbxBus
from drivers.pbx_config import PbxConfig, declare_points
from drivers.pbx_trunks import Trunk
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.demo.exchange import SimExchange, SimTrunk
from firmware_py.ports import Bus, DeviceError, RemotePort
from tests.conftest import eventually_async, find_tcp_port, run

GATE = "Custom:outbound-gate"
MARK = "Custom:floorguard-outbound-gate"
TRUNKS = (Trunk(name="main", endpoint="trunk-main", groups=("out-main@trunks",), capacity=8),)


def configure(port: int, **changes: object) -> PbxConfig:
    account = Account(host="127.0.0.1", port=port, user="edge", secret="x", answer_ms=200)
    settings: dict[str, object] = {"name": "pbx1", "account": account, "trunks": TRUNKS, "settle_ms": 0}
    return PbxConfig(**(settings | changes))  # type: ignore[arg-type] # a test names the fields it changes


class Scene:
    """An exchange, a bus on it, and what the bus hinted at."""

    def __init__(self, exchange: SimExchange, bus: PbxBus) -> None:
        self.exchange, self.bus = exchange, bus
        self.hints: list[str] = []
        bus.listen(self.hints.append)

    async def look(self) -> Mapping[str, Sample]:
        return await self.bus.read(self.bus.groups[1])

    async def link(self) -> object:
        return (await self.bus.read(self.bus.groups[0]))["pbx1.link"].value

    async def becomes(self, word: str, within_s: float = 8) -> None:
        async def reached() -> bool:
            return await self.link() == word

        await eventually_async(reached, within_s=within_s, every_s=0.05, what=f"link {word}")

    def count(self, action: str) -> int:
        return sum(done == action for done, _ in self.exchange.log)


@asynccontextmanager
async def scene(
    boot_s: float = 0.0, exchange_type: type[SimExchange] = SimExchange, **changes: object
) -> AsyncIterator[Scene]:
    exchange = exchange_type((SimTrunk(endpoint="trunk-main"),), user="edge", secret="x")
    await exchange.start(boot_s=boot_s)
    bus = PbxBus(configure(exchange.port, **changes))
    try:
        yield Scene(exchange, bus)
    finally:
        exchange.silent = False
        await bus.close()
        await exchange.stop()


def test_one_object_is_the_bus_and_the_outputs() -> None:
    bus = PbxBus(configure(5038, surge="Custom:surge"))
    for role in (Bus, RemotePort):
        assert all(hasattr(bus, name) for name in vars(role) if not name.startswith("_"))
    assert bus.outputs == {"outbound_paused", "trunk_backup", "surge_announcement"}
    declared = {point.id for point in declare_points(configure(5038, surge="Custom:surge"))}
    assert {point for group in bus.groups for point in group.points} == declared
    assert [(group.id, group.device) for group in bus.groups] == [("pbx1.link", "pbx1.link"), ("pbx1.fast", "pbx1")]


def test_an_output_without_a_device_state_does_not_exist() -> None:
    config = configure(5038, failover="")
    assert PbxBus(config).outputs == {"outbound_paused"}
    assert "pbx1.trunk_backup" not in {point.id for point in declare_points(config)}


@pytest.mark.parametrize("state", ["PJSIP/trunk-main", "Custom:a)b", "Custom:a\r\nb"])
def test_only_a_custom_device_state_can_be_a_gate(state: str) -> None:
    with pytest.raises(AssertionError):
        configure(5038, gate=state)


def test_nobody_there_is_a_device_error_and_a_link_that_is_down() -> None:
    async def scenario() -> None:
        bus = PbxBus(configure(find_tcp_port()))
        with pytest.raises(DeviceError) as caught:
            await bus.read(bus.groups[1])
        assert caught.value.because is Reason.NO_COMMUNICATION
        assert (await bus.read(bus.groups[0]))["pbx1.link"].value == "down"
        for asked in (bus.write("outbound_paused", True), bus.read_back("outbound_paused")):
            with pytest.raises(DeviceError):
                await asked
        await bus.close()

    run(scenario())


def test_an_exchange_that_still_boots_is_neither_up_nor_down() -> None:
    async def scenario() -> None:
        async with scene(boot_s=1.0) as now:
            assert await now.link() == "booting"
            with pytest.raises(DeviceError) as caught:
                await now.look()
            assert caught.value.because is Reason.NOT_YET
            await eventually_async(lambda: "pbx1" in now.hints, within_s=3, what="a hint when the boot is over")
            assert (await now.look())["trunks.main.state"].value == "up"

    run(scenario())


def test_garbage_is_a_device_error_and_ends_with_the_garbage() -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.look()
            now.exchange.garbage = True
            with pytest.raises(DeviceError):
                await now.look()
            assert await now.link() == "down"
            now.exchange.garbage = False
            await now.becomes("up")
            assert (await now.look())["trunks.main.state"].value == "up"

    run(scenario())


def test_silence_is_never_a_trunk_that_is_down_and_late_answers_are_for_nobody() -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.look()
            now.exchange.silent = True
            with pytest.raises(DeviceError, match="hangs"):
                await now.look()
            now.exchange.set_status("trunk-main", "Unreachable")
            now.exchange.silent = False
            await now.becomes("up")
            assert (await now.look())["trunks.main.state"].value == "down"

    run(scenario())


def test_a_read_keeps_its_deadline_whatever_the_answers_take() -> None:
    async def scenario() -> None:
        async with scene() as now:
            patient = Account(host="127.0.0.1", port=now.exchange.port, user="edge", secret="x", answer_ms=60_000)
            bus = PbxBus(configure(now.exchange.port, account=patient, deadline_ms=400))
            await bus.read(bus.groups[1])
            now.exchange.silent = True
            with pytest.raises(DeviceError, match="not done within 400 ms"):
                await bus.read(bus.groups[1])
            now.exchange.silent = False
            await eventually_async(lambda: now.exchange.log[-1][0] != "Login")
            assert (await bus.read(bus.groups[1]))["trunks.main.state"].value == "up"
            assert now.count("Login") == 2, "what was too slow was given up, not waited for"
            await bus.close()

    run(scenario(), within_s=5)


def test_a_wrong_secret_is_told_and_not_tried_again_within_a_minute() -> None:
    async def scenario() -> None:
        async with scene() as now:
            wrong = Account(host="127.0.0.1", port=now.exchange.port, user="edge", secret="guess")
            bus = PbxBus(configure(now.exchange.port, account=wrong))
            for _ in range(20):
                assert (await bus.read(bus.groups[0]))["pbx1.link"].value == "refused"
            assert now.count("Login") == 1
            await bus.close()

    run(scenario())


def test_a_lost_connection_is_hinted_and_dialled_again_without_a_flood() -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.look()
            now.hints.clear()
            await now.exchange.stop()
            await eventually_async(lambda: now.hints == ["pbx1.link", "pbx1"])
            loop = asyncio.get_running_loop()
            started = loop.time()
            for _ in range(50):
                assert await now.link() == "down"
            assert loop.time() - started < 0.5, "between two attempts the known answer is given at once"
            await now.exchange.start()
            await now.becomes("up")
            assert (await now.look())["trunks.main.state"].value == "up"

    run(scenario())


def test_a_contact_that_changed_is_hinted_once_until_it_was_read() -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.link()
            await now.look()
            now.hints.clear()
            for status in ("Unreachable", "Reachable", "Unreachable"):
                now.exchange.set_status("trunk-main", status)
            await eventually_async(lambda: now.hints)
            await now.bus.read_back("outbound_paused")  # by now every event has arrived
            assert now.hints == ["pbx1"]
            assert (await now.look())["trunks.main.state"].value == "down"
            now.exchange.set_status("trunk-main", "Reachable")
            await eventually_async(lambda: now.hints == ["pbx1", "pbx1"])

    run(scenario())


def test_the_first_miss_asks_once_more_and_the_next_ones_do_not() -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.look()
            assert now.count("PJSIPQualify") == 0
            now.exchange.set_status("trunk-main", "Unreachable")
            for _ in range(4):
                await now.look()
            assert now.count("PJSIPQualify") == 1
            for status, count in (("Reachable", 1), ("Unreachable", 2)):
                now.exchange.set_status("trunk-main", status)
                await now.look()
                assert now.count("PJSIPQualify") == count

    run(scenario())


def test_a_write_is_seen_set_and_written_once_more() -> None:
    async def scenario() -> None:
        async with scene(durable_ms=50) as now:
            await now.bus.write("outbound_paused", True)
            assert now.exchange.device_states == {MARK: "INUSE", GATE: "INUSE"}
            assert await now.bus.read_back("outbound_paused") is True
            assert now.count("Setvar") == 2
            await asyncio.sleep(0.06)
            for _ in range(3):
                assert (await now.look())["pbx1.outbound_paused"].value is True
            assert now.count("Setvar") == 3

    run(scenario())


def test_a_level_that_stands_already_is_not_written() -> None:
    async def scenario() -> None:
        async with scene() as now:
            for on, count in ((False, 0), (True, 2), (True, 2), (False, 4), (False, 4)):
                await now.bus.write("outbound_paused", on)
                assert now.count("Setvar") == count
                assert await now.bus.read_back("outbound_paused") is on

    run(scenario())


def test_what_somebody_else_changed_meanwhile_is_not_written_over() -> None:
    async def scenario() -> None:
        async with scene(durable_ms=50) as now:
            await now.bus.write("outbound_paused", True)
            await now.bus.write("outbound_paused", False)
            assert now.count("Setvar") == 4
            now.exchange.device_states[GATE] = "INUSE"
            await asyncio.sleep(0.06)
            assert (await now.look())["pbx1.outbound_paused"].value is True
            assert now.exchange.device_states[GATE] == "INUSE" and now.count("Setvar") == 4

    run(scenario())


@pytest.mark.parametrize(("wanted", "found", "after"), [(True, "NOT_INUSE", "INUSE"), (False, "INUSE", "INUSE")])
def test_after_a_restart_a_gate_is_closed_again_and_never_opened(wanted: bool, found: str, after: str) -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.bus.write("outbound_paused", wanted)
            await now.exchange.stop()
            now.exchange.device_states[GATE] = found
            await now.exchange.start()
            await now.becomes("up")
            await now.look()
            assert now.exchange.device_states[GATE] == after

    run(scenario())


def test_the_newest_wish_is_compared_after_an_outage_and_nothing_is_replayed() -> None:
    async def scenario() -> None:
        async with scene() as now:
            await now.look()
            await now.exchange.stop()
            for on in (True, False, True):
                with pytest.raises(DeviceError):
                    await now.bus.write("outbound_paused", on)
            now.exchange.device_states[GATE] = "INUSE"  # somebody else did it already
            await now.exchange.start()
            await now.becomes("up")
            await now.look()
            assert now.count("Setvar") == 0

    run(scenario())


class Deaf(SimExchange):
    """Accepts every Setvar and changes nothing, as ARI does with a database function."""

    def set_variable(self, name: str, value: str) -> None:
        return


def test_a_success_answer_is_no_proof() -> None:
    async def scenario() -> None:
        async with scene(exchange_type=Deaf) as now:
            with pytest.raises(DeviceError, match="reads otherwise") as caught:
                await now.bus.write("outbound_paused", True)
            assert caught.value.because is Reason.BAD_REPLY

    run(scenario())


class Odd(SimExchange):
    """Names a contact that would break out of the next question, and counts calls in words."""

    def get_variable(self, name: str) -> str:
        if name.startswith("PJSIP_AOR"):
            return "trunk-main@@0,status)\x00,x" + "y" * 500
        return "many" if name.startswith("GROUP_COUNT") else super().get_variable(name)


def test_an_odd_answer_harms_its_own_point_only() -> None:
    async def scenario() -> None:
        async with scene(exchange_type=Odd) as now:
            samples = await now.look()
            assert samples["trunks.main.state"].because is Reason.UNKNOWN_WORD
            assert samples["trunks.main.calls"].because is Reason.BAD_REPLY
            assert samples["pbx1.calls"].because is Reason.BAD_REPLY
            assert samples["pbx1.outbound_paused"] == Sample(value=False, quality=Quality.GOOD)
            assert not any(about.startswith("PJSIP_CONTACT") for _, about in now.exchange.log)

    run(scenario())
