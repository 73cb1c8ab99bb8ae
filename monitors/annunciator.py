"""Which lamp shows what, when the beacon turns and how the sounder sounds.

Position and pattern carry the meaning; colour is redundant (IEC 60073). The sounder is silent while the fire panel
sounds. It must not know pins, nor why an alarm is active.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from config.valued import dataclass
from firmware_py.core import annunciation, drill
from firmware_py.core.alarm import Alarm, AlarmPriority, Display
from firmware_py.core.mode import CausePhase, Mode
from firmware_py.core.output import OutputValue, Pattern, Priority
from firmware_py.core.plan import (
    Always,
    CauseIn,
    FirstOut,
    FlagUp,
    Interlock,
    LampTest,
    ModeIn,
    Pending,
    Rule,
    Seen,
    Shows,
    Sounds,
    When,
)
from monitors import conservation, fire, power, trunks
from monitors.parts import Part, Row, RowAlarm

OWNER = "annunciator"

# Lower rank wins on one lamp: what asks for a person comes before what only informs.
_SHOWN: Sequence[tuple[Display, OutputValue, int]] = (
    (Display.ACTIVE_UNACKED, Pattern.FLASH, 10),
    (Display.RETURNED_UNACKED, Pattern.SLOW, 20),
    (Display.ACTIVE_ACKED, True, 40),
    (Display.LATCHED, True, 50),
)
_FIRST: Sequence[tuple[Display, OutputValue, int]] = (
    (Display.ACTIVE_UNACKED, Pattern.FIRST, 9),
    (Display.ACTIVE_ACKED, Pattern.FIRST_SEEN, 38),
)
_PENDING_RANK, _MANUAL_RANK, _CONSERVE_RANK, _RECOVER_RANK, _ALIVE_RANK = 11, 5, 30, 35, 200
_BURNING_RANK, _DRILL_RANK, _ASIDE_RANK, _DRILL_BELOW_RANK = 60, 20, 40, 190
_SOUNDS: Mapping[AlarmPriority, tuple[Pattern, int]] = {
    AlarmPriority.HIGH: (Pattern.SOUND_HIGH, 10),
    AlarmPriority.MEDIUM: (Pattern.SOUND_MEDIUM, 20),
    AlarmPriority.LOW: (Pattern.SOUND_LOW, 30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Outputs that speak to people. `sounds_in_fire`: the site's opt-in to sound beside the fire panel. `zones`: lamps
    that speak of some devices only, by the beginnings of their alarms' ids; what is urgent is shown everywhere."""

    lamps: Mapping[Row, tuple[str, ...]]
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beacons: tuple[str, ...] = ()
    sounders: tuple[str, ...] = ()
    sounds_in_fire: bool = False

    def speaks_of(self, lamp: str, alarm: Alarm) -> bool:
        """Whether this lamp shows this alarm."""
        devices = self.zones.get(lamp)
        return devices is None or alarm.urgent or any(f"{alarm.id}.".startswith(f"{device}.") for device in devices)


def announce(panel: Panel, alarms: Sequence[RowAlarm], *, causes: frozenset[str], flags: frozenset[str]) -> Part:
    """All rules of lamps, beacon and sounder. `causes` and `flags`: those that this floor has."""
    rules = [rule for listed in alarms for rule in _alarm(panel, listed)]
    rules += _modes(panel, causes, flags)
    rules += [_lamp(lamp, Always(), Pattern.ALIVE, _ALIVE_RANK) for lamp in panel.lamps.get(Row.CONTROLLER, ())]
    rules += _tests(panel)
    rules += _service(panel)
    rules += _beacons(panel, causes)
    rules += [rule for listed in alarms if not listed.quiet for rule in _sounds(panel, listed)]
    return Part(rules=tuple(rules), interlocks=_silence(panel, causes))


def _alarm(panel: Panel, listed: RowAlarm) -> list[Rule]:
    alarm = listed.alarm
    # Neither a lamp test nor a hand on the lamp may hide a fire.
    priority = Priority.LIFE_SAFETY if alarm.urgent else Priority.PROGRAM
    rules = []
    for lamp in panel.lamps.get(listed.row, ()):
        if not panel.speaks_of(lamp, alarm):
            continue
        for display, value, rank in _SHOWN:
            rules.append(_lamp(lamp, Shows(alarm=alarm.id, displays=frozenset({display})), value, rank, priority))
        for display, value, rank in _FIRST:
            rules.append(_lamp(lamp, FirstOut(alarm=alarm.id, displays=frozenset({display})), value, rank, priority))
        if listed.early:
            rules.append(_lamp(lamp, Pending(condition=alarm.condition), Pattern.FLASH, _PENDING_RANK))
    return rules


def _modes(panel: Panel, causes: frozenset[str], flags: frozenset[str]) -> list[Rule]:
    rows = {power.CAUSE: Row.POWER, trunks.CAUSE: Row.PHONES, conservation.MANUAL: Row.CONTROLLER}
    rules = []
    for cause, row in rows.items():
        for lamp in panel.lamps.get(row, ()) if cause in causes else ():
            rules.append(_lamp(lamp, _in(cause, CausePhase.ACTIVE), Pattern.CONSERVE, _CONSERVE_RANK))
            rules.append(_lamp(lamp, _in(cause, CausePhase.RECOVERING), Pattern.RECOVER, _RECOVER_RANK))
    if power.MANUAL_RECORDS in flags:
        paper = FlagUp(flag=power.MANUAL_RECORDS)
        rules += [_lamp(lamp, paper, Pattern.MANUAL, _MANUAL_RANK) for lamp in panel.lamps.get(Row.PHONES, ())]
    return rules


def _tests(panel: Panel) -> list[Rule]:
    # One step above the program and below life safety: a test never hides a fire.
    return [
        Rule(when=LampTest(), output=lamp, value=True, owner=OWNER, priority=Priority.MANUAL_OPERATOR)
        for lamps in panel.lamps.values()
        for lamp in lamps
    ]


def _service(panel: Panel) -> list[Rule]:
    """The blue lamp: somebody has taken something from the panel, or what is seen is a drill. A floor without that lamp
    sees the drill on the green one, behind its alarms."""
    shown = ((drill.FLAG, Pattern.DRILL, _DRILL_RANK), (annunciation.SET_ASIDE, True, _ASIDE_RANK))
    blue = panel.lamps.get(Row.SERVICE, ())
    green = () if blue else panel.lamps.get(Row.CONTROLLER, ())
    return [_lamp(lamp, FlagUp(flag=flag), value, rank) for lamp in blue for flag, value, rank in shown] + [
        _lamp(lamp, FlagUp(flag=drill.FLAG), Pattern.DRILL, _DRILL_BELOW_RANK) for lamp in green
    ]


def _beacons(panel: Panel, causes: frozenset[str]) -> list[Rule]:
    away = ModeIn(modes=frozenset({Mode.CONSERVATION, Mode.EVACUATION}))
    rules = [Rule(when=away, output=beacon, value=True, owner=OWNER) for beacon in panel.beacons]
    if fire.CAUSE not in causes:
        return rules
    burning = Seen(condition=fire.SEEN)
    # A fire that somebody has shelved is silent, never dark.
    lamps = [_lamp(lamp, burning, True, _BURNING_RANK, Priority.LIFE_SAFETY) for lamp in panel.lamps.get(Row.FIRE, ())]
    return (
        rules
        + lamps
        + [
            Rule(when=burning, output=beacon, value=True, owner=fire.CAUSE, priority=Priority.LIFE_SAFETY)
            for beacon in panel.beacons
        ]
    )


def _sounds(panel: Panel, listed: RowAlarm) -> list[Rule]:
    pattern, rank = _SOUNDS[listed.alarm.priority]
    return [
        Rule(when=Sounds(alarm=listed.alarm.id), output=sounder, value=pattern, owner=OWNER, rank=rank)
        for sounder in panel.sounders
    ]


def _silence(panel: Panel, causes: frozenset[str]) -> tuple[Interlock, ...]:
    if panel.sounds_in_fire or fire.CAUSE not in causes:
        return ()
    burning = Seen(condition=fire.SEEN)
    return tuple(
        Interlock(id="silent_in_fire", output=sounder, when=burning, value=False) for sounder in panel.sounders
    )


def _in(cause: str, phase: CausePhase) -> CauseIn:
    return CauseIn(cause=cause, phases=frozenset({phase}))


def _lamp(lamp: str, when: When, value: OutputValue, rank: int, priority: Priority = Priority.PROGRAM) -> Rule:
    return Rule(when=when, output=lamp, value=value, owner=OWNER, rank=rank, priority=priority)
