"""When to look again: the earliest time at which the clock alone could change the answer.

This module must not change anything. A deadline that is already due was acted on in this step or waits for a reading;
it never wakes the cycle again.
"""

from collections.abc import Collection, Iterator

from firmware_py.core import alarm, annunciation, condition, course, derived, drill, escalation, generator, mode, stage
from firmware_py.core.arbiter import left_ms
from firmware_py.core.image import InputImage
from firmware_py.core.plan import Plan
from firmware_py.core.state import State


def wake_at_ms(
    plan: Plan, state: State, image: InputImage, restless: Collection[str], awake: Collection[str]
) -> int | None:
    """Monotonic milliseconds, later than the image's own; None when only a reading or a command can change anything.

    `restless`, `awake`: conditions and alarms in which time runs.
    """
    stale = [] if image.stale_at_ms is None else [image.stale_at_ms]
    timed = [image.now_ms + left for left in _left_ms(plan, state, restless, awake) if left > 0]
    return min(stale + timed, default=None)


def _left_ms(plan: Plan, state: State, restless: Collection[str], awake: Collection[str]) -> Iterator[int]:
    due: list[int | None] = [condition.due_ms(plan.conditions[name], state.conditions[name]) for name in restless]
    due += [mode.due_ms(cause, state.causes[name]) for name, cause in plan.causes.items()]
    due += [stage.due_ms(s, state.stages[s.id], state.causes[s.cause]) for s in plan.stages.values()]
    due += [escalation.due_ms(plan.causes[name], opened) for name, opened in state.incidents.items()]
    due += [course.due_ms(opened) for opened in state.incidents.values()]
    due += [derived.due_ms(battery) for battery in state.batteries.values()]
    due += [alarm.due_ms(plan.alarms[name], state.alarms[name]) for name in awake]
    due.append(annunciation.due_ms(plan.alarm_rules, state.annunciation))
    due.append(drill.due_ms(state.drill))
    if plan.generator is not None:
        due.append(generator.due_ms(plan.generator, state.generator))
    yield from (left for left in due if left is not None)
    yield from (override.left_ms for override in state.overrides.values() if override.left_ms is not None)
    yield state.lamp_test_ms
    yield from (compressor.wait_ms for compressor in state.compressors.values())
    for name, output in plan.outputs.items():
        kept = state.outputs[name]
        yield left_ms(output, kept, not kept.drive.value)
