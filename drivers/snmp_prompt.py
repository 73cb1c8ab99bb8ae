"""One question put without anybody awaiting it, of whose answer only what has moved is looked at.

Only for an agent of which all is known: what objects it has, that it counts no alarms, that nothing contradicts
anything. It must not know sessions' making or losing.
"""

import asyncio
from collections.abc import Callable, Mapping

from drivers.snmp_beside import Beside
from drivers.snmp_choice import Choice
from drivers.snmp_decode import Raw
from drivers.snmp_fetch import MOST_VARBINDS, Answer
from drivers.snmp_plain import PlainSession
from drivers.snmp_signals import Group
from firmware_py.core.reading import News, Sample, Source

Done = Callable[[News | None], None]


class Told:
    """What was last said of each group, by point, and by which source."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
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
        names, told = self.names, self.last[which]
        changed = {names[signal]: sample for signal, sample in moved.items()}
        told.update(changed)
        return self.sources[which].news(told, changed)


class PromptGet:
    """`begin`, then one answer to `done`."""

    def __init__(self, choice: Choice, beside: Beside, told: Told) -> None:
        self._choice, self._beside, self._told = choice, beside, told
        self._joined: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] = (), (), ()
        self._asked: tuple[str, ...] = ()
        self._more: tuple[str, ...] = ()
        self._names: tuple[str, ...] = ()
        self._which = Group.FAST
        self._done: Done | None = None
        self._began_s: float | None = None

    def take_over(self) -> float | None:
        """When what is on its way was put; None where nothing is. Somebody awaits it now, or nobody ever will."""
        began_s, self._began_s, self._done = self._began_s, None, None
        return began_s

    def begin(self, session: PlainSession, which: Group, done: Done) -> News | bool:
        """The answer where it is here already; else whether the question was put."""
        now_s = asyncio.get_running_loop().time()
        now_ms = int(now_s * 1000)
        asked = self._choice.settled(which, now_ms)
        if not asked or which not in self._told.last:
            return False
        if which is Group.SLOW:
            return self._held(asked, now_ms)
        more = self._choice.settled(Group.SLOW, now_ms)
        if not self._beside.wanted(which, asked, more, now_ms):
            more = ()
        names = self._joint(asked, more) if more else asked
        if len(names) > MOST_VARBINDS:
            return False
        self._which, self._asked, self._more, self._names, self._done = which, asked, more, names, done
        is_begun = session.begin(names, self._hear)
        self._began_s = now_s if is_begun else None
        return is_begun

    def _joint(self, asked: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        if self._joined[0] is not asked or self._joined[1] is not more:
            self._joined = asked, more, tuple(dict.fromkeys((*asked, *more)))
        return self._joined[2]

    def _held(self, asked: tuple[str, ...], now_ms: int) -> News | bool:
        """The slow group's answer, which came with the fast one's."""
        held = self._beside.peek(asked, now_ms)
        moved = None if held is None else self._choice.take_moved(Group.SLOW, asked, held, now_ms)
        if moved is None:
            return False
        self._beside.take(Group.SLOW, asked, now_ms)
        return self._told.news(Group.SLOW, moved)

    def _hear(self, answer: Answer | None) -> bool:
        done, self._done = self._done, None
        if done is None or self._began_s is None:
            return False
        began_ms = int(self._began_s * 1000)
        moved, raws = None, dict[str, Raw]()
        if answer is not None and answer.status == 0 and len(answer.values) == len(self._names):
            raws = dict(answer.values)
            if tuple(raws) == self._names:  # all of it once and in order
                own = {oid: raws[oid] for oid in self._asked} if self._more else raws
                moved = self._choice.take_moved(self._which, self._asked, own, began_ms)
        if moved is None:
            done(None)
            return False
        self._began_s = None
        if self._more:
            now_ms = int(asyncio.get_running_loop().time() * 1000)
            self._beside.end(now_ms - began_ms)
            self._beside.hold(self._more, raws, now_ms)
        done(self._told.news(self._which, moved))
        return True
