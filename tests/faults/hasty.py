"""Runs the real daemon with every group of points read so many times more often than its site file says.

`python -m tests.faults.hasty PACE run --config FILE`: a site file may not ask for more than four reads a second.
Nothing else of the daemon is changed.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from firmware_py.ports import PollGroup
from firmware_py.runtime.endpoint import Schedule


def hurry(pace: int) -> None:
    """From now on whoever was read comes up again after a part of its period."""
    usual = Schedule.done

    def done(self: Schedule, group: PollGroup, now_ms: int) -> bool:
        return usual(self, replace(group, period_ms=max(1, group.period_ms // pace)), now_ms)

    Schedule.done = done  # type: ignore[method-assign]  # in this process only, before anything is started


if __name__ == "__main__":
    from firmware_py.cli import main

    hurry(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
