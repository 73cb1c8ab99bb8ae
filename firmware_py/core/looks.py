"""How many readings of each point its conditions want to agree, so that those can follow each other at once.

Three looks at a trunk then cost three answers of the exchange, not three turns of the poller. This module must not know
who reads, nor how fast.
"""

from firmware_py.core.check import points_of
from firmware_py.core.plan import Plan


def looks(plan: Plan) -> dict[str, int]:
    """By point: what the most careful of its conditions asks. A contact that senses a line is looked at as often as the
    state that is made of it."""
    wanted: dict[str, int] = {}
    for condition in plan.conditions.values():
        for point in points_of(condition.test):
            wanted[point] = max(wanted.get(point, 1), condition.confirm)
    for line in plan.lines.values():
        if line.sensed:
            wanted[line.sensed] = max(wanted.get(line.sensed, 1), wanted.get(line.point, 1))
    return wanted
