"""What a unit's answer says has changed is all that has: whoever mends what it knew knows what a whole answer says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.modbus_guard import Framing, Question
from drivers.modbus_profile import ModbusUnit, load
from drivers.modbus_schema import Pace
from drivers.modbus_silence import LineSilence
from drivers.modbus_unit import Reply, UnitReader
from firmware_py.core.reading import Answer, Sample
from firmware_py.ports import DeviceError

PROFILE = """\
about = "Two blocks"
document = "tests/drivers/test_modbus_answers.py"
revision = "1"
verified = "against a line of its own"
gap = "no device has this map"
class = "generic"
numbers = "from_0"

[parameters.registers]
default = 4
about = "how many"

[[points]]
name = "low{n}"
table = "holding"
address = 0
type = "u16"
repeat = "registers"
group = "fast"

[[points]]
name = "high{n}"
table = "holding"
address = 500
type = "s16"
repeat = "registers"
group = "fast"
"""


class Line:
    """A line whose unit says what it is told to: a register's value, `refuse` an address, or `silent` from there on."""

    framing, epoch, opened_at = Framing.TCP, 1, 0.0

    def __init__(self) -> None:
        self.silence = LineSilence(blind=False)
        self.registers = dict.fromkeys((*range(4), *range(500, 504)), 1)
        self.refused: set[int] = set()
        self.silent: set[int] = set()

    async def hush(self, quiet_at: float, until: float) -> None:
        """Nothing to wait for."""

    async def ask(self, question: Question, timeout_s: float, spacing_s: float) -> Reply:
        wanted = range(question.address, question.address + question.count)
        if self.silent & set(wanted):
            raise DeviceError("no answer")
        if self.refused & set(wanted):
            return Reply(exception=2)
        return Reply(cells=tuple(self.registers[address] for address in wanted))

    def close(self) -> None:
        """Nothing to close."""


addresses = st.sampled_from([0, 1, 3, 500, 502])
happenings = st.sampled_from(["", "", "", "silent", "refused", "lost"])
turns = st.lists(
    st.tuples(st.dictionaries(addresses, st.integers(0, 9), max_size=3), st.sets(addresses, max_size=1), happenings),
    min_size=1,
    max_size=10,
)


def follows(last: object, answer: Answer) -> bool:
    return isinstance(last, Answer) and last.source is answer.source and last.number == answer.number - 1


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns)
def test_any_course_of_answers_mends_what_was_known(
    tmp_path: Path, course: list[tuple[dict[int, int], set[int], str]]
) -> None:
    (tmp_path / "two.toml").write_text(PROFILE)
    unit = ModbusUnit(device="u", unit=1, profile=load(tmp_path / "two.toml"))

    async def follow() -> None:
        line = Line()
        reader, known, last = UnitReader(unit, line, 100, 100), dict[str, Sample](), None
        for values, where, what in course:
            line.registers |= values
            line.silent = where if what == "silent" else set()
            line.refused = where if what == "refused" else set()
            until = asyncio.get_running_loop().time() + 60
            try:
                answer = await reader.read(Pace.FAST, until)
            except DeviceError:
                continue
            if not reader._absent:
                assert answer == await UnitReader(unit, line, 100, 100).read(Pace.FAST, until)
            if what == "lost":
                continue  # nobody took it in
            assert isinstance(answer, Answer) or reader._absent
            if isinstance(answer, Answer) and answer.changed is not None and follows(last, answer):
                known |= answer.changed
                assert all(known[point] is sample for point, sample in answer.items())
            known, last = dict(answer), answer

    asyncio.run(follow())
