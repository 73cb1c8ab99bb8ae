"""All the memory the controller has: it can be saved, compared, restored after a reboot, and replayed.

Durations are elapsed or remaining, never absolute stamps, for those restart at boot; `stepped_ms` is the one exception
and is dropped when the boot is another. This module must not know files.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TypeVar

from config.valued import dataclass, replace
from firmware_py.core.alarm import AlarmState
from firmware_py.core.annunciation import Annunciation
from firmware_py.core.checklist import ListState, Tick
from firmware_py.core.compressor import CompressorState
from firmware_py.core.condition import ConditionState
from firmware_py.core.drill import DrillState
from firmware_py.core.forecast import BatteryState
from firmware_py.core.generator import GeneratorState
from firmware_py.core.incident import IncidentState
from firmware_py.core.lines import Said
from firmware_py.core.mode import CauseState
from firmware_py.core.output import Drive, OutputValue
from firmware_py.core.plan import Plan
from firmware_py.core.planned import Cut
from firmware_py.core.stage import StageState
from firmware_py.core.trend import TrendState
from firmware_py.core.volume import VolumeState

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputState:
    """What an output was last told, and for how long it has been on or off (counted as far as its shortest stay)."""

    drive: Drive
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's hand on an output. `left_ms` None: until released."""

    value: OutputValue
    by: str
    command: str
    left_ms: int | None = None

    def over(self, dt_ms: int) -> bool:
        """True when it has run out within the last `dt_ms`."""
        return self.left_ms is not None and self.left_ms <= dt_ms

    def aged(self, dt_ms: int) -> "Override":
        """The same hand, `dt_ms` later."""
        return self if self.left_ms is None else replace(self, left_ms=self.left_ms - dt_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The latest hand-over of a shift: who handed over, what is left to take over, and who took what."""

    number: int = 0
    by: str = ""
    left: tuple[str, ...] = ()
    taken: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything by id, so that a changed configuration keeps what still exists.

    `stepped_ms`: the monotonic time of the last step, None after a restore in another boot. `paused_by`: who paused
    outbound by hand, empty if nobody. `lamp_test_ms`: what is left of a lamp test. `lists`: checklists with items that
    nobody has ticked yet. `said`: what people have said of trunks. `cuts`: planned outages that people told of while
    it ran; `cut_number`: of the last one. `settled`: False makes the next step look at every rule, since the plan may
    be another one than that of the last step.
    """

    stepped_ms: int | None = None
    settled: bool = False
    conditions: Mapping[str, ConditionState] = field(default_factory=dict)
    alarms: Mapping[str, AlarmState] = field(default_factory=dict)
    annunciation: Annunciation = field(default_factory=Annunciation)
    causes: Mapping[str, CauseState] = field(default_factory=dict)
    stages: Mapping[str, StageState] = field(default_factory=dict)
    incidents: Mapping[str, IncidentState] = field(default_factory=dict)
    outputs: Mapping[str, OutputState] = field(default_factory=dict)
    overrides: Mapping[str, Override] = field(default_factory=dict)
    paused_by: str = ""
    batteries: Mapping[str, BatteryState] = field(default_factory=dict)
    trends: Mapping[str, TrendState] = field(default_factory=dict)
    compressors: Mapping[str, CompressorState] = field(default_factory=dict)
    said: Mapping[str, Said] = field(default_factory=dict)
    volumes: Mapping[str, VolumeState] = field(default_factory=dict)
    drill: DrillState = field(default_factory=DrillState)
    lists: Mapping[str, ListState] = field(default_factory=dict)
    handover: Handover = field(default_factory=Handover)
    cuts: tuple[Cut, ...] = ()
    cut_number: int = 0
    generator: GeneratorState = field(default_factory=GeneratorState)
    lamp_test_ms: int = 0
    lamp_test_by: str = ""
    incident_year: int = 0
    incident_number: int = 0


def resume(state: State, now_ms: int) -> State:
    """A restored memory at `now_ms`, before its first step. Nobody looked while we were off, so that no delay has run;
    a `stepped_ms` of another boot is dropped."""
    stepped_ms = None if state.stepped_ms is None or state.stepped_ms > now_ms else state.stepped_ms
    unseen = {name: replace(one, held=True) for name, one in state.conditions.items()}
    return replace(state, stepped_ms=stepped_ms, conditions=unseen, settled=False)


def begin(plan: Plan, state: State) -> State:
    """The memory in the shape of the plan: what the plan no longer has is dropped, what is new starts at rest.

    A plan that has not changed gets its own memory back, the same object.
    """
    shape = (
        (state.conditions, plan.conditions),
        (state.alarms, plan.alarms),
        (state.causes, plan.causes),
        (state.stages, plan.stages),
        (state.batteries, plan.batteries),
        (state.trends, plan.trends),
        (state.compressors, plan.compressors),
        (state.volumes, plan.volumes),
    )
    known = (
        (state.incidents, plan.causes), (state.lists, plan.checklists), (state.outputs, plan.outputs),
        (state.overrides, plan.outputs), (state.said, plan.lines),
    )  # fmt: skip
    if all(a.keys() == b.keys() for a, b in shape) and all(a.keys() <= b.keys() for a, b in known):
        return state
    return replace(
        state,
        conditions={name: state.conditions.get(name) or ConditionState() for name in plan.conditions},
        alarms={name: state.alarms.get(name) or AlarmState() for name in plan.alarms},
        causes={name: state.causes.get(name) or CauseState() for name in plan.causes},
        stages={name: state.stages.get(name) or StageState() for name in plan.stages},
        batteries={name: state.batteries.get(name) or BatteryState() for name in plan.batteries},
        trends={name: state.trends.get(name) or TrendState() for name in plan.trends},
        compressors={name: state.compressors.get(name) or CompressorState() for name in plan.compressors},
        volumes={name: state.volumes.get(name) or VolumeState() for name in plan.volumes},
        lists={name: one for name, one in state.lists.items() if name in plan.checklists},
        incidents={name: incident for name, incident in state.incidents.items() if name in plan.causes},
        outputs={name: output for name, output in state.outputs.items() if name in plan.outputs},
        said={name: hand for name, hand in state.said.items() if name in plan.lines},
        overrides={name: hand for name, hand in state.overrides.items() if name in plan.outputs},
    )


def run_down(state: State, dt_ms: int, *, utc_s: int | None, awake: Iterable[str] | None = None) -> State:
    """What ends by the clock alone (shelves, silences, overrides, a lamp test), `dt_ms` later; before new orders.
    `utc_s`: wall time, None while it is not known. `awake`: all alarms that do not rest, where that is known."""
    restored = state.stepped_ms is None
    alarms = {name: state.alarms[name] for name in (state.alarms if awake is None else awake)}
    timed = [name for name, one in alarms.items() if one.shelved_ms or one.silenced_ms or (one.active and one.acked)]
    if not (timed or state.overrides or state.lamp_test_ms):
        return state
    aged = {name: alarms[name].aged(dt_ms, utc_s=utc_s, restored=restored) for name in timed}
    lamp_test_ms = max(0, state.lamp_test_ms - dt_ms)
    return replace(
        state,
        alarms={**state.alarms, **aged} if aged else state.alarms,
        overrides={name: hand.aged(dt_ms) for name, hand in state.overrides.items() if not hand.over(dt_ms)},
        lamp_test_ms=lamp_test_ms,
        lamp_test_by=state.lamp_test_by if lamp_test_ms else "",
    )


def keep(before: Mapping[str, T], after: Mapping[str, T]) -> Mapping[str, T]:
    """`before` itself when nothing in it has changed, so that a floor at rest can be told by identity."""
    return before if all(after[name] is item for name, item in before.items()) else after
