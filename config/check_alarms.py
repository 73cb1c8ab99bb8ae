"""What only the compiled floor can tell about alarms: names that lead nowhere, delays that would move the floor's mode.

And patterns that the file alone shows to be wrong. Judges; asks no device and opens nothing.
"""

from collections.abc import Iterable, Iterator

from config.compile_alarms import fits
from config.explain import known_of
from config.faults import Path
from config.finding import Finding
from config.floor import Floor
from config.strict import ConfigError, Document
from monitors.parts import Row
from monitors.signals import resembles


def check_alarms(document: Document, floor: Floor) -> None:
    """ConfigError with all faults of `[[alarm]]`, `[[suppression]]`, `[[panel]]` and the sounder's patterns."""
    found = [*_entries(floor), *_suppressions(floor), *_panels(floor), *_sounds(floor)]
    if found:
        raise ConfigError([document.fault(one.path, one.message, one.got) for one in found])


def _entries(floor: Floor) -> Iterator[Finding]:
    causes = {name for cause in floor.plan.causes.values() for name in cause.conditions}
    for index, entry in enumerate(floor.site.alarm):
        where: Path = ("alarm", index)
        yield from _known(floor, (*where, "id"), entry.id)
        for key, delay_ms in (("on_delay", entry.on_delay_ms), ("off_delay", entry.off_delay_ms)):
            meant = [name for name in floor.plan.alarms if fits(name, entry.id)]
            moved = [name for name in meant if floor.plan.alarms[name].condition in causes]
            if delay_ms is not None and moved:
                message = f"would move the floor's mode, which {moved[0]} decides; use the delays of its own section"
                yield Finding(path=(*where, key), message=message, got=entry.id)


def _suppressions(floor: Floor) -> Iterator[Finding]:
    fire = {listed.alarm.id for listed in floor.alarms if listed.row is Row.FIRE}
    for index, entry in enumerate(floor.site.suppression):
        where: Path = ("suppression", index)
        if entry.cause not in floor.plan.conditions:
            message = f"there is no such condition{known_of(entry.cause, floor.plan.conditions)}"
            yield Finding(path=(*where, "cause"), message=message, got=entry.cause)
        for place, wanted in enumerate(entry.alarms):
            yield from _known(floor, (*where, "alarms", place), wanted)
            burning = [name for name in sorted(fire) if fits(name, wanted)]
            if burning:
                message = f"means {burning[0]}: what the fire panel says is never suppressed; take this line out"
                yield Finding(path=(*where, "alarms", place), message=message, got=wanted)


def _panels(floor: Floor) -> Iterator[Finding]:
    for index, panel in enumerate(floor.site.panel):
        for place, device in enumerate(panel.devices):
            if not any(f"{name}.".startswith(f"{device}.") for name in floor.plan.alarms):
                message = f"no alarm's id begins so{known_of(device, {n.split('.')[0] for n in floor.plan.alarms})}"
                yield Finding(path=("panel", index, "devices", place), message=message, got=device)
    declared = {panel.id for panel in floor.site.panel}
    for index, lamp in enumerate(floor.site.lamp):
        if lamp.panel not in declared and declared and lamp.panel != "main":
            message = f"there is no [[panel]] of this id{known_of(lamp.panel, declared)}"
            yield Finding(path=("lamp", index, "panel"), message=message, got=lamp.panel)


def _sounds(floor: Floor) -> Iterator[Finding]:
    asked = floor.site.annunciator
    for key in ("sound_high", "sound_medium", "sound_low"):
        steps: tuple[int, ...] = getattr(asked, key)
        if len(steps) % 2:
            message = "ends with a sound; write on, off, on, off ... with a pause at the end"
            yield Finding(path=("annunciator", key), message=message)
        elif steps and (signal := resembles(steps)):
            message = f"could be taken for {signal}; the fire panel alone evacuates"
            yield Finding(path=("annunciator", key), message=message)


def _known(floor: Floor, path: Path, wanted: str) -> Iterable[Finding]:
    if any(fits(name, wanted) for name in floor.plan.alarms):
        return ()
    return (Finding(path=path, message=f"there is no such alarm{known_of(wanted, floor.plan.alarms)}", got=wanted),)
