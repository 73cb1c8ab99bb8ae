"""Runs the real daemon with every group of points read so many times more often than its site file says.

`python -m tests.faults.hasty PACE run --config FILE`: a site file may not ask for more than four reads a second.
Nothing else of the daemon is changed; but mock pins, which keep every level that they ever had, keep one, as a Pi's do.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from config.partly import load_partly
from firmware_py.ports import PollGroup
from firmware_py.runtime.endpoint import Schedule


def hurry(pace: int) -> None:
    """From now on whoever was read comes up again after a part of its period."""
    usual = Schedule.done

    def done(self: Schedule, group: PollGroup, now_ms: int) -> bool:
        return usual(self, replace(group, period_ms=max(1, group.period_ms // pace)), now_ms)

    Schedule.done = done  # type: ignore[method-assign]  # in this process only, before anything is started


def forget_levels() -> None:
    """Of the mock pins: 550 records a minute at this pace, which were most of what a soak found to grow."""
    load_partly("gpiozero")  # as the daemon does
    from gpiozero.pins.mock import MockPin

    usual = MockPin._change_state

    def change(pin: MockPin, value: bool) -> object:
        found = usual(pin, value)
        del pin.states[:-1]
        return found

    MockPin._change_state = change


if __name__ == "__main__":
    from firmware_py.cli import main

    hurry(int(sys.argv[1]))
    forget_levels()
    sys.exit(main(sys.argv[2:]))
