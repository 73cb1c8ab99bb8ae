"""One unit on a Modbus line: which blocks to ask for, what to believe, and whom to blame.

Merged reads that a unit refuses are split for good. Behind RTU framing a reply carries neither address nor number, so
after any trouble values count again only when two reads of different length were answered, each with its own length.
It must not know the library, the sockets or what a value means.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Protocol

from config.valued import dataclass
from drivers.modbus_guard import WRITE_COIL, Framing, Question
from drivers.modbus_kept import Kept, Taking, doubt
from drivers.modbus_plan import Block, Span, Table, plan, question_of, runs_of, split
from drivers.modbus_profile import ModbusUnit, resolve
from drivers.modbus_prompt import PromptRead
from drivers.modbus_refusal import EXCEPTIONS, refused, where
from drivers.modbus_schema import Pace
from drivers.modbus_silence import LineSilence
from drivers.modbus_trust import Trust
from firmware_py.core.reading import News, Reason, Sample, Source, bad
from firmware_py.ports import DeviceError, PollGroup

_log = logging.getLogger(__name__)

BUSY_TRIES = 5
BUSY_WAIT_S = 0.1  # doubles with each try; 1.5 s in all
ABSENT_S = 300.0  # how long a point that does not exist is left alone
CANARY_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: cells (registers or 0/1), or an exception code."""

    cells: tuple[int, ...] = ()
    exception: int | None = None


class Line(Protocol):
    """What a unit needs of the link that it shares with its neighbours. Times are seconds of the event loop."""

    @property
    def framing(self) -> Framing:
        """How frames are wrapped."""

    @property
    def epoch(self) -> int:
        """Grows with every new connection."""

    @property
    def opened_at(self) -> float:
        """When the connection was made."""

    @property
    def silence(self) -> LineSilence:
        """What the line still owes, and what came unasked."""

    async def hush(self, quiet_at: float, until: float) -> None:
        """Wait until `quiet_at`, and until the line may be used. DeviceError when that is after `until`."""

    async def ask(self, question: Question, timeout_s: float, spacing_s: float) -> Reply:
        """One request, one guarded reply. DeviceError."""

    def begin(self, read: PromptRead, spacing_s: float) -> bool:
        """Put a read without waiting; `ask` goes on with it where it hears no reply. False where that cannot be."""

    def close(self) -> None:
        """Give the connection up; the next read opens another."""


class UnitReader:
    """Reads one unit's groups and, where that is allowed, its coils. ValueError for a unit that cannot work."""

    def __init__(
        self, unit: ModbusUnit, line: Line, connect_ms: int, neighbours_ms: int, *, alone: bool = True
    ) -> None:
        self.unit = unit
        self._alone = alone
        self._line = line
        self._map = resolve(unit)
        self._points = {pace: tuple(each for each in self._map.points if each.pace is pace) for pace in Pace}
        self._blocks = {
            pace: plan((each.span for each in mapped), self._map.limits) for pace, mapped in self._points.items()
        }
        self._timeout_s = unit.timeout_ms / 1000
        self._spacing_s = max(unit.spacing_ms, unit.profile.file.quirks.spacing) / 1000
        self._patience_ms = connect_ms + (2 * neighbours_ms + 5 * unit.timeout_ms if line.framing.blind else 0)
        self._absent: dict[Block, float] = {}
        self._kept: dict[tuple[Pace, Table, int, int], Kept] = {}  # by what is read: a split block begins anew
        self._questions: dict[tuple[Table, int, int], Question] = {}
        self._sources = {pace: Source() for pace in Pace}
        self._prompt: dict[Pace, PromptRead] = {}
        self._reads = 0
        self._trust = Trust()

    def groups(self) -> tuple[PollGroup, ...]:
        """The unit's poll groups; a deadline holds a connect, every block at its slowest, and one busy wait."""
        made = []
        for pace, blocks in self._blocks.items():
            if blocks:
                longest = self._patience_ms + min((len(blocks) + 1) * self.unit.timeout_ms, 10_000) + 500
                made.append(
                    PollGroup(
                        id=f"{self.unit.device}.{pace}",
                        device=self.unit.device,
                        points=tuple(each.id for each in self._points[pace]),
                        period_ms=self.unit.period_ms(pace),
                        deadline_ms=longest,
                        # Behind RTU framing a unit in doubt is left alone for longer than one answer takes.
                        answer_ms=0 if self._line.framing.blind else self.unit.timeout_ms,
                    )
                )
        return tuple(made)

    async def read(self, pace: Pace, until: float) -> Mapping[str, Sample]:
        """Read every point of one pace before `until`. Raises DeviceError; then none of the values counts."""
        source, taking = self._sources[pace], Taking()
        self._prompt.clear()
        try:
            await self._regain_trust(until)
            await self._read_blocks(pace, until, taking)
        except BaseException:
            source.break_off()
            raise
        if self._reads < self.unit.profile.file.quirks.discard_first_reads:
            taking.doubt("first reads after the connection")
        self._reads += 1
        if self._line.framing.blind and self._trust.strange != self._line.silence.strange(self.unit.unit):
            taking.doubt("an answer came that nobody asked for")
        if not taking.is_plain:
            source.break_off()
            return taking.samples
        return source.answer(taking.samples, taking.changed)

    def begin(self, pace: Pace, done: Callable[[News | None], None]) -> int:
        """As `ports.PromptBus.begin`: one block of a unit of which nothing odd is known, and no doubt."""
        prompt = self._prompt.get(pace)
        if prompt is None or prompt.epoch != self._line.epoch:
            prompt = self._settle(pace)
            if prompt is None:
                return 0
        prompt.done = done
        return self.unit.timeout_ms if self._line.begin(prompt, self._spacing_s) else 0

    def _settle(self, pace: Pace) -> PromptRead | None:
        """Only a read that is awaited can change anything of this, and it forgets what was settled before."""
        blocks, quirks, line = self._blocks[pace], self.unit.profile.file.quirks, self._line
        if len(blocks) != 1 or self._absent or line.framing.blind or self._trust.epoch != line.epoch:
            return None
        if self._reads < quirks.discard_first_reads or quirks.zero_fill_suspect:
            return None
        kept, question = self._kept_of(blocks[0], pace), self._question_of(blocks[0])
        prompt = self._prompt[pace] = PromptRead(question, kept, self._sources[pace], line.epoch)
        return prompt

    async def _read_blocks(self, pace: Pace, until: float, taking: Taking) -> None:
        waiting, done = list(self._blocks[pace]), list[Block]()
        try:
            while waiting:
                parts = await self._read_block(waiting[0], until, pace, taking)
                if parts:
                    waiting[:1] = parts
                else:
                    done.append(waiting.pop(0))
        finally:
            self._blocks[pace] = (*done, *waiting)

    async def read_coil(self, address: int, until: float) -> bool:
        """One coil as it really is. Raises DeviceError."""
        await self._regain_trust(until)
        reply = await self._ask(Question(unit=self.unit.unit, function=1, address=address, count=1), until)
        if reply.exception is not None:
            raise refused(reply.exception)
        return bool(reply.cells[0])

    async def read_words(self, span: Span, until: float) -> tuple[int, ...]:
        """Holding registers as they really are. Raises DeviceError."""
        await self._regain_trust(until)
        reply = await self._ask(question_of(self.unit.unit, span), until)
        if reply.exception is not None:
            raise refused(reply.exception)
        return reply.cells

    async def write_words(self, span: Span, words: tuple[int, ...], function: int, until: float) -> None:
        """Set holding registers and read them back. Raises DeviceError; never for a unit that is watched only."""
        assert not self.unit.watched_only, "ModbusBus refuses such outputs when it is made"
        await self._regain_trust(until)
        question = Question(unit=self.unit.unit, function=function, address=span.address, count=span.count, words=words)
        reply = await self._ask(question, until)
        if reply.exception is not None:
            raise refused(reply.exception)
        if (found := await self.read_words(span, until)) != words:
            raise DeviceError(f"{where(span)} was written {words} and reads back {found}", because=Reason.BAD_REPLY)

    async def write_coil(self, address: int, on: bool, until: float) -> None:
        """Set one coil and read it back. Raises DeviceError; never called for a unit that is watched only."""
        assert not self.unit.watched_only, "ModbusBus refuses such outputs when it is made"
        await self._regain_trust(until)
        question = Question(unit=self.unit.unit, function=WRITE_COIL, address=address, count=1, value=on)
        reply = await self._ask(question, until)
        if reply.exception is not None:
            raise refused(reply.exception)
        if await self.read_coil(address, until) is not on:
            raise DeviceError(f"coil {address} was written {on:d} and reads back {not on:d}", because=Reason.BAD_REPLY)

    async def _read_block(self, block: Block, until: float, pace: Pace, taking: Taking) -> tuple[Block, ...]:
        """Read one block into `taking`; or give the pieces to try instead, when the unit refuses it as a whole."""
        loop = asyncio.get_running_loop()
        if self._absent and self._absent.get(block, 0.0) > loop.time():
            self._mark(block, pace, taking, Reason.NOT_SUPPORTED, "refused")
            return ()
        reply = await self._ask(self._question_of(block), until)
        if reply.exception is None:
            if self._absent:  # a block is long to hash
                self._absent.pop(block, None)
            self._take(block, pace, reply.cells, taking)
            return ()
        what = f"exception {reply.exception}, {EXCEPTIONS[reply.exception]}"
        if loop.time() < self._line.opened_at + self.unit.profile.file.quirks.not_ready / 1000:
            self._mark(block, pace, taking, Reason.NOT_YET, f"not ready after the connection ({what})")
            return ()
        parts = split(block) if reply.exception != 1 else ()
        place = where(block)
        if parts:
            _log.info("%s refuses to read %s at once (%s); split for good", self.unit.device, place, what)
            return parts
        if block not in self._absent:
            _log.info("%s has no %s (%s)", self.unit.device, place, what)
        self._absent[block] = loop.time() + ABSENT_S
        self._mark(block, pace, taking, Reason.NOT_SUPPORTED, what)
        return ()

    def _question_of(self, block: Block) -> Question:
        place = block.table, block.address, block.count
        if place not in self._questions:
            self._questions[place] = question_of(self.unit.unit, block)
        return self._questions[place]

    def _kept_of(self, block: Block, pace: Pace) -> Kept:
        place = pace, block.table, block.address, block.count
        if place not in self._kept:
            self._kept[place] = Kept(block, ((each.id, each.encoding, each.span) for each in self._points[pace]))
        return self._kept[place]

    def _take(self, block: Block, pace: Pace, cells: tuple[int, ...], taking: Taking) -> None:
        kept = self._kept_of(block, pace)
        taking.changed.update(kept.take(cells))
        if self.unit.profile.file.quirks.zero_fill_suspect and not block.table.of_bits and not any(cells):
            doubted = {id: doubt(sample, "a block of nothing but zeros") for id, sample in kept.samples.items()}
            taking.add(doubted)
        else:
            taking.samples.update(kept.samples)

    def _mark(self, block: Block, pace: Pace, taking: Taking, because: Reason, detail: str) -> None:
        taking.add({point.id: bad(because, detail) for point in self._points[pace] if block.covers(point.span)})

    async def _ask(self, question: Question, until: float) -> Reply:
        """Ask, waiting out a busy device. Only 'no such address' and its like come back as an exception code."""
        reply = await self._ask_once(question, until)
        for busy in range(BUSY_TRIES - 1):
            if reply.exception not in (5, 6):
                break
            await asyncio.sleep(BUSY_WAIT_S * 2**busy)
            reply = await self._ask_once(question, until)
        if reply.exception is None or reply.exception in (1, 2, 3):
            return reply
        raise refused(reply.exception)

    async def _ask_once(self, question: Question, until: float) -> Reply:
        loop = asyncio.get_running_loop()
        if self._line.framing.blind:
            await self._line.hush(0.0, until)
        if loop.time() + self._timeout_s > until:
            raise DeviceError("the deadline is over before the last question")
        self._trust.asked(question, loop.time())
        try:
            reply = await self._line.ask(question, self._timeout_s, self._spacing_s)
        except DeviceError:
            self._trust.shake(loop.time(), self._timeout_s, self._line.silence.worst_s)
            raise
        self._trust.answered()
        return reply

    async def _regain_trust(self, until: float) -> None:
        now, trust = asyncio.get_running_loop().time(), self._trust
        if trust.epoch != self._line.epoch:
            trust.epoch, trust.doubt, self._reads = self._line.epoch, True, 0
            self._absent.clear()
        if not self._line.framing.blind:
            return
        if trust.pending is not None:  # the caller gave up in the middle of a question; its answer is still to come
            trust.shake(now, self._timeout_s, self._line.silence.worst_s)
        trust.doubt = trust.doubt or trust.strange != self._line.silence.strange(self.unit.unit)
        if not trust.doubt and now - trust.at < CANARY_EVERY_S:
            return
        if now < trust.quiet_at and not self._alone:
            # The neighbours must not wait for it: a late answer carries its unit's number and passes for nobody else's.
            raise DeviceError("left alone until its late answers have passed", because=Reason.DOUBTFUL)
        await self._line.hush(trust.quiet_at, until)
        trust.strange = self._line.silence.strange(self.unit.unit)
        pairs = list(self._canaries())
        pair = pairs[trust.refusals % len(pairs)]
        trust.doubt = True
        trust.attempts += 1
        try:
            # Turned round with every attempt: a line that is late by one canary pair must not look right on the next.
            answers = [await self._ask(each, until) for each in (pair if trust.attempts % 2 else pair[::-1])]
            self._check_canaries(answers, pair)
        except DeviceError as error:
            if error.because is not Reason.BAD_REPLY:
                raise
            self._line.close()  # whatever is still on its way dies with the connection
            raise DeviceError(f"not proven: {error}", because=Reason.BAD_REPLY, unproven=True) from error
        trust.restore(asyncio.get_running_loop().time())

    def _check_canaries(self, answers: list[Reply], pair: tuple[Question, Question]) -> None:
        # Where the functions differ, a refusal is as telling as data: it repeats the function.
        if pair[0].function == pair[1].function and any(each.exception is not None for each in answers):
            self._trust.refusals += 1
            raise DeviceError("the proof read is refused", because=Reason.DOUBTFUL)
        proof = self.unit.profile.file.canary
        if proof is None:
            return
        longest = max(answers, key=lambda each: len(each.cells)).cells
        if any(each.cells != longest[: len(each.cells)] for each in answers) or longest != (proof.expect or longest):
            self._trust.shake(asyncio.get_running_loop().time(), self._timeout_s, self._line.silence.worst_s)
            raise DeviceError(f"the proof registers read {longest}, which they never hold", because=Reason.BAD_REPLY)

    def _canaries(self) -> Iterator[tuple[Question, Question]]:
        """Pairs of reads whose replies cannot be taken for each other: the declared one, else some that are polled."""
        if self._map.canary is not None:
            whole, part = self._map.canary, replace(self._map.canary, count=self._map.canary.count - 1)
            yield question_of(self.unit.unit, whole), question_of(self.unit.unit, part)
            return
        runs = [run for blocks in self._blocks.values() for block in blocks for run in runs_of(block)]
        for one, other in combinations(runs, 2):
            first, second = question_of(self.unit.unit, one), question_of(self.unit.unit, other)
            if first.shape != second.shape:
                yield first, second
        first = question_of(self.unit.unit, runs[0])
        yield first, replace(first, function=3 if first.function != 3 else 4, address=0, count=1)


__all__ = ["EXCEPTIONS", "Line", "Reply", "Table", "UnitReader"]
