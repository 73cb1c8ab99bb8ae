"""A read over TCP that nobody awaits: whatever comes back, it ends as the read that is awaited, in the same moment.

Real sockets in virtual time; the unit is a server of this file that answers as a course says.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.modbus import ModbusBus
from drivers.modbus_guard import Framing, Question
from drivers.modbus_profile import Endpoint, ModbusUnit, load
from drivers.modbus_unit import Reply
from firmware_py.core.reading import News, Sample
from firmware_py.ports import DeviceError, PollGroup
from tests.drivers.test_modbus_answers import PROFILE
from tests.shell.virtual import VirtualClock, run_virtual, spend

UNIT = 1
ONE_BLOCK = PROFILE.replace("address = 500", "address = 4")
KINDS = (
    "sound", "sound", "sound", "sound", "halves", "slow half", "late first", "other number", "other unit",
    "other function", "refused", "busy once", "failure", "short", "long", "twice", "unasked before", "silent", "half",
    "closes", "half and closes", "rubbish", "zero", "slow",
)  # fmt: skip
turns = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.dictionaries(st.integers(0, 7), st.integers(0, 0xFFFF), max_size=3),
        st.sampled_from([0, 40, 1_000]),
    ),
    min_size=1, max_size=7,
)  # fmt: skip
Course = list[tuple[str, dict[int, int], int]]


def frame(number: int, unit: int, pdu: bytes) -> bytes:
    return number.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu


class Unit:
    """Answers the next questions as told; without an order it is sound."""

    def __init__(self) -> None:
        self.registers = dict.fromkeys(range(8), 7)
        self.orders: deque[str] = deque()
        self.asked = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                request = await reader.readexactly(12)
                self.asked += 1
                await self.answer(request, self.orders.popleft() if self.orders else "sound", writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def parts(self, request: bytes, what: str) -> list[bytes | float]:
        number, unit, function = int.from_bytes(request[:2], "big"), request[6], request[7]
        start, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
        cells = b"".join(self.registers[start + place].to_bytes(2, "big") for place in range(count))
        pdu = bytes((function, len(cells))) + cells
        sound = frame(number, unit, pdu)
        answers: dict[str, list[bytes | float]] = {
            "sound": [sound], "halves": [sound[:9], 0.004, sound[9:]], "slow half": [sound[:9], 0.5, sound[9:]],
            "late first": [frame(number - 1, unit, pdu) + sound], "other number": [frame(number + 1, unit, pdu)],
            "other unit": [frame(number, unit + 1, pdu)],
            "other function": [frame(number, unit, bytes((function ^ 7,)) + pdu[1:])],
            "refused": [frame(number, unit, bytes((function | 0x80, 2)))],
            "busy once": [frame(number, unit, bytes((function | 0x80, 6)))],
            "failure": [frame(number, unit, bytes((function | 0x80, 4)))],
            "short": [frame(number, unit, pdu[:-2])], "long": [sound + b"\1"], "twice": [sound, 0.004, sound],
            "silent": [], "half": [sound[:11]], "rubbish": [bytes(range(40))], "zero": [frame(0, unit, pdu)],
            "slow": [0.25, sound],
        }  # fmt: skip
        return answers.get(what, [])

    async def answer(self, request: bytes, what: str, writer: asyncio.StreamWriter) -> None:
        for part in self.parts(request, "half" if what == "half and closes" else what):
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                writer.write(part)
        if what.endswith("closes"):
            writer.close()


async def promptly(bus: ModbusBus, group: PollGroup) -> Mapping[str, Sample]:
    """As the poller does it."""
    loop = asyncio.get_running_loop()
    fate: asyncio.Future[News | None] = loop.create_future()
    patience_ms = bus.begin(group, fate.set_result)
    assert isinstance(patience_ms, int)
    if patience_ms:
        await asyncio.wait({fate}, timeout=patience_ms / 1000)
        news = fate.result() if fate.done() else None
        if news is not None:
            return dict(news.whole)
    return await bus.read(group)


@asynccontextmanager
async def served(
    folder: Path, mute_ms: int, hear: Callable[[Question, Reply], None] | None = None
) -> AsyncIterator[tuple[Unit, ModbusBus]]:
    """A unit of one block and the bus that reads it; all is closed afterwards."""
    (folder / "unit.toml").write_text(ONE_BLOCK)
    unit = Unit()
    server = await asyncio.start_server(unit.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = Endpoint(name="line", framing=Framing.TCP, host="127.0.0.1", port=port, connect_ms=300, mute_ms=mute_ms)
    described = ModbusUnit(device="u", unit=UNIT, profile=load(folder / "unit.toml"), timeout_ms=300)
    bus = ModbusBus(line, [described], hear=hear)
    try:
        yield unit, bus
    finally:
        await bus.close()
        server.close()
        for writer in unit.writers:
            writer.close()
        await spend(700)


async def follow(course: Course, folder: Path, *, prompt: bool) -> tuple[list[object], int]:
    """Everything that can be seen of a course; and how often nobody had to wait."""
    heard, seen = list[tuple[Question, Reply]](), list[object]()
    loop, quick = asyncio.get_running_loop(), 0
    async with served(folder, 900, hear=lambda *each: heard.append(each)) as (unit, bus):
        (group,) = bus.groups
        for what, values, pause_ms in [("sound", {}, 0), *course]:
            unit.registers |= values
            if what == "unasked before":
                unit.writers[-1].write(bytes(range(20)))
                await spend(2)
            unit.orders = deque([what])
            before = len(heard)
            try:
                found = await (promptly(bus, group) if prompt else bus.read(group))
                seen.append(dict(found))
            except DeviceError as error:
                seen.append((str(error), error.because, error.unit_only, error.unproven))
            quick += len(heard) == before and isinstance(seen[-1], dict)
            link = bus._link
            seen += [round(loop.time(), 3), bus.late_replies, link.epoch, link.is_open, link._mute_reads, unit.asked]
            seen += [link.silence._owed.keys() - set(), round(link.silence.worst_s, 3)]
            await spend(pause_ms)
    return seen, quick


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(turns)
def test_any_course_of_replies_ends_as_where_it_is_awaited(tmp_path: Path, course: Course) -> None:
    async def scenario(_: VirtualClock, *, prompt: bool) -> list[object]:
        return (await follow(course, tmp_path, prompt=prompt))[0]

    awaited = run_virtual(lambda clock: scenario(clock, prompt=False))
    assert run_virtual(lambda clock: scenario(clock, prompt=True)) == awaited


def test_sound_replies_need_nobody_to_wait(tmp_path: Path) -> None:
    async def scenario(_: VirtualClock) -> int:
        return (await follow([("sound", {3: n}, 1_000) for n in range(5)], tmp_path, prompt=True))[1]

    assert run_virtual(scenario) == 5


def test_what_was_begun_and_given_up_is_owed_and_its_answer_is_nobodys(tmp_path: Path) -> None:
    async def scenario(_: VirtualClock) -> None:
        told: list[News | None] = []
        async with served(tmp_path, 5_000) as (unit, bus):
            (group,) = bus.groups
            await bus.read(group)
            unit.orders = deque(["slow"])
            assert bus.begin(group, told.append) == 300
            assert bus.begin(group, told.append) == 0, "one question at a time"
            bus.give_up()
            await spend(400)
            assert told == [] and bus.late_replies == 1
            assert {sample.value for sample in (await bus.read(group)).values()} == {7}

    run_virtual(scenario)
