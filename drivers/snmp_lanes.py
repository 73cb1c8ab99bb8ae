"""What has moved in a reply, signal by signal, for an agent of which all is known: the short way of `snmp_choice`.

A signal whose chosen source comes first, and whose value is good, is looked at alone, and only where its objects have
moved. Whatever is not simply that is None, and the whole answer goes the long way. Pure, like that.
"""

from collections.abc import Callable, Mapping
from itertools import compress, count
from operator import is_not, itemgetter
from typing import Final, TypeAlias

from config.valued import dataclass
from drivers.snmp_decode import Raw, agree, contradicts_nothing, decode
from drivers.snmp_profile import Source
from drivers.snmp_signals import SIGNALS
from drivers.snmp_told import Pair
from firmware_py.core.reading import Quality, Sample

LOAD, POWER = "output.load_pct", "output.power_w"
_TOGETHER: Final = frozenset(("output_source", "test_running"))  # one says what to make of the other
_MOST_KEPT, _MOST_OF_ONE, _MOST_KEYS = 16_384, 1_024, 512
_Values: TypeAlias = tuple[Pair, ...]
# A signal, its source, the objects of it that were answered, and the factor of its scale.
_Key: TypeAlias = tuple[str, int, tuple[str, ...], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """A group's last answer that was whole, counted no alarm and contradicted nothing: what its objects held."""

    asked: tuple[str, ...]
    raws: Mapping[str, Raw]


class _Memory:
    """What is measured mostly goes to and fro between few numbers, and agents of a kind are alike. Whatever agents say,
    no more is kept than _MOST_KEPT samples, nor more of one signal and its source than _MOST_OF_ONE."""

    def __init__(self) -> None:
        self._kept: dict[_Key, tuple[Source, dict[object, Sample]]] = {}
        self._size = 0

    def of(self, key: _Key, source: Source) -> dict[object, Sample]:
        """By what the objects held."""
        kept = self._kept.get(key)
        if kept is None or kept[0] is not source:  # another one may have got its number
            if len(self._kept) >= _MOST_KEYS:
                self._kept.clear()
            kept = self._kept[key] = source, {}
        return kept[1]

    def add(self, samples: dict[object, Sample], held: object, sample: Sample) -> None:
        """To one of them."""
        if len(samples) >= _MOST_OF_ONE:
            samples.clear()
        if self._size >= _MOST_KEPT:
            self._size = 0
            for _, others in self._kept.values():
                others.clear()
        self._size += 1
        samples[held] = sample


_MEMORY: Final = _Memory()


class _Lane:
    """One signal. `cut`: takes what it is made of out of the group's values, one pair or a tuple of them; `told`: what
    these came to."""

    __slots__ = ("cut", "factor", "is_one", "signal", "source", "told")

    def __init__(self, signal: str, source: Source, factor: float | None, oids: tuple[str, ...], at: list[int]) -> None:
        self.signal, self.source, self.factor = signal, source, factor
        self.cut, self.is_one = itemgetter(*at), len(at) == 1
        self.told = _MEMORY.of((signal, id(source), oids, factor), source)

    def learn(self, values: _Values) -> Sample | None:
        """What is not known yet; None where it is not good, or more than this signal is to be looked at."""
        held = self.cut(values)
        raws = dict([held] if self.is_one else held)
        decoded = decode(self.source, SIGNALS[self.signal], raws, {}, self.factor)
        sample = decoded.sample
        if sample.quality is not Quality.GOOD or decoded.factor != self.factor:
            return None
        if not contradicts_nothing({self.signal: sample}):
            return None
        _MEMORY.add(self.told, held, sample)
        return sample


class Lately:
    """What a group's objects held when it was looked at last, by the replies to whichever question: a value that comes
    back in one of them has moved all the same if it was another in between. `calm`: since when."""

    __slots__ = ("calm", "values")

    def __init__(self, calm: Calm) -> None:
        self.calm = calm
        self.values: _Values | tuple[None, ...] = (None,) * len(calm.asked)


class Lanes:
    """One group in the replies to one question, of which `names` are all objects. `chosen`: the source of each signal
    that is good and has no better one, with the factor of its scale. `still`: objects that more hangs on; where one of
    them has moved, all is to be looked at. `known`: the newest samples, and `lately` what they came from."""

    def __init__(
        self, lately: Lately, chosen: Mapping[str, tuple[Source, float | None]], still: frozenset[str],
        names: tuple[str, ...], known: dict[str, Sample],
    ) -> None:  # fmt: skip
        self.calm = calm = lately.calm
        self.names, self._known, self._lately = names, known, lately
        place = {name: number for number, name in enumerate(names)}
        self._cut = _cut_of([place[oid] for oid in calm.asked])
        own = {oid: number for number, oid in enumerate(calm.asked)}
        lanes: dict[str, list[_Lane]] = {oid: [] for oid in calm.asked}
        for signal, (source, factor) in chosen.items():
            oids = tuple(dict.fromkeys(oid for oid in source.asked if oid in own))
            lane = _Lane(signal, source, factor, oids, [own[oid] for oid in oids])
            for oid in oids:
                lanes[oid].append(lane)
        self._lanes = tuple(None if oid in still else tuple(lanes[oid]) for oid in calm.asked)
        # Most objects are all that one signal is made of: what they came to, and its name.
        self._plain = tuple(
            found[0].told if found is not None and len(found) == 1 and found[0].is_one else {} for found in self._lanes
        )
        self._signals = tuple(found[0].signal if found else "" for found in self._lanes)

    def take(self, values: _Values) -> dict[str, Sample] | None:
        """The samples that are others than before, which are known from now on; or None, and nothing is taken."""
        held, known, changed = self._cut(values), self._known, dict[str, Sample]()
        plain, signals, lately = self._plain, self._signals, self._lately
        for which in compress(count(), map(is_not, held, lately.values)):
            sample = plain[which].get(held[which])
            if sample is None:
                if not self._look(which, held, changed):
                    return None
            elif known[signals[which]] is not sample:
                changed[signals[which]] = sample
        if changed:
            if LOAD in changed or POWER in changed:
                load, power = changed.get(LOAD) or known.get(LOAD), changed.get(POWER) or known.get(POWER)
                if not agree(load, power):
                    return None
            if not _TOGETHER.isdisjoint(changed) and not contradicts_nothing({**known, **changed}):
                return None
            known.update(changed)
        lately.values = held
        return changed

    def _look(self, which: int, held: _Values, changed: dict[str, Sample]) -> bool:
        """At one object that is not simply known; False where more than its signals is to be looked at."""
        lanes, known = self._lanes[which], self._known
        if lanes is None:
            oid, raw = held[which]
            return raw == self.calm.raws[oid]
        for lane in lanes:
            sample = lane.told.get(lane.cut(held)) or lane.learn(held)
            if sample is None:
                return False
            if known[lane.signal] is not sample:
                changed[lane.signal] = sample
        return True


def _cut_of(places: list[int]) -> Callable[[_Values], _Values]:
    """Takes these values out of all."""
    first, size = places[0], len(places)
    if places == list(range(first, first + size)):
        return itemgetter(slice(first, first + size))
    return itemgetter(*places)
