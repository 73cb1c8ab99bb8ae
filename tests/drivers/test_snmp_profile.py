"""Profiles are data: the shipped ones hold together, and each mistake in one is found at its line."""

import tomllib

import pytest

from config import strict
from drivers.snmp_profile import Profile, compile_profile
from drivers.snmp_signals import SIGNALS, Group, points
from firmware_py.core.point import Kind
from tests.drivers.snmp_profiles import PROFILES, profile

NAMES = sorted(path.stem for path in PROFILES.glob("ups_*.toml"))


def compiled(text: str, **others: str) -> Profile:
    return compile_profile(strict.parse(text, "x.toml"), lambda name: strict.parse(others[name], f"{name}.toml"))


def fault(text: str, **others: str) -> str:
    with pytest.raises(strict.ConfigError) as caught:
        compiled(text, **others)
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_each_shipped_profile_compiles_and_names_real_objects(name: str) -> None:
    for places in profile(name).sources.values():
        for place in places:
            assert all(oid.startswith(("1.3.6.1.2.1.", "1.3.6.1.4.1.")) for oid in place.asked)


@pytest.mark.parametrize("name", NAMES)
def test_each_shipped_profile_says_what_it_rests_on_and_what_it_does_not_know(name: str) -> None:
    said = tomllib.loads((PROFILES / f"{name}.toml").read_text())
    assert all(said[key] for key in ("title", "document", "revision", "verified", "gap"))


def test_auto_includes_every_shipped_profile() -> None:
    included = tomllib.loads((PROFILES / "ups_auto.toml").read_text())["include"]
    assert sorted([*included, "ups_auto"]) == NAMES


def test_rfc_1628_has_a_source_for_every_signal() -> None:
    assert profile("ups_rfc1628").sources.keys() == SIGNALS.keys()


def test_auto_prefers_signal_by_signal() -> None:
    sources = profile("ups_auto").sources
    assert [s.mib for s in sources["battery.runtime_s"]][:5] == ["powernet", "cps", "xups", "mge", "rfc1628"]
    assert sources["on_battery_s"][0].mib == "rfc1628"
    assert sources["battery.charge_pct"][0].name == "upsHighPrecBatteryCapacity"


def test_the_points_of_a_device_carry_its_name_and_go_stale_after_three_polls() -> None:
    made = {point.id: point for point in points("ups7", fast_period_ms=500)}
    source = made["ups7.output_source"]
    assert (source.kind, source.urgent, source.stale_after_ms) == (Kind.WORD, True, 1500)
    assert source.words == ("mains", "battery", "bypass", "off", "test", "unknown")
    assert made["ups7.battery.charge_pct"].stale_after_ms == 30_000
    assert len(made) == len(SIGNALS)


def test_what_must_be_known_within_a_second_is_in_the_fast_group() -> None:
    fast = {signal.id for signal in SIGNALS.values() if signal.group is Group.FAST}
    assert fast == {
        "output_source", "battery.status", "card_link", "alarms_present", "overload", "test_running",
        "calibration_running",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"', "names neither signals"),
        ('name = "x"\n[signals]\noutput_sorce = [{ name = "a", oid = "1.3" }]', 'did you mean "output_source"'),
        ('name = "x"\n[signals]\noutput_source = [{ name = "a", oid = "1.3" }]', "is a word"),
        ('name = "x"\n[signals]\non_battery_s = [{ name = "a", oid = "1.3", words = { 1 = "ok" } }]', "is a number"),
        (
            'name = "x"\n[signals]\ncard_link = [{ name = "a", oid = "1", words = { 1 = "gone" } }]',
            "gone is not a word",
        ),
        ('name = "x"\n[signals]\non_battery_s = [{ name = "a" }]', "exactly one of"),
        ('name = "x"\n[signals]\non_battery_s = [{ name = "a", oid = "1", oids = ["2"] }]', "exactly one of"),
        ('name = "x"\n[signals]\non_battery_s = [{ name = "a", oid = ".1.3" }]', "x.toml:3:"),
        ('name = "x"\n[signals]\non_battery_s = [{ name = "a", oid = "1", repairs = [0.1] }]', "cannot be repaired"),
        ('name = "x"\n[signals]\non_battery_s = [{ name = "a", oid = "1", scael = 60 }]', "scale"),
        ('name = "x"\ninclude = ["one"]\n[prefer]\non_battery_s = ["oen"]', "no included profile"),
        ('name = "x"\ninclude = ["one"]\n[prefer]\nnothing = ["one"]', "is not a signal"),
    ],
)
def test_a_mistake_in_a_profile_is_named(text: str, said: str) -> None:
    one = 'name = "one"\n[signals]\non_battery_s = [{ name = "a", oid = "1.3" }]'
    assert said in fault(text, one=one)


def test_an_included_profile_may_not_include() -> None:
    nested = 'name = "two"\ninclude = ["one"]'
    assert "includes others itself" in fault('name = "x"\ninclude = ["two"]', two=nested)
