"""The whole controller: what is known and what was ordered become what is done, remembered and told.

Pure: no I/O, no clock, no chance. Derived points, then conditions, alarms, causes and stages, mode, requests, and
outputs. It must not know devices; whatever it needs is in its four arguments and the time.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from config.valued import dataclass, replace
from firmware_py.core import (
    annunciation,
    checklist,
    chronicle,
    compressor,
    condition,
    course,
    derived,
    drill,
    drill_course,
    generator,
    lines,
    mode,
    planned,
    record,
    stage,
    trend,
    volume,
)
from firmware_py.core.arbiter import arbitrate, remember
from firmware_py.core.calendar import year_of
from firmware_py.core.checklist import Checklist
from firmware_py.core.command import Command, Reply
from firmware_py.core.condition import ConditionState
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.image import InputImage, Shared
from firmware_py.core.looked import Looked, Rested, awake, last_look, restless
from firmware_py.core.mode import CauseState
from firmware_py.core.orders import obey
from firmware_py.core.output import OutputImage
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Reading
from firmware_py.core.rules import Situation, collect, reasons
from firmware_py.core.stage import StageState
from firmware_py.core.state import State, begin, keep, run_down
from firmware_py.core.touched import is_calm, touched
from firmware_py.core.wake import wake_at_ms

CLOCK_POINT = "clock.utc_s"
_Advanced: TypeAlias = tuple[State, frozenset[str], tuple[str, ...], Rested | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """A step as far as its outputs go, which nothing of the rest can change. `conclude` is for afterwards: what is
    kept, told and looked at next."""

    plan: Plan
    outputs: OutputImage
    before: State
    ordered: State
    known: State
    compressors: Mapping[str, compressor.CompressorState]
    image: InputImage
    readings: Mapping[str, Reading]
    stirring: frozenset[str]
    awake: tuple[str, ...]
    was: Situation
    now: Situation
    rested: Rested | None
    worked: derived.Derived
    derivations: Shared
    events: Sequence[Event]
    drill_events: Sequence[Event]
    replies: tuple[Reply, ...]
    opened: tuple[Checklist, ...]
    is_recorded: bool
    year: int | None
    dt_ms: int

    def conclude(self) -> Decision:
        """All that the step has become."""
        plan, before, known, image, now = self.plan, self.before, self.known, self.image, self.now
        events = self.events
        if not self.is_recorded:
            known, recorded = record.keep(
                plan, before, self.ordered, known, image, self.opened, among=self.awake, year=self.year,
                dt_ms=self.dt_ms,
            )  # fmt: skip
            events = [*events, *recorded]
        kept = remember(plan, self.outputs, known.outputs, self.dt_ms)
        after = replace(
            known, compressors=self.compressors, stepped_ms=image.now_ms, settled=True, outputs=kept
        )  # fmt: skip
        after, looks = course.look(plan, after, image, now.mode, now.flags)
        decision = Decision(
            state=after, outputs=self.outputs, mode=now.mode, flags=now.flags, because=now.because,
            stage=sum(s.shed for s in after.stages.values()), replies=self.replies,
            wake_at_ms=wake_at_ms(plan, after, image, self.stirring, self.awake), derived=self.derivations,
            looked=Looked(
                plan=plan, state=after, readings=self.readings, restless=self.stirring, awake=self.awake,
                situation=now if is_calm(known, after) else None, batteries=self.worked, rested=self.rested,
            ),
        )  # fmt: skip
        told = chronicle.tell(plan, before, image, decision, self.was.mode)
        happened = (*events, *told, *looks)
        if not (happened or self.drill_events):
            return decision
        return replace(decision, events=drill_course.label(plan, before, after, happened, self.drill_events))


def step(
    plan: Plan,
    state: State,
    image: InputImage,
    commands: tuple[Command, ...],
    now_ms: int,
    looked: Looked | None = None,
) -> Decision:
    """One cycle at `now_ms` (monotonic, never earlier than the last one; `image` was frozen at the same time).

    `looked`: what the decision before this one says of itself. It saves looking again at what has not changed; the
    answer is the same without it.
    """
    return decide(plan, state, image, commands, now_ms, looked).conclude()


def decide(
    plan: Plan, state: State, image: InputImage, commands: tuple[Command, ...], now_ms: int,
    looked: Looked | None = None,
) -> Decided:  # fmt: skip
    """`step` up to its outputs, so that a relay need not wait for what is told of it."""
    assert image.now_ms == now_ms, "the image belongs to another cycle"
    looked = last_look(looked, plan, state)
    before = begin(plan, state) if looked is None else state
    dt_ms = 0 if before.stepped_ms is None else now_ms - before.stepped_ms
    utc_s = _utc_s(image)
    assert dt_ms >= 0, "time does not run backwards"
    aged = run_down(before, dt_ms, utc_s=utc_s, awake=None if looked is None else looked.awake)
    ordered, events, replies = obey(plan, aged, commands, now_ms)
    ordered, derivations, batteries = _work_out(plan, ordered, image, dt_ms, looked)
    image = image.joined(derivations)

    rehearsed = drill.rehearse(plan.drills, ordered.drill, image)
    known, stirring, awake_now, rested = _advance(plan, ordered, rehearsed, dt_ms, looked)
    opened = checklist.opened(plan.checklists, (before.causes, known.causes), (before.conditions, known.conditions))
    has_lists = checklist.stand(plan.checklists, ordered.lists, opened)
    year = None if utc_s is None else year_of(utc_s)
    drill_events: Sequence[Event] = ()
    drills = not drill_course.rests(before, known, utc_s=utc_s)
    if drills:  # else it looks at no record, and no output does: then records are for afterwards
        known, recorded = record.keep(
            plan, before, ordered, known, image, opened, among=awake_now, year=year, dt_ms=dt_ms
        )  # fmt: skip
        known, drill_events = drill_course.advance(plan, before, known, image, utc_s=utc_s, dt_ms=dt_ms)
        events = [*events, *recorded]

    was, now = _look_twice(plan, before, known, looked, awake_now, has_lists=has_lists)
    drives = _drives(plan, before, known, was, now, awake_now, dt_ms)
    outputs, compressors = _protect(plan, before, known, drives, image)
    return Decided(
        plan=plan, outputs=outputs, before=before, ordered=ordered, known=known, compressors=compressors, image=image,
        readings=rehearsed.readings, stirring=stirring, awake=awake_now, rested=rested, was=was, now=now,
        worked=batteries, derivations=derivations, events=events, drill_events=drill_events,
        replies=tuple(replies), opened=opened, is_recorded=drills, year=year, dt_ms=dt_ms,
    )  # fmt: skip


def _work_out(
    plan: Plan, state: State, image: InputImage, dt_ms: int, looked: Looked | None
) -> tuple[State, Shared, derived.Derived]:
    """The readings that nobody reads (decision 0010), the memory behind them, and what was seen of batteries."""
    last, off = None if looked is None else looked.batteries, _off(plan, state)
    rests = looked is not None and not looked.restless and looked.state.conditions is state.conditions
    overlong = last.overlong if last is not None and rests else _overlong(plan, state)
    worked = derived.derive(plan.batteries, state.batteries, image, off, dt_ms, overlong, last)
    trends, rises = trend.derive(plan.trends, state.trends, image, stepped_ms=state.stepped_ms)
    cuts = planned.current(state.cuts, image)
    volumes, counted = volume.derive(plan.volumes, state.volumes, image, dt_ms)
    readings = {**rises, **counted, **lines.derive(plan.lines, state.said, image)}
    if planned.PHASE in plan.points:
        readings |= planned.derive((*plan.cuts, *cuts), image)
    started = state.generator
    if plan.generator is not None:
        started = generator.advance(plan.generator, started, state.conditions, image, dt_ms=dt_ms)
        readings |= generator.show(started, image.now_ms)
    readings |= drill.age(state.drill, image, plan.points)
    batteries = worked.batteries
    quiet = batteries is state.batteries and cuts is state.cuts and started is state.generator
    if not (quiet and not trends and not volumes):
        state = replace(state, batteries=batteries, trends=trends, cuts=cuts, volumes=volumes, generator=started)
    shared = worked.readings
    return state, Shared(shared.owners, shared.shares, shared.times, readings), worked


def _off(plan: Plan, state: State) -> frozenset[str]:
    """Feeds of loads that are off."""
    feeds = {load.output for battery in plan.batteries.values() for load in battery.loads}
    return frozenset(name for name in feeds if name in state.outputs and state.outputs[name].drive.value is False)


def _overlong(plan: Plan, state: State) -> frozenset[str]:
    """Batteries whose test counts as an outage, as the last cycle found."""
    waiting = ((name, state.conditions.get(battery.overlong)) for name, battery in plan.batteries.items())
    return frozenset(name for name, found in waiting if found is not None and found.holds)


def _drives(
    plan: Plan, before: State, known: State, was: Situation, now: Situation, among: Collection[str], dt_ms: int
) -> OutputImage:  # fmt: skip
    """Every output that a change can touch is decided anew, all others stay as they are (decision 0073)."""
    anew: Collection[str] = plan.outputs.keys()
    if before.settled and known.outputs.keys() == plan.outputs.keys():
        anew = touched(plan, before, known, was, now)
    drives = {name: output.drive for name, output in known.outputs.items()}
    asked = collect(plan, now, known.overrides, known.paused_by, anew, among)
    return drives | arbitrate(plan, asked, now, known.outputs, anew, dt_ms=dt_ms)


def _protect(
    plan: Plan, before: State, known: State, outputs: OutputImage, image: InputImage
) -> tuple[OutputImage, Mapping[str, compressor.CompressorState]]:
    """What compressors must not be asked for is held back, whoever asks."""
    compressors, held = compressor.protect(
        plan.compressors, known.compressors, outputs, image, known.conditions, stepped_ms=before.stepped_ms
    )
    return {**outputs, **held}, compressors


def _advance(plan: Plan, state: State, image: InputImage, dt_ms: int, looked: Looked | None) -> _Advanced:
    """Conditions, alarms, causes and stages move, each on what the ones before it have become; and which of the
    conditions and alarms the next look may move."""
    names: Collection[str] = plan.conditions if looked is None else looked.conditions(state, image.readings)
    found = {
        name: condition.advance(
            plan.conditions[name], state.conditions[name], image, dt_ms=dt_ms, stepped_ms=state.stepped_ms
        )
        for name in names
    }
    moved = {name: one for name, one in found.items() if one is not state.conditions[name]}
    conditions = {**state.conditions, **moved} if moved else state.conditions
    stirred: Collection[str] = plan.alarms if looked is None else looked.alarms(state, moved)
    alarms, told = annunciation.advance(
        plan.alarms, plan.alarm_rules, state.alarms, state.annunciation, conditions, dt_ms=dt_ms,
        among=None if looked is None else stirred,
    )  # fmt: skip
    rests = looked is not None and looked.rests(state, conditions)
    causes, stages = (state.causes, state.stages) if rests else _move_causes(plan, state, conditions, dt_ms)
    known = state
    if (
        conditions is not state.conditions or alarms is not state.alarms or told is not state.annunciation
        or causes is not state.causes or stages is not state.stages
    ):  # fmt: skip
        known = replace(
            state, conditions=conditions, alarms=alarms, annunciation=told, causes=causes, stages=stages
        )  # fmt: skip
    stays = rests or (dt_ms > 0 and causes is state.causes and stages is state.stages)
    rested = (conditions, causes, stages) if stays else None
    return known, restless(state.conditions, found), awake(stirred, state.alarms, alarms), rested


def _move_causes(
    plan: Plan, state: State, conditions: Mapping[str, ConditionState], dt_ms: int
) -> tuple[Mapping[str, CauseState], Mapping[str, StageState]]:
    causes, stages = dict(state.causes), dict(state.stages)
    for name, cause in plan.causes.items():
        own = plan.stages_of(name)
        shed = any(stages[s.id].shed for s in own)
        now = mode.advance(cause, causes[name], conditions, shed=shed, dt_ms=dt_ms)
        changed, causes[name] = stage.advance(cause, now, own, stages, conditions, dt_ms)
        stages.update(changed)
    return keep(state.causes, causes), keep(state.stages, stages)


def _look_twice(
    plan: Plan, before: State, known: State, looked: Looked | None, among: Iterable[str], *, has_lists: bool
) -> tuple[Situation, Situation]:
    had_lists, was = bool(before.lists), None if looked is None else looked.situation
    was = was or _look(plan, before, before.alarms, has_lists=had_lists)
    is_same = has_lists is had_lists and is_calm(before, known)
    return was, was if is_same else _look(plan, known, among, has_lists=has_lists)


def _look(plan: Plan, state: State, among: Iterable[str], *, has_lists: bool) -> Situation:
    """`has_lists`: whether checklists are open in it, which `state` may not know yet."""
    floor_mode, because = mode.derive(plan.causes, state.causes)
    now = Situation(
        conditions=state.conditions, alarms=state.alarms, causes=state.causes, stages=state.stages,
        mode=floor_mode, because=because, lamp_test_by=state.lamp_test_by, firsts=state.annunciation.firsts,
    )  # fmt: skip
    flags = frozenset(rule.flag for rule in plan.flags if reasons(rule.when, now) is not None)
    flags |= annunciation.flags(state.alarms, state.annunciation, among)
    flags |= {drill.FLAG} if state.drill.on else frozenset()
    return replace(now, flags=flags | {checklist.TARGET} if has_lists else flags)


def _utc_s(image: InputImage) -> int | None:
    reading = image[CLOCK_POINT]
    return int(reading.value) if reading.good and isinstance(reading.value, int | float) else None
