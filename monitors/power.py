"""Power: is the mains there, can we see the UPS, how long will the battery last.

Four facts are kept apart: mains lost; UPS unreachable; the card lost the UPS; value implausible. Only the first is an
outage, and it takes two readings. It must not know SNMP, nor what is shed.
"""

from collections.abc import Iterable, Iterator

from config.valued import dataclass
from firmware_py.core import planned
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AllOf, AnyOf, Below, IsBad, IsFlag, IsWord, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce, FlagRule, Holds
from firmware_py.core.reading import Reason
from monitors.parts import Part, Row, RowAlarm, join

SILENT = frozenset({Reason.NOT_YET, Reason.NO_COMMUNICATION, Reason.STALE, Reason.BAD_REPLY, Reason.DOUBTFUL})
IMPLAUSIBLE = frozenset({Reason.OUT_OF_RANGE, Reason.SENTINEL, Reason.UNKNOWN_WORD, Reason.NOT_SUPPORTED})
CAUSE = "power"
MANUAL_RECORDS = "manual_records"
OWN_END = ".controller_ending"
LAST_WORDS = "controller.last_words"
RUNTIME_DEADBAND_S = 120.0
CHARGE_DEADBAND_PCT = 2.0
LOAD_DEADBAND_PCT = 5.0
SHORT_S = 300.0  # a target that is missed by less is met as well as anybody can say
SHORT_DELAY_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ups:
    """One UPS to watch. `manual_lead_ms`: how long before the forecast end people must go over to paper.

    `has_runtime`, `has_status`, `has_charge`, `has_load`: whether its profile offers those points at all.
    `overload_pct`: load beyond which nothing more returns; `charge_floor_pct`, `runtime_floor_ms`: what the battery
    must have again before loads return, 0 where the site asks for none; `full_pct`: more it will never have.
    `last_words_ms`: this UPS feeds the controller itself, which says so that long before it ends; 0 where it does not.
    `has_planned`: cuts may be announced here, so that an outage is labelled with the one under way. `has_calibration`:
    it tells a calibration run from a self-test; one may drain the battery to `calibration_floor_pct`.
    """

    id: str
    on_delay_ms: int
    off_delay_ms: int
    silent_ms: int
    manual_lead_ms: int
    test_limit_ms: int = 60_000
    has_runtime: bool = True
    has_status: bool = True
    has_charge: bool = True
    has_load: bool = False
    overload_pct: float = 95.0
    charge_floor_pct: float = 0.0
    runtime_floor_ms: int = 0
    full_pct: float = 95.0
    last_words_ms: int = 0
    has_planned: bool = False
    has_calibration: bool = False
    calibration_floor_pct: float = 20.0

    @property
    def is_forecast(self) -> bool:
        """True where the profile offers something that a forecast can rest on."""
        return self.has_runtime or self.has_charge


def on_battery(ups: str) -> str:
    """Id of the condition that is this UPS's outage."""
    return f"{ups}.on_battery"


def forecast(ups: str) -> str:
    """Id of the point that says how long this UPS's battery lasts."""
    return f"{ups}.forecast.runtime_s"


def stops_return(ups: Ups) -> tuple[str, ...]:
    """Ids of the conditions during which nothing is given back to this UPS."""
    return tuple(condition.id for condition in _floors(ups))


def test_overlong(ups: str) -> str:
    """Id of the condition that a test of this UPS does not end, so that it counts as an outage."""
    return f"{ups}.test_overlong"


def own_endings(conditions: Iterable[str]) -> tuple[str, ...]:
    """Of all ids of conditions those that say: the controller's own supply ends."""
    return tuple(name for name in conditions if name.endswith(OWN_END))


def outages(ups: str) -> tuple[str, ...]:
    """Ids of all conditions of this UPS that mean: the floor does not live on the mains."""
    return (on_battery(ups), f"{ups}.output_off", test_overlong(ups))


def watch(ups: Ups) -> Part:
    """Everything that is declared for one UPS."""
    source = f"{ups.id}.output_source"
    conditions = [
        _outage(on_battery(ups.id), _says(source, "battery"), ups.on_delay_ms, ups.off_delay_ms),
        _outage(f"{ups.id}.output_off", _says(source, "off"), ups.on_delay_ms, ups.off_delay_ms),
        # A self-test is no outage, but one that does not end is: the battery drains all the same.
        _outage(test_overlong(ups.id), _test_counts(ups, source), ups.test_limit_ms, ups.off_delay_ms),
        _blind(f"{ups.id}.unreachable", source, SILENT, ups.silent_ms),
        _blind(f"{ups.id}.card_lost", source, frozenset({Reason.SOURCE_LOST}), ups.silent_ms),
        _blind(f"{ups.id}.implausible", source, IMPLAUSIBLE, ups.silent_ms),
    ]
    alarms = [
        _alarm(on_battery(ups.id), AlarmPriority.HIGH, "on_battery", CAUSE),
        _alarm(f"{ups.id}.output_off", AlarmPriority.HIGH, "output_off", CAUSE),
        _alarm(test_overlong(ups.id), AlarmPriority.HIGH, "test_overlong", CAUSE),
        _alarm(f"{ups.id}.unreachable", AlarmPriority.MEDIUM, "ups_unreachable", "comms"),
        _alarm(f"{ups.id}.card_lost", AlarmPriority.MEDIUM, "ups_card_lost", "comms"),
        _alarm(f"{ups.id}.implausible", AlarmPriority.MEDIUM, "ups_implausible", "comms"),
    ]
    part = _battery(ups)
    floors = _floors(ups)
    if ups.has_load:
        alarms.append(_alarm(f"{ups.id}.overload", AlarmPriority.MEDIUM, "ups_overload", CAUSE))
    return Part(
        conditions=(*conditions, *part.conditions, *floors),
        alarms=(*alarms, *part.alarms),
        flags=part.flags,
        announcements=(_announce(ups), *part.announcements),
    )


def _says(source: str, word: str) -> Test:
    return IsWord(point=source, words=frozenset({word}))


def _test_counts(ups: Ups, source: str) -> Test:
    """A test, but for a calibration that is known to be one and to have charge left: that one may take its hours."""
    if not (ups.has_calibration and ups.has_charge):
        return _says(source, "test")
    charge, calibrating = f"{ups.id}.battery.charge_pct", f"{ups.id}.calibration_running"
    bounds: tuple[Test, ...] = (
        Below(point=charge, limit=ups.calibration_floor_pct, deadband=CHARGE_DEADBAND_PCT),
        IsBad(point=charge),
        IsFlag(point=calibrating, wanted=False),
        IsBad(point=calibrating),
    )
    return AllOf(tests=(_says(source, "test"), AnyOf(tests=bounds)))


def _outage(name: str, test: Test, on_delay_ms: int, off_delay_ms: int) -> Condition:
    return Condition(
        id=name,
        test=test,
        when_bad=WhenBad.HOLD,
        on_delay_ms=on_delay_ms,
        off_delay_ms=off_delay_ms,
        confirm=2,
    )


def _floors(ups: Ups) -> Iterator[Condition]:
    """What stops loads from returning. Each holds on evidence only: what is not known stops nothing."""
    below: list[tuple[str, Test]] = []
    if ups.has_charge and ups.charge_floor_pct > 0:
        charge = f"{ups.id}.battery.charge_pct"
        below.append(("charge_floor", Below(point=charge, limit=ups.charge_floor_pct, deadband=CHARGE_DEADBAND_PCT)))
    if ups.is_forecast and ups.runtime_floor_ms > 0:
        brief = Below(point=forecast(ups.id), limit=ups.runtime_floor_ms / 1000, deadband=RUNTIME_DEADBAND_S)
        may_grow = may_have_more(ups.id, ups.full_pct) if ups.has_charge else None
        below.append(("runtime_floor", brief if may_grow is None else AllOf(tests=(brief, may_grow))))
    for name, test in below:
        yield Condition(id=f"{ups.id}.{name}", test=test, when_bad=WhenBad.HOLD, confirm=2)
    if ups.has_load:
        yield Condition(
            id=f"{ups.id}.overload",
            test=Above(point=f"{ups.id}.output.load_pct", limit=ups.overload_pct, deadband=LOAD_DEADBAND_PCT),
            when_bad=WhenBad.HOLD,
            confirm=2,
        )


def _battery(ups: Ups) -> Part:
    """What is watched of a battery, as far as the profile tells it."""
    parts = [_low(ups)] if ups.has_status else []
    if ups.is_forecast:
        parts += [_ending(ups), _short(ups)]
        parts += [_last_words(ups)] if ups.last_words_ms else []
    return join(parts)


def _low(ups: Ups) -> Part:
    low = f"{ups.id}.battery_low"
    condition = Condition(
        id=low,
        test=IsWord(point=f"{ups.id}.battery.status", words=frozenset({"low", "depleted"})),
        when_bad=WhenBad.HOLD,
        on_delay_ms=ups.on_delay_ms,
        off_delay_ms=ups.off_delay_ms,
        confirm=2,
    )
    return Part(conditions=(condition,), alarms=(_alarm(low, AlarmPriority.HIGH, "battery_low", CAUSE),))


def _ending(ups: Ups) -> Part:
    """Paper before the end. Only while on battery: a flat battery under charge has little runtime, and nobody needs
    paper for that. Both points go on by our own clock, so that a UPS that falls silent still comes to its end."""
    ending = f"{ups.id}.battery_ending"
    runtime = Below(point=forecast(ups.id), limit=ups.manual_lead_ms / 1000, deadband=RUNTIME_DEADBAND_S)
    condition = Condition(
        id=ending,
        test=AllOf(tests=(_draining(ups), runtime)),
        when_bad=WhenBad.HOLD,
        off_delay_ms=ups.off_delay_ms,
        confirm=2,
    )
    told = Announce(
        condition=ending,
        begins="power.manual_records",
        ends="power.manual_records_over",
        severity=Severity.CRITICAL,
        carry=(forecast(ups.id),),
    )
    return Part(
        conditions=(condition,),
        alarms=(_alarm(ending, AlarmPriority.HIGH, "battery_ending", CAUSE),),
        flags=(FlagRule(flag=MANUAL_RECORDS, when=Holds(condition=ending)),),
        announcements=(told,),
    )


def _short(ups: Ups) -> Part:
    short = f"{ups.id}.endurance_short"
    condition = Condition(
        id=short,
        test=Above(point=f"{ups.id}.plan.short_s", limit=SHORT_S, deadband=SHORT_S),
        when_bad=WhenBad.HOLD,
        on_delay_ms=SHORT_DELAY_MS,
        off_delay_ms=ups.off_delay_ms,
        confirm=2,
    )
    alarm = _alarm(short, AlarmPriority.MEDIUM, "endurance_short", CAUSE, early=False)
    return Part(conditions=(condition,), alarms=(alarm,))


def _draining(ups: Ups) -> IsFlag:
    return IsFlag(point=f"{ups.id}.forecast.on_battery")


def may_have_more(ups: str, full_pct: float) -> Test:
    """It drains, or is not yet full. A full battery on the mains that still lasts for less than somebody asks is too
    small for that, and nothing is gained by waiting (decision 0074)."""
    fills = Below(point=f"{ups}.battery.charge_pct", limit=full_pct)
    return AnyOf(tests=(IsFlag(point=f"{ups}.forecast.on_battery"), fills))


def _last_words(ups: Ups) -> Part:
    ending = f"{ups.id}{OWN_END}"
    brief = Below(point=forecast(ups.id), limit=ups.last_words_ms / 1000, deadband=RUNTIME_DEADBAND_S)
    told = Announce(
        condition=ending,
        begins=LAST_WORDS,
        ends="controller.goes_on",
        severity=Severity.CRITICAL,
        carry=(forecast(ups.id),),
    )
    condition = Condition(id=ending, test=AllOf(tests=(_draining(ups), brief)), when_bad=WhenBad.HOLD, confirm=2)
    return Part(conditions=(condition,), announcements=(told,))


def _announce(ups: Ups) -> Announce:
    charge = (f"{ups.id}.battery.charge_pct",) if ups.has_charge else ()
    runtime = (forecast(ups.id),) if ups.is_forecast else ()
    label = (planned.PHASE, planned.NOTE) if ups.has_planned else ()
    return Announce(
        condition=on_battery(ups.id),
        begins="power.mains_lost",
        ends="power.mains_returned",
        severity=Severity.CRITICAL,
        carry=(*charge, *runtime, *label),
    )


def _blind(condition: str, point: str, reasons: frozenset[Reason], delay_ms: int) -> Condition:
    # IsBad always has an answer; CLEAR is declared because something must be.
    return Condition(
        id=condition, test=IsBad(point=point, reasons=reasons), when_bad=WhenBad.CLEAR, on_delay_ms=delay_ms
    )


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str, *, early: bool = True) -> RowAlarm:
    return RowAlarm(
        early=early and cause == CAUSE,
        alarm=Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause),
        row=Row.POWER,
    )
