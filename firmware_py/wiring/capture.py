"""What a device answered while it was probed, as a file that a test can serve again: registers or objects, and values.

Holds no address and no credential. Pure text; it must not ask anybody, and it must not judge a value.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drivers.modbus_guard import Question
from drivers.modbus_unit import Reply
from drivers.snmp_decode import Gap, Raw
from firmware_py.core.reading import Sample, Value

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}  # by the function that reads it


@dataclass(slots=True, kw_only=True)
class Capture:
    """Everything heard so far; the newest answer of an object or register counts."""

    cells: dict[tuple[str, int], int] = field(default_factory=dict)
    objects: dict[str, int | bytes | str] = field(default_factory=dict)

    def hear_registers(self, question: Question, reply: Reply) -> None:
        """One sound Modbus reply; what a unit does not have is not recorded, and so is not there when served again."""
        table = TABLES.get(question.function)
        if table is not None and reply.exception is None:
            self.cells |= {(table, question.address + place): cell for place, cell in enumerate(reply.cells)}

    def hear_object(self, oid: str, raw: Raw) -> None:
        """One SNMP object."""
        if not isinstance(raw, Gap):
            self.objects[oid] = raw

    @property
    def empty(self) -> bool:
        """Whether nothing was heard."""
        return not self.cells and not self.objects

    def text(self, *, about: Mapping[str, str | int], taken: str, samples: Mapping[str, Sample]) -> str:
        """The file, version 1. `about`: protocol, profile, device and what else its driver was told."""
        return "\n".join(self._lines(about, taken, samples)) + "\n"

    def _lines(self, about: Mapping[str, str | int], taken: str, samples: Mapping[str, Sample]) -> Iterator[str]:
        yield "# A capture, written by `floorguard probe --record`. Put into tests/data/captures it is a test: its"
        yield "# answers are served by a server that is not ours, read by the driver, and must give the same points."
        yield "# Look through it before you give it away: names and serial numbers are in it as the device told them."
        yield "v = 1"
        for key, told in about.items():
            yield f"{key} = {json.dumps(told)}"
        yield f"taken = {json.dumps(taken)}"
        yield ""
        yield from self._runs()
        for oid in sorted(self.objects, key=lambda text: [int(part) for part in text.split(".")]):
            yield _object(oid, self.objects[oid])
        for name in sorted(samples):
            sample = samples[name]
            because = "" if sample.because is None else sample.because.value
            yield ""
            yield f"[points.{json.dumps(name)}]"
            if sample.value is not None:
                yield f"value = {_value(sample.value)}"
            yield f"quality = {json.dumps(sample.quality.value)}"
            if because:
                yield f"because = {json.dumps(because)}"

    def _runs(self) -> Iterator[str]:
        """Neighbouring registers of a table in one row, at wire addresses."""
        runs: list[tuple[str, int, list[int]]] = []
        for (table, address), cell in sorted(self.cells.items()):
            if runs and runs[-1][0] == table and runs[-1][1] + len(runs[-1][2]) == address:
                runs[-1][2].append(cell)
            else:
                runs.append((table, address, [cell]))
        for table, address, cells in runs:
            yield f'[[cells]]\ntable = "{table}"\naddress = {address}\nvalues = {cells}\n'


def _object(oid: str, raw: int | bytes | str) -> str:
    if isinstance(raw, bytes):
        return f'[[object]]\noid = "{oid}"\noctets = "{raw.hex()}"\n'
    told = f"number = {raw}" if isinstance(raw, int) else f'name = "{raw}"'
    return f'[[object]]\noid = "{oid}"\n{told}\n'


def _value(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)
