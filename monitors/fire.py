"""The fire panel, watched and never commanded: shown at the first sound reading, acted on at the second or by a person.

Lost communication is a fault, never fire and never normal. A zone in test goes to the log, not to the sounder.
Fire stays until the panel has been read normal again and a person has reset it here. It must not know Modbus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import AllOf, AnyOf, IsBad, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.output import Priority
from firmware_py.core.plan import Announce, CauseIn, Rule
from monitors.parts import Part, Row, RowAlarm
from monitors.power import SILENT

CAUSE = "fire"
SEEN = "fire.seen"
CONFIRMED = "fire.confirmed"
_OTHER_STATES = (
    ("prealarm", AlarmPriority.HIGH, "fire_prealarm"),
    ("supervisory", AlarmPriority.MEDIUM, "fire_supervisory"),
    ("fault", AlarmPriority.MEDIUM, "fire_fault"),
    ("disabled", AlarmPriority.MEDIUM, "fire_disabled"),
)
_TESTS = ("test", "walk_test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One zone (`fire1.zone1`) and the flags that its profile offers beside `fire`."""

    id: str
    flags: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel and its own `flags`. `silent_ms`: how long it may be unreadable (10 s at most, EN 54-2 practice)."""

    id: str
    zones: tuple[Zone, ...]
    silent_ms: int
    off_delay_ms: int
    test_limit_ms: int
    flags: frozenset[str] = field(default_factory=frozenset)


def watch_panel(panel: Panel) -> Part:
    """Zones, the panel's own faults, and its silence."""
    parts = [_zone(panel, zone) for zone in panel.zones]
    unreachable = f"{panel.id}.unreachable"
    conditions = [
        Condition(
            id=unreachable,
            test=AnyOf(tests=tuple(IsBad(point=f"{zone.id}.fire", reasons=SILENT) for zone in panel.zones)),
            when_bad=WhenBad.CLEAR,
            on_delay_ms=panel.silent_ms,
        )
    ]
    alarms = [_alarm(unreachable, AlarmPriority.HIGH, "fire_unreachable", "comms")]
    for name in sorted(panel.flags & {"fault"}):
        condition = f"{panel.id}.panel_{name}"
        conditions.append(_flag(condition, f"{panel.id}.panel.{name}", panel))
        alarms.append(_alarm(condition, AlarmPriority.MEDIUM, f"fire_panel_{name}", None))
    return Part(
        conditions=(*conditions, *(c for part in parts for c in part.conditions)),
        alarms=(*alarms, *(a for part in parts for a in part.alarms)),
        announcements=tuple(a for part in parts for a in part.announcements),
    )


def _zone(panel: Panel, zone: Zone) -> Part:
    conditions = [
        Condition(id=f"{zone.id}.burning", test=_fire(zone), when_bad=WhenBad.HOLD, off_delay_ms=panel.off_delay_ms)
    ]
    alarms = [
        _alarm(f"{zone.id}.burning", AlarmPriority.HIGH, "fire", CAUSE, latching=True, urgent=True),
    ]
    for name, priority, text in _OTHER_STATES:
        if name in zone.flags:
            conditions.append(_flag(f"{zone.id}.{name}", f"{zone.id}.{name}", panel))
            alarms.append(_alarm(f"{zone.id}.{name}", priority, text, None))
    announcements = []
    testing = tuple(IsFlag(point=f"{zone.id}.{name}") for name in _TESTS if name in zone.flags)
    if testing:
        in_test, overlong = f"{zone.id}.in_test", f"{zone.id}.test_overlong"
        tried = f"{zone.id}.tried"
        conditions += [
            Condition(id=in_test, test=AnyOf(tests=testing), when_bad=WhenBad.HOLD),
            Condition(id=overlong, test=AnyOf(tests=testing), when_bad=WhenBad.HOLD, on_delay_ms=panel.test_limit_ms),
            Condition(
                id=tried,
                test=AllOf(tests=(IsFlag(point=f"{zone.id}.fire"), AnyOf(tests=testing))),
                when_bad=WhenBad.HOLD,
            ),
        ]
        alarms += [
            _alarm(in_test, AlarmPriority.LOW, "fire_in_test", None),
            _alarm(overlong, AlarmPriority.MEDIUM, "fire_test_overlong", None),
        ]
        announcements.append(
            Announce(condition=tried, begins="fire.zone_tried", ends="fire.zone_tried_over", severity=Severity.INFO)
        )
    return Part(conditions=tuple(conditions), alarms=tuple(alarms), announcements=tuple(announcements))


def _fire(zone: Zone) -> Test:
    """Burning, unless the panel positively says that this zone is being tested: a test flag that cannot be read or was
    never offered hides no fire."""
    not_tested = tuple(
        AnyOf(tests=(IsFlag(point=f"{zone.id}.{name}", wanted=False), IsBad(point=f"{zone.id}.{name}")))
        for name in _TESTS
        if name in zone.flags
    )
    return AllOf(tests=(IsFlag(point=f"{zone.id}.fire"), *not_tested))


def evacuate(
    panels: Sequence[Panel],
    contacts: Sequence[str],
    cut: Mapping[str, bool],
    *,
    report_every_ms: int,
    off_delay_ms: int,
) -> Part:
    """Fire over all panels and the panels' own relays (`contacts`): seen at one sound reading, confirmed at two or by a
    person. `cut`: outputs of the loads that go then, with the value that cuts them."""
    burning: tuple[Test, ...] = tuple(_fire(zone) for panel in panels for zone in panel.zones)
    burning += tuple(IsFlag(point=contact) for contact in contacts)
    confirmed = CauseIn(cause=CAUSE, phases=frozenset({CausePhase.ACTIVE}))
    conditions = (
        Condition(id=SEEN, test=AnyOf(tests=burning), when_bad=WhenBad.HOLD, off_delay_ms=off_delay_ms),
        Condition(id=CONFIRMED, test=AnyOf(tests=burning), when_bad=WhenBad.HOLD, off_delay_ms=off_delay_ms, confirm=2),
    )
    wired = [_contact(contact, off_delay_ms) for contact in contacts]
    cause = Cause(
        id=CAUSE,
        mode=Mode.EVACUATION,
        conditions=(CONFIRMED,),
        commandable=True,
        confirms=SEEN,
        incident_class="major",
        escalate_ms=(0,),
        report_every_ms=report_every_ms,
    )
    return Part(
        conditions=(*conditions, *(condition for condition, _ in wired)),
        alarms=tuple(alarm for _, alarm in wired),
        causes=(cause,),
        rules=tuple(
            Rule(when=confirmed, output=output, value=value, owner=CAUSE, priority=Priority.LIFE_SAFETY)
            for output, value in cut.items()
        ),
        announcements=(
            Announce(condition=SEEN, begins="fire.seen", ends="fire.over", severity=Severity.CRITICAL),
            Announce(
                condition=CONFIRMED, begins="fire.confirmed", ends="fire.confirmed_over", severity=Severity.CRITICAL
            ),
        ),
    )


def _contact(point: str, off_delay_ms: int) -> tuple[Condition, RowAlarm]:
    name = f"{point}.burning"
    condition = Condition(id=name, test=IsFlag(point=point), when_bad=WhenBad.HOLD, off_delay_ms=off_delay_ms)
    return condition, _alarm(name, AlarmPriority.HIGH, "fire_contact", CAUSE, latching=True, urgent=True)


def _flag(condition: str, point: str, panel: Panel) -> Condition:
    return Condition(id=condition, test=IsFlag(point=point), when_bad=WhenBad.HOLD, off_delay_ms=panel.off_delay_ms)


def _alarm(
    condition: str,
    priority: AlarmPriority,
    text: str,
    cause: str | None,
    *,
    latching: bool = False,
    urgent: bool = False,
) -> RowAlarm:
    return RowAlarm(
        alarm=Alarm(
            id=condition,
            condition=condition,
            priority=priority,
            text=f"alarm.{text}",
            cause=cause,
            latching=latching,
            urgent=urgent,
        ),
        row=Row.FIRE,
    )
