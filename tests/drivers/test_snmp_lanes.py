"""What has moved, signal by signal: never another sample than by a look at the whole answer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers import snmp_lanes
from drivers.snmp_choice import PROBE_EVERY_MS, Choice
from drivers.snmp_decode import Gap, Raw
from drivers.snmp_lanes import Lanes
from drivers.snmp_signals import Group
from drivers.snmp_told import Pair
from firmware_py.core.reading import Quality, Sample
from tests.drivers.snmp_profiles import UPS, profile

APC, XUPS = "1.3.6.1.4.1.318.1.1.1", "1.3.6.1.4.1.534.1"
FULL: dict[str, Raw] = {
    f"{UPS}.2.1.0": 2, f"{UPS}.2.2.0": 0, f"{UPS}.2.3.0": 43, f"{UPS}.2.4.0": 100, f"{UPS}.2.5.0": 545,
    f"{UPS}.2.7.0": 24, f"{UPS}.3.3.1.2.1": 500, f"{UPS}.3.3.1.3.1": 231, f"{UPS}.4.1.0": 3, f"{UPS}.4.2.0": 500,
    f"{UPS}.4.4.1.2.1": 230, f"{UPS}.4.4.1.4.1": 800, f"{UPS}.4.4.1.4.2": 700, f"{UPS}.4.4.1.4.3": 600,
    f"{UPS}.4.4.1.5.1": 40, f"{UPS}.4.4.1.5.2": 38, f"{UPS}.4.4.1.5.3": 36, f"{UPS}.6.1.0": 0, f"{UPS}.7.3.0": 6,
}  # fmt: skip
CARD: dict[str, Raw] = {
    f"{APC}.4.1.1.0": 2, f"{APC}.2.1.1.0": 2, f"{APC}.2.2.1.0": 100, f"{APC}.2.2.3.0": 360_000, f"{APC}.3.2.1.0": 230,
    f"{APC}.4.2.1.0": 231, f"{APC}.4.2.3.0": 31, f"{XUPS}.4.5.0": 3, f"{XUPS}.2.1.0": 1200, f"{XUPS}.4.1.0": 30,
}  # fmt: skip
ODD: list[Raw] = [0, 1, 2, 3, 4, 5, 6, 9, 30, 43, 100, 230, 231, 2310, 65_535, -1, 2**40, b"12", b"text", "1.3.6", *Gap]
agents = st.sampled_from([FULL, CARD, {**FULL, **CARD}])
moves = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(sorted({**FULL, **CARD})), st.sampled_from(ODD), max_size=3),
        st.dictionaries(st.sampled_from(sorted({**FULL, **CARD})), st.integers(1, 60), max_size=3),
        st.sampled_from([True, True, True, False]),  # whether the slow group's part is taken at all
        st.booleans(),  # both groups in one question
        st.sampled_from([1_000, 1_000, 1_000, PROBE_EVERY_MS]),
    ),
    max_size=12,
)


_PAIRS: dict[tuple[object, ...], Pair] = {}


def pairs_of(names: tuple[str, ...], values: dict[str, Raw]) -> tuple[Pair, ...]:
    """As the reader gives them: what says the same is the very same."""
    pairs = [(oid, values.get(oid, Gap.NO_SUCH)) for oid in names]
    return tuple([_PAIRS.setdefault((*pair, type(pair[1])), pair) for pair in pairs])


class Short:
    """Each answer by what has moved, where that will do."""

    def __init__(self) -> None:
        self.choice = Choice(profile("ups_auto"))
        self.said: dict[str, Sample] = {}
        self.lanes: dict[tuple[Group, tuple[str, ...]], Lanes] = {}
        self.short = dict.fromkeys(Group, 0)

    def take(self, group: Group, names: tuple[str, ...], values: tuple[Pair, ...], now_ms: int) -> None:
        choice, asked = self.choice, self.choice.ask(group, now_ms)
        lanes = self.lanes.get((group, names))
        if lanes is None or lanes.calm is not choice.calm.get(group):
            found = choice.lanes(group, asked, names)
            lanes = None if found is None else self.lanes.setdefault((group, names), found)
            if found is not None:
                lanes = self.lanes[group, names] = found
        moved = lanes.take(values) if lanes is not None and choice.settled(group, now_ms) else None
        if moved is None:
            raws = dict(values)
            self.said |= choice.take(group, {oid: raws[oid] for oid in asked}, {}, now_ms)
        else:
            self.said |= moved
            self.short[group] += 1


@settings(deadline=None, max_examples=60)
@given(agents, moves)
def test_any_course_of_values_is_told_as_by_a_look_at_all(agent: dict[str, Raw], course: list[object]) -> None:
    short, whole = Short(), Choice(profile("ups_auto"))
    said: dict[str, Sample] = {}
    values, now_ms = dict(agent), 0
    plain: list[object] = [({}, {}, True, True, 1_000)] * 3
    for step in [*plain, *course]:
        odd, numbers, is_slow_taken, is_both, pause_ms = step  # type: ignore[misc]  # of hypothesis
        now_ms += pause_ms
        values |= odd | numbers
        asked = {group: whole.ask(group, now_ms) for group in Group}
        assert asked == {group: short.choice.ask(group, now_ms) for group in Group}
        for group in Group:
            if group is Group.SLOW and not is_slow_taken:
                continue
            # What a look at the fast group has changed may be another question for the slow one.
            asked = {one: whole.ask(one, now_ms) for one in Group}
            names = tuple(dict.fromkeys((*asked[Group.FAST], *asked[Group.SLOW]))) if is_both else asked[group]
            pairs = pairs_of(names, values)
            said |= whole.take(group, {oid: values.get(oid, Gap.NO_SUCH) for oid in asked[group]}, {}, now_ms)
            short.take(group, names, pairs, now_ms)
            assert short.said == said
            assert dict(short.choice.sources) == dict(whole.sources)
            assert short.choice._runtime_seen == whole._runtime_seen
            assert short.choice._factors == whole._factors


def followed(*moved: dict[str, Raw]) -> Short:
    """An agent with all, after two whole answers and then these."""
    short, names = Short(), tuple(FULL)
    values = dict(FULL)
    for number, news in enumerate(({}, {}, *moved)):
        values |= news
        for group in Group:
            asked = short.choice.ask(group, 1_000 * number)
            names = asked if group not in short.choice.calm else names
            pairs = pairs_of(asked, values)
            short.take(group, asked, pairs, 1_000 * number)
    return short


def test_what_is_measured_and_moves_needs_no_look_at_all() -> None:
    short = followed(*({f"{UPS}.4.4.1.4.1": 800 + n, f"{UPS}.2.5.0": 540 + n} for n in range(5)))
    assert short.short == {Group.FAST: 5, Group.SLOW: 5}
    assert short.said["output.power_w"].value == 804 + 700 + 600
    assert short.said["battery.voltage_v"].value == pytest.approx(54.4)


@pytest.mark.parametrize(
    "news",
    [
        {f"{UPS}.6.1.0": 1},  # an alarm: its table is to be walked
        {f"{UPS}.4.1.0": 77},
        {f"{UPS}.4.1.0": Gap.NULL},
    ],
)
def test_what_is_not_simply_good_is_looked_at_whole(news: dict[str, Raw]) -> None:
    assert followed({}).short[Group.FAST] == 1
    assert followed(news).short[Group.FAST] == 0


def test_a_power_that_was_doubted_for_the_load_is_believed_when_the_load_alone_moves() -> None:
    doubted: dict[str, Raw] = {f"{UPS}.4.4.1.4.{n}": 5 for n in (1, 2, 3)}
    short = followed(doubted, {}, {})
    assert short.said["output.power_w"].quality is Quality.BAD
    short = followed(doubted, {}, {}, {f"{UPS}.4.4.1.5.{n}": 10 for n in (1, 2, 3)})
    assert (short.said["output.power_w"].quality, short.said["output.power_w"].value) == (Quality.GOOD, 15)


Swing = list[tuple[int, int, bool]]
swings = st.lists(st.tuples(st.sampled_from([3, 5]), st.sampled_from([540, 545]), st.booleans()), max_size=8)


@settings(deadline=None, max_examples=60)
@given(swings)
@example([(3, 540, True), (5, 545, False), (3, 540, True)])
def test_what_comes_back_in_the_reply_to_another_question_has_moved_all_the_same(course: Swing) -> None:
    short, values = Short(), dict(FULL)
    for number, (source, voltage, is_both) in enumerate([(3, 540, True), (3, 540, False), *course]):
        values |= {f"{UPS}.4.1.0": source, f"{UPS}.2.5.0": voltage}
        now_ms = 1_000 * number
        asked = {group: short.choice.ask(group, now_ms) for group in Group}
        for group in Group:
            names = tuple(dict.fromkeys((*asked[Group.FAST], *asked[Group.SLOW]))) if is_both else asked[group]
            short.take(group, names, pairs_of(names, values), now_ms)
        assert short.said["output_source"].value == ("battery" if source == 5 else "mains")
        assert short.said["battery.voltage_v"].value == pytest.approx(voltage / 10)
    assert not course or short.short[Group.FAST] >= len(course) - 1, "and all that by the short way"


@pytest.mark.parametrize(("test_running", "said"), [(6, "battery"), (1, "battery"), (5, "test")])
def test_an_outage_and_a_test_are_told_apart_by_the_short_way(test_running: int, said: str) -> None:
    """upsTestResultsSummary (RFC 1628): 5 is a test in progress."""
    news: dict[str, Raw] = {f"{UPS}.4.1.0": 5, f"{UPS}.7.3.0": test_running}
    short = followed({}, news, {f"{UPS}.2.5.0": 530})
    assert short.said["output_source"].value == said
    assert short.short[Group.FAST] == 3


@pytest.mark.parametrize("limit", ["_MOST_KEPT", "_MOST_OF_ONE"])
def test_what_values_came_to_is_kept_for_all_agents_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    memory = snmp_lanes._Memory()
    monkeypatch.setattr(snmp_lanes, "_MEMORY", memory)
    monkeypatch.setattr(snmp_lanes, limit, 30)
    short = followed(*({f"{UPS}.2.5.0": 500 + n, f"{UPS}.2.4.0": n} for n in range(40)))
    assert short.said["battery.voltage_v"].value == pytest.approx(53.9)
    assert 0 < sum(len(samples) for _, samples in memory._kept.values()) <= 60
    assert all(len(samples) <= 30 for _, samples in memory._kept.values())


def test_sources_that_nobody_has_any_more_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = snmp_lanes._Memory()
    monkeypatch.setattr(snmp_lanes, "_MEMORY", memory)
    monkeypatch.setattr(snmp_lanes, "_MOST_KEYS", 15)
    for _ in range(3):
        short = followed({f"{UPS}.2.5.0": 500})
    assert len(memory._kept) <= 15
    assert short.short == {Group.FAST: 1, Group.SLOW: 1}
