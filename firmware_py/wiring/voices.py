"""Sinks that speak for a site: the last words to the central server and the notices to the site's own program.

They are made anew with each floor that is put in force. It must not decide what is said.
"""

from collections.abc import Awaitable, Callable

from config.floor import Floor
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.runtime.clock import Clock
from firmware_py.wiring.farewell import Farewell
from firmware_py.wiring.link import Link
from firmware_py.wiring.notices import Notices, make_notices
from monitors import power

TASK = "notices"


class Voices:
    """`delivered`: whether the far side has all that was told."""

    def __init__(self, floor: Floor, clock: Clock, link: Link, delivered: Callable[[], bool]) -> None:
        self._clock, self._link, self._delivered = clock, link, delivered
        self._notices: Notices | None = None
        self.hook: Callable[[], Awaitable[None]] | None = None
        self._farewell = self._make_farewell(floor)
        self._asked = floor.site.escalation.command
        self._take_notices(floor)

    def show(self, image: InputImage, decision: Decision) -> None:
        """One cycle."""
        self._farewell.show(image, decision)
        if self._notices is not None:
            self._notices.show(image, decision)

    def adopt(self, floor: Floor) -> bool:
        """Another floor from now on; True when another program is to be served."""
        self._farewell.drop()
        self._farewell = self._make_farewell(floor)
        if floor.site.escalation.command == self._asked:
            return False
        self._asked = floor.site.escalation.command
        self._take_notices(floor)
        return True

    def _make_farewell(self, floor: Floor) -> Farewell:
        return Farewell(self._link, self._clock, power.own_endings(floor.plan.conditions), self._delivered)

    def _take_notices(self, floor: Floor) -> None:
        made = make_notices(floor.site, self._clock)
        self.hook, self._notices = (None, None) if made is None else (made[0].run, made[1])
