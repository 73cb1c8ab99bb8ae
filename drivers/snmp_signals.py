"""What a UPS can tell: our closed list of signals, with units, plausible ranges and words.

Where an agent tells them stands in its profile. Pure; it must not know objects, sockets or polling.
"""

from collections.abc import Mapping
from enum import StrEnum

from config.valued import dataclass
from firmware_py.core.point import Kind, Point

STALE_POLLS = 3


class Group(StrEnum):
    """How often a signal is read: every second in one request, or every ten seconds."""

    FAST = "fast"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One thing that we want to know. `low`..`high`: plausible, in `unit`. `window`: where a healthy value lies; only
    a value outside it may have its scale repaired, and only into it."""

    id: str
    kind: Kind
    group: Group
    unit: str = ""
    urgent: bool = False
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    window: tuple[float, float] | None = None

    def point(self, device: str, period_ms: int) -> Point:
        """The point of `device` that carries this signal; stale after three polls of `period_ms`."""
        return Point(
            id=f"{device}.{self.id}",
            kind=self.kind,
            stale_after_ms=STALE_POLLS * period_ms,
            unit=self.unit,
            urgent=self.urgent,
            low=self.low,
            high=self.high,
            words=() if self.kind is Kind.FLAG else self.words,
        )


SOURCE_WORDS = ("mains", "battery", "bypass", "off", "test", "unknown")
BATTERY_WORDS = ("normal", "low", "depleted", "fault", "absent", "unknown")
TEST_WORDS = ("none", "passed", "warning", "failed", "aborted", "running", "unknown")
FLAG_WORDS = {"yes": True, "no": False}
WEEK_S = 7 * 24 * 3600
_VOLTS = (80.0, 300.0)
_HERTZ = (45.0, 65.0)


def _word(id: str, group: Group, words: tuple[str, ...]) -> Signal:
    return Signal(id=id, kind=Kind.WORD, group=group, urgent=group is Group.FAST, words=words)


def _flag(id: str, group: Group) -> Signal:
    return Signal(id=id, kind=Kind.FLAG, group=group, words=tuple(FLAG_WORDS))


def _number(id: str, unit: str, low: float, high: float, window: tuple[float, float] | None = None) -> Signal:
    return Signal(id=id, kind=Kind.NUMBER, group=Group.SLOW, unit=unit, low=low, high=high, window=window)


SIGNALS: Mapping[str, Signal] = {
    signal.id: signal
    for signal in (
        _word("output_source", Group.FAST, SOURCE_WORDS),
        _word("battery.status", Group.FAST, BATTERY_WORDS),
        _word("card_link", Group.FAST, ("ok", "lost")),
        Signal(id="alarms_present", kind=Kind.INTEGER, group=Group.FAST, low=0, high=10_000),
        _flag("overload", Group.FAST),
        _flag("test_running", Group.FAST),
        _flag("calibration_running", Group.FAST),
        _flag("replace_battery", Group.SLOW),
        _flag("charger_failed", Group.SLOW),
        _flag("over_temp", Group.SLOW),
        _word("battery.test", Group.SLOW, TEST_WORDS),
        _number("battery.charge_pct", "%", 0, 100),
        _number("battery.runtime_s", "s", 0, WEEK_S),
        _number("battery.temp_c", "C", -20, 80),
        _number("battery.voltage_v", "V", 1, 1000),
        _number("battery.current_a", "A", -2000, 2000),
        _number("output.load_pct", "%", 0, 250),
        _number("output.power_w", "W", 0, 2_000_000),
        _number("output.voltage_v", "V", 0, 500, _VOLTS),
        _number("output.frequency_hz", "Hz", 0, 100, _HERTZ),
        _number("input.voltage_v", "V", 0, 500, _VOLTS),
        _number("input.frequency_hz", "Hz", 0, 100, _HERTZ),
        Signal(id="on_battery_s", kind=Kind.INTEGER, group=Group.SLOW, unit="s", low=0, high=WEEK_S),
    )
}


def points(device: str, *, fast_period_ms: int = 1000, slow_period_ms: int = 10_000) -> tuple[Point, ...]:
    """The points of any UPS called `device`, for the site to register; stale after three polls."""
    periods_ms = {Group.FAST: fast_period_ms, Group.SLOW: slow_period_ms}
    return tuple(signal.point(device, periods_ms[signal.group]) for signal in SIGNALS.values())
