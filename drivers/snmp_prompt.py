"""One question put without anybody awaiting it, of whose answer only what has moved is looked at.

Only for an agent of which all is known: what objects it has, that it counts no alarms, that nothing contradicts
anything. It must not know sessions' making or losing.
"""

import asyncio
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final, Protocol

from drivers.snmp_beside import Beside
from drivers.snmp_choice import Choice
from drivers.snmp_fetch import MOST_VARBINDS
from drivers.snmp_lanes import Lanes
from drivers.snmp_plain import Heard
from drivers.snmp_signals import Group
from drivers.snmp_told import Pair
from firmware_py.core.reading import News, Sample, Source

Done = Callable[[News | None], None]
_NAME: Final = itemgetter(0)
_FAST_ALONE, _FAST_OF_BOTH, _SLOW_OF_BOTH = range(3)


class PromptSession(Protocol):
    """What can be asked without waiting."""

    def begin(self, oids: tuple[str, ...], heard: Heard, now_s: float) -> bool:
        """GET; until `heard` says that an answer will do, `get` of the same goes on with it. False where nothing could
        be sent."""

    def hear(self) -> None:
        """What has come is taken in now, not in the next turn of the loop."""

    def give_up(self) -> None:
        """Nobody wants to know any more what `begin` has asked."""


class Told:
    """What was last said of each group, by point, and by which source."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names, self._name = names, names.__getitem__
        self.sources = {group: Source() for group in Group}
        self.last: dict[Group, dict[str, Sample]] = {}

    def answer(self, which: Group, samples: Mapping[str, Sample]) -> Mapping[str, Sample]:
        """By point; what is the very same as last time is told as such."""
        names, before = self.names, self.last.get(which, {})
        told = {names[signal]: sample for signal, sample in samples.items()}
        self.last[which] = told
        changed = {point: sample for point, sample in told.items() if before.get(point) is not sample}
        return self.sources[which].answer(told, changed)

    def news(self, which: Group, moved: Mapping[str, Sample]) -> News:
        """Of the signals that have moved."""
        told = self.last[which]
        changed = dict(zip(map(self._name, moved), moved.values(), strict=True))
        told.update(changed)
        return self.sources[which].news(told, changed)


class _Plan:
    """What is asked while all is known: until `until_ms`, and while the choice's version is this. Nothing where more is
    to be done first. `both`: the objects of both groups in one question, or nothing where that is too long."""

    __slots__ = ("both", "fast", "slow", "until_ms", "version")

    def __init__(self, version: int, until_ms: int, fast: tuple[str, ...], slow: tuple[str, ...]) -> None:
        self.version, self.until_ms = version, until_ms
        self.fast = fast if len(fast) <= MOST_VARBINDS else ()
        self.slow = slow
        both = tuple(dict.fromkeys((*fast, *slow))) if fast and slow else ()
        self.both = both if len(both) <= MOST_VARBINDS else ()

    def groups(self) -> tuple[tuple[Group, tuple[str, ...]], ...]:
        """By place: which group is looked at in the replies to which question."""
        return (Group.FAST, self.fast), (Group.FAST, self.both), (Group.SLOW, self.both)


_NOTHING: Final = _Plan(-1, 0, (), ())


class PromptGet:
    """`begin` for the fast group, then one answer to `done`; `held` for the slow one."""

    def __init__(self, choice: Choice, beside: Beside, told: Told) -> None:
        self._choice, self._beside, self._told = choice, beside, told
        self._plan, self._more = _NOTHING, tuple[str, ...]()  # what is on its way for the slow group
        self._lanes: list[Lanes | None] = [None] * 3
        self._names: tuple[str, ...] = ()
        self._done: Done | None = None
        self._began_s: float | None = None

    def take_over(self) -> float | None:
        """When what is on its way was put; None where nothing is. Somebody awaits it now, or nobody ever will."""
        began_s, self._began_s, self._done = self._began_s, None, None
        return began_s

    def begin(self, session: PromptSession, done: Done, now_s: float) -> bool:
        """Whether the fast group's question was put."""
        now_ms, plan = int(now_s * 1000), self._plan
        if plan.version != self._choice.version or now_ms >= plan.until_ms:
            plan = self._planned(now_ms)
        if plan.both and self._beside.due(now_ms):
            self._names, self._more = plan.both, plan.slow
        else:
            self._names, self._more = plan.fast, ()
        if not plan.fast or not session.begin(self._names, self._hear, now_s):
            return False
        self._done, self._began_s = done, now_s
        return True

    def held(self, now_s: float) -> News | None:
        """The slow group's answer, where it came with the fast one's and is as simple."""
        now_ms, plan = int(now_s * 1000), self._plan
        if plan.version != self._choice.version or now_ms >= plan.until_ms:
            plan = self._planned(now_ms)
        held = self._beside.peek(plan.slow, now_ms) if plan.both else None
        if held is None or held.names != plan.both:
            return None
        lanes = self._lanes[_SLOW_OF_BOTH] or self._lanes_of(_SLOW_OF_BOTH)
        moved = None if lanes is None else lanes.take(held.values)
        if moved is None:
            return None
        self._beside.taken(now_ms)
        return self._told.news(Group.SLOW, moved)

    def _planned(self, now_ms: int) -> _Plan:
        choice = self._choice
        asked = {group: choice.settled(group, now_ms) if group in self._told.last else () for group in Group}
        plan = self._plan = _Plan(choice.version, choice.settled_until_ms, asked[Group.FAST], asked[Group.SLOW])
        for place, (which, names) in enumerate(plan.groups()):
            lanes = self._lanes[place]
            if lanes is not None and (lanes.calm is not choice.calm.get(which) or lanes.names != names):
                self._lanes[place] = None
        return plan

    def _lanes_of(self, place: int) -> Lanes | None:
        """For what has moved in a group; None where more than that is to be looked at."""
        which, names = self._plan.groups()[place]
        asked = self._plan.fast if which is Group.FAST else self._plan.slow
        self._lanes[place] = lanes = self._choice.lanes(which, asked, names)
        return lanes

    def _hear(self, values: tuple[Pair, ...] | None) -> bool:
        """Whether this will do."""
        done, self._done, began_s = self._done, None, self._began_s
        if done is None or began_s is None:
            return False
        moved, more = None, self._more
        if values is not None and tuple(map(_NAME, values)) == self._names:  # all of it once and in order
            place = _FAST_OF_BOTH if more else _FAST_ALONE
            lanes = self._lanes[place] or self._lanes_of(place)
            moved = None if lanes is None else lanes.take(values)
        if moved is None or values is None:
            done(None)
            return False
        self._began_s = None
        if more:
            now_ms = int(asyncio.get_running_loop().time() * 1000)
            self._beside.end(now_ms - int(began_s * 1000))
            self._beside.hold(more, self._names, values, now_ms)
        done(self._told.news(Group.FAST, moved))
        return True
