"""Which source answers for which signal at one agent: what to ask, and which of the answers counts.

Per signal, not per device: every source is tried, the best that gives a good value is kept, and the next one steps in
when it fails. Pure bookkeeping; it must not know sockets or clocks (times are integer milliseconds, given).
"""

from collections.abc import Collection, Mapping

from drivers.snmp_decode import Gap, Raw, Rows, contradicts_nothing, cross_check, decode, without_device
from drivers.snmp_lanes import Calm, Lanes, Lately
from drivers.snmp_profile import Profile, Source
from drivers.snmp_signals import SIGNALS, Group
from firmware_py.core.reading import Quality, Reason, Sample, bad

PROBE_EVERY_MS = 300_000
PROBE_SOON_MS = 10_000  # while the power source is not known; doubles up to PROBE_EVERY_MS
FIRST_NEED = "output_source"


class Choice:
    """The sources of one agent. Call `ask`, fetch, then `take` with the answers to exactly what was asked."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        named = [signal for signal in SIGNALS.values() if signal.id in profile.sources]
        self._signals = {group: [signal for signal in named if signal.group is group] for group in Group}
        self._chosen: dict[str, Source] = {}
        self._present: dict[Group, frozenset[str]] = {}
        self._probe_at_ms: dict[Group, int] = {}
        self._soon_ms = PROBE_SOON_MS
        self._factors: dict[tuple[str, str], float] = {}
        self._known: dict[str, Sample] = {}
        self._roots: frozenset[str] = frozenset()
        self._runtime_seen = False
        self._answering: dict[str, tuple[Collection[str], tuple[Source, ...]]] = {}
        self._asking: dict[Group, tuple[str, ...]] = {}  # as worked out, until another source is chosen
        self._asked: dict[Group, dict[str, None]] = {}
        self._read: dict[Group, dict[str, tuple[str, ...]]] = {}  # the answered objects that each signal is made of
        self._picked: dict[str, tuple[tuple[Raw, ...], Sample]] = {}  # what they held, and what that came to
        self.version = 0  # grows when what is asked or how it is looked at may have become another
        self.calm: dict[Group, Calm] = {}
        self._lately: dict[Group, Lately] = {}

    def signals(self, group: Group) -> tuple[str, ...]:
        """The signals of a group that the profile has sources for; `take` gives a sample for each of them."""
        return tuple(signal.id for signal in self._signals[group])

    @property
    def sources(self) -> Mapping[str, str]:
        """The MIB that each signal was last taken from."""
        return {signal: source.mib for signal, source in self._chosen.items()}

    def forget(self) -> None:
        """Try every source again and trust no earlier value: the agent was away, it may be another one."""
        self._present.clear()
        self._asking.clear()
        self._probe_at_ms.clear()
        self._known.clear()
        self._factors.clear()
        self._picked.clear()
        self.calm.clear()
        self.version += 1
        self._soon_ms = PROBE_SOON_MS

    def roots(self, group: Group, now_ms: int) -> tuple[str, ...]:
        """What to look for before a read that tries every source: where their MIBs begin; else nothing."""
        if group in self._present and not self._probe_due(group, now_ms):
            return ()
        rows = (row for signal in self._signals[group] for row in self._profile.sources[signal.id])
        roots = dict.fromkeys(row.root for row in rows if row.root)
        return tuple(roots) if len(roots) > 1 else ()

    def note_roots(self, found: frozenset[str]) -> None:
        """Which of `roots` the agent has; none means that it cannot be asked this way, so all are tried."""
        self._roots = found

    def ask(self, group: Group, now_ms: int) -> tuple[str, ...]:
        """The objects to read now, each once, the best sources first."""
        if self._probe_due(group, now_ms):
            self._present.pop(group, None)
            self._asking.clear()
            self.version += 1
        if (asking := self._asking.get(group)) is not None:
            return asking
        present = self._present.get(group)
        wanted = [
            oid
            for signal in self._signals[group]
            for source in self._candidates(signal.id, probing=present is None)
            for oid in source.asked
            if (oid in present if present is not None else not self._roots or source.root in ("", *self._roots))
        ]
        asking = tuple(dict.fromkeys(wanted))
        if present is not None:
            self._asking[group] = asking
        return asking

    def settled(self, group: Group, now_ms: int) -> tuple[str, ...]:
        """What `ask` would say, where it is known which objects the agent has; else nothing."""
        known = group in self._present and not self._probe_due(group, now_ms)
        return self.ask(group, now_ms) if known else ()

    @property
    def settled_until_ms(self) -> int:
        """When `settled` will be nothing for one of the groups, if nothing happens before; 0 where nothing is known."""
        return min(self._probe_at_ms.values(), default=0)

    def alarm_tables(self, group: Group, raws: Mapping[str, Raw]) -> dict[str, int]:
        """The alarm tables that have rows according to the answers and so must be walked, each with its count."""
        tables = {}
        for source in self._sources(group):
            count = raws.get(source.alarms.count) if source.alarms is not None else None
            if source.alarms is not None and isinstance(count, int) and count > 0:
                tables[source.alarms.table] = count
        return tables

    def _sources(self, group: Group) -> list[Source]:
        return [one for signal in self._signals[group] for one in self._candidates(signal.id, probing=False)]

    def take(self, group: Group, raws: Mapping[str, Raw], rows: Rows, now_ms: int) -> dict[str, Sample]:
        """The samples of all signals of the group; `raws` has an entry for each object that was asked."""
        if group not in self._present:
            self._asking.clear()
            self._present[group] = frozenset(oid for oid, raw in raws.items() if raw not in (Gap.NO_SUCH, Gap.NULL))
            self._probe_at_ms[group] = now_ms + PROBE_EVERY_MS
        self.version += 1
        self.calm.pop(group, None)
        picked = self._pick_all(group, raws, rows)
        samples = cross_check(picked, self._known, runtime_seen=self._runtime_seen)
        self._known.update(samples)
        self._note(group, samples, now_ms)
        if not contradicts_nothing(self._known):
            self.calm.clear()
        elif not rows and samples == picked:
            self._note_calm(group, raws)
        lost = self._known.get("card_link")
        return without_device(samples) if lost is not None and lost.value == "lost" else samples

    def _note_calm(self, group: Group, raws: Mapping[str, Raw]) -> None:
        asked, first = self._asking.get(group), self._known.get(FIRST_NEED)
        is_known = first is None or first.quality is Quality.GOOD or FIRST_NEED not in self._read[group]
        if asked is not None and len(asked) == len(raws) and is_known:
            self.calm[group] = Calm(asked=asked, raws=raws)

    def lanes(self, group: Group, asked: tuple[str, ...], names: tuple[str, ...]) -> Lanes | None:
        """For answers to `names`, among which are those that `ask` gave; until `calm` of the group is another. None
        while it is not calm."""
        calm = self.calm.get(group)
        if calm is None or calm.asked != asked:
            return None
        signals, raws = self._read[group], calm.raws
        chosen = dict[str, tuple[Source, float | None]]()
        for signal in signals:
            source = self._chosen.get(signal)
            is_good = source is not None and self._known[signal].quality is Quality.GOOD
            if source is not None and is_good and self._answered(signal, raws)[:1] == (source,):
                chosen[signal] = source, self._factors.get((source.mib, source.name))
        counts = (one.alarms.count for one in self._sources(group) if one.alarms is not None)
        others = (oid for signal, oids in signals.items() if signal not in chosen for oid in oids)
        lately = self._lately.get(group)
        if lately is None or lately.calm is not calm:
            lately = self._lately[group] = Lately(calm)
        return Lanes(lately, chosen, frozenset((*counts, *others)), names, self._known)

    def _pick_all(self, group: Group, raws: Mapping[str, Raw], rows: Rows) -> dict[str, Sample]:
        """One sample for each signal; the very same as last time where its objects hold what they held."""
        signals, parts = self._signals[group], self._read.get(group)
        if rows or parts is None or self._asked[group].keys() != raws.keys():
            for signal in signals:
                self._picked.pop(signal.id, None)
            self._asked[group] = dict.fromkeys(raws)
            self._read[group] = {signal.id: self._parts(signal.id, raws) for signal in signals}
            return {signal.id: self._pick(signal.id, raws, rows) for signal in signals}
        samples = {}
        for id, oids in parts.items():
            held, known = tuple([raws[oid] for oid in oids]), self._picked.get(id)
            if known is None or known[0] != held:
                known = self._picked[id] = held, self._pick(id, raws, rows)
            samples[id] = known[1]
        return samples

    def _parts(self, signal: str, raws: Mapping[str, Raw]) -> tuple[str, ...]:
        sources = self._profile.sources[signal]
        return tuple(dict.fromkeys(oid for source in sources for oid in source.asked if oid in raws))

    def _pick(self, signal: str, raws: Mapping[str, Raw], rows: Rows) -> Sample:
        """The first source with a good value; else the first that answered at all."""
        fallback: Sample | None = None
        for source in self._answered(signal, raws):
            key = (source.mib, source.name)
            decoded = decode(source, SIGNALS[signal], raws, rows, self._factors.get(key))
            if decoded.sample.quality is Quality.GOOD:
                if self._chosen.get(signal) is not source:
                    self._chosen[signal] = source
                    self._asking.clear()
                if decoded.factor is not None and self._factors.get(key) != decoded.factor:
                    self._factors[key] = decoded.factor
                    self.calm.clear()
                return decoded.sample
            absent = decoded.sample.because is Reason.NOT_SUPPORTED
            if fallback is None or (fallback.because is Reason.NOT_SUPPORTED and not absent):
                fallback = decoded.sample
        if fallback is None:
            return bad(Reason.NOT_SUPPORTED, "no source of the profile is answered")
        if self._chosen.pop(signal, None) is not None:
            self._asking.clear()
        return fallback

    def _answered(self, signal: str, raws: Mapping[str, Raw]) -> tuple[Source, ...]:
        """The sources that have an object among the answers, the best first."""
        asked, answered = self._answering.get(signal, (None, ()))
        if asked is None or asked != raws.keys():
            sources = self._profile.sources.get(signal, ())
            answered = tuple(source for source in sources if any(oid in raws for oid in source.asked))
            self._answering[signal] = raws.keys(), answered
        return answered

    def _candidates(self, signal: str, *, probing: bool) -> tuple[Source, ...]:
        """All sources while probing or while none is good, else the chosen one."""
        chosen = None if probing else self._chosen.get(signal)
        return (chosen,) if chosen is not None else self._profile.sources.get(signal, ())

    def _probe_due(self, group: Group, now_ms: int) -> bool:
        return now_ms >= self._probe_at_ms.get(group, now_ms)

    def _note(self, group: Group, samples: Mapping[str, Sample], now_ms: int) -> None:
        """Remember what later readings need, and look again soon when the power source itself is not known."""
        runtime = samples.get("battery.runtime_s")
        if runtime is not None and isinstance(runtime.value, float | int) and runtime.value > 0:
            self._runtime_seen = True
        first = samples.get(FIRST_NEED)
        if first is None:
            return
        if first.quality is Quality.GOOD:
            self._soon_ms = PROBE_SOON_MS
        elif self._probe_at_ms[group] - now_ms > self._soon_ms:
            self._probe_at_ms[group] = now_ms + self._soon_ms
            self._soon_ms = min(2 * self._soon_ms, PROBE_EVERY_MS)
