"""A standby generator: what asks for it, that it failed to start, that it runs and nobody asked, what it carries.

While it carries the floor the outage goes on, unless the site says that it carries everything. It must not know pins.
"""

from collections.abc import Iterator, Sequence

from config.valued import dataclass
from firmware_py.core import generator
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AllOf, Below, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce, Holds, Rule
from monitors.parts import Part, Row, RowAlarm

OWNER = "generator"
RUN, CARRIES, UP = "generator.run", "generator.carries", "generator.up"
FAILED, UNASKED = "generator.start_failed", "generator.unasked"
UNASKED_MS = 900_000  # it may cool down, and people may try it out
CARRY_OFF_MS = 60_000  # the transfer back to the mains


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A point's value at which the generator is asked for, and the one at which it may go: a stop above the start makes
    it a lower bound, one below it an upper bound. `name` is for people."""

    name: str
    point: str
    start_limit: float
    stop_limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """`output`: the start contact, `running`: the feedback, `mains`: a contact ahead of the transfer switch, empty
    where there is none. `outages`: conditions of the UPSs of which one must hold before a threshold starts it."""

    output: str
    running: str
    cause: str
    outages: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    mains: str = ""
    start_after_ms: int | None = None
    stop_after_ms: int = 300_000
    hold_ms: int = 20_000
    stop_hold_ms: int = 60_000
    start_within_ms: int = 30_000
    tries_count: int = 3
    minimum_run_ms: int = 600_000
    test_every_s: int = 28 * 86_400
    test_run_ms: int = 600_000
    test_at_s: int | None = None


def watch(standby: Standby) -> Part:
    """Everything that is declared for the generator."""
    reasons = tuple(_reasons(standby))
    by_mains = tuple(condition.id for condition in reasons if condition.id == "generator.mains_lost")
    asked = generator.Generator(
        reasons=tuple(condition.id for condition in reasons), gates=standby.outages + by_mains,
        running=standby.running, start_within_ms=standby.start_within_ms, tries_count=standby.tries_count,
        minimum_run_ms=standby.minimum_run_ms, test_every_s=standby.test_every_s, test_run_ms=standby.test_run_ms,
        test_at_s=standby.test_at_s,
    )  # fmt: skip
    silent = AllOf(tests=(IsFlag(point=generator.RUN, wanted=False), IsFlag(point=standby.running)))
    return Part(
        generators=(asked,),
        conditions=(
            *reasons,
            _condition(RUN, IsFlag(point=generator.RUN)),
            _condition(CARRIES, IsFlag(point=generator.CARRIES), off_delay_ms=CARRY_OFF_MS),
            _condition(UP, IsFlag(point=standby.running)),
            _condition(FAILED, IsFlag(point=generator.FAILED)),
            _condition(UNASKED, silent, on_delay_ms=UNASKED_MS),
        ),
        alarms=(
            _alarm(FAILED, AlarmPriority.HIGH, "generator_failed", standby.cause),
            _alarm(UNASKED, AlarmPriority.LOW, "generator_unasked", None),
        ),
        rules=(Rule(when=Holds(condition=RUN), output=standby.output, value=True, owner=OWNER),),
        announcements=(
            _announce(RUN, "generator.asked", "generator.released"),
            _announce(UP, "generator.runs", "generator.stands"),
        ),
    )


def _reasons(standby: Standby) -> Iterator[Condition]:
    if standby.mains and standby.start_after_ms is not None:
        yield Condition(
            id="generator.mains_lost", test=IsFlag(point=standby.mains, wanted=False), when_bad=WhenBad.HOLD,
            on_delay_ms=standby.start_after_ms, off_delay_ms=standby.stop_after_ms, confirm=2,
        )  # fmt: skip
    for pair in standby.pairs:
        deadband = abs(pair.stop_limit - pair.start_limit)
        kind = Below if pair.stop_limit > pair.start_limit else Above
        bound: Test = kind(point=pair.point, limit=pair.start_limit, deadband=deadband)
        # With a contact ahead of the transfer switch the mains itself ends it; without one only the stop value does.
        parts: Sequence[Test] = (IsFlag(point=standby.mains, wanted=False), bound) if standby.mains else (bound,)
        yield Condition(
            id=f"generator.{pair.name}", test=AllOf(tests=tuple(parts)), when_bad=WhenBad.HOLD,
            on_delay_ms=standby.hold_ms, off_delay_ms=standby.stop_hold_ms, confirm=2,
        )  # fmt: skip


def _condition(name: str, test: Test, *, on_delay_ms: int = 0, off_delay_ms: int = 0) -> Condition:
    return Condition(id=name, test=test, when_bad=WhenBad.HOLD, on_delay_ms=on_delay_ms, off_delay_ms=off_delay_ms)


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str | None) -> RowAlarm:
    alarm = Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause)
    return RowAlarm(alarm=alarm, row=Row.POWER)


def _announce(condition: str, begins: str, ends: str) -> Announce:
    return Announce(condition=condition, begins=begins, ends=ends, severity=Severity.WARNING, carry=(generator.PHASE,))
