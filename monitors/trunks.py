"""Trunks: are enough lines up, and can we see the exchange at all.

A trunk that cannot be judged is neither up nor down; a full one is not faulty. It must not know AMI or pins.
"""

from dataclasses import replace

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import AllOf, AnyOf, Below, FewerThan, IsBad, IsFlag, IsWord, Test, Until
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce, Holds, Rule, Stands
from monitors.parts import Part, Row, RowAlarm, join
from monitors.power import SILENT

CAUSE = "trunk"
LOOKS = 3  # readings that must agree, beside the delay
NOT_LINKED = frozenset({"down", "booting", "refused"})
USABLE = frozenset({"up", "full", "degraded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """One trunk, by the name that its points carry (`trunks.<name>.state`)."""

    name: str
    on_delay_ms: int
    off_delay_ms: int
    confirm: int = LOOKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Trunks that serve one purpose. Fewer than `minimum_up` usable ones is a failure.

    `failover`: the output that sends calls over the backup route while this group is down; "" where not enabled.
    `back_ms`: the group must have been sound for this long before the route goes back; None: a person resets it.
    `relay`: the output moves the lines themselves, which ends the calls on them: only while `calls`, points that count
    them, are all 0 and `in_use`, the flag of a contact where there is one, is off. `steps`: what people do by hand
    where nothing moves by itself, in this order (keys of the texts or the site's own words).
    """

    name: str
    trunks: tuple[str, ...]
    minimum_up: int
    on_delay_ms: int
    off_delay_ms: int
    confirm: int = LOOKS
    failover: str = ""
    back_ms: int | None = None
    relay: bool = False
    calls: tuple[str, ...] = ()
    in_use: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The exchange itself. `gate`: the output that pauses outbound, whose read-back tells whether it obeys.

    `by_hand`: the point that tells of a person who has closed it at the exchange; '' where nothing tells.
    """

    id: str
    silent_ms: int
    gate: str = ""
    by_hand: str = ""


def below_minimum(group: str) -> str:
    """Id of the condition that is this group's failure."""
    return f"trunks.{group}.below_minimum"


def watch_trunk(trunk: Trunk) -> Part:
    """The alarm of a single trunk."""
    state = f"trunks.{trunk.name}.state"
    down, degraded = f"trunks.{trunk.name}.down", f"trunks.{trunk.name}.degraded"
    return Part(
        conditions=tuple(
            Condition(
                id=condition,
                test=IsWord(point=state, words=frozenset({word})),
                when_bad=WhenBad.HOLD,
                on_delay_ms=trunk.on_delay_ms,
                off_delay_ms=trunk.off_delay_ms,
                confirm=trunk.confirm,
            )
            for condition, word in ((down, "down"), (degraded, "degraded"))
        ),
        alarms=(
            _alarm(down, AlarmPriority.MEDIUM, "trunk_down", CAUSE),
            _alarm(degraded, AlarmPriority.LOW, "trunk_degraded", CAUSE),
        ),
        announcements=(
            Announce(condition=down, begins="trunk.down", ends="trunk.up", severity=Severity.WARNING, carry=(state,)),
        ),
    )


def watch_group(group: Group) -> Part:
    """The failure of a group, and the backup route where the site has enabled it."""
    failed = below_minimum(group.name)
    usable = tuple(IsWord(point=f"trunks.{name}.state", words=USABLE) for name in group.trunks)
    failure = Condition(
        id=failed,
        test=FewerThan(tests=usable, minimum=group.minimum_up),
        when_bad=WhenBad.HOLD,
        on_delay_ms=group.on_delay_ms,
        off_delay_ms=group.off_delay_ms,
        confirm=group.confirm,
    )
    by_hand = bool(group.failover) and group.back_ms is None and not group.relay
    announced = Announce(
        condition=failed,
        begins="trunk.group_failed",
        ends="trunk.group_restored",
        severity=Severity.CRITICAL,
        carry=tuple(f"trunks.{name}.state" for name in group.trunks),
    )
    alarm = _alarm(failed, AlarmPriority.HIGH, "trunk_group", CAUSE, latching=by_hand)
    part = Part(conditions=(failure,), alarms=(alarm,), announcements=(announced, *_advice(group, failed)))
    if not group.failover:
        return part
    return join((part, _move_lines(group, failure) if group.relay else _failover(group, failure)))


def _advice(group: Group, failed: str) -> tuple[Announce, ...]:
    """The hand procedure, told when the group fails and closed when it is back: both with their time."""
    if not group.steps:
        return ()
    told = Announce(
        condition=failed, begins="failover.advised", ends="failover.advice_over", severity=Severity.CRITICAL,
        order=group.steps,
    )  # fmt: skip
    return (told,)


def _failover(group: Group, failure: Condition) -> Part:
    if group.back_ms is None:
        # The alarm latches: the route stays until a person has acknowledged and reset it.
        return Part(rules=(_while_shown(failure.id, group.failover),))
    lasting = replace(failure, id=f"trunks.{group.name}.on_backup", off_delay_ms=group.back_ms)
    return Part(
        conditions=(lasting,),
        rules=(Rule(when=Holds(condition=lasting.id), output=group.failover, value=True, owner=CAUSE),),
    )


def _move_lines(group: Group, failure: Condition) -> Part:
    """A relay takes the lines, and with them every call: it moves on proof that there is none, and not back before."""
    moved = f"trunks.{group.name}.moved"
    busy = IsFlag(point=group.in_use) if group.in_use else None
    quiet: list[Test] = [Below(point=point, limit=1) for point in group.calls]
    quiet += [IsFlag(point=group.in_use, wanted=False)] if busy else []
    begins = AllOf(tests=(failure.test, *quiet))
    if group.back_ms is None:
        condition = replace(failure, id=moved, test=begins)
        alarm = _alarm(moved, AlarmPriority.MEDIUM, "trunk_moved", CAUSE, latching=True)
        return Part(conditions=(condition,), alarms=(alarm,), rules=(_while_shown(moved, group.failover),))
    assert busy is not None, "nothing goes back by itself where nobody tells whether the line is in use"
    test = Until(begins=begins, stays=AnyOf(tests=(failure.test, busy)))
    condition = replace(failure, id=moved, test=test, off_delay_ms=group.back_ms)
    back = Rule(when=Holds(condition=moved), output=group.failover, value=True, owner=CAUSE)
    return Part(
        conditions=(condition,), alarms=(_alarm(moved, AlarmPriority.MEDIUM, "trunk_moved", CAUSE),), rules=(back,)
    )


def _while_shown(alarm: str, output: str) -> Rule:
    # While it stands, not while it is shown: a shelf moves no calls.
    return Rule(when=Stands(alarm=alarm), output=output, value=True, owner=CAUSE)


def watch_exchange(exchange: Exchange) -> Part:
    """Whether the exchange answers, and whether its gate does what it was told."""
    unreachable, link = f"{exchange.id}.unreachable", f"{exchange.id}.link"
    conditions = [
        Condition(
            id=unreachable,
            test=AnyOf(tests=(IsWord(point=link, words=NOT_LINKED), IsBad(point=link, reasons=SILENT))),
            when_bad=WhenBad.HOLD,
            on_delay_ms=exchange.silent_ms,
        )
    ]
    alarms = [_alarm(unreachable, AlarmPriority.HIGH, "exchange_unreachable", "comms")]
    if exchange.gate:
        stuck = f"{exchange.id}.gate_stuck"
        strays = IsFlag(point=f"out.{exchange.gate}.follows", wanted=False)
        ours = IsFlag(point=exchange.by_hand, wanted=False) if exchange.by_hand else None
        conditions.append(
            Condition(
                id=stuck,
                test=AllOf(tests=(strays, ours)) if ours else strays,
                when_bad=WhenBad.HOLD,
                on_delay_ms=exchange.silent_ms,
            )
        )
        alarms.append(_alarm(stuck, AlarmPriority.HIGH, "gate_stuck", CAUSE))
    if exchange.by_hand:
        # A person's pause is not ours to lift, and no fault: it is shown until that person ends it.
        held = f"{exchange.id}.gate_by_hand"
        conditions.append(Condition(id=held, test=IsFlag(point=exchange.by_hand), when_bad=WhenBad.HOLD))
        alarms.append(_alarm(held, AlarmPriority.LOW, "gate_by_hand", CAUSE))
    return Part(conditions=tuple(conditions), alarms=tuple(alarms))


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str, *, latching: bool = False) -> RowAlarm:
    return RowAlarm(
        early=priority is AlarmPriority.HIGH and cause == CAUSE,
        alarm=Alarm(
            id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause, latching=latching
        ),
        row=Row.PHONES,
    )
