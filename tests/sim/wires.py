"""How the controller sees the world: sources that are read on a grid of whole seconds, and what goes wrong on the way.

A source is quiet while each further read would bring the same again; then it need not be visited, and its readings are
only made as young as the last read on its grid, when somebody looks at them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from firmware_py.core.calendar import seconds_of
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind as PointKind
from firmware_py.core.reading import Quality, Reading, Reason, Value
from tests.sim.faults import NUMBERS, SECOND, WORDS, Kind
from tests.sim.site import EPOCH
from tests.sim.sources import CLOCK, Answer, Follow, Source, follows_of, sources_of
from tests.sim.world import World

EPOCH_S = seconds_of(EPOCH)
DEAD_AFTER_MS = 3 * SECOND
LEASE_MS, RETRY_MS = 60 * SECOND, 10 * SECOND
_NOISY = frozenset({Kind.GARBAGE, Kind.LATE, Kind.DUPLICATE})
_UNRULY = frozenset({Kind.RELAY_STUCK, Kind.FALSE_READ_BACK})
OFFSETS_S = {"past": -20 * 365 * 86_400, "future": 3 * 365 * 86_400, "hour": 3_600}


class Wires:
    """All sources; `known` and `seen` are what the controller's point table holds. `lazy`: a quiet source is not asked
    anew."""

    def __init__(self, plan: Plan, world: World, *, lazy: bool = False) -> None:
        self.plan, self.world, self._lazy = plan, world, lazy
        self.known: dict[str, Reading] = {}  # with the time of the last change, or of a later read
        self.boot_ms = 0
        self.sources = sources_of(plan)
        self.follows = follows_of(plan)
        self.changed = False
        self.of_point = {point: source for source in self.sources for point in source.points}

    # ------------------------------------------------------------------------------------------------ the controller
    def restart(self, boot_ms: int) -> None:
        """The controller forgets all readings; its clock begins at `boot_ms` of the world."""
        self.known, self.boot_ms = {}, boot_ms
        for source in self.sources:
            source.dirty, source.dead, source.silent_since_ms, source.stamped_ms = True, False, None, -1
            source.last, source.shown, source.frozen, source.old = {}, {}, None, False
        for follow in self.follows.values():
            follow.wanted = None

    def seen(self) -> Mapping[str, Reading]:
        """The point table, each reading as young as the last read that brought it."""
        for source in self.sources:
            self._date(source)
        return self.known

    def want(self, levels: Mapping[str, bool]) -> None:
        """The controller has decided: what changed is told within the next whole second."""
        for name, follow in self.follows.items():
            if follow.wanted is not levels[name]:
                follow.wanted, follow.sound = levels[name], False
                follow.next_ms = (self.world.now_ms // SECOND + 1) * SECOND

    def spoil(self) -> None:
        """A fault has begun or ended: nothing is known to be quiet."""
        for source in self.sources:
            source.dirty = True
        for follow in self.follows.values():
            if not follow.sound or self._troubled(follow):
                follow.next_ms = min(follow.next_ms, (self.world.now_ms // RETRY_MS + 1) * RETRY_MS)

    # ------------------------------------------------------------------------------------------------------ the reads
    def visit(self) -> None:
        """All reads that fall on this very moment; `changed` tells whether one brought something else."""
        now_ms = self.world.now_ms
        self.changed = False
        if now_ms % SECOND == 0:
            for source in self.sources:
                if now_ms % source.pace_ms(self.world) == 0:
                    self._read(source)
                elif self._comes_again(source):
                    self._stamp(source, source.last)
            for follow in self.follows.values():
                if follow.wanted is not None and now_ms >= follow.next_ms:
                    self._tell(follow)
            self._tell_time(now_ms)

    def renew(self, to_ms: int) -> None:
        """What was read of quiet sources since the last visit and before `to_ms`; the world is still there."""
        for source in self.sources:
            pace_ms = source.pace_ms(self.world)
            read_ms = (to_ms - 1) // pace_ms * pace_ms
            if source.last and not source.dirty and source.silent_since_ms is None and read_ms > source.stamped_ms:
                self._stamp(source, source.last, at_ms=read_ms)
        for follow in self.follows.values():
            if follow.wanted is not None and follow.sound and to_ms > follow.next_ms:
                missed = (to_ms - 1 - follow.next_ms) // LEASE_MS
                self._put(follow.point, (True, Quality.GOOD, None), follow.next_ms + missed * LEASE_MS)
                follow.next_ms += (missed + 1) * LEASE_MS
        if CLOCK in self.known:
            self._tell_time((to_ms - 1) // SECOND * SECOND)

    def due_ms(self) -> list[int]:
        """When something has to be read because it may bring something else."""
        due = [s.next_read_ms(self.world) for s in self.sources if s.dirty or self.is_noisy(s)]
        now_ms = self.world.now_ms
        shaky = any(kind is Kind.DUPLICATE for kind, _ in self.world.active)
        due += [(now_ms // SECOND + 1) * SECOND] if shaky else []
        return due + [f.next_ms for f in self.follows.values() if f.wanted is not None and self._is_open(f)]

    def stale_at_ms(self) -> int | None:
        """When readings turn stale that nobody renews in time (the whole second grid aside)."""
        seen, points, now_ms = self.seen(), self.plan.points, self.world.now_ms - self.boot_ms
        due = [
            seen[name].at_ms + points[name].stale_after_ms + 1
            for source in self.sources
            if source.dirty or self.is_noisy(source)
            for name in source.points
            if name in seen and seen[name].quality is not Quality.BAD
        ]
        return min((at_ms + self.boot_ms for at_ms in due if at_ms > now_ms), default=None)

    def is_noisy(self, source: Source) -> bool:
        """Each read may bring something else, or none at all."""
        if source.silent_since_ms is not None and not source.dead:
            return True
        hurts = self.world.hurts(source.device)
        if hurts and (not _NOISY.isdisjoint(hurts) or source.pace_ms(self.world) > source.stale_ms):
            return True
        return self._moves(source)

    def _moves(self, source: Source) -> bool:
        if "room1.temp_c" in source.points:
            return self.world.warming
        return source.device == "ups1" and source.period_ms > SECOND and not self.world.supplied

    def _comes_again(self, source: Source) -> bool:
        if Kind.DUPLICATE not in self.world.hurts(source.device) or not source.last:
            return False
        return (self.world.now_ms - SECOND) % source.pace_ms(self.world) == 0

    def _is_open(self, follow: Follow) -> bool:
        return not follow.sound or self._troubled(follow) or follow.point not in self.known

    def _troubled(self, follow: Follow) -> bool:
        hurts = self.world.hurts(follow.output)
        return (
            Kind.RELAY_STUCK in hurts or Kind.FALSE_READ_BACK in hurts or Kind.SILENT in self.world.hurts(follow.device)
        )

    def _read(self, source: Source) -> None:
        if self.world.is_active(Kind.SILENT, source.device):
            self._miss(source)
            return
        if self._lazy and source.last and not source.dirty and not self.is_noisy(source):
            self._stamp(source, source.last)
            return
        source.silent_since_ms, source.dead = None, False
        fresh = {name: self._answer(name) for name in source.points}
        if self.world.is_active(Kind.FROZEN, source.device):
            source.frozen = fresh = source.frozen or source.last or fresh
        else:
            source.frozen = None
        before, source.last = source.last, fresh
        if self.world.is_active(Kind.LATE, source.device) and before:
            fresh = before
        self._stamp(source, self._garble(source, fresh))
        source.dirty = self._moves(source)  # where it comes to rest is still to be read

    def _miss(self, source: Source) -> None:
        now_ms = self.world.now_ms
        if source.silent_since_ms is None:
            source.silent_since_ms = now_ms
        elif not source.dead and now_ms - source.silent_since_ms >= DEAD_AFTER_MS:
            source.dead, source.dirty = True, False
            lost: Answer = (None, Quality.BAD, Reason.NO_COMMUNICATION)
            self._stamp(source, dict.fromkeys(source.points, lost))

    def _answer(self, name: str) -> Answer:
        world = self.world
        if not world.active:
            return world.values[name], Quality.GOOD, None
        device = self.of_point[name].device
        if world.is_active(Kind.SOURCE_LOST, device):
            return None, Quality.BAD, Reason.SOURCE_LOST
        if name in WORDS and world.is_active(Kind.WRONG_WORD, name):
            return None, Quality.BAD, Reason.UNKNOWN_WORD
        if name in NUMBERS and world.is_active(Kind.OUT_OF_RANGE, name):
            return None, Quality.BAD, Reason.OUT_OF_RANGE
        return world.values[name], Quality.GOOD, None

    def _garble(self, source: Source, answers: dict[str, Answer]) -> dict[str, Answer]:
        fault = self.world.active.get((Kind.GARBAGE, source.device))
        if fault is None:
            return answers
        chance = random.Random(f"{fault.salt} {self.world.now_ms} {source.points[0]}")
        match chance.randrange(4):
            case 0:
                return dict.fromkeys(source.points, (None, Quality.BAD, Reason.BAD_REPLY))
            case 1:
                return {name: (v, Quality.UNCERTAIN, Reason.DOUBTFUL) for name, (v, _, _) in answers.items()}
            case 2:
                name = chance.choice(source.points)
                return answers | {name: (self._any(name, chance), Quality.GOOD, None)}
            case _:
                return answers

    def _any(self, name: str, chance: random.Random) -> Value:
        point = self.plan.points[name]
        low, high = point.low or 0, min(point.high or 1_000, 1_000)
        match point.kind:
            case PointKind.FLAG:
                return chance.random() < 0.5
            case PointKind.WORD:
                return str(chance.choice(point.words))
            case PointKind.TEXT:
                return "?" * chance.randrange(5)
            case PointKind.INTEGER:
                return chance.randint(int(low), int(high))
            case PointKind.NUMBER:
                return float(chance.randint(int(low), int(high)))

    def _tell(self, follow: Follow) -> None:
        world, name = self.world, follow.point
        assert follow.wanted is not None
        if world.is_active(Kind.SILENT, follow.device):
            follow.sound = False
            self._put(name, (None, Quality.BAD, Reason.NO_COMMUNICATION), world.now_ms)
        else:
            if not world.is_active(Kind.RELAY_STUCK, follow.output) and world.levels[follow.output] != follow.wanted:
                world.levels[follow.output] = follow.wanted
                self.spoil()
                world.advance(world.now_ms)
            shown = world.levels[follow.output] ^ world.is_active(Kind.FALSE_READ_BACK, follow.output)
            follow.sound = shown == follow.wanted
            self._put(name, (follow.sound, Quality.GOOD, None), world.now_ms)
        follow.next_ms = world.now_ms + (LEASE_MS if follow.sound else RETRY_MS)

    def offset_s(self) -> int:
        """By how much the wall clock is wrong."""
        return sum(seconds for name, seconds in OFFSETS_S.items() if self.world.is_active(Kind.CLOCK_STEP, name))

    def _tell_time(self, at_ms: int) -> None:
        known = not self.world.is_active(Kind.CLOCK_UNKNOWN)
        answer: Answer = (EPOCH_S + self.offset_s() + at_ms // SECOND, Quality.GOOD, None)
        was, before = self.changed, self.known.get(CLOCK)
        self._put(CLOCK, answer if known else (None, Quality.BAD, Reason.NOT_YET), at_ms)
        # That time passes is no news; that it is known, or is not, is.
        self.changed = was or before is None or before.quality is not self.known[CLOCK].quality

    def _stamp(self, source: Source, answers: Mapping[str, Answer], at_ms: int | None = None) -> None:
        stamped_ms = self.world.now_ms if at_ms is None else at_ms
        if stamped_ms - source.stamped_ms > source.stale_ms:
            self.changed = True  # it has been stale in between: the same again is news
        if answers is not source.shown and answers != source.shown:
            self._date(source)  # what is lost now keeps the time at which it was read last
            for name, answer in answers.items():
                if source.shown.get(name) != answer:
                    self._put(name, answer, stamped_ms)
        source.shown, source.stamped_ms, source.old = answers, stamped_ms, True

    def _date(self, source: Source) -> None:
        """What was read again of a source gets the time of its last read; what is bad keeps that of its last value."""
        if not source.old:
            return
        source.old, at_ms, known = False, source.stamped_ms - self.boot_ms, self.known
        for name, (_, quality, _) in source.shown.items():
            if quality is not Quality.BAD:
                known[name] = known[name].renewed(at_ms)

    def _put(self, name: str, answer: Answer, at_ms: int) -> None:
        value, quality, because = answer
        before, stamp_ms = self.known.get(name), at_ms - self.boot_ms
        if before is not None and before.quality is quality and before.because is because:
            if quality is Quality.BAD:
                return
            if before.value == value:
                self.known[name] = before.renewed(stamp_ms)
                return
        self.changed = True
        if quality is Quality.BAD:
            value, stamp_ms = (None, 0) if before is None else (before.value, before.at_ms)
        self.known[name] = Reading(value=value, quality=quality, at_ms=stamp_ms, because=because)
