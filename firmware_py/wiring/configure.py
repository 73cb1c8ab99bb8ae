"""What technicians may do with the configuration of a running controller: apply, confirm, roll back, and look.

A change is on probation until somebody confirms it; the clock of that is here, in the controller, so that a lost line
to the technician does not matter. It must not know how a change is carried out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from config.faults import ConfigError
from config.floor import Devices, Floor
from config.valued import dataclass
from firmware_py.core.command import CommandRefused
from firmware_py.core.event import Event, Severity
from firmware_py.core.reading import Value
from firmware_py.runtime.board import Json
from firmware_py.runtime.clock import SELDOM_MS, Clock, ClockQuality, Waker, next_turn_ms, utc_text
from firmware_py.runtime.generations import Generation, Generations
from firmware_py.wiring.choice import LASTING_MS, Build
from firmware_py.wiring.drafts import checked_files
from firmware_py.wiring.gist import Gist, keep

log = logging.getLogger(__name__)
WINDOW_MS, SHORTEST_MS, LONGEST_MS = 300_000, 1_000, 24 * 3_600_000
_LOOK_MS = 1_000
_FAILURES = 3  # of one driver within the window: nobody needs to wait for its end
Fields: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What the changing of a running controller needs. `restarts`: failures by task; `alive`: devices that answer;
    `gist`: of what runs; `keep`: leaves the compiled form beside a generation."""

    swap: Callable[[Floor, Devices], Awaitable[tuple[str, ...]]]
    build: Build
    tell: Callable[[Sequence[Event]], None]
    restarts: Callable[[], Mapping[str, int]]
    alive: Callable[[], Mapping[str, bool]]
    gist: Callable[[], Gist]
    keep: Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """A change that nobody has confirmed yet."""

    generation: Generation
    until_ms: int
    back: int
    restarts: Mapping[str, int]
    alive: frozenset[str]


class Configure:
    """`number`: the generation that runs, 0 where none could be stored."""

    def __init__(self, store: Generations, number: int, clock: Clock, works: Works) -> None:
        self._store, self._clock, self._works = store, clock, works
        self.number = number
        self._trial: Probation | None = None
        self._started_ms = clock.now_ms()
        self._busy = asyncio.Lock()
        self._waker = Waker(clock)
        self.verbs: Mapping[str, Callable[[str, Fields], Awaitable[Json]]] = {
            "apply": self.apply, "confirm": self.confirm, "rollback": self.rollback,
            "generations": self.generations, "config": self.config,
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------------------- the verbs
    async def apply(self, by: str, fields: Fields) -> Json:
        """Put `files` in force on probation for `window_ms`. CommandRefused with every fault of them."""
        files = checked_files(fields.get("files"))
        return await self._put(files, by, _window_ms(fields), "apply")

    async def rollback(self, by: str, fields: Fields) -> Json:
        """End a probation now, or put the content of an earlier generation on probation; 0: the one before."""
        number = fields.get("number", 0)
        if self._trial is not None and not number:
            async with self._busy:
                if self._trial is not None:
                    return await self._revert(f"rolled back by {by}")
        confirmed = [one.number for one in self._store.book.confirmed]
        wanted = number or next((one for one in reversed(confirmed) if one != self.number), 0)
        if wanted not in confirmed:
            raise CommandRefused(
                f"there is no generation {wanted}; kept are {', '.join(map(str, confirmed)) or 'none'}"
            )
        assert isinstance(wanted, int)
        try:
            files = await asyncio.to_thread(self._store.files, wanted)
        except (OSError, ValueError) as error:
            raise CommandRefused(
                f"generation {wanted} cannot be read: {error}; choose another: `floorguard rollback --list`"
            ) from error
        return await self._put(files, by, _window_ms(fields), f"rollback to {wanted}")

    async def confirm(self, by: str, fields: Fields) -> Json:
        """Keep what is on probation. Refused while a device is silent that answered before, unless `anyway`."""
        async with self._busy:
            trial = self._trial
            if trial is None:
                raise CommandRefused("nothing is on probation; what runs was confirmed already")
            if fields.get("anyway") is not True and (silent := self._silent(trial)):
                raise CommandRefused(
                    f"silent since this change: {', '.join(silent)}; wait for it, or `floorguard confirm --anyway`"
                )
            await self._write(self._store.confirm)
            self._trial = None
            self._tell("config.confirmed", Severity.INFO, generation=self.number, by=by)
            return {"generation": self.number}

    async def generations(self, by: str, fields: Fields) -> Json:
        """All that are kept, the newest first."""
        book = self._store.book
        kept = [*book.confirmed, *([] if book.trial is None else [book.trial])]
        return {
            **self.report(),
            "kept": [
                {"generation": one.number, "by": one.by, "utc": one.utc, "why": one.why, "bad": one.bad}
                for one in reversed(kept)
            ],
        }

    async def config(self, by: str, fields: Fields) -> Json:
        """The files of a generation; 0: of the one that runs. There are no secrets in them, only their names."""
        number = fields.get("number", 0) or self.number
        if not isinstance(number, int) or self._store.book.find(number) is None:
            raise CommandRefused(f"there is no generation {number!r:.20}; `floorguard rollback --list` shows them")
        try:
            files = await asyncio.to_thread(self._store.files, number)
        except (OSError, ValueError) as error:
            raise CommandRefused(
                f"generation {number} cannot be read: {error}; choose another: `floorguard rollback --list`"
            ) from error
        return {"generation": number, "files": dict[str, Json](files)}

    def report(self) -> dict[str, Json]:
        """For people: which generation runs, and how long its probation lasts."""
        trial = self._trial
        return {
            "generation": self.number,
            "on_probation": trial is not None,
            "left_ms": None if trial is None else max(0, trial.until_ms - self._clock.now_ms()),
            "by": "" if trial is None else trial.generation.by,
            "silent": [] if trial is None else list[Json](self._silent(trial)),
        }

    # -------------------------------------------------------------------------------------------------------- the clock
    async def run(self) -> None:
        """For ever: ends probations that nobody confirmed, and those that go wrong earlier."""
        lasting, kept = False, 0
        while True:
            if not lasting and self._clock.now_ms() - self._started_ms >= LASTING_MS:
                lasting = True
                await self.note_lasting()
            if kept != self.number and self._trial is None and self._clock.now_ms() - self._started_ms >= _LOOK_MS:
                kept = self.number
                await self._keep_gist()
            if (why := self._why_back()) and not self._busy.locked():
                async with self._busy:
                    if why := self._why_back():
                        await self._revert(why)
            is_busy = kept != self.number or self._trial is not None
            await self._waker.wait(min(self._next_ms(), next_turn_ms(self._clock, _LOOK_MS if is_busy else SELDOM_MS)))

    async def note_lasting(self) -> None:
        """This configuration is no part of a crash loop: it has run for a minute, or was stopped in order."""
        try:
            await asyncio.to_thread(self._store.note_lasting)
        except OSError as error:
            log.error("the book of generations cannot be written: %s", error)

    async def _keep_gist(self) -> None:
        """For whoever asks while no controller runs, and for the next start; without it they compile themselves."""
        try:
            await asyncio.to_thread(lambda: keep(self._store, self.number, self._works.gist()))
        except (OSError, ValueError) as error:
            log.warning("the gist of generation %d cannot be kept: %s", self.number, error)
        try:
            await asyncio.to_thread(self._works.keep, self._store.path(self.number))
        except (OSError, ConfigError) as error:
            log.warning("the compiled form of generation %d cannot be kept: %s", self.number, error)

    def _next_ms(self) -> int:
        return next_turn_ms(self._clock, SELDOM_MS) if self._trial is None else self._trial.until_ms

    def _why_back(self) -> str:
        trial = self._trial
        if trial is None:
            return ""
        if self._clock.now_ms() >= trial.until_ms:
            return "nobody confirmed it in time"
        now = self._works.restarts()
        failing = [name for name, count in now.items() if count - trial.restarts.get(name, 0) >= _FAILURES]
        return f"{failing[0]} fails again and again" if failing else ""

    # ------------------------------------------------------------------------------------------------------- the change
    async def _put(self, files: Mapping[str, str], by: str, window_ms: int, why: str) -> Json:
        async with self._busy:
            if self._trial is not None:
                left_s = max(0, self._trial.until_ms - self._clock.now_ms()) // 1000
                raise CommandRefused(
                    f"generation {self.number} is on probation for {left_s} s more; first `floorguard confirm` or"
                    " `floorguard rollback`"
                )
            back, book = self.number, self._store.book
            if not back:
                raise CommandRefused(
                    "the state directory cannot be written, so there would be no way back; mend it first"
                )
            stamp = utc_text(self._clock.utc_ms()) if self._clock.quality() is not ClockQuality.NONE else ""
            who = Generation(number=0, by=by, utc=stamp, why=why)
            alive = frozenset(name for name, answers in self._works.alive().items() if answers)
            made = await self._write(lambda: self._store.add(files, who, trial=True))
            assert made is not None
            try:
                floor, devices = await asyncio.to_thread(self._works.build, self._store.path(made.number))
                fresh = await self._works.swap(floor, devices)
            except ConfigError as error:
                await self._write(self._store.revert)
                log.warning("%s: refused, generation %d stays: %s", by, back, error)
                raise CommandRefused(_shown(error, self._store.path(made.number).parent)) from error
            assert book.trial is None
            self.number = made.number
            until_ms = self._clock.now_ms() + window_ms
            self._trial = Probation(
                generation=made, until_ms=until_ms, back=back, restarts=dict(self._works.restarts()), alive=alive
            )
            self._waker.wake()
            self._tell("config.applied", Severity.WARNING, generation=made.number, by=by, back_to=back, why=why)
            return {"generation": made.number, "window_ms": window_ms, "restarted": list[Json](fresh), "back_to": back}

    async def _revert(self, why: str) -> Json:
        """Back to what ran before; should even that be refused now, what runs stays, and that is said."""
        trial = self._trial
        assert trial is not None
        try:
            floor, devices = await asyncio.to_thread(self._works.build, self._store.path(trial.back))
            await self._works.swap(floor, devices)
        except ConfigError as error:
            self._trial = None
            log.critical("generation %d cannot be put back: %s", trial.back, error)
            self._tell(
                "config.stuck", Severity.CRITICAL, generation=self.number, back_to=trial.back, why=str(error)[:200]
            )
            return {"generation": self.number}
        self.number, self._trial = trial.back, None
        await self._write(self._store.revert)
        log.warning("generation %d is reverted to %d: %s", trial.generation.number, trial.back, why)
        self._tell(
            "config.reverted", Severity.WARNING, generation=trial.generation.number, back_to=trial.back, why=why
        )  # fmt: skip
        return {"generation": self.number, "reverted": trial.generation.number}

    async def _write(self, change: Callable[[], Generation | None]) -> Generation | None:
        try:
            return await asyncio.to_thread(change)
        except OSError as error:
            raise CommandRefused(f"the generations cannot be written: {error}; nothing was changed") from error

    def _silent(self, trial: Probation) -> list[str]:
        now = self._works.alive()
        return sorted(name for name in trial.alive if now.get(name) is False)

    def _tell(self, kind: str, severity: Severity, **data: Value) -> None:
        self._works.tell([Event(type=kind, severity=severity, at_ms=self._clock.now_ms(), data=data)])


def _window_ms(fields: Fields) -> int:
    window_ms = fields.get("window_ms", WINDOW_MS)
    if not isinstance(window_ms, int) or isinstance(window_ms, bool) or not SHORTEST_MS <= window_ms <= LONGEST_MS:
        raise CommandRefused("the time to confirm must be from 1 s to 24 h")
    return window_ms


def _shown(error: ConfigError, folder: Path) -> str:
    return str(error).replace(f"{folder}/", "")[:4_000]
