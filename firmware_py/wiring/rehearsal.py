"""An outage in the mind alone, soon after the start: the first real one then finds its code made ready.

Much of ours is made at its first uses (`config/valued.py`), and an outage would be that. One step of `core.step`, or
one method, at a time, so that the loop is never held for long; its decisions go nowhere. It must not know outputs or
stores.
"""

import asyncio
from collections.abc import Callable, Iterator

from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, Readings
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Quality, Reading
from firmware_py.core.step import step

BEGIN_S, PAUSE_S = 5.0, 0.25  # when whoever starts us has seen the first state; and between two steps
SMALL_S = 0.02  # after what is no step of the core: a module or a method, of which there are a hundred
# A first reading, its confirmation, the end of any on-delay, and the way back.
_COURSE = ((1_000, "battery"), (20, "battery"), (120_000, "battery"), (1_000, "mains"), (20, "mains"))


def outage(plan: Plan, image: InputImage, decision: Decision) -> Iterator[Decision]:
    """What each step of an outage of the first UPS would be, from this picture and decision on; and back."""
    battery = next(iter(plan.batteries.values()), None)
    if battery is None or not isinstance(image.readings, Readings):
        return
    now_ms = image.now_ms
    for pause_ms, word in _COURSE:
        now_ms += pause_ms
        source = Reading(value=word, quality=Quality.GOOD, at_ms=now_ms)
        made_up = InputImage(now_ms=now_ms, readings=image.readings.joined({battery.source: source}))
        decision = step(plan, decision.state, made_up, (), now_ms, decision.looked)
        yield decision


def rehearse_soon(begin: Callable[[], Iterator[object]]) -> None:
    """Begin in a while, on the running loop, and take the steps one by one."""
    asyncio.get_running_loop().call_later(BEGIN_S, lambda: _take(begin()))


def _take(steps: Iterator[object]) -> None:
    if (done := next(steps, None)) is not None:  # a fault of it ends here, in the loop's log
        pause_s = PAUSE_S if isinstance(done, Decision) else SMALL_S
        asyncio.get_running_loop().call_later(pause_s, _take, steps)
