"""When this site was exported last: kept beside the journal, shown as the age that the controller's own point has.

It must not know what is exported, nor how.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from firmware_py.core.event import Event, Severity
from firmware_py.runtime.board import Json
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.kept import KeptWords
from firmware_py.wiring.links import OwnHealth

FILE = "exported.json"


class Exported:
    """Feeds `health`; `tell` journals an export."""

    def __init__(
        self, directory: Path, clock: Clock, health: OwnHealth, tell: Callable[[Sequence[Event]], None]
    ) -> None:
        self._kept, self._clock, self._health, self._tell = KeptWords(directory / FILE, Disk()), clock, health, tell
        words = self._kept.recall()
        self._health.exported_ms = int(words[0]) if words and words[0].isdecimal() else None

    async def note(self, by: str, fields: Mapping[str, object]) -> Json:
        """An export was made now. Its age is known as soon as the clock is."""
        self._health.exported_ms = self._clock.utc_ms()
        await self._kept.remember([str(self._health.exported_ms)])
        self._health.feed()
        now_ms = self._clock.now_ms()
        self._tell([Event(type="site.exported", severity=Severity.INFO, at_ms=now_ms, data={"by": by})])
        return {"utc_ms": self._health.exported_ms}
