"""Calls: an emergency call is seen on the floor, its way out is proven open, and a closed gate shows what remains.

Nothing here ends or refuses a call. It must not know AMI or pins.
"""

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AllOf, AnyOf, IsFlag, IsWord
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce
from monitors.parts import Part, Row, RowAlarm, join

LINES = 4  # emergency calls that the exchange's driver tells apart
BLOCKED = frozenset({"gated", "missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """One exchange. `verifies`: emergency numbers are followed through its dialplan. `gate`: the output that pauses.
    `fails_over`: its dialplan is asked whether calls would go on to the backup."""

    exchange: str
    verifies: bool = False
    gate: str = ""
    fails_over: bool = False


def watch(calls: Calls) -> Part:
    """All that is watched of one exchange's calls."""
    parts = [_emergency_calls(calls.exchange), _account(calls.exchange)]
    if calls.verifies:
        parts.append(_way_out(calls.exchange))
    if calls.fails_over:
        parts.append(_failover(calls.exchange))
    if calls.gate:
        parts.append(_drain(calls.exchange, calls.gate))
    return join(parts)


def _emergency_calls(exchange: str) -> Part:
    """Each call is an event of its own with its number; the notice ends by itself when the last one is over."""
    name = f"{exchange}.emergency"
    lines = [IsFlag(point=f"{name}.line{line}") for line in range(1, LINES + 1)]
    each = [
        Condition(id=f"{exchange}.emergency_call{line}", test=test, when_bad=WhenBad.HOLD)
        for line, test in enumerate(lines, start=1)
    ]
    seen = Condition(id=f"{exchange}.emergency_call", test=AnyOf(tests=tuple(lines)), when_bad=WhenBad.HOLD)
    return Part(
        conditions=(*each, seen),
        alarms=(_alarm(seen.id, AlarmPriority.LOW, "emergency_call"),),
        announcements=tuple(
            Announce(
                condition=condition.id,
                begins="emergency.call",
                ends="emergency.call_over",
                severity=Severity.CRITICAL,
                carry=(f"{name}.number{line}", f"{name}.caller{line}"),
            )
            for line, condition in enumerate(each, start=1)
        ),
    )


def _way_out(exchange: str) -> Part:
    """Whether an emergency number would pass, as far as the dialplan says so without dialling."""
    path = f"{exchange}.emergency.path"
    blocked = Condition(
        id=f"{exchange}.emergency_blocked", test=IsWord(point=path, words=BLOCKED), when_bad=WhenBad.HOLD
    )
    unproven = Condition(
        id=f"{exchange}.emergency_unproven",
        test=IsWord(point=path, words=frozenset({"unproven"})),
        when_bad=WhenBad.HOLD,
    )
    return Part(
        conditions=(blocked, unproven),
        alarms=(
            _alarm(blocked.id, AlarmPriority.HIGH, "emergency_blocked"),
            _alarm(unproven.id, AlarmPriority.LOW, "emergency_unproven"),
        ),
        announcements=(
            Announce(
                condition=blocked.id,
                begins="emergency.blocked",
                ends="emergency.passes",
                severity=Severity.CRITICAL,
                carry=(path,),
            ),
        ),
    )


def _failover(exchange: str) -> Part:
    """A dial that ends before SIP gives up: found out on a quiet day, not on the day when the trunk is dead."""
    way = f"{exchange}.failover.dialplan"
    found = (
        ("never", frozenset({"never", "none"}), AlarmPriority.MEDIUM),
        ("unproven", frozenset({"unproven"}), AlarmPriority.LOW),
    )
    conditions = tuple(
        Condition(id=f"{exchange}.failover_{name}", test=IsWord(point=way, words=words), when_bad=WhenBad.HOLD)
        for name, words, _ in found
    )
    alarms = tuple(_alarm(f"{exchange}.failover_{name}", priority, f"failover_{name}") for name, _, priority in found)
    return Part(conditions=conditions, alarms=alarms)


def _account(exchange: str) -> Part:
    """An account that may do more than it needs is told once; it is no alarm of the floor."""
    wide = Condition(
        id=f"{exchange}.account_too_wide", test=IsFlag(point=f"{exchange}.account.too_wide"), when_bad=WhenBad.HOLD
    )
    told = Announce(
        condition=wide.id,
        begins="exchange.account_too_wide",
        ends="exchange.account_narrowed",
        severity=Severity.INFO,
        carry=(f"{exchange}.account.excess",),
    )
    return Part(conditions=(wide,), announcements=(told,))


def _drain(exchange: str, gate: str) -> Part:
    """Calls in progress are never cut: while the gate is closed people see how many remain, and when none does."""
    remaining = f"{exchange}.outbound_calls"
    draining = Condition(
        id=f"{exchange}.draining",
        test=AllOf(tests=(IsFlag(point=f"{exchange}.{gate}"), Above(point=remaining, limit=0))),
        when_bad=WhenBad.HOLD,
    )
    told = Announce(
        condition=draining.id,
        begins="outbound.draining",
        ends="outbound.drained",
        severity=Severity.INFO,
        carry=(remaining,),
    )
    return Part(conditions=(draining,), announcements=(told,))


def _alarm(condition: str, priority: AlarmPriority, text: str) -> RowAlarm:
    return RowAlarm(
        alarm=Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}"), row=Row.PHONES
    )
