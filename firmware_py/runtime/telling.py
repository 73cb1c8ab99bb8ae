"""The outputs of one endpoint: what is wanted of them is told over the wire, read back, and what became of it noted.

Called by the endpoint's one task, between its reads. It must not know a protocol, nor why an output is wanted so.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from firmware_py.core.reading import Reason, Sample, bad
from firmware_py.ports import DeviceError, RemotePort
from firmware_py.runtime.ask import Asker, Hung, Limits
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.endpoint import Wish, Wishes
from firmware_py.runtime.table import PointTable

log = logging.getLogger(__name__)


class Telling:
    """`port`: of the driver that serves the endpoint now, None where nothing is to be told. `surprise`: what a driver's
    bug is to others."""

    def __init__(
        self, name: str, port: RemotePort | None, *, asker: Asker, clock: Clock, table: PointTable, limits: Limits,
        surprise: Callable[[Exception], DeviceError],
    ) -> None:  # fmt: skip
        self._name, self.port = name, port
        self._asker, self._clock, self._table, self._limits = asker, clock, table, limits
        self._surprise = surprise
        self.wishes = Wishes(() if port is None else port.outputs)
        self._flushed = asyncio.Event()

    @property
    def outputs(self) -> frozenset[str]:
        """Outputs behind this endpoint."""
        return frozenset() if self.port is None else self.port.outputs

    def want(self, output: str, *, on: bool, lease_ms: int) -> bool:
        """A level is wanted; True when that is news."""
        is_news = self.wishes.want(output, on=on, lease_ms=lease_ms, now_ms=self._clock.now_ms())
        if is_news:
            self._flushed.clear()
        return is_news

    async def flush(self, limit_ms: int) -> bool:
        """Wait until every wanted level was told; False when the time was over first."""
        if self.wishes.pending:
            waiting = asyncio.ensure_future(self._flushed.wait())
            await asyncio.wait({waiting}, timeout=limit_ms / 1000)
            waiting.cancel()
        return not self.wishes.pending

    async def all(self) -> None:
        """Tell what is due. Raises Hung when the driver had to be abandoned."""
        if not self.wishes.all:
            self._flushed.set()
            return
        for output, on in self.wishes.due(self._clock.now_ms()):
            try:
                level = await self._tell(output, on)
            except DeviceError as error:
                self._excuse(output, on, error)
                if error.because is Reason.NO_COMMUNICATION or not error.unit_only:
                    self.wishes.rest(self._clock.now_ms())  # the others may be behind the same silence
                    break
            else:
                self._confirm(output, on, level)
        if not self.wishes.pending:
            self._flushed.set()

    async def _tell(self, output: str, on: bool) -> bool | None:
        assert self.port is not None
        try:
            await self._asker.ask(self.port.write(output, on), self._limits.write_ms)
            return await self._asker.ask(self.port.read_back(output), self._limits.write_ms)
        except (DeviceError, Hung):
            raise
        except Exception as error:  # our bug or a library's; it must not take the neighbours along
            raise self._surprise(error) from error

    def _confirm(self, output: str, on: bool, level: bool | None) -> None:
        follows = self.wishes.told(output, on=on, level=level, now_ms=self._clock.now_ms())
        self._table.offer({f"out.{output}.follows": Sample(value=follows, detail="" if follows else f"wanted {on}")})
        wish = self.wishes.all[output]
        if follows and wish.failing:
            log.warning("%s: %s follows again", self._name, output)
        elif not follows and not wish.failing:
            log.warning("%s: %s does not follow: wanted %s, reads back %s", self._name, output, on, level)
        wish.failing = not follows

    def _excuse(self, output: str, on: bool, error: DeviceError) -> None:
        wishes: Mapping[str, Wish] = self.wishes.all if not error.unit_only else {output: self.wishes.all[output]}
        for name, wish in wishes.items():
            self.wishes.failed(name, on=on if name == output else wish.on, now_ms=self._clock.now_ms())
            self._table.offer({f"out.{name}.follows": bad(error.because, str(error))})
            if not wish.failing:
                log.warning("%s: %s cannot be told: %s", self._name, name, error)
            wish.failing = True
