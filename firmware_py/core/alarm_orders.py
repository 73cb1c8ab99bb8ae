"""People's orders on alarms: shelve for a while, take out of service, and bring back; each with who and why.

A shelf always ends by itself, and none lasts longer than its alarm allows. This module must not know how an order came
in, nor what an alarm is about.
"""

from collections.abc import Callable, Mapping

from config.valued import replace
from firmware_py.core.alarm import AlarmState
from firmware_py.core.command import Command, CommandKind, CommandRefused
from firmware_py.core.plan import Plan
from firmware_py.core.state import State

Order = Callable[[Plan, State, Command], State]


def chosen(state: State, target: str) -> AlarmState:
    """The one alarm that an order names. CommandRefused where there is none of that name."""
    if not target:
        raise CommandRefused("name the alarm; `status` lists them")
    if target not in state.alarms:
        raise CommandRefused(f"there is no alarm '{target}'; `status` lists them")
    return state.alarms[target]


def _shelve(plan: Plan, state: State, command: Command) -> State:
    alarm, limit_ms = chosen(state, command.target), plan.alarms[command.target].shelve_limit_ms
    if not command.why:
        raise CommandRefused("say why; whoever comes next must know")
    if alarm.out_of_service:
        raise CommandRefused(f"'{command.target}' is out of service; `floorguard in-service` brings it back first")
    if not 0 < command.ttl_ms <= limit_ms:
        raise CommandRefused(f"say for how long, at most {limit_ms // 60_000} min for this alarm")
    # A new shelf has a new end; the wall clock's is found in the next cycle.
    shelved = replace(
        alarm, shelved_ms=command.ttl_ms, shelved_until_s=0, shelved_by=command.by, shelved_why=command.why
    )
    return _with(state, command.target, shelved)


def _unshelve(plan: Plan, state: State, command: Command) -> State:
    alarm = chosen(state, command.target)
    if not alarm.shelved_ms:
        raise CommandRefused(f"'{command.target}' is not shelved; `floorguard status` shows what is")
    return _with(state, command.target, alarm.unshelved())


def _out_of_service(plan: Plan, state: State, command: Command) -> State:
    alarm = chosen(state, command.target)
    if not command.why:
        raise CommandRefused("say why; whoever comes next must know")
    if not plan.alarms[command.target].may_leave_service:
        raise CommandRefused("this alarm may be shelved for a short time only, never taken out of service")
    if alarm.out_of_service:
        raise CommandRefused(f"'{command.target}' is out of service already, by {alarm.out_of_service}; ask there")
    out = replace(alarm.unshelved(), out_of_service=command.by, out_of_service_why=command.why)
    return _with(state, command.target, out)


def _in_service(plan: Plan, state: State, command: Command) -> State:
    alarm = chosen(state, command.target)
    if not alarm.out_of_service:
        raise CommandRefused(f"'{command.target}' is in service")
    return _with(state, command.target, replace(alarm, out_of_service="", out_of_service_why=""))


def _with(state: State, name: str, alarm: AlarmState) -> State:
    return replace(state, alarms={**state.alarms, name: alarm})


def reset_firsts(state: State, target: str) -> State | None:
    """The state after the first-out of an alarm (of all, where none is named) was reset; None where there is none."""
    named = {target} if target else set(state.annunciation.firsts)
    if not named & state.annunciation.firsts:
        return None
    return replace(state, annunciation=state.annunciation.reset(named))


ORDERS: Mapping[CommandKind, Order] = {
    CommandKind.SHELVE: _shelve,
    CommandKind.UNSHELVE: _unshelve,
    CommandKind.OUT_OF_SERVICE: _out_of_service,
    CommandKind.IN_SERVICE: _in_service,
}
