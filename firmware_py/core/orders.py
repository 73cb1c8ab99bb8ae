"""People's orders change the memory, or are refused with the reason.

Going towards NORMAL is refused while a cause stands. Each order is answered and recorded with who gave it.
This module must not know how an order came in.
"""

from collections.abc import Callable, Mapping

from config.valued import replace
from firmware_py.core import alarm_orders, checklist, drill_orders, handover, lines, planned
from firmware_py.core.alarm import AlarmState, Display
from firmware_py.core.command import Command, CommandKind, CommandRefused, Reply
from firmware_py.core.event import Event, Severity
from firmware_py.core.mode import CauseState
from firmware_py.core.plan import Plan
from firmware_py.core.state import Override, State

LAMP_TEST_MS = 10_000
_SHOWN = (Display.ACTIVE_UNACKED, Display.RETURNED_UNACKED)
OVERRIDE_MS_MAX = 24 * 3_600_000


def obey(
    plan: Plan, state: State, commands: tuple[Command, ...], now_ms: int
) -> tuple[State, list[Event], list[Reply]]:
    """Carry out the orders in the sequence in which they came."""
    events: list[Event] = []
    replies: list[Reply] = []
    for command in commands:
        try:
            state = _ORDERS[command.kind](plan, state, command)
            replies.append(Reply(command=command.id, done=True))
        except CommandRefused as refusal:
            replies.append(Reply(command=command.id, done=False, error=str(refusal)))
        events.append(_recorded(command, replies[-1], now_ms))
    return state, events, replies


def _recorded(command: Command, reply: Reply, now_ms: int) -> Event:
    return Event(
        type="command.done" if reply.done else "command.refused",
        severity=Severity.INFO,
        at_ms=now_ms,
        data={
            "command": command.kind.value,
            "target": command.target,
            "by": command.by,
            "why": command.why,
            "error": reply.error,
        },
    )


def _named_alarms(state: State, target: str) -> Mapping[str, AlarmState]:
    if not target:
        return state.alarms
    if target not in state.alarms:
        raise CommandRefused(f"there is no alarm '{target}'; `status` lists them")
    return {target: state.alarms[target]}


def _ack(plan: Plan, state: State, command: Command) -> State:
    if command.target == checklist.TARGET:
        return _tick(plan, state, command)
    called = next((cause for cause, one in state.incidents.items() if one.id == command.target), "")
    named: Mapping[str, AlarmState]
    if called:
        named = {name: state.alarms[name] for name in state.incidents[called].alarms if name in state.alarms}
    else:
        named = _named_alarms(state, command.target)
    by_name = bool(command.target) and not called
    waiting = {
        name: alarm
        for name, alarm in named.items()
        if not alarm.acked and (by_name or alarm.display in _SHOWN)  # nobody acknowledges what he is not shown
    }
    joined = {plan.alarms[name].cause for name in waiting if name in plan.alarms} | {called}
    if not command.target:
        joined |= {cause for cause, one in state.incidents.items() if one.waits}
    if not waiting and not any(cause in joined and one.waits for cause, one in state.incidents.items()):
        raise CommandRefused("nothing waits to be acknowledged")
    acked = {name: replace(alarm, acked=True, acked_by=command.by, acked_ms=0) for name, alarm in waiting.items()}
    incidents = {cause: one.acked(command.by) if cause in joined else one for cause, one in state.incidents.items()}
    return replace(state, alarms={**state.alarms, **acked}, incidents=incidents)


def _tick(plan: Plan, state: State, command: Command) -> State:
    return replace(state, lists=checklist.tick(plan.checklists, state.lists, command.target, command.by))


def _hand_over(plan: Plan, state: State, command: Command) -> State:
    return handover.begin(plan.checklists, state, _person(command))


def _take_over(plan: Plan, state: State, command: Command) -> State:
    return handover.take(state, command.target, _person(command))


def _person(command: Command) -> str:
    """Shifts that share an account say who they are; the account is recorded all the same."""
    return f"{command.by} ({command.why})" if command.why else command.by


def _silence(plan: Plan, state: State, command: Command) -> State:
    sounding = {name: alarm for name, alarm in _named_alarms(state, command.target).items() if alarm.sounds}
    if not sounding:
        raise CommandRefused("nothing sounds")
    quiet = {n: replace(alarm, silenced=True, silenced_ms=command.ttl_ms) for n, alarm in sounding.items()}
    return replace(state, alarms={**state.alarms, **quiet})


def _reset(plan: Plan, state: State, command: Command) -> State:
    latched = {name: alarm for name, alarm in _named_alarms(state, command.target).items() if alarm.latched}
    seen = alarm_orders.reset_firsts(state, command.target)
    if not latched and seen is None:
        raise CommandRefused("nothing is latched")
    state = seen or state
    ended = {name: alarm for name, alarm in latched.items() if not alarm.active}
    if latched and not ended:
        raise CommandRefused("the cause is still present; reset again when it has ended")
    return replace(state, alarms={**state.alarms, **{n: replace(a, latched=False) for n, a in ended.items()}})


def _override(plan: Plan, state: State, command: Command) -> State:
    if command.target not in plan.outputs:
        raise CommandRefused(f"there is no output '{command.target}'; `status` lists them")
    if command.target in plan.outbound:
        raise CommandRefused("outbound is paused and resumed by `pause` and `resume`; an override is not for it")
    if command.value is None:
        raise CommandRefused("say which value: on or off")
    if not 0 <= command.ttl_ms <= OVERRIDE_MS_MAX:
        raise CommandRefused("an override lasts at most 24 h; ask for less")
    hand = Override(value=command.value, by=command.by, command=command.id, left_ms=command.ttl_ms or None)
    return replace(state, overrides={**state.overrides, command.target: hand})


def _release_override(plan: Plan, state: State, command: Command) -> State:
    if command.target not in state.overrides:
        raise CommandRefused(f"'{command.target}' is not overridden; `floorguard status` shows what is")
    return replace(state, overrides={n: o for n, o in state.overrides.items() if n != command.target})


def _conserve(plan: Plan, state: State, command: Command) -> State:
    if plan.manual_cause not in state.causes:
        raise CommandRefused(
            "this floor has no conservation by hand; the site file would need a UPS, trunks or an output"
        )
    return _commanded(state, plan.manual_cause, command.by)


def _release(plan: Plan, state: State, command: Command) -> State:
    cause = state.causes.get(plan.manual_cause)
    if cause is None or not cause.commanded_by:
        raise CommandRefused("conservation is not held by hand; it ends by itself when its causes are gone")
    return _commanded(state, plan.manual_cause, "")


def _commanded(state: State, cause: str, by: str) -> State:
    now: CauseState = replace(state.causes[cause], commanded_by=by)
    return replace(state, causes={**state.causes, cause: now})


def _pause(plan: Plan, state: State, command: Command) -> State:
    if not plan.outbound:
        raise CommandRefused("this floor has no way to pause outbound; the site file would need outbound.outputs")
    return replace(state, paused_by=command.by)


def _resume(plan: Plan, state: State, command: Command) -> State:
    if not state.paused_by:
        raise CommandRefused("outbound is not paused by hand; other pauses end with their causes")
    return replace(state, paused_by="")


def _fire_confirm(plan: Plan, state: State, command: Command) -> State:
    cause = plan.causes.get(plan.fire_cause)
    if cause is None or not cause.confirms:
        raise CommandRefused("this floor watches no fire panel; the site file would need one")
    if not state.conditions[cause.confirms].seen:
        raise CommandRefused("the fire panel reports no fire; only what was reported can be confirmed")
    return _commanded(state, plan.fire_cause, command.by)


def _trunk(plan: Plan, state: State, command: Command) -> State:
    name, _, word = command.target.partition("=")
    line = plan.lines.get(name)
    if line is None:
        raise CommandRefused(f"there is no trunk '{name}'; `status` lists them")
    if word == lines.AUTO:
        if name not in state.said:
            raise CommandRefused(f"nobody has said anything of '{name}'")
        return replace(state, said={other: said for other, said in state.said.items() if other != name})
    if word not in line.words:
        raise CommandRefused(f"of '{name}' one can say: {', '.join((*line.words, lines.AUTO))}")
    return replace(state, said={**state.said, name: lines.Said(word=word, by=command.by)})


def _lamp_test(plan: Plan, state: State, command: Command) -> State:
    return replace(state, lamp_test_ms=LAMP_TEST_MS, lamp_test_by=command.by)


def _outage_add(plan: Plan, state: State, command: Command) -> State:
    if planned.PHASE not in plan.points:
        raise CommandRefused(
            "this floor has no UPS that could tell whether the mains is there; the site file would need one"
        )
    if len(state.cuts) >= planned.MOST:
        raise CommandRefused(f"{planned.MOST} planned outages are known already; cancel some")
    number = state.cut_number + 1
    try:
        cut = planned.written(command.target, command.why, number=number, by=command.by, notice_s=plan.notice_s)
    except ValueError as error:
        raise CommandRefused(str(error)) from error
    return replace(state, cuts=(*state.cuts, cut), cut_number=number)


def _outage_cancel(plan: Plan, state: State, command: Command) -> State:
    if any(cut.id == command.target for cut in plan.cuts):
        raise CommandRefused(f"'{command.target}' stands in the site file; take it out there")
    left = tuple(cut for cut in state.cuts if cut.id != command.target)
    if len(left) == len(state.cuts):
        raise CommandRefused(f"there is no planned outage '{command.target}'; `outage list` shows them")
    return replace(state, cuts=left)


_ORDERS: Mapping[CommandKind, Callable[[Plan, State, Command], State]] = {
    CommandKind.ACK: _ack,
    CommandKind.SILENCE: _silence,
    CommandKind.RESET: _reset,
    CommandKind.OVERRIDE: _override,
    CommandKind.RELEASE_OVERRIDE: _release_override,
    CommandKind.CONSERVE: _conserve,
    CommandKind.RELEASE: _release,
    CommandKind.PAUSE_OUTBOUND: _pause,
    CommandKind.RESUME_OUTBOUND: _resume,
    CommandKind.FIRE_CONFIRM: _fire_confirm,
    CommandKind.LAMP_TEST: _lamp_test,
    CommandKind.TRUNK: _trunk,
    CommandKind.OUTAGE_ADD: _outage_add,
    CommandKind.OUTAGE_CANCEL: _outage_cancel,
    CommandKind.TICK: _tick,
    CommandKind.HANDOVER: _hand_over,
    CommandKind.TAKE_OVER: _take_over,
    **alarm_orders.ORDERS,
    **drill_orders.ORDERS,
}
