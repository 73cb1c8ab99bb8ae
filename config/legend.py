"""What the lamps and the sounder of this floor say, arranged for people: one document that text and HTML are made of.

From the compiled floor and the texts of one language. It must not know terminals or pages.
"""

from collections.abc import Iterator

from config.floor import Floor, sounds
from config.legend_parts import Lamp, Legend, Listed, Rhythm
from config.model_floor import InputKind
from config.texts import Texts
from firmware_py.core.output import PATTERN_STEPS as PATTERN
from firmware_py.core.output import Pattern
from monitors.parts import Row, RowAlarm

STEADY = (1000, 0)
_LAMP_RHYTHMS = (
    Pattern.FLASH, Pattern.FIRST, Pattern.SLOW, None, Pattern.FIRST_SEEN, Pattern.CONSERVE, Pattern.MANUAL,
    Pattern.RECOVER,
)  # fmt: skip
_SOUNDS = (Pattern.SOUND_HIGH, Pattern.SOUND_MEDIUM, Pattern.SOUND_LOW)
_BUTTONS = (InputKind.ACK, InputKind.SILENCE, InputKind.LAMP_TEST)


def arrange(floor: Floor, texts: Texts, language: str) -> Legend:
    """The legend of one floor in one language."""
    site, words = floor.site, dict(texts.legend)
    rows = {lamp.row.value for lamp in site.lamp}
    return Legend(
        site=site.site.name,
        language=language,
        words=words,
        panels=tuple(_panels(floor, texts)),
        lamp_rhythms=tuple(_lamp_rhythms(texts, rows)),
        sound_rhythms=tuple(_rhythm(floor, texts, sound) for sound in _SOUNDS) if site.annunciator.sounders else (),
        buttons=tuple(
            (entry.name or entry.id, words[entry.kind.value]) for entry in site.input if entry.kind in _BUTTONS
        ),
        notes=tuple(_notes(floor, texts)),
        alarms=tuple(
            _listed(listed, texts)
            for listed in sorted(floor.alarms, key=lambda one: (list(Row).index(one.row), one.alarm.id))
        ),
    )


def _listed(listed: RowAlarm, texts: Texts) -> Listed:
    alarm = listed.alarm
    follows, todo = texts.advice(alarm.text)
    return Listed(
        id=alarm.id, row=texts.row[listed.row.value], priority=texts.priority[alarm.priority.value],
        text=texts.alarm_text(alarm.id, alarm.text), follows=follows, todo=todo,
    )  # fmt: skip


def _panels(floor: Floor, texts: Texts) -> Iterator[tuple[str, str, tuple[Lamp, ...]]]:
    declared = {panel.id: panel for panel in floor.site.panel}
    for name in dict.fromkeys(lamp.panel for lamp in floor.site.lamp):
        panel = declared.get(name)
        scope = ", ".join(panel.devices) if panel else texts.legend["everything"]
        present = {lamp.row.value for lamp in floor.site.lamp if lamp.panel == name}
        lamps = tuple(
            Lamp(
                row=row.value,
                label=texts.row[row.value],
                speaks=texts.meaning[row.value],
                colour=texts.colour[row.value],
            )
            for row in Row
            if row.name in present
        )
        yield (panel.name or name) if panel else name, scope, lamps


def _lamp_rhythms(texts: Texts, rows: set[str]) -> Iterator[Rhythm]:
    for pattern in _LAMP_RHYTHMS:
        name = "on" if pattern is None else pattern.value
        yield Rhythm(steps=STEADY if pattern is None else PATTERN[pattern], means=texts.pattern[name])
    if "CONTROLLER" in rows:
        yield Rhythm(steps=PATTERN[Pattern.ALIVE], means=f"{texts.row['controller']}: {texts.pattern['alive']}")
        if "SERVICE" not in rows:
            yield Rhythm(steps=PATTERN[Pattern.DRILL], means=f"{texts.row['controller']}: {texts.pattern['drill']}")
    if "SERVICE" in rows:
        yield Rhythm(steps=STEADY, means=f"{texts.row['service']}: {texts.pattern['service']}")
        yield Rhythm(steps=PATTERN[Pattern.DRILL], means=f"{texts.row['service']}: {texts.pattern['drill']}")


def _rhythm(floor: Floor, texts: Texts, pattern: Pattern) -> Rhythm:
    steps = sounds(floor.site)[pattern]
    each = texts.legend["each"].replace("{seconds}", f"{sum(steps) / 1000:g}")
    return Rhythm(steps=steps, means=f"{texts.pattern[pattern.value]} ({each})")


def _notes(floor: Floor, texts: Texts) -> Iterator[str]:
    site, words = floor.site, texts.legend
    yield words["position"]
    if site.annunciator.beacons:
        yield words["beacon"]
    if site.annunciator.sounders:
        yield words["sounds_in_fire" if site.fire.sounder else "quiet_in_fire"]
    if site.site.exit:
        yield f"{words['exit']}: {site.site.exit}"
    yield words["ancillary"]
