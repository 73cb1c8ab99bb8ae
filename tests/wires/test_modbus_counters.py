"""What the line tells of itself: late answers stay known while units are silent; a relay cannot be told to flicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.modbus import ModbusBus
from drivers.modbus_profile import late_point
from drivers.modbus_rate import MOST_CHANGES, WITHIN_S, WriteRate
from drivers.modbus_write import CoilOutput
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.wires import modbus_faults as faults
from tests.wires.test_modbus_faults import make_bus, make_profile
from tests.wires.test_modbus_faults import make_unit as lying_unit
from tests.wires.test_modbus_line import make_unit, point_at


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
def test_a_device_that_is_always_too_slow_is_told_from_a_dead_one(framing: str) -> None:
    unit = make_unit("hvac_generic", "hvac1", 1, timeout_ms=60)

    async def scenario() -> None:
        late = lambda server, request: [0.08, server.sound(request)]  # noqa: E731 - a table entry, not a function
        async with faults.FaultServer(framing=framing, answer=late) as server:
            bus = ModbusBus(replace(point_at(server.port, framing), count_every_ms=1_000), [unit])
            line = bus.groups[-1]
            assert line.points == (late_point("line").id,) == ("line.late_replies",)
            assert line.local, "it is known without the wire"
            assert (await bus.read(line))["line.late_replies"].value == 0

            async def told() -> bool:
                with pytest.raises(DeviceError):
                    await bus.read(bus.groups[0])
                return bool((await bus.read(line))["line.late_replies"].value)

            await eventually_async(told, within_s=10, what="a late answer is counted")
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_a_relay_that_is_told_to_flicker_is_left_alone() -> None:
    unit = make_unit("relay_board_8", "relay1", 1)

    def answer(server: faults.FaultServer, request: faults.Request) -> list[faults.Step]:
        if request.function == 5:
            levels[request.address] = request.count == 0xFF00
        level = levels.get(request.address, False)
        pdu = bytes((1, 1, level)) if request.function == 1 else faults.sound_pdu(request)
        return [server.frame(request, pdu)]

    levels: dict[int, bool] = {}

    async def scenario() -> None:
        async with faults.FaultServer(answer=answer) as server:
            bus = ModbusBus(point_at(server.port), [unit], {"fans": CoilOutput(device="relay1", coil=0)})
            for n in range(MOST_CHANGES):
                await bus.write("fans", n % 2 == 0)
            await bus.write("fans", False)
            with pytest.raises(DeviceError, match="too often") as caught:
                await bus.write("fans", True)
            assert caught.value.unit_only
            assert levels[0] is False
            await bus.close()

    run(scenario())


def test_a_rate_counts_writes_and_forgets_them_with_time() -> None:
    rate = WriteRate(MOST_CHANGES, WITHIN_S)
    for n in range(MOST_CHANGES):
        assert rate.allows(float(n) / 10)
        rate.note(float(n) / 10)
    assert not rate.allows(1.0)
    assert not rate.allows(WITHIN_S - 0.1)
    assert rate.allows(WITHIN_S)


@pytest.mark.wire
def test_a_proof_register_that_holds_something_else_is_believed_by_nobody(tmp_path: Path) -> None:
    extra = '[canary]\ntable = "holding"\naddress = 200\ncount = 2\nexpect = [1200, 1201]\n'
    profile = make_profile(tmp_path, single=False, extra=extra)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return [server.frame(request, faults.sound_pdu(request, shift=1))]

    async def scenario() -> None:
        async with faults.FaultServer(framing=faults.RTU, answer=answer) as server:
            bus = make_bus(server.port, faults.RTU, [lying_unit(profile, 60)])
            for connections in (1, 2):
                with pytest.raises(DeviceError, match="never hold") as caught:
                    await bus.read(bus.groups[0])
                assert caught.value.unproven
                assert caught.value.unit_only
                assert server.connections == connections, "each failed proof ends its connection"
            await bus.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize(
    ("gateway_s", "timeout_ms", "neighbour_suffers"),
    [
        (0.215, 300, False),
        (0.215, 100, True),
        # The real gateway's time, as it was measured.
        pytest.param(2.15, 2_500, False, marks=pytest.mark.acceptance),
        pytest.param(2.15, 1_000, True, marks=pytest.mark.acceptance),
    ],
)
def test_a_time_out_shorter_than_the_gateways_tries_takes_the_dead_units_time_from_its_neighbour(
    gateway_s: float, timeout_ms: int, neighbour_suffers: bool
) -> None:
    """A gateway that asks one by one and says 0x0B after 2.15 s; mostly divided by ten. Why `check` refuses."""
    units = [make_unit("relay_board_8", f"relay{n}", n, timeout_ms=timeout_ms) for n in (1, 2)]

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return [gateway_s, *faults.exception(11)(server, request)] if request.unit == 1 else [server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(answer=answer) as server:
            bus = ModbusBus(point_at(server.port), units)
            dead, healthy = bus.groups
            with pytest.raises(DeviceError) as caught:
                await bus.read(dead)
            assert caught.value.unit_only
            if neighbour_suffers:
                with pytest.raises(DeviceError, match="no answer"):
                    await bus.read(healthy)
            else:
                assert caught.value.because is Reason.SOURCE_LOST
                assert all(sample.because is None for sample in (await bus.read(healthy)).values())
            await bus.close()

    run(scenario())
