"""Stories as text: at this minute a reading changes, at that one something is expected, in words of the floor.

A line is `MIN:SEC what`. `point = value` sets a reading, `point is dark` loses it; the rest is an expectation or an
order. What lies between two lines is played in steps as the shell would.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import load_document
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.image import freeze
from firmware_py.core.output import Pattern
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.state import State
from firmware_py.core.step import step

FOLDER = Path(__file__).parent
SHOWN = {
    "flashing": Pattern.FLASH, "first": Pattern.FIRST, "conserve": Pattern.CONSERVE, "recover": Pattern.RECOVER,
    "manual": Pattern.MANUAL, "drill": Pattern.DRILL, "alive": Pattern.ALIVE,
}  # fmt: skip
STEP_MS = 1_000
LONG_STEP_MS = 5_000
LONGEST_STEP_MS = 30_000  # in the middle of a long stretch, where nobody looks
FINE_MS = 60_000  # after each line; and half of it before the next one after a long stretch
LONG_MS = 600_000


def plan_of(name: str) -> Plan:
    """The plan of a site file beside this one."""
    path = FOLDER / name
    document, site = load_document(path)
    return compile_floor(site, find_devices(document, site, Library(FOLDER))).plan


@dataclass(slots=True, kw_only=True)
class Teller:
    """One floor on which a story is played."""

    plan: Plan
    values: dict[str, Value]
    state: State = field(default_factory=State)
    now_ms: int = 0
    dark: set[str] = field(default_factory=set)
    readings: dict[str, Reading] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    last: Decision | None = None

    def tell(self, story: str) -> None:
        """Play it; an expectation that fails names its line."""
        for line in story.strip().splitlines():
            minute, second, what = re.fullmatch(r"\s*(\d+):(\d\d)\s+(.*?)(?:\s+\(.*\))?\s*", line).groups()  # type: ignore[union-attr] # a bad line may crash
            self._play((int(minute) * 60 + int(second)) * 1_000)
            try:
                self._line(what)
            except AssertionError as error:
                raise AssertionError(f"{line.strip()}\n{error}\nevents so far: {self.told}") from None

    def _play(self, until_ms: int) -> None:
        assert until_ms >= self.now_ms, "a story goes forward"
        begun_ms, near_ms = self.now_ms, until_ms - FINE_MS // 2
        while self.now_ms < until_ms:
            since_ms = self.now_ms - begun_ms
            if since_ms < FINE_MS:
                pace_ms = STEP_MS
            elif since_ms < LONG_MS or self.now_ms >= near_ms:
                pace_ms = LONG_STEP_MS
            else:
                pace_ms = min(LONGEST_STEP_MS, near_ms - self.now_ms)
            self.now_ms = min(until_ms, self.now_ms + pace_ms)
            self._step()

    def _step(self, *commands: Command) -> None:
        for point, value in self.values.items():
            if point not in self.dark:
                self.readings[point] = Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms)
        image = freeze(self.plan.points.values(), self.readings, self.now_ms)
        self.last = step(self.plan, self.state, image, commands, self.now_ms, self.last and self.last.looked)
        self.state = self.last.state
        self.told += [" ".join([event.type, *_details(event.data)]) for event in self.last.events]

    def _line(self, what: str) -> None:
        if match := re.fullmatch(r"([\w.]+) = (\S+)", what):
            point = self.plan.points.get(match[1])
            whole = point is not None and point.kind is Kind.INTEGER
            self.values[match[1]] = int(match[2]) if whole else _value(match[2])
            self.dark.discard(match[1])
        elif match := re.fullmatch(r"([\w.]+) is dark", what):
            self.dark.add(match[1])
            lost = self.readings[match[1]]
            self.readings[match[1]] = replace(lost, quality=Quality.BAD, because=Reason.NO_COMMUNICATION)
        elif match := re.fullmatch(r"order (\S+)(?: (\S+))?", what):
            self.now_ms += 1
            kind = CommandKind(match[1])
            self._step(Command(id=f"o{self.now_ms}", kind=kind, by="anna", target=match[2] or ""))
        else:
            assert self.last is not None, "nothing has happened yet"
            self._expect(what.removeprefix("expect "), self.last)

    def _expect(self, what: str, seen: Decision) -> None:
        match what.split():
            case ["mode", mode]:
                assert seen.mode.word == mode.lower(), f"mode {seen.mode.word} because {seen.because}"
            case ["mode", mode, "because", because]:
                assert (seen.mode.word, because in seen.because) == (mode.lower(), True), f"{seen.mode} {seen.because}"
            case ["outbound", state]:
                assert seen.outputs["outbound_paused"].value is (state == "paused"), seen.outputs["outbound_paused"]
            case ["load", load, state]:
                assert seen.outputs[f"feed.{load}"].value is (state == "fed"), seen.outputs[f"feed.{load}"]
            case ["output", output, state]:
                assert seen.outputs[output].value is (state == "on"), seen.outputs[output]
            case ["lamp", row, shown]:
                assert seen.outputs[f"lamp.{row.lower()}"].value is SHOWN[shown], seen.outputs[f"lamp.{row.lower()}"]
            case ["flag", flag, state]:
                assert (flag in seen.flags) is (state == "up"), seen.flags
            case ["told", *words]:
                assert any(set(words) <= set(line.split()) for line in self.told), f"nobody told {words}"
            case ["not", "told", *words]:
                assert not any(set(words) <= set(line.split()) for line in self.told), f"told {words}"
            case ["point", point, *value]:
                reading = seen.derived[point]
                assert str(reading.value) == " ".join(value), reading
            case ["alarm", alarm, display]:
                assert seen.state.alarms[alarm].display.value == display, seen.state.alarms[alarm]
            case _:
                raise ValueError(f"a story cannot say: {what}")


def _details(data: object) -> list[str]:
    assert hasattr(data, "items")
    return [f"{key}={'+'.join(map(str, one)) if isinstance(one, tuple) else one}" for key, one in data.items()]


def _value(text: str) -> Value:
    if text in ("yes", "no"):
        return text == "yes"
    try:
        return float(text)
    except ValueError:
        return text
