"""The fire panel, watched and never commanded: shown at the first sound reading, acted on at the second or by a person.

Lost or doubtful communication is a fault, never fire and never normal. A zone in test goes to the log, not to the
sounder. Fire stays until the panel has been read normal again and a person has reset it here. It must not know Modbus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import AllOf, AnyOf, IsBad, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.output import Priority
from firmware_py.core.plan import Announce, CauseIn, Rule
from firmware_py.core.reading import Reason
from monitors.parts import Part, Row, RowAlarm
from monitors.power import IMPLAUSIBLE, SILENT

CAUSE = "fire"
SEEN = "fire.seen"
CONFIRMED = "fire.confirmed"
# A detector that is being tried may say these; like its fire they go to the log then.
_TRIED_STATES = (("prealarm", AlarmPriority.HIGH), ("supervisory", AlarmPriority.MEDIUM))
_OTHER_STATES = (("fault", AlarmPriority.MEDIUM), ("disabled", AlarmPriority.MEDIUM))
_PANEL_STATES = (
    ("fault", AlarmPriority.MEDIUM),
    ("disabled", AlarmPriority.MEDIUM),
    ("on_battery", AlarmPriority.MEDIUM),
    ("silenced", AlarmPriority.LOW),
)
_TESTS = ("test", "walk_test")
LOST = SILENT | {Reason.SOURCE_LOST}  # a gateway that answers for a panel that does not is as blind


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
            test=AnyOf(tests=tuple(IsBad(point=f"{zone.id}.fire", reasons=LOST, doubted=True) for zone in panel.zones)),
            when_bad=WhenBad.CLEAR,
            on_delay_ms=panel.silent_ms,
        )
    ]
    alarms = [_alarm(unreachable, AlarmPriority.HIGH, "fire_unreachable", "comms")]
    for name, priority in _PANEL_STATES:
        if name in panel.flags:
            condition = f"{panel.id}.panel_{name}"
            conditions.append(_flag(condition, IsFlag(point=f"{panel.id}.panel.{name}"), panel))
            alarms.append(_alarm(condition, priority, f"fire_panel_{name}", None))
    return Part(
        conditions=(*conditions, *(c for part in parts for c in part.conditions)),
        alarms=(*alarms, *(a for part in parts for a in part.alarms)),
        announcements=tuple(a for part in parts for a in part.announcements),
    )


def _zone(panel: Panel, zone: Zone) -> Part:
    burning, unknown = f"{zone.id}.burning", f"{zone.id}.unknown"
    conditions = [
        Condition(id=burning, test=_untested(zone, "fire"), when_bad=WhenBad.HOLD, off_delay_ms=panel.off_delay_ms),
        # The panel answers, but not for this zone: neither fire nor normal.
        Condition(
            id=unknown,
            test=IsBad(point=f"{zone.id}.fire", reasons=IMPLAUSIBLE),
            when_bad=WhenBad.CLEAR,
            on_delay_ms=panel.silent_ms,
        ),
    ]
    alarms = [
        _alarm(burning, AlarmPriority.HIGH, "fire", CAUSE, latching=True, urgent=True),
        _alarm(unknown, AlarmPriority.MEDIUM, "fire_unknown", None),
    ]
    for name, priority in (*_TRIED_STATES, *_OTHER_STATES):
        if name in zone.flags:
            own = f"{zone.id}.{name}"
            tried_alike = (name, priority) in _TRIED_STATES
            conditions.append(_flag(own, _untested(zone, name) if tried_alike else IsFlag(point=own), panel))
            alarms.append(_alarm(own, priority, f"fire_{name}", None))
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
            _alarm(in_test, AlarmPriority.LOW, "fire_in_test", None, quiet=True),
            _alarm(overlong, AlarmPriority.MEDIUM, "fire_test_overlong", None),
        ]
        announcements.append(
            Announce(condition=tried, begins="fire.zone_tried", ends="fire.zone_tried_over", severity=Severity.INFO)
        )
    return Part(conditions=tuple(conditions), alarms=tuple(alarms), announcements=tuple(announcements))


def _untested(zone: Zone, state: str) -> Test:
    """The state, unless the panel positively says that this zone is tested: a test flag that cannot be read or was
    never offered hides no fire."""
    not_tested = tuple(
        AnyOf(tests=(IsFlag(point=f"{zone.id}.{name}", wanted=False), IsBad(point=f"{zone.id}.{name}")))
        for name in _TESTS
        if name in zone.flags
    )
    return AllOf(tests=(IsFlag(point=f"{zone.id}.{state}"), *not_tested))


def evacuate(
    panels: Sequence[Panel],
    contacts: Sequence[str],
    cut: Mapping[str, bool],
    *,
    off_delay_ms: int,
) -> Part:
    """Fire over all panels and the panels' own relays (`contacts`): seen at one sound reading, confirmed at two, by a
    relay alone or by a person. `cut`: outputs of the loads that go then, with the value that cuts them."""
    burning: tuple[Test, ...] = tuple(_untested(zone, "fire") for panel in panels for zone in panel.zones)
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
        conditions=(CONFIRMED, *(condition.id for condition, _ in wired)),
        commandable=True,
        confirms=SEEN,
        incident_class="major",
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


def _flag(condition: str, test: Test, panel: Panel) -> Condition:
    return Condition(id=condition, test=test, when_bad=WhenBad.HOLD, off_delay_ms=panel.off_delay_ms)


def _alarm(
    condition: str,
    priority: AlarmPriority,
    text: str,
    cause: str | None,
    *,
    latching: bool = False,
    urgent: bool = False,
    quiet: bool = False,
) -> RowAlarm:
    return RowAlarm(
        quiet=quiet,
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
