"""Choosing sources signal by signal: what is asked when, and who answers for what."""

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.snmp_choice import PROBE_EVERY_MS, PROBE_SOON_MS, Choice
from drivers.snmp_decode import Gap, Raw
from drivers.snmp_signals import Group
from firmware_py.core.reading import Reason, Sample
from tests.drivers.snmp_profiles import UPS, profile

APC = "1.3.6.1.4.1.318.1.1.1"
XUPS = "1.3.6.1.4.1.534.1"
EATON: dict[str, Raw] = {
    f"{UPS}.4.1.0": 3, f"{UPS}.2.1.0": 2, f"{UPS}.2.4.0": 98, f"{UPS}.2.3.0": 430, f"{XUPS}.2.1.0": 1200,
}  # fmt: skip


def poll(choice: Choice, group: Group, agent: dict[str, Raw], now_ms: int) -> tuple[dict[str, Sample], tuple[str, ...]]:
    asked = choice.ask(group, now_ms)
    raws = {oid: agent.get(oid, Gap.NO_SUCH) for oid in asked}
    return choice.take(group, raws, {}, now_ms), asked


def test_the_first_read_tries_every_source_and_the_next_only_what_was_chosen() -> None:
    choice = Choice(profile("ups_auto"))
    _, first = poll(choice, Group.FAST, EATON, 0)
    samples, second = poll(choice, Group.FAST, EATON, 1000)
    assert len(first) > 20
    assert second == (f"{UPS}.4.1.0", f"{UPS}.2.1.0")
    assert samples["output_source"].value == "mains"


def test_each_signal_has_its_own_source() -> None:
    choice = Choice(profile("ups_auto"))
    poll(choice, Group.FAST, EATON, 0)
    samples, _ = poll(choice, Group.SLOW, EATON, 0)
    assert choice.sources == {
        "output_source": "rfc1628", "battery.status": "rfc1628",
        "battery.charge_pct": "rfc1628", "battery.runtime_s": "xups",
    }  # fmt: skip
    assert samples["battery.runtime_s"].value == 1200.0


def test_when_the_best_source_stops_making_sense_the_next_steps_in_for_that_signal_alone() -> None:
    choice = Choice(profile("ups_auto"))
    poll(choice, Group.SLOW, EATON, 0)
    broken = {**EATON, f"{XUPS}.2.1.0": 4294967295}
    samples, _ = poll(choice, Group.SLOW, broken, 10_000)
    assert samples["battery.runtime_s"].because is Reason.SENTINEL
    samples, asked = poll(choice, Group.SLOW, broken, 20_000)
    assert samples["battery.runtime_s"].value == 25800.0
    assert asked.count(f"{UPS}.2.4.0") == 1 and len(asked) == 3
    assert choice.sources["battery.runtime_s"] == "rfc1628"


def test_every_source_is_tried_again_after_five_minutes_and_the_better_one_is_taken_back() -> None:
    choice = Choice(profile("ups_auto"))
    poll(choice, Group.SLOW, {**EATON, f"{XUPS}.2.1.0": -1}, 0)
    _, asked = poll(choice, Group.SLOW, EATON, PROBE_EVERY_MS - 1)
    assert len(asked) < 10
    samples, asked = poll(choice, Group.SLOW, EATON, PROBE_EVERY_MS)
    assert len(asked) > 50
    assert samples["battery.runtime_s"].value == 1200.0


def test_every_source_is_tried_again_after_a_return() -> None:
    choice = Choice(profile("ups_auto"))
    poll(choice, Group.FAST, EATON, 0)
    choice.forget()
    samples, asked = poll(choice, Group.FAST, {f"{APC}.4.1.1.0": 3}, 5000)
    assert len(asked) > 20
    assert (samples["output_source"].value, choice.sources["output_source"]) == ("battery", "powernet")


def test_while_the_power_source_is_unknown_it_is_looked_for_sooner_and_ever_less_often() -> None:
    choice = Choice(profile("ups_auto"))
    probes = [now for now in range(0, 700_000, 1000) if len(poll(choice, Group.FAST, {}, now)[1]) > 20]
    assert probes[:5] == [0, PROBE_SOON_MS, 3 * PROBE_SOON_MS, 7 * PROBE_SOON_MS, 15 * PROBE_SOON_MS]
    samples, _ = poll(choice, Group.FAST, EATON, 1_000_000)
    assert samples["output_source"].value == "mains"


def test_a_wrong_scale_once_found_is_remembered_until_the_agent_was_away() -> None:
    choice = Choice(profile("ups_rfc1628"))
    volts = f"{UPS}.3.3.1.3.1"
    assert poll(choice, Group.SLOW, {volts: 2360}, 0)[0]["input.voltage_v"].value == 236.0
    assert poll(choice, Group.SLOW, {volts: 250}, 10_000)[0]["input.voltage_v"].value == 25.0
    choice.forget()
    assert poll(choice, Group.SLOW, {volts: 250}, 20_000)[0]["input.voltage_v"].value == 250.0


def test_a_runtime_of_zero_on_battery_counts_once_the_agent_gave_a_real_one() -> None:
    choice = Choice(profile("ups_rfc1628"))
    agent: dict[str, Raw] = {f"{UPS}.4.1.0": 5, f"{UPS}.2.4.0": 50, f"{UPS}.2.3.0": 0}
    poll(choice, Group.FAST, agent, 0)
    assert poll(choice, Group.SLOW, agent, 0)[0]["battery.runtime_s"].because is Reason.SENTINEL
    poll(choice, Group.SLOW, {**agent, f"{UPS}.2.3.0": 9}, 10_000)
    assert poll(choice, Group.SLOW, agent, 20_000)[0]["battery.runtime_s"].value == 0.0


def test_alarm_tables_are_named_with_their_count_only_while_there_are_alarms() -> None:
    choice = Choice(profile("ups_auto"))
    choice.ask(Group.FAST, 0)
    # The second holds the name of a test, which tells a calibration: looked at with the alarms.
    assert choice.alarm_tables(Group.FAST, {f"{UPS}.6.1.0": 2}) == {f"{UPS}.6.2.1.2": 2, f"{UPS}.7.1": 2}
    assert choice.alarm_tables(Group.FAST, {f"{UPS}.6.1.0": 0, f"{XUPS}.7.1.0": Gap.NULL}) == {}


def test_a_lost_ups_spoils_the_slow_group_too_and_its_return_is_seen() -> None:
    choice = Choice(profile("ups_powernet"))
    agent: dict[str, Raw] = {f"{APC}.8.1.0": 2, f"{APC}.4.1.1.0": 2, f"{APC}.2.3.1.0": 1000}
    assert poll(choice, Group.FAST, agent, 0)[0]["output_source"].because is Reason.SOURCE_LOST
    assert poll(choice, Group.SLOW, agent, 0)[0]["battery.charge_pct"].because is Reason.SOURCE_LOST
    agent[f"{APC}.8.1.0"] = 1
    assert poll(choice, Group.FAST, agent, 1000)[0]["output_source"].value == "mains"
    assert poll(choice, Group.SLOW, agent, 1000)[0]["battery.charge_pct"].value == 100.0


def test_only_signals_that_the_profile_names_are_given() -> None:
    choice = Choice(profile("ups_mge"))
    assert choice.signals(Group.FAST) == ("output_source", "battery.status", "overload")
    assert poll(choice, Group.FAST, {}, 0)[0].keys() == {"output_source", "battery.status", "overload"}


def test_only_the_mibs_that_the_agent_has_are_asked_and_all_where_it_does_not_say() -> None:
    choice = Choice(profile("ups_auto"))
    roots = choice.roots(Group.FAST, 0)
    assert UPS in roots and APC in roots and len(roots) == len(set(roots)) > 10
    choice.note_roots(frozenset({APC}))
    assert all(oid.startswith(APC) for oid in choice.ask(Group.FAST, 0))
    choice.note_roots(frozenset())
    assert len({oid.split(".")[6] for oid in choice.ask(Group.FAST, 0)}) > 5
    poll(choice, Group.FAST, EATON, 0)
    assert choice.roots(Group.FAST, 1000) == () and choice.roots(Group.FAST, PROBE_EVERY_MS) == roots


changes = st.dictionaries(
    st.sampled_from([*EATON, f"{UPS}.7.3.0", f"{UPS}.4.2.0", f"{APC}.4.1.1.0"]),
    st.one_of(st.sampled_from([0, 1, 2, 3, 5, 500, 5000, 65535, -1]), st.just(b"12"), st.sampled_from(list(Gap))),
    max_size=3,
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(list(Group)), changes, st.booleans()), max_size=12))
def test_what_is_remembered_of_the_last_answer_is_what_is_made_of_it_anew(
    course: list[tuple[Group, dict[str, Raw], bool]],
) -> None:
    kept, anew, agent = Choice(profile("ups_auto")), Choice(profile("ups_auto")), dict(EATON)
    for second, (group, changed, lost) in enumerate(course):
        agent |= changed
        if lost:
            kept.forget()
            anew.forget()
        anew._picked.clear()
        assert poll(kept, group, agent, second * 1000) == poll(anew, group, agent, second * 1000)
        assert kept.sources == anew.sources


def test_an_object_that_holds_what_it_held_gives_the_very_same_sample() -> None:
    choice = Choice(profile("ups_auto"))
    poll(choice, Group.SLOW, EATON, 0)
    first, _ = poll(choice, Group.SLOW, EATON, 10_000)
    second, _ = poll(choice, Group.SLOW, {**EATON, f"{UPS}.2.4.0": 97}, 20_000)
    third, _ = poll(choice, Group.SLOW, {**EATON, f"{UPS}.2.4.0": 97}, 30_000)
    assert second["battery.charge_pct"].value == 97
    assert [name for name in second if second[name] is not third[name]] == []
    assert second["battery.runtime_s"] == first["battery.runtime_s"]
