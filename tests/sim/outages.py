"""An outage as physics has it: a battery after Peukert, its gauge, its UPS's own figure, and loads that the floor cuts.

The floor is the real thing: a site file, all monitors, `step`. Only the UPS's readings come from here, as coarse as a
card gives them (1 %, whole minutes, every 10 s). Truth is kept apart from what the UPS says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import load_document
from firmware_py.core.decision import Decision
from firmware_py.core.forecast import BatteryState
from firmware_py.core.image import freeze
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.state import State
from firmware_py.core.step import step

MINUTE = 60_000
HOUR = 3_600_000
TARGET_MS = 4 * HOUR
RATING_W = 10_000
KEPT_W = 2_000  # phones and inbound
TO_TARGET = ("endurance = true",) * 3

SITE = """
[site]
id = "sim"
name = "Simulated outage"

[power]
endurance = "4 h"
{trust}
announce_lead = "2 min"

[gpio]
factory = "mock"

[[ups]]
id = "ups1"
address = "127.0.0.1"
profile = "ups_rfc1628"
rating = "10 kW"

[[load]]
id = "inbound"
kind = "inbound"
priority = 1
watts = "2 kW"
ups = "ups1"
"""
ENTRY = """
[[output]]
id = "feed.{id}"
port = "gpio"
pin = {pin}
polarity = "active_high"
normal = "on"
on_stop = "hold"
on_fault = "on"

[[load]]
id = "{id}"
priority = {priority}
watts = "{watts} W"
ups = "ups1"
output = "feed.{id}"
people = {people}

[[stage]]
id = "{id}_stage"
cause = "power"
order = {order}
{trigger}
loads = ["{id}"]
"""


def build_plan(folder: Path, extra_w: int, *, trust: int | None = None, triggers: Sequence[str] = TO_TARGET) -> Plan:
    """A floor with `extra_w` in three stages over the load that is kept; people sit at the last."""
    parts = (("pantry", 9, 0.3, "false"), ("office", 6, 0.3, "false"), ("outbound", 4, 0.4, "true"))
    text = SITE.format(trust="" if trust is None else f'trust_unwatched = "{trust} %"')
    for order, (name, priority, share, people) in enumerate(parts, start=1):
        text += ENTRY.format(
            id=name, pin=order + 4, priority=priority, watts=int(extra_w * share), people=people, order=order,
            trigger=triggers[order - 1],
        )  # fmt: skip
    path = folder / "site.toml"
    path.write_text(text)
    document, site = load_document(path)
    return compile_floor(site, find_devices(document, site, Library(folder))).plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """What the battery really does. `kept_ms`: how long it carries `KEPT_W` (shedding everything at once).

    `gauge`: what it shows, from 0 to 100, at a share of its life; `claim`: its UPS's figure over the truth of a sound
    battery, 0 for a UPS that gives none.
    """

    name: str
    exponent: float
    kept_ms: int
    gauge: Callable[[float], float]
    claim: float = 1.0

    def lasts_ms(self, load_w: float) -> float:
        """A full battery at a constant load (Peukert)."""
        return float(self.kept_ms * (KEPT_W / load_w) ** self.exponent)


def sound(spent: float) -> float:
    """A gauge that says the truth."""
    return 100 * (1 - spent)


def worn(spent: float) -> float:
    """A worn battery: it creeps to 90 %, which is most of what it has, and falls off."""
    return 100 - 10 * spent / 0.8 if spent < 0.8 else 90 * (1 - spent) / 0.2


@dataclass(slots=True, kw_only=True)
class Outage:
    """One run. `undeclared_w` hangs on the UPS and stands in no file."""

    plan: Plan
    law: Law
    undeclared_w: int = 0
    state: State = field(default_factory=State)
    now_ms: int = 100_000
    mains: bool = True
    dark: bool = False
    spent: float = 0.0
    readings: dict[str, Reading] = field(default_factory=dict)
    last: Decision | None = None
    errors: list[float] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    @property
    def load_w(self) -> float:
        """What the UPS carries now."""
        outputs: Mapping[str, object] = {} if self.last is None else self.last.outputs
        on = [load for load in self.plan.batteries["ups1"].loads if not self._is_off(load.output, outputs)]
        return sum(load.watts_w for load in on) + self.undeclared_w

    def _is_off(self, output: str, outputs: Mapping[str, object]) -> bool:
        return output in outputs and self.last is not None and self.last.outputs[output].value is False

    @property
    def left_ms(self) -> float:
        """The truth."""
        return (1 - self.spent) * self.law.lasts_ms(self.load_w)

    def move(self, dt_ms: int) -> None:
        """Time passes for the battery and for the floor."""
        self.now_ms += dt_ms
        if not self.mains:
            self.spent = min(1.0, self.spent + dt_ms / self.law.lasts_ms(self.load_w))
        self._read()
        image = freeze(self.plan.points.values(), self.readings, self.now_ms)
        self.last = step(self.plan, self.state, image, (), self.now_ms, self.last and self.last.looked)
        self.state = self.last.state
        self.events += [event.type for event in self.last.events]
        self.flags |= self.last.flags
        forecast = self.last.derived["ups1.forecast.runtime_s"]
        if not self.mains and forecast.good and isinstance(forecast.value, int) and self.left_ms > 10 * MINUTE:
            self.errors.append(forecast.value * 1000 / self.left_ms - 1)

    def _read(self) -> None:
        source = Reading(value="mains" if self.mains else "battery", quality=Quality.GOOD, at_ms=self.now_ms)
        given = {"ups1.output_source": source}
        due = self.now_ms % 10_000 < 2_000 or "ups1.battery.charge_pct" not in self.readings
        if due:
            gauge = self.law.gauge(self.spent)
            load_w = self.load_w
            slow: dict[str, Value] = {
                "ups1.battery.charge_pct": float(int(gauge)),
                "ups1.output.load_pct": float(round(load_w * 100 / RATING_W)),
                "ups1.battery.status": "normal",
            }
            if self.law.claim:
                claim_ms = gauge / 100 * self.law.lasts_ms(load_w) * self.law.claim
                slow["ups1.battery.runtime_s"] = float(int(claim_ms / MINUTE) * 60)
            given |= {name: Reading(value=v, quality=Quality.GOOD, at_ms=self.now_ms) for name, v in slow.items()}
        if self.dark:
            lost = Reason.NO_COMMUNICATION
            for name, old in self.readings.items():
                self.readings[name] = replace(old, quality=Quality.BAD, because=lost)
        else:
            self.readings |= given

    def run(self, duration_ms: int) -> None:
        """So long, or until the battery is empty: finely at first, then as often as the card is read."""
        end_ms = self.now_ms + duration_ms
        fine_ms = self.now_ms + 3 * MINUTE
        while self.now_ms < end_ms and self.spent < 1:
            self.move(2_000 if self.now_ms < fine_ms else 20_000)

    def fail(self, limit_ms: int) -> float:
        """The mains goes: how long what is kept was carried, at most `limit_ms`."""
        self.run(20_000)
        self.mains = False
        begun_ms = self.now_ms
        self.run(limit_ms)
        return float(self.now_ms - begun_ms)


def watched(plan: Plan, law: Law, undeclared_w: int, floor: float = 0.97) -> State:
    """The memory of a floor that saw one outage with this battery, down to a share of its life."""
    past = Outage(plan=plan, law=law, undeclared_w=undeclared_w)
    past.run(20_000)
    past.mains = False
    while past.spent < floor:
        past.move(30_000)
    return State(batteries={"ups1": BatteryState(learnt=past.state.batteries["ups1"].learnt)})
