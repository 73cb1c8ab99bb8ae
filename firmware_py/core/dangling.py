"""References of a plan that lead nowhere: a bug in a monitor, or in what compiled the configuration.

Asked once, when a plan is made. This module must not judge whether a plan is wise.
"""

from typing import assert_never

from firmware_py.core import annunciation, drill
from firmware_py.core.check import points_of
from firmware_py.core.checklist import Opens
from firmware_py.core.derived import declare
from firmware_py.core.plan import (
    Always,
    Announced,
    CauseIn,
    Every,
    FirstOut,
    FlagUp,
    Holds,
    LampTest,
    ModeIn,
    Pending,
    Plan,
    Seen,
    Shows,
    Sounds,
    StageShed,
    Stands,
    When,
)
from firmware_py.core.volume import WEEK_POINT
from firmware_py.core.volume import declare as declare_volume


def faults(plan: Plan) -> list[str]:
    """One sentence per reference that leads nowhere."""
    found = [
        f"{c.id}: no point {p}" for c in plan.conditions.values() for p in points_of(c.test) if p not in plan.points
    ]
    found += [
        f"alarm {a.id}: no condition {a.condition}" for a in plan.alarms.values() if a.condition not in plan.conditions
    ]
    found += [
        f"alarm {a.id}: no cause {a.cause}" for a in plan.alarms.values() if a.cause and a.cause not in plan.causes
    ]
    because = [(a.id, name) for a in plan.alarms.values() for name in a.suppressed_by]
    found += [f"alarm {alarm}: no condition {name}" for alarm, name in because if name not in plan.conditions]
    for cause in plan.causes.values():
        named = cause.conditions + cause.stopped_by + ((cause.confirms,) if cause.confirms else ())
        found += [f"cause {cause.id}: no condition {name}" for name in named if name not in plan.conditions]
    for stage in plan.stages.values():
        found += [f"stage {stage.id}: no cause {stage.cause}"] * (stage.cause not in plan.causes)
        asked = stage.conditions + stage.while_any
        found += [f"stage {stage.id}: no condition {name}" for name in asked if name not in plan.conditions]
        found += [f"stage {stage.id}: no output {name}" for name in stage.outputs if name not in plan.outputs]
    for battery in plan.batteries.values():
        named = (battery.source, battery.charge, battery.runtime, battery.load, battery.power)
        named += tuple(point.id for point in declare(battery.id))
        found += [f"battery {battery.id}: no point {name}" for name in named if name and name not in plan.points]
        found += [f"battery {battery.id}: no condition {battery.overlong}"] * (
            bool(battery.overlong) and battery.overlong not in plan.conditions
        )
    found += _cooling_faults(plan)
    found += [f"drill {d.id}: no point {p}" for d in plan.drills.values() for p in d.readings if p not in plan.points]
    found += _volume_faults(plan)
    sensed = [line.sensed for line in plan.lines.values() if line.sensed]
    found += [f"line: no point {p}" for p in (*sensed, *(x.point for x in plan.lines.values())) if p not in plan.points]
    if plan.generator is not None:
        asked = plan.generator.reasons + plan.generator.gates
        found += [f"generator: no condition {name}" for name in asked if name not in plan.conditions]
        found += [f"generator: no point {plan.generator.running}"] * (plan.generator.running not in plan.points)
    wanted = [rule.output for rule in plan.rules] + [interlock.output for interlock in plan.interlocks]
    found += [f"rule: no output {output}" for output in wanted if output not in plan.outputs]
    whens = [r.when for r in plan.rules] + [i.when for i in plan.interlocks] + [f.when for f in plan.flags]
    found += [f"rule: nothing called {name}" for when in whens for name in _dangling(plan, when)]
    found += [f"announce: no condition {a.condition}" for a in plan.announcements if a.condition not in plan.conditions]
    found += [f"announce: no point {p}" for a in plan.announcements for p in a.carry if p not in plan.points]
    found += [f"no output {output}" for output in plan.outbound if output not in plan.outputs]
    return found + _record_faults(plan)


def _record_faults(plan: Plan) -> list[str]:
    named = [*plan.course, *(point for cause in plan.causes.values() for point in cause.carry)]
    found = [f"course: no point {name}" for name in named if name not in plan.points]
    for one in plan.checklists.values():
        known = plan.conditions if one.opens is Opens.CONDITION_BEGINS else plan.causes
        found += [f"checklist {one.id}: nothing called {one.of}"] * (one.of not in known)
    return found


def _cooling_faults(plan: Plan) -> list[str]:
    named = [name for t in plan.trends.values() for name in (t.point, t.rise)]
    named += [name for c in plan.compressors.values() for name in c.points_on + c.points_off + c.points_between]
    found = [f"cooling: no point {name}" for name in named if name not in plan.points]
    found += [f"compressor: no output {name}" for name in plan.compressors if name not in plan.outputs]
    barred = [name for c in plan.compressors.values() for name in c.barred]
    return found + [f"compressor: no condition {name}" for name in barred if name not in plan.conditions]


def _volume_faults(plan: Plan) -> list[str]:
    named = [WEEK_POINT] if plan.volumes else []
    for volume in plan.volumes.values():
        named += [volume.offered, volume.abandoned, *volume.lines, *(point.id for point in declare_volume(volume.id))]
    return [f"volume: no point {name}" for name in named if name not in plan.points]


def _dangling(plan: Plan, when: When) -> list[str]:
    match when:
        case Holds() | Seen() | Pending():
            return [] if when.condition in plan.conditions else [when.condition]
        case Shows() | Sounds() | Stands() | FirstOut():
            return [] if when.alarm in plan.alarms else [when.alarm]
        case CauseIn():
            return [] if when.cause in plan.causes else [when.cause]
        case StageShed() | Announced():
            return [] if when.stage in plan.stages else [when.stage]
        case Every():
            return [name for part in when.parts for name in _dangling(plan, part)]
        case FlagUp():
            own = when.flag in annunciation.FLAGS | {drill.FLAG}
            return [] if own or any(rule.flag == when.flag for rule in plan.flags) else [when.flag]
        case ModeIn() | LampTest() | Always():
            return []
        case _ as never:
            assert_never(never)
