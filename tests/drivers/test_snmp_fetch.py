"""Getting values out of agents that refuse: splitting, walking, and an end to both."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.strict import ConfigError
from drivers.snmp_access import Community, User, version_of, wrong_access
from drivers.snmp_bus import SnmpBus
from drivers.snmp_decode import Gap, Raw
from drivers.snmp_fetch import ALARM_AGE_MS, MOST_ALARMS, Answer, Fetch
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError
from tests.drivers.snmp_profiles import profile

TABLE = "1.3.6.1.2.1.33.1.6.2.1.2"


class Card:
    """An agent with a table, a largest request, objects that it refuses by number, and a habit of naming no culprit."""

    def __init__(
        self, values: dict[str, Raw], *, most: int = 99, refuses: dict[str, int] | None = None, names: bool = True
    ):
        self.values, self.most, self.refuses, self.names = values, most, refuses or {}, names
        self.requests = 0

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        self.requests += 1
        if len(oids) > self.most:
            return Answer(status=1, index=0, values=())
        for place, oid in enumerate(oids):
            if oid in self.refuses:
                return Answer(status=self.refuses[oid], index=place + 1 if self.names else 0, values=())
        return Answer(status=0, index=0, values=tuple((oid, self.values.get(oid, Gap.NO_SUCH)) for oid in oids))

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        self.requests += 1
        order = sorted(self.values, key=lambda name: [int(part) for part in name.split(".")])
        behind = [name for name in order if [int(p) for p in name.split(".")] > [int(p) for p in oid.split(".")]]
        if not behind:
            return Answer(status=2 if rows == 1 else 0, index=1, values=((oid, Gap.NO_SUCH),))
        return Answer(status=0, index=0, values=tuple((name, self.values[name]) for name in behind[:rows]))

    async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
        if len(oids) > self.most:
            return Answer(status=1, index=0, values=())
        answers = [await self.after(oid, 1, patience_s) for oid in oids]
        for place, answer in enumerate(answers):
            if answer.status and self.names:
                return Answer(status=answer.status, index=place + 1, values=())
        return Answer(status=0, index=0, values=tuple(answer.values[0] for answer in answers))


oids = [f"1.3.{n}" for n in range(30)]


@given(
    most=st.integers(1, 40), names=st.booleans(),
    have=st.sets(st.sampled_from([f"1.4.{n}" for n in range(30)]), max_size=30),
)  # fmt: skip
def test_the_mibs_that_an_agent_has_are_found_however_it_refuses(most: int, names: bool, have: set[str]) -> None:
    card = Card({f"{root}.1.0": 7 for root in have}, most=most, names=names)
    found = asyncio.run(Fetch(bulk=True).roots(card, [f"1.4.{n}" for n in range(30)], 1))
    assert found == have


def test_an_agent_that_does_not_walk_is_asked_everything() -> None:
    class Deaf(Card):
        async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
            return Answer(status=5, index=0, values=())

    assert asyncio.run(Fetch(bulk=False).roots(Deaf({}), ["1.4.1", "1.4.2"], 1)) == {"1.4.1", "1.4.2"}


@given(
    most=st.integers(1, 40),
    refuses=st.dictionaries(st.sampled_from(oids), st.sampled_from([2, 5, 6, 13]), max_size=30),
    names=st.booleans(),
)
def test_every_object_gets_an_entry_however_the_agent_refuses(most: int, refuses: dict[str, int], names: bool) -> None:
    card = Card(dict.fromkeys(oids, 7), most=most, refuses=refuses, names=names)
    raws = asyncio.run(Fetch(bulk=True).values(card, oids, 1))
    expected = {
        oid: {2: Gap.NO_SUCH, 6: Gap.NO_SUCH}.get(refuses[oid], Gap.REFUSED) if oid in refuses else 7 for oid in oids
    }
    assert raws == expected
    assert card.requests <= 2 * len(oids) + 2


def test_an_agent_that_refuses_the_credentials_is_a_device_error_at_once() -> None:
    card = Card({}, refuses=dict.fromkeys(oids, 16))
    with pytest.raises(DeviceError, match="credentials"):
        asyncio.run(Fetch(bulk=True).values(card, oids, 1))
    assert card.requests == 1


def test_what_was_found_refused_is_not_asked_again_when_a_deadline_cut_the_round_short() -> None:
    class Slow(Card):
        async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
            if self.requests == 5:
                self.requests = 0
                raise TimeoutError
            return await super().get(oids, patience_s)

    card = Slow({}, refuses=dict.fromkeys(oids[:12], 2))
    fetch = Fetch(bulk=False)
    rounds = 1
    while True:
        try:
            raws = asyncio.run(fetch.values(card, oids[:13], 1))
            break
        except TimeoutError:
            rounds += 1
    assert rounds == 3 and len(raws) == 13
    assert "too slowly" in str(fetch.silence("card", "community", 900, 0)) if fetch.answers else True


@given(st.lists(st.tuples(st.sampled_from(oids[:4]), st.integers(0, 1)), max_size=6))
def test_a_value_sent_twice_differently_or_not_at_all_is_missing(values: list[tuple[str, int]]) -> None:
    class Odd(Card):
        async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
            return Answer(status=0, index=0, values=tuple(values))

    raws = asyncio.run(Fetch(bulk=True).values(Odd({}), oids[:3], 1))
    for oid in oids[:3]:
        given_ = {raw for name, raw in values if name == oid}
        assert raws[oid] == (given_.pop() if len(given_) == 1 else Gap.MISSING)


@pytest.mark.parametrize("bulk", [True, False])
def test_an_alarm_column_is_read_to_its_end_and_not_beyond(bulk: bool) -> None:
    card = Card({f"{TABLE}.3": "1.1", f"{TABLE}.40": "1.2", f"{TABLE[:-1]}3.3": 99})
    found = asyncio.run(Fetch(bulk=bulk).alarms(card, {TABLE: 2}, 0, 1))
    assert found == {TABLE: frozenset({"1.1", "1.2"})}
    assert asyncio.run(Fetch(bulk=bulk).alarms(Card({f"{TABLE}.3": "1.1"}), {TABLE: 1}, 0, 1)) == {
        TABLE: frozenset({"1.1"})
    }


@pytest.mark.parametrize("bulk", [True, False])
def test_a_table_without_end_and_an_agent_in_circles_are_left(bulk: bool) -> None:
    endless = Card({f"{TABLE}.{n}": f"1.{n}" for n in range(1, 500)})
    found = asyncio.run(Fetch(bulk=bulk).alarms(endless, {TABLE: 500}, 0, 1))[TABLE]
    assert found is not None and len(found) <= MOST_ALARMS + 16 and endless.requests <= MOST_ALARMS

    class Circle(Card):
        async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
            self.requests += 1
            return Answer(status=0, index=0, values=((f"{TABLE}.5", "1.1"),))

    circle = Circle({})
    assert asyncio.run(Fetch(bulk=bulk).alarms(circle, {TABLE: 1}, 0, 1)) == {TABLE: frozenset({"1.1"})}
    assert circle.requests == 2


def test_a_walk_is_repeated_only_when_the_count_changed_or_it_is_old() -> None:
    card, fetch = Card({f"{TABLE}.1": "1.1"}), Fetch(bulk=True)
    asked = []
    for count, now_ms in ((1, 0), (1, 1000), (2, 2000), (2, 3000), (2, 2000 + ALARM_AGE_MS)):
        before = card.requests
        asyncio.run(fetch.alarms(card, {TABLE: count}, now_ms, 1))
        asked.append(card.requests > before)
    assert asked == [True, False, True, False, True]


def test_silence_says_what_to_look_at() -> None:
    fetch = Fetch(bulk=True)
    fetch.start(3)
    assert "a wrong one looks like silence" in str(fetch.silence("ups:161", "community", 900, 3))
    error = fetch.silence("ups:161", "community", 900, 5)
    assert error.because is Reason.BAD_REPLY and "2 datagrams" in str(error)


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (Community(name=""), "community"),
        (User(name=""), "user name"),
        (User(name="u", privacy="aes", privacy_phrase="long enough"), "needs authentication"),
        (User(name="u", auth="sha", auth_phrase="short"), "at least 8"),
        (User(name="u", auth="sha", auth_phrase="long enough", privacy="aes", privacy_phrase="short"), "at least 8"),
    ],
)
def test_credentials_that_cannot_work_are_named(access: Community | User, said: str) -> None:
    assert said in (wrong_access(access) or "")


def test_privacy_without_the_cryptography_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(name="u", auth="sha", auth_phrase="long enough", privacy="aes", privacy_phrase="long enough")
    assert wrong_access(user) is None
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    assert "cryptography" in (wrong_access(user) or "")


def test_a_bus_with_credentials_that_cannot_work_is_a_config_error_at_once() -> None:
    user = User(name="u", auth="sha", auth_phrase="short")
    with pytest.raises(ConfigError, match="at least 8"):
        SnmpBus(name="ups", device="ups1", host="127.0.0.1", access=user, profile=profile("ups_rfc1628"))


def test_no_secret_is_shown() -> None:
    user = User(name="u", auth="sha", auth_phrase="phrase one", privacy="aes", privacy_phrase="phrase two")
    assert "phrase" not in repr(user).replace("auth_phrase", "") and "s3cret" not in repr(Community(name="s3cret"))
    assert [version_of(access) for access in (Community(name="a", version="1"), Community(name="a"), user)] == [0, 1, 3]
