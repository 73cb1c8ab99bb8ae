"""What a device answered while it was read, as a file that a test can serve again: registers, objects or answers.

Holds no address, no credential and no caller. Pure text; it must not ask anybody, and it must not judge a value.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, fields

from config.valued import dataclass
from drivers.ami import Answer, Packet
from drivers.modbus_guard import Question
from drivers.modbus_unit import Reply
from drivers.pbx_config import PbxConfig
from drivers.snmp_decode import Gap, Raw
from firmware_py.core.codec import encode
from firmware_py.core.reading import Sample, Value

# What a manager is asked for its state; what is written to it, and every event, stays out.
ASKED = frozenset(
    {"Getvar", "PJSIPShowRegistrationsOutbound", "QueueSummary", "QueueStatus", "ShowDialPlan", "ListCommands"}
)
# The headers that the driver reads. In what is not here stand callers, addresses and channels.
_HEADERS = frozenset(
    {
        "response", "message", "eventlist", "event", "variable", "value", "objectname", "status", "queue", "callers",
        "name", "location", "stateinterface", "paused", "pausedreason", "loggedin", "available", "longestholdtime",
        "context", "extension", "extensionlabel", "priority", "application", "appdata",
    }
)  # fmt: skip
_BY_EVENTS = re.compile(r"\.(attempts|failed_pct)$|\.emergency\.(calls|line|number|caller)|\.queue\.")
_MOST_ANSWERS = 4_096
TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}  # by the function that reads it


@dataclass(slots=True, kw_only=True)
class Capture:
    """Everything heard so far; the newest answer of an object or register counts."""

    cells: dict[tuple[str, int], int] = field(default_factory=dict)
    objects: dict[str, int | bytes | str] = field(default_factory=dict)
    answers: dict[tuple[str, tuple[tuple[str, str], ...]], Answer] = field(default_factory=dict)

    def hear_registers(self, question: Question, reply: Reply) -> None:
        """One sound Modbus reply; what a unit does not have is not recorded, and so is not there when served again."""
        table = TABLES.get(question.function)
        if table is not None and reply.exception is None:
            self.cells |= {(table, question.address + place): cell for place, cell in enumerate(reply.cells)}

    def hear_object(self, oid: str, raw: Raw) -> None:
        """One SNMP object."""
        if not isinstance(raw, Gap):
            self.objects[oid] = raw

    def hear_answer(self, action: str, asked: Mapping[str, str], answer: Answer) -> None:
        """One answer of an exchange's manager."""
        if action in ASKED and len(self.answers) < _MOST_ANSWERS:
            self.answers[action, tuple(asked.items())] = answer

    @property
    def empty(self) -> bool:
        """Whether nothing was heard."""
        return not self.cells and not self.objects and not self.answers

    def text(self, *, about: Mapping[str, str | int], taken: str, samples: Mapping[str, Sample]) -> str:
        """The file, version 1. `about`: protocol, profile, device and what else its driver was told."""
        return "\n".join(self._lines(about, taken, samples)) + "\n"

    def _lines(self, about: Mapping[str, str | int], taken: str, samples: Mapping[str, Sample]) -> Iterator[str]:
        yield "# A capture, written by `floorguard probe --record`. Put into tests/data/captures it is a test: its"
        yield "# answers are served by a server that is not ours, read by the driver, and must give the same points."
        yield "# Look through it before you give it away: names, serial numbers and dialplans are in it as told."
        yield "v = 1"
        for key, told in about.items():
            yield f"{key} = {_text(told)}"
        yield f"taken = {json.dumps(taken)}"
        yield ""
        yield from self._runs()
        for oid in sorted(self.objects, key=lambda text: [int(part) for part in text.split(".")]):
            yield _object(oid, self.objects[oid])
        for (action, asked), answer in self.answers.items():
            yield from _answer(action, asked, answer)
        for name in sorted(samples):
            sample = samples[name]
            if self.answers and (_BY_EVENTS.search(name) or sample.value == "degraded"):
                continue  # comes of events, of which none is recorded
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


def _answer(action: str, asked: tuple[tuple[str, str], ...], answer: Answer) -> Iterator[str]:
    def rows(packet: Packet) -> list[list[str]]:
        every = action == "ListCommands"  # its headers are the commands
        said = [[name, value] for name, value in packet.headers if name.lower() != "actionid"]
        return [row for row in said if every or row[0].lower() in _HEADERS]

    yield "[[answer]]"
    yield f"action = {_text(action)}"
    yield f"asked = {_text([list(one) for one in asked])}"
    yield f"response = {_text(rows(answer.response))}"
    yield f"items = {_text([rows(item) for item in answer.items])}"
    yield ""


def _text(told: object) -> str:
    """A text or lists of texts, as TOML has them too."""
    return json.dumps(told, ensure_ascii=False).replace("\x7f", "\\u007f")


def _object(oid: str, raw: int | bytes | str) -> str:
    if isinstance(raw, bytes):
        return f'[[object]]\noid = "{oid}"\noctets = "{raw.hex()}"\n'
    told = f"number = {raw}" if isinstance(raw, int) else f'name = "{raw}"'
    return f'[[object]]\noid = "{oid}"\n{told}\n'


def _value(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def spell_settings(config: PbxConfig) -> str:
    """What the driver of an exchange was told, but for the account and the address: JSON as one text."""
    told = {one.name: encode(getattr(config, one.name)) for one in fields(config) if one.name != "account"}
    return json.dumps(told, ensure_ascii=False)
