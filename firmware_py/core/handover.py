"""Shift hand-over: all open matters are named, and the next shift takes them over one by one, each on record.

Whoever hands over does not take over. What turns up meanwhile belongs to the next shift anyway.
This module must not know who is on which shift.
"""

from collections.abc import Iterator, Mapping

from config.valued import dataclass, replace
from firmware_py.core.alarm import Display
from firmware_py.core.checklist import Checklist, Tick
from firmware_py.core.command import CommandRefused
from firmware_py.core.event import Event, Severity
from firmware_py.core.incident import Fact
from firmware_py.core.state import Handover, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something open. `kind`: incident, alarm, shelved, out_of_service, override, pause or item; `about`: its id; `why`
    and `by` of what a person made so."""

    kind: str
    about: str
    by: str = ""
    why: str = ""

    @property
    def id(self) -> str:
        """As people name it: `alarm:ups1.on_battery`."""
        return f"{self.kind}:{self.about}"


def matters(checklists: Mapping[str, Checklist], state: State) -> Iterator[Matter]:
    """All that is open now: incidents, alarms that are not at rest, hands on outputs, items that nobody has ticked."""
    for incident in state.incidents.values():
        yield Matter(kind="incident", about=incident.id, by=", ".join(incident.acked_by), why=incident.cause)
    for name, alarm in state.alarms.items():
        if alarm.out_of_service:
            yield Matter(kind="out_of_service", about=name, why=alarm.out_of_service)
        elif alarm.display is Display.SHELVED:
            yield Matter(kind="shelved", about=name, by=alarm.shelved_by, why=alarm.shelved_why)
        elif alarm.display not in (Display.NORMAL, Display.SUPPRESSED):
            yield Matter(kind="alarm", about=name, why=alarm.display.value)
    for name, hand in state.overrides.items():
        yield Matter(kind="override", about=name, by=hand.by)
    if state.paused_by:
        yield Matter(kind="pause", about="outbound", by=state.paused_by)
    for name, one in state.lists.items():
        for item in one.left(checklists[name].items):
            yield Matter(kind="item", about=f"{name}.{item}", why=one.incident)


def begin(checklists: Mapping[str, Checklist], state: State, by: str) -> State:
    """Name all open matters; what an earlier hand-over left is among them as far as it is still open."""
    left = tuple(matter.id for matter in matters(checklists, state))
    return replace(state, handover=Handover(number=state.handover.number + 1, by=by, left=left))


def take(state: State, matter: str, by: str) -> State:
    """The next shift takes one over. CommandRefused for whoever handed over, and for what is not on the list."""
    now = state.handover
    if not now.left:
        raise CommandRefused("nothing is left to take over; the shift that leaves begins with `handover begin`")
    if by == now.by:
        raise CommandRefused(f"{by} hands over: the next shift takes over, under a name of its own")
    if matter not in now.left:
        raise CommandRefused(f"'{matter}' is not left to take over; `handover` lists what is")
    left = tuple(one for one in now.left if one != matter)
    return replace(state, handover=replace(now, left=left, taken=(*now.taken, Tick(item=matter, by=by))))


def tell(before: Handover, now: Handover, now_ms: int) -> Iterator[Event]:
    """It was begun, a matter was taken over, the last one was."""
    begun = now.number != before.number
    if begun:
        yield _event("handover.begun", now, now_ms, by=now.by)
    for made in now.taken[0 if begun else len(before.taken) :]:
        yield _event("handover.taken", now, now_ms, by=made.by, matter=made.item)
    if now.number and not now.left and (begun or before.left):
        yield _event("handover.done", now, now_ms, by=", ".join(dict.fromkeys(made.by for made in now.taken)))


def _event(kind: str, now: Handover, now_ms: int, *, by: str, matter: str = "") -> Event:
    data: dict[str, Fact] = {"number": now.number, "handed_by": now.by, "by": by, "left": now.left}
    if matter:
        data["matter"] = matter
    return Event(type=kind, severity=Severity.WARNING, at_ms=now_ms, data=data)
