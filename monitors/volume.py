"""Volume: more callers than usual, than the lines carry, or than are answered; and what is done about it, each apart.

Every action is asked for on behalf of the owner `surge` and ends with it. It must not know AMI, clocks or arithmetic.
"""

from collections.abc import Iterable

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AnyOf, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, Mode
from firmware_py.core.plan import Announce, Holds, Rule
from firmware_py.core.volume import Volume
from monitors.parts import Part, Row, RowAlarm

OWNER = "surge"
RELEASE = 0.5  # of a limit: what was too much ends below half of it
WAIT_MS = 10_000  # a wait must be too long for so long: one slow look is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One exchange. A limit of 0 is not watched. `call_in`: in which order people are called in, keys of the texts or
    the site's own words. `outbound`, `announcement`, `agents`: outputs of the actions that the site has switched on.
    """

    volume: Volume
    busy_limit_pct: float = 40.0
    wait_limit_s: int = 180
    abandoned_limit_pct: float = 25.0
    off_delay_ms: int = 300_000
    outbound: tuple[str, ...] = ()
    announcement: str = ""
    agents: str = ""
    call_in: tuple[str, ...] = ()


def cause(exchanges: Iterable[str]) -> Part:
    """One incident for the surges of all exchanges: told in tiers like any other, and never a reason to shed loads."""
    return Part(causes=(Cause(id=OWNER, mode=Mode.NORMAL, conditions=tuple(surge_of(one) for one in exchanges)),))


def surge_of(exchange: str) -> str:
    """Id of the condition."""
    return f"{exchange}.surge"


def watch(watched: Watched) -> Part:
    """The condition, its alarm, its events and the actions."""
    name = watched.volume.id
    found = surge_of(name)
    points = f"{name}.volume"
    condition = Condition(
        id=found,
        test=AnyOf(tests=(IsFlag(point=f"{points}.surge"), *_limits(watched))),
        when_bad=WhenBad.HOLD,
        off_delay_ms=watched.off_delay_ms,
    )
    outputs = [*watched.outbound, *filter(None, (watched.announcement, watched.agents))]
    alarm = Alarm(id=found, condition=found, priority=AlarmPriority.MEDIUM, text="alarm.surge", cause=OWNER)
    carried = (
        *(f"{points}.{what}" for what in ("seen", "usual", "busy_pct", "abandoned_pct")),
        f"{name}.queue.waiting",
    )
    told = [
        Announce(
            condition=found, begins="calls.surge", ends="calls.surge_over", severity=Severity.WARNING, carry=carried
        )
    ]
    if watched.call_in:
        told.append(
            Announce(
                condition=found,
                begins="calls.call_in",
                ends="calls.stand_down",
                severity=Severity.WARNING,
                order=watched.call_in,
            )
        )
    return Part(
        volumes=(watched.volume,),
        conditions=(condition,),
        alarms=(RowAlarm(alarm=alarm, row=Row.PHONES),),
        announcements=tuple(told),
        rules=tuple(Rule(when=Holds(condition=found), output=output, value=True, owner=OWNER) for output in outputs),
    )


def _limits(watched: Watched) -> tuple[Test, ...]:
    """What needs no learning. The wait is of those who wait now, the others are shares of twenty minutes."""
    name = watched.volume.id
    busy = watched.busy_limit_pct if watched.volume.capacity_count else 0.0
    listed = (
        (f"{name}.volume.busy_pct", busy),
        (f"{name}.queue.longest_s", float(watched.wait_limit_s)),
        (f"{name}.volume.abandoned_pct", watched.abandoned_limit_pct),
    )
    return tuple(Above(point=point, limit=limit, deadband=limit * RELEASE) for point, limit in listed if limit)
