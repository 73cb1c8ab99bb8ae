"""What the site says about alarms, laid over what the monitors declare: priorities, delays, suppression, drills.

Part of `compile`. It must not know what an alarm is about, beyond the row it is shown in.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from config.model_alarms import AlarmEntry
from config.model_floor import InputKind
from config.model_site import Site
from firmware_py.core import drill
from firmware_py.core.alarm import FIRE_SHELVE_MS_MAX, Alarm, AlarmPriority, AlarmRules
from firmware_py.core.check import Above
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.drill import Drill
from firmware_py.core.point import Point
from firmware_py.core.reading import Value
from monitors.comms import EXPORT_AGE
from monitors.parts import Part, Row, RowAlarm

DAY_MS = 86_400_000
OVERDUE, UNEXPORTED = "drill.overdue", "controller.export_overdue"


def fits(name: str, wanted: str) -> bool:
    """Whether an alarm's id is meant by an id or by `*.ending`."""
    return name.endswith(wanted[1:]) if wanted.startswith("*") else name == wanted


def rules(site: Site) -> AlarmRules:
    """How nuisance is tamed on this floor."""
    asked = site.alarms
    return AlarmRules(
        chatter_count=asked.chatter_count, chatter_window_ms=asked.chatter_window_ms,
        chatter_hold_ms=asked.chatter_hold_ms, flood_count=asked.flood_count, flood_end_count=asked.flood_end_count,
        flood_window_ms=asked.flood_window_ms, settle_ms=asked.settle_ms,
    )  # fmt: skip


def tune(site: Site, part: Part) -> Part:
    """The monitors' declarations with this floor's own wishes; the last entry that fits an alarm wins."""
    known = frozenset(condition.id for condition in part.conditions)
    alarms = tuple(_tuned(site, listed, known) for listed in part.alarms)
    own = {listed.alarm.condition: list(_entries(site, listed.alarm.id)) for listed in part.alarms}
    conditions = tuple(_delayed(c, own.get(c.id, ())) for c in part.conditions)
    return replace(part, alarms=alarms, conditions=conditions)


def _entries(site: Site, alarm: str) -> Iterator[AlarmEntry]:
    return (entry for entry in site.alarm if fits(alarm, entry.id))


def _tuned(site: Site, listed: RowAlarm, known: Collection[str]) -> RowAlarm:
    alarm = listed.alarm
    for entry in _entries(site, alarm.id):
        if entry.priority is not None:
            alarm = replace(alarm, priority=AlarmPriority(entry.priority.value))
    reminders = {
        AlarmPriority.HIGH: site.alarms.remind_high_ms,
        AlarmPriority.MEDIUM: site.alarms.remind_medium_ms,
        AlarmPriority.LOW: site.alarms.remind_low_ms,
    }
    own = [entry.remind_ms for entry in _entries(site, alarm.id) if entry.remind_ms is not None]
    alarm = replace(alarm, realarm_ms=own[-1] if own else reminders[alarm.priority])
    if listed.row is Row.FIRE:
        # Nothing of the fire panel is a consequence of anything, nor out of sight for long.
        return replace(listed, alarm=replace(alarm, shelve_limit_ms=FIRE_SHELVE_MS_MAX))
    return replace(listed, alarm=replace(alarm, suppressed_by=tuple(_causes(site, alarm, known))))


def _causes(site: Site, alarm: Alarm, known: Collection[str]) -> Iterator[str]:
    """What leads nowhere is left out here, and told by `check_alarms`."""
    for entry in site.suppression:
        if entry.cause in known and alarm.id != entry.cause and any(fits(alarm.id, wanted) for wanted in entry.alarms):
            yield entry.cause


def _delayed(condition: Condition, entries: Iterable[AlarmEntry]) -> Condition:
    for entry in entries:
        if entry.on_delay_ms is not None:
            condition = replace(condition, on_delay_ms=entry.on_delay_ms)
        if entry.off_delay_ms is not None:
            condition = replace(condition, off_delay_ms=entry.off_delay_ms)
    return condition


def zones(site: Site) -> Mapping[str, tuple[str, ...]]:
    """The lamps that speak of some devices only."""
    panels = {panel.id: panel.devices for panel in site.panel}
    return {lamp.output: panels[lamp.panel] for lamp in site.lamp if lamp.panel in panels}


# -------------------------------------------------------------------------------------------------------------- drills
def drills(site: Site, points: Mapping[str, Point]) -> Mapping[str, Drill]:
    """What can be tried here: a power cut, the loss of the trunks that matter, a fire in the first zone."""
    kinds: dict[str, dict[str, Value]] = {
        "power": {f"{ups.id}.output_source": "battery" for ups in site.ups},
        "trunk": {
            f"trunks.{trunk.name}.state": "down"
            for group in site.trunk_group
            if group.conserve
            for _, trunk in site.trunks_of(group.id)
        },
        "fire": dict.fromkeys(_fire_points(site, points)[:1], True),
    }
    return {name: Drill(id=name, readings=readings) for name, readings in kinds.items() if readings}


def _fire_points(site: Site, points: Mapping[str, Point]) -> list[str]:
    panels = [unit.id for _, unit in site.units if unit.kind.value == "fire"]
    zoned = [name for name in points if name.endswith(".fire") and name.split(".")[0] in panels]
    return zoned + [entry.id for entry in site.input if entry.kind is InputKind.FIRE]


def watch_age(site: Site) -> Part:
    """The alarm that the last drill is too long ago; nothing where the site wants none."""
    days = site.drill.every_ms / DAY_MS
    return _overdue(OVERDUE, "drill_overdue", Above(point=drill.AGE_DAYS, limit=days)) if days else Part()


def watch_export(site: Site) -> Part:
    """The same for the last export: procedures, part 5. One that was never made has no age: `doctor` tells it."""
    limit_s = site.storage.export_every_ms / 1000
    return _overdue(UNEXPORTED, "export_overdue", Above(point=EXPORT_AGE, limit=limit_s)) if limit_s else Part()


def _overdue(name: str, text: str, test: Above) -> Part:
    late = Condition(id=name, test=test, when_bad=WhenBad.HOLD)
    alarm = Alarm(id=name, condition=name, priority=AlarmPriority.LOW, text=f"alarm.{text}")
    return Part(conditions=(late,), alarms=(RowAlarm(alarm=alarm, row=Row.CONTROLLER, quiet=True),))
