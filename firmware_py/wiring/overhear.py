"""An ear on each running endpoint: while somebody records a device, what its driver hears anyway is written down.

No question more is asked and no second connection made, but that what is due once an hour is asked at once. It must not
know what an answer means.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from config.valued import dataclass
from firmware_py.core.reading import News, Sample
from firmware_py.ports import Begin, Bus, PollGroup

if TYPE_CHECKING:
    from drivers.ami import Answer
    from drivers.modbus_guard import Question
    from drivers.modbus_unit import Reply
    from drivers.snmp_decode import Raw
    from firmware_py.wiring.capture import Capture


def _nothing_yet() -> "Capture":
    from firmware_py.wiring.capture import Capture  # knows the answers of every driver

    return Capture()


class Hearing(Protocol):
    """Who may be told what an endpoint says: a capture, or an ear that hands it on to one."""

    def hear_registers(self, question: "Question", reply: "Reply") -> None:
        """A sound Modbus reply."""

    def hear_object(self, oid: str, raw: "Raw") -> None:
        """An SNMP object."""

    def hear_answer(self, action: str, asked: Mapping[str, str], answer: "Answer") -> None:
        """An answer of an exchange's manager."""


@dataclass(slots=True, kw_only=True)
class Taking:
    """One recording. `devices`: as poll groups name them; `unit`: of several on a Modbus line. `left`: groups that
    have not been read yet."""

    devices: frozenset[str]
    unit: int | None = None
    capture: "Capture" = field(default_factory=_nothing_yet)
    samples: dict[str, Sample] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Ear:
    """Of one endpoint, over all changes of its driver."""

    def __init__(self) -> None:
        self.taking: Taking | None = None

    def hear_registers(self, question: "Question", reply: "Reply") -> None:
        """A sound Modbus reply."""
        if self.taking is not None and self.taking.unit in (None, question.unit):
            self.taking.capture.hear_registers(question, reply)

    def hear_object(self, oid: str, raw: "Raw") -> None:
        """An SNMP object."""
        if self.taking is not None:
            self.taking.capture.hear_object(oid, raw)

    def hear_answer(self, action: str, asked: Mapping[str, str], answer: "Answer") -> None:
        """An answer of an exchange's manager."""
        if self.taking is not None:
            self.taking.capture.hear_answer(action, asked, answer)


class Overheard:
    """A bus whose readings are kept for who records: answers and points of the same reading."""

    def __init__(self, bus: Bus, ear: Ear) -> None:
        self._bus, self._ear = bus, ear
        self._hint: Callable[[str], None] | None = None
        self._begin: Begin | None = getattr(bus, "begin", None)
        self._hear: Callable[[], None] | None = getattr(bus, "hear", None)
        self._give_up: Callable[[], None] | None = getattr(bus, "give_up", None)

    @property
    def name(self) -> str:
        """Of the endpoint."""
        return self._bus.name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """As the driver has them."""
        return self._bus.groups

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """One group. Raises DeviceError."""
        taking = self._ear.taking
        found = await self._bus.read(group)
        if taking is not None and group.id in taking.left:
            taking.samples.update(found)
            taking.left.discard(group.id)
            if not taking.left:
                taking.done.set()
        return found

    def begin(self, group: PollGroup, done: Callable[[News | None], None]) -> News | int:
        """One group without a task, where the driver can do that and nobody records."""
        return 0 if self._begin is None or self._ear.taking is not None else self._begin(group, done)

    def hear(self) -> None:
        """What has come for it may be taken in now."""
        if self._hear is not None:
            self._hear()

    def give_up(self) -> None:
        """Nobody waits for what was begun."""
        if self._give_up is not None:
            self._give_up()

    async def close(self) -> None:
        """The driver's own end."""
        await self._bus.close()

    def listen(self, hint: Callable[[str], None]) -> None:
        """Hints of the driver, and ours when a recording begins."""
        self._hint = hint
        self._bus.listen(hint)

    def record(self, taking: Taking) -> None:
        """Hear all groups of these devices, at once where that can be hurried."""
        taking.left |= {group.id for group in self.groups if group.device in taking.devices and not group.local}
        self._ear.taking = taking
        look_again = getattr(self._bus, "look_again", None)
        if look_again is not None:
            look_again()
        for device in sorted(taking.devices):
            if self._hint is not None:
                self._hint(device)

    def end(self) -> None:
        """Nobody records any more."""
        self._ear.taking = None

    @property
    def taken(self) -> bool:
        """Whether somebody records here."""
        return self._ear.taking is not None
