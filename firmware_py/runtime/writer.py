"""Carries the OutputImage out: local pins at once, patterns by the flash clock, remote outputs into their mailboxes.

On the way out of the process it drives every output to what was declared for that. It must not know polarity, pins,
protocols or why an output has its value.
"""

import gc
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Protocol, assert_never

from config.valued import dataclass
from firmware_py.core.output import PATTERN_STEPS, Output, OutputImage, OutputValue, Pattern, Steps, StopValue
from firmware_py.core.reading import Sample, bad
from firmware_py.ports import DeviceError, LocalPort
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.endpoint import Wishes
from firmware_py.runtime.flash import Flasher
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats

log = logging.getLogger(__name__)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No collection of garbage in here: one of a large heap takes a tenth of a second on a busy core."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Mailbox(Protocol):
    """The endpoint's side of remote outputs (a Poller)."""

    @property
    def outputs(self) -> frozenset[str]:
        """Outputs behind it."""

    @property
    def wishes(self) -> Wishes:
        """What was wanted, and what became of it."""

    def want(self, output: str, *, on: bool, lease_ms: int) -> None:
        """Take a wanted level; the newest wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReport:
    """What an output is to do, and the level it has as far as is known. `port` "" where nothing is wired."""

    output: str
    port: str
    wanted: OutputValue | None
    level: bool | None
    follows: bool


class Writer:
    """One writer for all outputs of the plan. An output without a port is legal: the site has no such lamp."""

    def __init__(
        self, outputs: Mapping[str, Output], *, clock: Clock, table: PointTable, beats: Beats,
        local: Iterable[LocalPort] = (), remote: Iterable[Mailbox] = (), steps: Steps = PATTERN_STEPS,
    ) -> None:  # fmt: skip
        self._outputs, self._clock, self._table = outputs, clock, table
        self.flasher = Flasher(clock, self._drive, beats.beat, steps)
        self._local = {name: port for port in local for name in port.outputs}
        self._remote = {name: box for box in remote for name in box.outputs}
        assert not self._local.keys() & self._remote.keys(), "an output has one port"
        self._wanted: dict[str, OutputValue] = {}
        self._levels: dict[str, bool] = {}
        self._written_ms: dict[str, int] = {}
        self._failing: set[str] = set()
        self._stopped = False

    def apply(self, image: OutputImage) -> None:
        """Bring all outputs to this picture. The first time every output is written, later what differs or has run out
        its lease. After a stop nothing is written any more."""
        if self._stopped:
            return
        self.flasher.note_alive()
        levels: dict[str, bool] = {}
        for name, output in self._outputs.items():
            drive = image.get(name)
            value: OutputValue = output.normal if drive is None else drive.value
            self._wanted[name] = value
            self._set(output, value, levels)
        self._drive(levels)

    @property
    def levels(self) -> Mapping[str, bool]:
        """Outputs on this board as they were last driven."""
        return self._levels

    def adopt(
        self, outputs: Mapping[str, Output], *, local: Iterable[LocalPort], remote: Iterable[Mailbox],
        steps: Steps = PATTERN_STEPS,
    ) -> None:  # fmt: skip
        """Other outputs from now on. Each is said again at the next `apply`, so that one on a new place follows."""
        self._outputs = outputs
        self.flasher.adopt(steps)
        self._local = {name: port for port in local for name in port.outputs}
        self._remote = {name: box for box in remote for name in box.outputs}
        assert not self._local.keys() & self._remote.keys(), "an output has one port"
        for name in self._wanted.keys() - self._local.keys():
            self.flasher.stop(name)
        self._wanted = {name: value for name, value in self._wanted.items() if name in outputs}
        self._failing &= outputs.keys()
        self._levels.clear()

    def stop(self, *, fault: bool) -> None:
        """Drive every output to its `on_stop` or `on_fault`: pins now, remote ones as soon as the wire allows.

        All are tried, whatever happens with one of them.
        """
        self._stopped = True
        with ExitStack() as each:
            for output in self._outputs.values():
                each.callback(partial(self._release, output, output.on_fault if fault else output.on_stop))

    def report(self) -> tuple[OutputReport, ...]:
        """All outputs, for people."""
        return tuple(self._report(name) for name in self._outputs)

    def _report(self, name: str) -> OutputReport:
        wanted = self._wanted.get(name)
        if (box := self._remote.get(name)) is not None:
            wish = box.wishes.all.get(name)
            level, failing = (None, True) if wish is None else (wish.level, wish.failing)
            return OutputReport(output=name, port="remote", wanted=wanted, level=level, follows=not failing)
        port = "" if name not in self._local else self._local[name].name
        follows = name not in self._failing
        return OutputReport(output=name, port=port, wanted=wanted, level=self._levels.get(name), follows=follows)

    def _set(self, output: Output, value: OutputValue, levels: dict[str, bool]) -> None:
        """What is on this board goes into `levels`, to be driven together."""
        if (box := self._remote.get(output.id)) is not None:
            # A rhythm cannot be played over a wire that may stall; steady on says as much.
            box.want(output.id, on=value is not False, lease_ms=output.lease_ms)
        elif output.id in self._local:
            if isinstance(value, Pattern):
                begun = self.flasher.play(output.id, value)
                if begun is not None:
                    levels[output.id] = begun
            else:
                self.flasher.stop(output.id)
                levels[output.id] = value

    def _release(self, output: Output, stop: StopValue) -> None:
        self.flasher.stop(output.id)
        match stop:
            case StopValue.HOLD:
                pass
            case StopValue.ON | StopValue.OFF:
                self._levels.pop(output.id, None)  # written even if we believe that it is so
                self._wanted[output.id] = stop is StopValue.ON
                levels: dict[str, bool] = {}
                self._set(output, stop is StopValue.ON, levels)
                self._drive(levels)
            case _ as never:
                assert_never(never)

    def _drive(self, levels: Mapping[str, bool]) -> None:
        """All of these in one go: what is looked up, told and logged comes before or after the pins, never between."""
        now_ms = self._clock.now_ms()
        due = [
            (self._local[name].set_level, name, on)
            for name, on in levels.items()
            if self._levels.get(name) is not on or now_ms - self._written_ms[name] >= self._outputs[name].lease_ms
        ]
        if not due:
            return
        lost: dict[str, DeviceError] = {}
        with _uncollected():
            for set_level, name, on in due:
                try:
                    set_level(name, on)
                except DeviceError as error:
                    lost[name] = error
        for _, name, on in due:
            self._note(name, on, now_ms, lost.get(name))

    def _note(self, name: str, on: bool, now_ms: int, error: DeviceError | None) -> None:
        if error is not None:
            self._levels.pop(name, None)
            self._table.offer({f"out.{name}.follows": bad(error.because, str(error))})
            if name not in self._failing:
                log.warning("%s cannot be driven: %s", name, error)
            self._failing.add(name)
            return
        if name in self._failing:
            log.warning("%s can be driven again", name)
            self._failing.discard(name)
        self._levels[name] = on
        self._written_ms[name] = now_ms
        self._table.offer({f"out.{name}.follows": Sample(value=True)})
