"""Services that agents need: is the main one up, does the standby answer, are both down so that people turn to paper.

What cannot be judged (no route, no name) is neither up nor down. It must not know TCP, HTTP or certificates.
"""

from collections.abc import Sequence

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import AllOf, AnyOf, Below, IsBad, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, Mode
from firmware_py.core.plan import Announce, FlagRule, Holds
from monitors.parts import Part, Row, RowAlarm
from monitors.power import MANUAL_RECORDS

CAUSE = "systems"
UNJUDGED_MS = 300_000  # our own line may be down for a while: that has alarms of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service. `on_delay_ms`: all its sides must be down for so long. `cert_warn_days`: 0 where it shows none."""

    id: str
    standby: bool
    on_delay_ms: int
    off_delay_ms: int
    cert_warn_days: int = 0

    @property
    def sides(self) -> tuple[str, ...]:
        """Who serves it."""
        return ("main", "standby") if self.standby else ("main",)


def down(service: str) -> str:
    """Id of the condition that nobody serves it."""
    return f"{service}.down"


def watch(services: Sequence[Service]) -> Part:
    """All services, and the cause that joins them into one incident; none of them is a reason to conserve."""
    conditions = tuple(condition for service in services for condition in _conditions(service))
    lost = tuple(down(service.id) for service in services)
    cause = Cause(id=CAUSE, mode=Mode.NORMAL, conditions=lost)
    return Part(
        conditions=conditions,
        alarms=tuple(alarm for service in services for alarm in _alarms(service)),
        causes=(cause,),
        flags=tuple(FlagRule(flag=MANUAL_RECORDS, when=Holds(condition=name)) for name in lost),
        announcements=tuple(
            Announce(condition=name, begins="systems.lost", ends="systems.returned", severity=Severity.CRITICAL)
            for name in lost
        ),
    )


def _conditions(service: Service) -> list[Condition]:
    ups = {side: f"{service.id}.{side}.up" for side in service.sides}
    away: dict[str, Test] = {side: IsFlag(point=point, wanted=False) for side, point in ups.items()}
    unknown = AnyOf(tests=tuple(IsBad(point=point) for point in ups.values()))
    found = [
        _held(service, down(service.id), AllOf(tests=tuple(away.values()))),
        Condition(id=f"{service.id}.unjudged", test=unknown, when_bad=WhenBad.CLEAR, on_delay_ms=UNJUDGED_MS),
    ]
    if service.standby:
        found += [_held(service, f"{service.id}.{side}_down", test) for side, test in away.items()]
    if service.cert_warn_days:
        ending = AnyOf(
            tests=tuple(
                Below(point=f"{service.id}.{side}.cert_days", limit=service.cert_warn_days) for side in service.sides
            )
        )
        found.append(Condition(id=f"{service.id}.cert_ending", test=ending, when_bad=WhenBad.HOLD))
    return found


def _held(service: Service, name: str, test: Test) -> Condition:
    return Condition(
        id=name, test=test, when_bad=WhenBad.HOLD, on_delay_ms=service.on_delay_ms, off_delay_ms=service.off_delay_ms,
        confirm=2,
    )  # fmt: skip


def _alarms(service: Service) -> list[RowAlarm]:
    listed = [
        _alarm(down(service.id), AlarmPriority.HIGH, "service_down", CAUSE),
        _alarm(f"{service.id}.unjudged", AlarmPriority.LOW, "service_unjudged", None),
    ]
    if service.standby:
        # The standby has taken over, or nobody would notice that it could not.
        listed.append(_alarm(f"{service.id}.main_down", AlarmPriority.MEDIUM, "service_main_down", CAUSE))
        listed.append(_alarm(f"{service.id}.standby_down", AlarmPriority.LOW, "service_standby_down", None))
    if service.cert_warn_days:
        listed.append(_alarm(f"{service.id}.cert_ending", AlarmPriority.LOW, "service_cert_ending", None))
    return listed


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str | None) -> RowAlarm:
    alarm = Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause)
    return RowAlarm(alarm=alarm, row=Row.LINK)
