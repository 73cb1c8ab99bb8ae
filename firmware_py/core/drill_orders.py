"""People's orders about drills: begin one from a quiet floor, end it early.

This module must not know how an order came in.
"""

from collections.abc import Callable, Mapping

from config.valued import replace
from firmware_py.core.command import Command, CommandKind, CommandRefused
from firmware_py.core.drill import LASTS_MS, LASTS_MS_MAX, DrillPhase
from firmware_py.core.mode import CausePhase, Mode, derive
from firmware_py.core.plan import Plan
from firmware_py.core.state import State


def _begin(plan: Plan, state: State, command: Command) -> State:
    if command.target not in plan.drills:
        raise CommandRefused(f"there is no drill '{command.target}'; there are {', '.join(plan.drills) or 'none'}")
    if state.drill.on:
        raise CommandRefused(f"a drill is under way ({state.drill.kind}); `floorguard drill stop` ends it")
    mode, because = derive(plan.causes, state.causes)
    if mode is not Mode.NORMAL or any(cause.phase is not CausePhase.IDLE for cause in state.causes.values()):
        raise CommandRefused(
            f"the floor is not normal: {', '.join(because) or 'a cause is under way'}; drill when it is"
        )
    waiting = [name for name, alarm in state.alarms.items() if not alarm.acked and not alarm.set_aside]
    if waiting:
        raise CommandRefused(f"acknowledge first: {', '.join(waiting[:3])}")
    lasts_ms = command.ttl_ms or LASTS_MS
    if lasts_ms > LASTS_MS_MAX:
        raise CommandRefused(f"a drill lasts at most {LASTS_MS_MAX // 60_000} min; ask for less")
    begun = replace(state.drill, phase=DrillPhase.RUNNING, kind=command.target, by=command.by, left_ms=lasts_ms)
    return replace(state, drill=begun)


def _end(plan: Plan, state: State, command: Command) -> State:
    if state.drill.phase is not DrillPhase.RUNNING:
        raise CommandRefused("no drill is running")
    return replace(state, drill=replace(state.drill, phase=DrillPhase.ENDING, left_ms=0))


ORDERS: Mapping[CommandKind, Callable[[Plan, State, Command], State]] = {
    CommandKind.DRILL: _begin,
    CommandKind.END_DRILL: _end,
}
