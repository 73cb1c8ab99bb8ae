"""The alarm machine bites: each fault planted into the product's own text is caught by it within some courses.

A fault is one replacement in the source of one function, so that a fault which no longer fits fails by itself.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from firmware_py.core import alarm, annunciation, drill_course
from firmware_py.core.alarm import AlarmState
from tests.core.test_alarm_course import AlarmCourse

COURSES = settings(
    max_examples=600, stateful_step_count=30, deadline=None, derandomize=True, database=None,
    phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
)  # fmt: skip
FAULTS = {
    "a new alarm counts as acknowledged": (alarm, "_activate", "acked=False", "acked=state.acked"),
    "a new alarm does not end a silence": (
        annunciation, "unsilence", "if (state := moved[name]).silenced and", "if not (state := moved[name]) and",
    ),
    "an activation while it is unacknowledged is lost": (
        alarm, "advance", "if on and not state.active:", "if on and not state.active and state.acked:",
    ),
    "an alarm that returned counts as acknowledged": (alarm, "_leave", "acked=state.acked or unseen", "acked=True"),
    "a shelf does not run out": (AlarmState, "_shelf_ms", "self.shelved_ms - dt_ms", "self.shelved_ms"),
    "a shelf survives a reboot whole": (
        AlarmState, "_shelf_ms", "(self.shelved_until_s - utc_s) * 1000", "self.shelved_ms",
    ),
    "a shelf is kept when nobody knows how long we were off": (
        AlarmState, "_shelf_ms", "return 0", "return self.shelved_ms",
    ),
    "what is shelved sounds": (AlarmState, "display", "if self.set_aside:", "if False:"),
    "an acknowledged alarm sounds on": (
        AlarmState, "sounds", "self.display is Display.ACTIVE_UNACKED and not self.silenced", "self.active",
    ),
    "what was practised stays acknowledged when it is real": (
        drill_course, "_practise", "mine - real", "mine",
    ),
}  # fmt: skip


@contextmanager
def planted(place: object, name: str, sound: str, faulty: str) -> Iterator[None]:
    """The function with this fault in it, for a while."""
    was = inspect.getattr_static(place, name)
    function = was.fget if isinstance(was, property) else was
    assert isinstance(function, FunctionType)
    source = textwrap.dedent(inspect.getsource(function)).removeprefix("@property\n")
    assert source.count(sound) == 1, f"{sound!r} is no longer in {name}"
    made: dict[str, FunctionType] = {}
    exec(source.replace(sound, faulty), function.__globals__, made)
    setattr(place, name, property(made[name]) if isinstance(was, property) else made[name])
    try:
        yield
    finally:
        setattr(place, name, was)


@pytest.mark.acceptance
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_alarm_fault_is_caught(fault: str) -> None:
    with planted(*FAULTS[fault]), pytest.raises(AssertionError):
        run_state_machine_as_test(AlarmCourse, settings=COURSES)


def test_nothing_stays_planted() -> None:
    was = alarm._activate
    with planted(*FAULTS["a new alarm counts as acknowledged"]):
        assert alarm._activate is not was
    assert alarm._activate is was
