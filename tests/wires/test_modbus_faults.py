"""The driver against a lying server: no fault of the matrix may yield a wrong value that is marked GOOD."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from drivers.modbus import Endpoint, ModbusBus
from drivers.modbus_guard import Framing
from drivers.modbus_profile import ModbusUnit, Profile, load
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.ports import DeviceError, PollGroup
from tests.conftest import eventually_async, run
from tests.wires import modbus_faults as faults

PROFILE = """
about = "what the lying server holds"
document = "tests/wires/modbus_faults.py"
revision = "1"
verified = "here"
gap = "none"
class = "generic"
numbers = "from_0"
points = [
  { name = "r{n}", table = "holding", address = 0, repeat = "registers", step = %d },
  { name = "b{n}", table = "coil", address = 0, repeat = "registers", step = %d },
  { name = "i1", table = "input", address = 11 },
]
[parameters]
registers = { default = 40, about = "how many" }
[read]
max_gap = 0
max_registers = %d
"""


def make_profile(folder: Path, *, single: bool, extra: str = "") -> Profile:
    """Forty registers and coils: far apart, so that each is a read of its own, or in one block."""
    path = folder / "lying.toml"
    path.write_text(PROFILE % ((2, 17, 1) if single else (1, 1, 125)) + extra)
    return load(path)


def make_unit(profile: Profile, timeout_ms: int = 1_000) -> ModbusUnit:
    return ModbusUnit(device="x", unit=3, profile=profile, timeout_ms=timeout_ms)


def make_bus(address: int | str, framing: str, units: Sequence[ModbusUnit], **wanted: int) -> ModbusBus:
    options = {"connect_ms": 500, "mute_ms": 600, **wanted}
    if isinstance(address, str):
        line = Endpoint(name="lying", framing=Framing.RTU, serial=address, baud=115_200, parity="N", **options)
    else:
        line = Endpoint(name="lying", framing=Framing(framing), host="127.0.0.1", port=address, **options)
    return ModbusBus(line, units)


def truth(point: str, single: bool) -> object:
    kind, n = point.split(".")[1][0], int(point.split(".")[1][1:])
    if kind == "r":
        return faults.register_value((n - 1) * (2 if single else 1))
    return faults.bit_value((n - 1) * (17 if single else 1)) if kind == "b" else faults.input_value(11)


def wrong(samples: Mapping[str, Sample], *, single: bool) -> list[str]:
    return [
        f"{point}: {sample}"
        for point, sample in samples.items()
        if sample.quality is Quality.GOOD and sample.value != truth(point, single)
    ]


async def read_or_fault(bus: ModbusBus, group: PollGroup) -> Mapping[str, Sample] | DeviceError:
    try:
        return await bus.read(group)
    except DeviceError as fault:
        return fault


async def sound_again(bus: ModbusBus, group: PollGroup) -> bool:
    answer = await read_or_fault(bus, group)
    assert isinstance(answer, DeviceError) or not wrong(answer, single=False)
    return not isinstance(answer, DeviceError) and all(
        sample.quality is Quality.GOOD or sample.because is Reason.NOT_SUPPORTED for sample in answer.values()
    )


@pytest.mark.wire
@pytest.mark.parametrize(
    ("framing", "fault"),
    [pytest.param(f, c, id=f"{f}: {c.name}") for c in faults.FAULTS for f in c.framings],
)
def test_no_fault_on_the_wire_yields_a_wrong_good_value(tmp_path: Path, framing: str, fault: faults.Fault) -> None:
    profile = make_profile(tmp_path, single=False)
    patience_ms = 100 if fault.harmless else 35

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing) as server:
            unit = make_unit(profile, patience_ms)
            bus = make_bus(server.address, framing, [unit])
            (group,) = bus.groups
            await eventually_async(lambda: sound_again(bus, group), what="the first read")
            server.answer = fault.answer
            for _ in range(1 if fault.name in ("exception 5", "exception 6") else 2):
                answer = await read_or_fault(bus, group)
                if isinstance(answer, DeviceError):
                    assert not fault.harmless, answer
                    assert answer.unit_only is not fault.link, f"whose fault? {answer}"
                    continue
                assert not wrong(answer, single=False)
                unsound = [sample for sample in answer.values() if sample.quality is not Quality.GOOD]
                assert fault.harmless or unsound
            server.answer = None
            await eventually_async(lambda: sound_again(bus, group), within_s=12, every_s=0.02, what="values return")
            await bus.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("late_s", [0.06, 0.23, 0.29])
def test_one_hiccup_behind_rtu_framing_gives_no_register_for_another(tmp_path: Path, late_s: float) -> None:
    """The FIFO case of the facts with its times divided by 7: 0.02 s a reply, once `late_s`, 0.1 s of patience."""
    profile = make_profile(tmp_path, single=True)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return [late_s if request.number == 15 else 0.003, server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=faults.RTU, answer=answer) as server:
            bus = make_bus(server.port, faults.RTU, [make_unit(profile, 100)])
            (group,) = bus.groups
            good = failed = 0
            for _ in range(6):
                samples = await read_or_fault(bus, group)
                if isinstance(samples, DeviceError):
                    failed += 1
                    continue
                assert not wrong(samples, single=True)
                good += sum(sample.quality is Quality.GOOD for sample in samples.values())
            assert good >= 160
            assert failed >= (late_s > 0.1)
            assert bus.late_replies >= (late_s > 0.1)
            await bus.close()

    run(scenario(), within_s=40)


@pytest.mark.wire
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(2, 30))])
def test_random_late_answers_behind_rtu_framing_give_no_register_for_another(tmp_path: Path, seed: int) -> None:
    profile = make_profile(tmp_path, single=True)
    chance = random.Random(seed)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        late = chance.random() < 0.01
        return [chance.uniform(0.004, 0.12) if late else 0.001, server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=faults.RTU, answer=answer) as server:
            bus = make_bus(server.port, faults.RTU, [make_unit(profile, 40)])
            (group,) = bus.groups
            good = 0
            for _ in range(20):
                samples = await read_or_fault(bus, group)
                if not isinstance(samples, DeviceError):
                    assert not wrong(samples, single=True)
                    good += sum(sample.quality is Quality.GOOD for sample in samples.values())
            assert good > 0
            await bus.close()

    run(scenario(), within_s=60)


@pytest.mark.wire
def test_a_dead_unit_behind_a_gateway_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    profile = make_profile(tmp_path, single=False)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return faults.exception(11)(server, request) if request.unit == 4 else [server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(answer=answer) as server:
            units = [ModbusUnit(device=f"x{n}", unit=n, profile=profile, timeout_ms=1_000) for n in (3, 4, 5)]
            bus = make_bus(server.port, faults.TCP, units)
            groups = {group.device: group for group in bus.groups}
            for _ in range(3):
                assert not wrong(await bus.read(groups["x3"]), single=False)
                with pytest.raises(DeviceError, match="gateway target did not respond") as caught:
                    await bus.read(groups["x4"])
                assert caught.value.unit_only
                assert caught.value.because is Reason.SOURCE_LOST
                assert all(sample.quality is Quality.GOOD for sample in (await bus.read(groups["x5"])).values())
            assert server.connections == 1
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_a_link_that_is_open_and_mute_is_opened_anew(tmp_path: Path) -> None:
    profile = make_profile(tmp_path, single=False)

    async def scenario() -> None:
        async with faults.FaultServer(answer=lambda s, r: []) as server:
            unit = make_unit(profile, 50)
            bus = make_bus(server.port, faults.TCP, [unit], mute_ms=200)
            (group,) = bus.groups
            blamed: list[bool] = []
            while server.connections < 2:
                fault = await read_or_fault(bus, group)
                assert isinstance(fault, DeviceError)
                blamed.append(fault.unit_only)
                assert len(blamed) < 20
            # The unit is blamed until both the time and the count are reached, then the link.
            assert blamed[0]
            assert False in blamed
            server.answer = None
            assert not wrong(await bus.read(group), single=False)
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_a_server_that_is_restarted_is_found_again_and_its_absence_is_the_links_fault(tmp_path: Path) -> None:
    profile = make_profile(tmp_path, single=False)

    async def scenario() -> None:
        async with faults.FaultServer() as server:
            bus = make_bus(server.port, faults.TCP, [make_unit(profile)])
            (group,) = bus.groups
            assert not wrong(await bus.read(group), single=False)
        for _ in range(2):
            fault = await read_or_fault(bus, group)
            assert isinstance(fault, DeviceError)
            assert not fault.unit_only
        async with faults.FaultServer(port=server.port):
            assert not wrong(await bus.read(group), single=False)
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_a_busy_device_is_asked_again_within_the_same_read(tmp_path: Path) -> None:
    profile = make_profile(tmp_path, single=False)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return faults.exception(6)(server, request) if request.number in (0, 1) else [server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(answer=answer) as server:
            bus = make_bus(server.port, faults.TCP, [make_unit(profile)])
            samples = await bus.read(bus.groups[0])
            assert all(sample.quality is Quality.GOOD for sample in samples.values())
            await bus.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
def test_a_merged_block_that_is_refused_is_split_for_good(tmp_path: Path, framing: str) -> None:
    profile = make_profile(tmp_path, single=False)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        hole = request.function == 3 and request.address <= 13 < request.address + request.count
        return faults.exception(2)(server, request) if hole else [server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=answer) as server:
            unit = make_unit(profile)
            bus = make_bus(server.port, framing, [unit])
            (group,) = bus.groups
            samples = await bus.read(group)
            assert not wrong(samples, single=False)
            bad = {point: sample.because for point, sample in samples.items() if sample.quality is not Quality.GOOD}
            assert bad == {"x.r14": Reason.NOT_SUPPORTED}
            asked = len(server.requests)
            assert (await bus.read(group)).keys() == samples.keys()
            refused = [r for r in server.requests[asked:] if r.address <= 13 < r.address + r.count and r.function == 3]
            assert not refused
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_a_caller_that_gives_up_in_the_middle_leaves_no_answer_for_the_next_question(tmp_path: Path) -> None:
    profile = make_profile(tmp_path, single=True)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        return [0.05 if request.number == 9 else 0.0, server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=faults.RTU, answer=answer) as server:
            bus = make_bus(server.port, faults.RTU, [make_unit(profile, 300)])
            (group,) = bus.groups
            task = asyncio.create_task(bus.read(group))
            await eventually_async(lambda: len(server.requests) == 10, every_s=0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert not wrong(await bus.read(group), single=True)
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_first_reads_and_blocks_of_zeros_are_doubted_where_the_profile_says_so(tmp_path: Path) -> None:
    extra = "[quirks]\ndiscard_first_reads = 1\nzero_fill_suspect = true\n"
    profile = make_profile(tmp_path, single=False, extra=extra)
    zeros = False

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        pdu = faults.sound_pdu(request)
        return [server.frame(request, pdu[:2] + bytes(len(pdu) - 2) if zeros else pdu)]

    async def scenario() -> None:
        nonlocal zeros
        async with faults.FaultServer(answer=answer) as server:
            bus = make_bus(server.port, faults.TCP, [make_unit(profile)])
            (group,) = bus.groups
            assert {sample.because for sample in (await bus.read(group)).values()} == {Reason.DOUBTFUL}
            assert {sample.because for sample in (await bus.read(group)).values()} == {None}
            zeros = True
            samples = await bus.read(group)
            assert samples["x.r1"].because is Reason.DOUBTFUL
            assert samples["x.b2"].quality is Quality.GOOD
            await bus.close()

    run(scenario())
