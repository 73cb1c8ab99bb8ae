"""Contacts on the floor: door, panic button, leak, smoke, the fire panel's relays, a mains relay, a running generator.

A contact that cannot be read is a fault of its own. It must not know pins or wiring.
"""

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import IsBad, IsFlag
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce, FlagRule, Holds
from monitors.parts import Part, Row, RowAlarm

_PRIORITIES = {
    "panic": AlarmPriority.HIGH,
    "smoke": AlarmPriority.HIGH,
    "leak": AlarmPriority.HIGH,
    "door": AlarmPriority.LOW,
    "fire_fault": AlarmPriority.MEDIUM,  # the panel's fault relay, held while all is well: power loss reports too
}
WATCHED_KINDS = frozenset(_PRIORITIES)
GENERATOR = "generator"  # the flag beside the mode while it runs
_FIRE_KINDS = frozenset({"smoke", "fire_fault"})


UNREADABLE_MS = 3_000  # after its reading went stale, and so within the ten seconds of a fire panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact; its point is true while it reports what `kind` names."""

    id: str
    kind: str
    on_delay_ms: int = 0
    off_delay_ms: int = 0


def mains_lost(contact: str) -> str:
    """Id of the condition that a mains relay has dropped."""
    return f"{contact}.lost"


def watch(contact: Contact) -> Part:
    """What one contact reports. A fire contact is watched beside the panel (`monitors.fire`)."""
    match contact.kind:
        case "mains":
            return _mains(contact)
        case "generator":
            return _generator(contact)
        case kind if kind in WATCHED_KINDS:
            return _reported(contact)
        case _:
            return Part()


def _mains(contact: Contact) -> Part:
    """A relay that hangs on the mains: beside the UPS, or where there is none that can be asked."""
    name = mains_lost(contact.id)
    lost = _condition(name, contact, wanted=False, confirm=2)
    alarm = Alarm(id=name, condition=name, priority=AlarmPriority.HIGH, text="alarm.contact_mains", cause="power")
    return Part(
        conditions=(lost,),
        alarms=(RowAlarm(alarm=alarm, row=Row.POWER, early=True),),
        announcements=(_announce(name, "contact.mains_lost", "contact.mains_returned"),),
    )


def _generator(contact: Contact) -> Part:
    name = f"{contact.id}.running"
    return Part(
        conditions=(_condition(name, contact),),
        flags=(FlagRule(flag=GENERATOR, when=Holds(condition=name)),),
        announcements=(_announce(name, "contact.generator", "contact.generator_over"),),
    )


def _reported(contact: Contact) -> Part:
    name = f"{contact.id}.reported"
    alarm = Alarm(
        id=name,
        condition=name,
        priority=_PRIORITIES[contact.kind],
        text=f"alarm.contact_{contact.kind}",
        latching=contact.kind == "panic",
    )
    return Part(
        conditions=(_condition(name, contact),),
        alarms=(RowAlarm(alarm=alarm, row=Row.FIRE if contact.kind in _FIRE_KINDS else Row.CONTROLLER),),
        announcements=(_announce(name, f"contact.{contact.kind}", f"contact.{contact.kind}_over"),),
    )


def _condition(name: str, contact: Contact, *, wanted: bool = True, confirm: int = 1) -> Condition:
    return Condition(
        id=name, test=IsFlag(point=contact.id, wanted=wanted), when_bad=WhenBad.HOLD, on_delay_ms=contact.on_delay_ms,
        off_delay_ms=contact.off_delay_ms, confirm=confirm,
    )  # fmt: skip


def _announce(condition: str, begins: str, ends: str) -> Announce:
    return Announce(condition=condition, begins=begins, ends=ends, severity=Severity.WARNING)


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
