"""Contacts on the floor: door, panic button, leak, smoke, and the fire panel's own relay as its second source.

A contact that cannot be read is a fault of its own. It must not know pins or wiring.
"""

from dataclasses import dataclass

from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import IsBad, IsFlag
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce
from monitors.parts import Part, Row, RowAlarm

_PRIORITIES = {
    "panic": AlarmPriority.HIGH,
    "smoke": AlarmPriority.HIGH,
    "leak": AlarmPriority.HIGH,
    "door": AlarmPriority.LOW,
    "fire_fault": AlarmPriority.MEDIUM,  # the panel's fault relay, held while all is well: power loss reports too
}
WATCHED_KINDS = frozenset(_PRIORITIES)
_FIRE_KINDS = frozenset({"smoke", "fire_fault"})


UNREADABLE_MS = 3_000  # after its reading went stale, and so within the ten seconds of a fire panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact; its point is true while it reports what `kind` names."""

    id: str
    kind: str


def watch(contact: Contact) -> Part:
    """The alarm of one contact."""
    condition = f"{contact.id}.reported"
    return Part(
        conditions=(Condition(id=condition, test=IsFlag(point=contact.id), when_bad=WhenBad.HOLD),),
        alarms=(
            RowAlarm(
                alarm=Alarm(
                    id=condition,
                    condition=condition,
                    priority=_PRIORITIES[contact.kind],
                    text=f"alarm.contact_{contact.kind}",
                    latching=contact.kind == "panic",
                ),
                row=Row.FIRE if contact.kind in _FIRE_KINDS else Row.CONTROLLER,
            ),
        ),
        announcements=(
            Announce(
                condition=condition,
                begins=f"contact.{contact.kind}",
                ends=f"contact.{contact.kind}_over",
                severity=Severity.WARNING,
            ),
        ),
    )


def watch_sight(contact: str, *, fire: bool) -> Part:
    """A contact or relay that cannot be read: neither what it reports nor that all is well."""
    condition = f"{contact}.unreadable"
    test = IsBad(point=contact, doubted=True)
    return Part(
        conditions=(Condition(id=condition, test=test, when_bad=WhenBad.CLEAR, on_delay_ms=UNREADABLE_MS),),
        alarms=(
            RowAlarm(
                alarm=Alarm(
                    id=condition, condition=condition, priority=AlarmPriority.MEDIUM, text="alarm.contact_unreadable"
                ),
                row=Row.FIRE if fire else Row.CONTROLLER,
            ),
        ),
    )
