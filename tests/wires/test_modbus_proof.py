"""The long evidence: one hiccup at its real times in 1,000 reads, and ten minutes of late answers of every length."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from firmware_py.core.reading import Quality
from firmware_py.ports import DeviceError
from tests.conftest import run
from tests.wires import modbus_faults as faults
from tests.wires.test_modbus_faults import make_bus, make_profile, make_unit, read_or_fault, wrong

TIMEOUT_S = 0.1
FACTORS = (0.1, 0.4, 0.7, 0.9, 1.05, 1.3, 1.6, 2.0, 2.5, 3.0)
EACH_S = 60.0


@pytest.mark.wire
@pytest.mark.proof
@pytest.mark.parametrize("framing", [faults.RTU, faults.SERIAL])
def test_after_one_hiccup_of_its_real_length_a_thousand_reads_hold_no_wrong_value(tmp_path: Path, framing: str) -> None:
    profile = make_profile(tmp_path, single=True)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return [0.7 if request.number == 57 else 0.002, server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=answer) as server:
            bus = make_bus(server.address, framing, [make_unit(profile, 500)], mute_ms=5_000)
            (group,) = bus.groups
            read = failed = 0
            while read < 1_000:
                samples = await read_or_fault(bus, group)
                if isinstance(samples, DeviceError):
                    failed += 1
                    continue
                assert not wrong(samples, single=True)
                read += sum(sample.quality is Quality.GOOD for sample in samples.values())
            assert 1 <= failed <= 10
            assert bus.late_replies >= 1
            await bus.close()

    run(scenario(), within_s=120)


@pytest.mark.wire
@pytest.mark.proof
@pytest.mark.parametrize("factor", FACTORS)
def test_late_answers_of_every_length_for_ten_minutes_hold_no_wrong_value(tmp_path: Path, factor: float) -> None:
    profile = make_profile(tmp_path, single=True)
    chance = random.Random(int(factor * 100))

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        late = chance.random() < 0.01
        return [factor * TIMEOUT_S * chance.uniform(0.9, 1.1) if late else 0.001, server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=faults.RTU, answer=answer) as server:
            bus = make_bus(server.address, faults.RTU, [make_unit(profile, int(TIMEOUT_S * 1000))], mute_ms=5_000)
            (group,) = bus.groups
            loop, good = asyncio.get_running_loop(), 0
            ends = loop.time() + EACH_S
            while loop.time() < ends:
                samples = await read_or_fault(bus, group)
                if not isinstance(samples, DeviceError):
                    assert not wrong(samples, single=True)
                    good += sum(sample.quality is Quality.GOOD for sample in samples.values())
            assert good > 200
            await bus.close()

    run(scenario(), within_s=EACH_S + 60)
