"""What happened to an alarm between two cycles, as events: each activation by its number, every change of its flags.

This module must not decide anything, nor know who reads it.
"""

from collections.abc import Iterator, Mapping

from firmware_py.core.alarm import Alarm, AlarmPriority, AlarmState
from firmware_py.core.annunciation import Annunciation
from firmware_py.core.event import Event, Severity
from firmware_py.core.reading import Value

_SEVERITY = {
    AlarmPriority.HIGH: Severity.CRITICAL,
    AlarmPriority.MEDIUM: Severity.WARNING,
    AlarmPriority.LOW: Severity.INFO,
}
_REST = AlarmState()
_More = Mapping[str, Value]


def tell(alarm: Alarm, was: AlarmState | None, now: AlarmState, incident: str | None, now_ms: int) -> Iterator[Event]:
    """All events of one alarm. `activation`: which instance of the alarm it is about."""
    for kind, more in _changes(was or _REST, now):
        yield Event(
            type=f"alarm.{kind}",
            severity=_SEVERITY[alarm.priority],
            at_ms=now_ms,
            incident=incident,
            data={
                "alarm": alarm.id, "priority": alarm.priority.value, "evidence": now.evidence, "text": alarm.text,
                "activation": now.activations, **more,
            },
        )  # fmt: skip


def _changes(was: AlarmState, now: AlarmState) -> Iterator[tuple[str, _More]]:
    raised = now.activations > was.activations
    if raised:
        yield "raised", _hidden(now)
    if was.active and not now.active:
        yield "cleared", {}
    if now.acked and not was.acked:
        yield "acked", {"by": now.acked_by}
    if was.latched and not now.latched:
        yield "reset", {}
    if was.acked and not now.acked and not raised:
        yield "reminded", {}
    if now.chattering is not was.chattering:
        yield ("chattering" if now.chattering else "chatter_over"), {}
    yield from _set_aside(was, now)
    if was.suppressed_by and not now.suppressed_by and now.active:
        yield "unsuppressed", {"because": was.suppressed_by}


def _set_aside(was: AlarmState, now: AlarmState) -> Iterator[tuple[str, _More]]:
    if now.shelved_ms > was.shelved_ms:
        yield "shelved", {"by": now.shelved_by, "why": now.shelved_why, "for_ms": now.shelved_ms}
    if was.shelved_ms and not now.shelved_ms:
        yield "unshelved", {"by": was.shelved_by, "why": was.shelved_why}
    if now.out_of_service and not was.out_of_service:
        yield "out_of_service", {"by": now.out_of_service, "why": now.out_of_service_why}
    if was.out_of_service and not now.out_of_service:
        yield "in_service", {"by": was.out_of_service, "why": was.out_of_service_why}


def _hidden(now: AlarmState) -> _More:
    """Why people are not shown an activation; nothing where they are."""
    if now.set_aside:
        return {"hidden": "shelved" if now.shelved_ms else "out of service"}
    return {"hidden": f"consequence of {now.suppressed_by}"} if now.suppressed_by else {}


def tell_flood(was: Annunciation, now: Annunciation, now_ms: int) -> Iterator[Event]:
    """A flood of alarms has begun, or is over."""
    if now.flood is not was.flood:
        yield Event(
            type="alarm.flood" if now.flood else "alarm.flood_over",
            severity=Severity.WARNING,
            at_ms=now_ms,
            data={"count": len(now.recent_ms)},
        )
