"""What changed between two cycles, told as events with their reasons.

This module must not decide anything: it compares what was with what is.
"""

from collections.abc import Iterator

from firmware_py.core import alarm_log
from firmware_py.core.decision import Decision
from firmware_py.core.differ import moved
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.mode import CausePhase, Mode
from firmware_py.core.plan import Announce, Plan
from firmware_py.core.stage import StageState
from firmware_py.core.state import State

_REST = StageState()


def tell(plan: Plan, before: State, image: InputImage, after: Decision, mode_before: Mode) -> Iterator[Event]:
    """All events of one cycle, in the order of the way: conditions, alarms, mode, stages, outputs."""
    state = after.state
    turned = frozenset(moved(before.conditions, state.conditions))
    for announce in plan.announcements if turned else ():
        if announce.condition in turned:
            yield from _conditions(plan, announce, before, state, image)
    for name in moved(before.alarms, state.alarms):
        alarm, now = plan.alarms[name], state.alarms[name]
        incident = _incident(state, before, alarm.cause)
        yield from alarm_log.tell(alarm, before.alarms.get(name), now, incident, image.now_ms)
    yield from alarm_log.tell_flood(before.annunciation, state.annunciation, image.now_ms)
    if after.mode is not mode_before:
        yield Event(
            type="mode.changed",
            severity=Severity.CRITICAL if after.mode > mode_before else Severity.WARNING,
            at_ms=image.now_ms,
            incident=_mode_incident(plan, state, before),
            data={"from": mode_before.word, "to": after.mode.word, "because": after.because},
        )
    if state.causes is not before.causes:
        yield from _causes(plan, before, state, image.now_ms)
    if state.stages is not before.stages:
        yield from _stages(plan, before, state, image.now_ms)
    yield from _outputs(plan, before, after, image.now_ms)


def _incident(state: State, before: State, cause: str | None) -> str | None:
    # The incident may have closed in this very cycle: its last events still belong to it.
    found = state.incidents.get(cause or "") or before.incidents.get(cause or "")
    return found.id if found else None


def _mode_incident(plan: Plan, state: State, before: State) -> str | None:
    """The mode is of the cause that asks for the most, now or until now."""
    open_ones = {name: one for name, one in {**before.incidents, **state.incidents}.items() if name in plan.causes}
    named = max(open_ones, key=lambda name: plan.causes[name].mode, default="")
    return open_ones[named].id if named else None


def _owner_incident(before: State, after: Decision, output: str) -> str | None:
    owners = after.outputs[output].owners
    if not owners and output in before.outputs:  # it goes back: to whom it belonged until now
        owners = before.outputs[output].drive.owners
    return next((found for owner in owners if (found := _incident(after.state, before, owner))), None)


def _cause_of(plan: Plan, condition: str) -> str | None:
    """The cause that a condition starts, or that its alarm joins."""
    started = (name for name, cause in plan.causes.items() if condition in cause.conditions)
    joined = (alarm.cause for alarm in plan.alarms.values() if alarm.condition == condition and alarm.cause)
    return next(started, None) or next(joined, None)


def _conditions(plan: Plan, announce: Announce, before: State, state: State, image: InputImage) -> Iterator[Event]:
    was = announce.condition in before.conditions and before.conditions[announce.condition].holds
    now = state.conditions[announce.condition]
    if was == now.holds:
        return
    carried = {point: image[point].value if image[point].good else None for point in announce.carry}
    ordered = {"order": announce.order} if announce.order else {}
    yield Event(
        type=announce.begins if now.holds else announce.ends,
        severity=announce.severity,
        at_ms=image.now_ms,
        incident=_incident(state, before, _cause_of(plan, announce.condition)),
        data={"condition": announce.condition, "evidence": now.evidence, **ordered, **carried},
    )


def _causes(plan: Plan, before: State, state: State, now_ms: int) -> Iterator[Event]:
    for name in plan.causes:
        was = before.causes[name].phase if name in before.causes else CausePhase.IDLE
        now = state.causes[name]
        if now.phase is not was:
            because = now.because or (before.causes[name].because if name in before.causes else ())
            yield Event(
                type=f"cause.{now.phase.value}",
                severity=Severity.WARNING,
                at_ms=now_ms,
                incident=_incident(state, before, name),
                data={"cause": name, "because": because},
            )


def _stages(plan: Plan, before: State, state: State, now_ms: int) -> Iterator[Event]:
    for name, stage in plan.stages.items():
        was, now = before.stages.get(name, _REST), state.stages[name]
        kind = _stage_kind(was, now)
        if kind:
            due_ms = None if now.announced_ms is None else stage.announce_ms - now.announced_ms
            yield Event(
                type=kind,
                severity=Severity.CRITICAL if now.shed else Severity.WARNING,
                at_ms=now_ms,
                incident=_incident(state, before, stage.cause),
                data={
                    "stage": name, "outputs": stage.outputs, "because": now.because or was.because, "due_ms": due_ms,
                    "loads": stage.loads, "by_hand": stage.by_hand,
                },
            )  # fmt: skip


def _stage_kind(was: StageState, now: StageState) -> str:
    if now.shed is not was.shed:
        return "stage.shed" if now.shed else "stage.restored"
    if (now.announced_ms is None) is not (was.announced_ms is None):
        return "stage.withdrawn" if now.announced_ms is None else "stage.announced"
    return ""


def _outputs(plan: Plan, before: State, after: Decision, now_ms: int) -> Iterator[Event]:
    for name in moved(before.outputs, after.state.outputs):
        drive = after.outputs[name]
        if plan.outputs[name].shown_only:
            continue
        value_before = before.outputs[name].drive.value if name in before.outputs else plan.outputs[name].normal
        if drive.value != value_before:
            yield Event(
                type="output.changed",
                severity=Severity.WARNING,
                at_ms=now_ms,
                incident=_owner_incident(before, after, name),
                data={"output": name, "value": drive.value, "because": drive.because, "owners": drive.owners},
            )
