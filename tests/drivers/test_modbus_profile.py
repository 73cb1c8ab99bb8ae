"""Profiles: the shipped ones are whole, what is wrong in one is said with its place, and fire is never writable."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.strict import ConfigError
from drivers.modbus_plan import Table, plan
from drivers.modbus_profile import ModbusUnit, Profile, load, points, resolve
from drivers.modbus_schema import DeviceClass, Pace
from drivers.modbus_write import check_coil
from firmware_py.core.point import Kind, Point
from tests.conftest import PROJECT

SHIPPED = sorted(
    path for path in (PROJECT / "config/profiles").glob("*.toml") if path.stem.startswith(("hvac_", "fire_", "relay_"))
)
HEAD = """
about = "a"
document = "b"
revision = "c"
verified = "d"
gap = "e"
class = "generic"
numbers = "from_0"
"""
POINT = '[[points]]\nname = "x"\ntable = "holding"\naddress = 1\n'


def shipped(name: str) -> Profile:
    return load(PROJECT / f"config/profiles/{name}.toml")


def ids(unit: ModbusUnit) -> dict[str, Point]:
    return {point.id: point for point in points(unit)}


def written(folder: Path, text: str) -> Profile:
    path = folder / "mine.toml"
    path.write_text(text)
    return load(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_says_where_it_is_from_and_can_be_read(path: Path) -> None:
    profile = load(path)
    file = profile.file
    assert file.document
    assert file.revision
    assert file.verified
    assert file.gap
    unit = ModbusUnit(device="unit1", unit=1, profile=profile)
    mapped = resolve(unit)
    blocks = plan((point.span for point in mapped.points), mapped.limits)
    assert all(any(block.covers(point.span) for block in blocks) for point in mapped.points)
    # Made to be written by hand.
    assert len(path.read_text().splitlines()) <= 120


@pytest.mark.parametrize(
    "path", [path for path in SHIPPED if path.stem.startswith("fire_")], ids=lambda path: path.stem
)
def test_a_fire_profile_is_watched_only_and_its_fire_flags_are_urgent_and_fast(path: Path) -> None:
    profile = load(path)
    unit = ModbusUnit(device="fire1", unit=1, profile=profile)
    assert profile.device_class is DeviceClass.FIRE
    assert unit.watched_only
    assert not resolve(unit).writable
    fires = [point for point in resolve(unit).points if point.id.endswith((".fire", ".prealarm", ".fault"))]
    assert fires
    assert all(point.urgent and point.pace is Pace.FAST and point.encoding.kind is Kind.FLAG for point in fires)
    with pytest.raises(ValueError, match="nothing is ever written"):
        check_coil(unit, 0)


def test_the_states_of_a_fire_zone_are_kept_apart() -> None:
    found = ids(ModbusUnit(device="fire1", unit=1, profile=shipped("fire_generic"), settings={"zones": 2}))
    states = ("fire", "prealarm", "fault", "supervisory", "disabled", "test", "walk_test")
    assert {f"fire1.zone2.{state}" for state in states} < set(found)
    assert "fire1.zone3.fire" not in found
    assert {"fire1.panel.fault", "fire1.panel.silenced"} < set(found)


def test_the_siemens_zone_words_lie_where_the_site_says() -> None:
    unit = ModbusUnit(
        device="fire1", unit=1, profile=shipped("fire_siemens_fc20"), settings={"zones": 3, "zone_base": 1600}
    )
    where = {point.id: (point.span.table, point.span.address, point.encoding.bit) for point in resolve(unit).points}
    assert where["fire1.zone3.fire"] == (Table.INPUT, 1602, 15)
    assert where["fire1.zone1.walk_test"] == (Table.INPUT, 1600, 4)


def test_the_notifier_numbers_are_counted_as_its_manual_does() -> None:
    unit = ModbusUnit(device="fire1", unit=1, profile=shipped("fire_notifier_modbus_gw"), settings={"modules": 1})
    where = {point.id: point.span.address for point in resolve(unit).points}
    assert where["fire1.detector1.fire"] == 0
    assert where["fire1.module1.fire"] == 200
    assert where["fire1.panel.silenced"] == 9499


def test_the_air_conditioning_offers_the_points_that_the_monitors_watch() -> None:
    found = ids(ModbusUnit(device="hvac1", unit=1, profile=shipped("hvac_generic"), room="room1"))
    assert {"hvac1.running", "hvac1.fault", "hvac1.ordered_off", "hvac1.setpoint_c"} < set(found)
    assert {"room1.temp_c", "room1.humidity_pct"} < set(found)
    assert found["room1.temp_c"].unit == "C"
    assert (found["room1.temp_c"].low, found["room1.temp_c"].high) == (-20, 80)
    assert "hvac1.temp_c" in ids(ModbusUnit(device="hvac1", unit=1, profile=shipped("hvac_generic")))


def test_a_point_may_be_given_an_id_of_its_own() -> None:
    unit = ModbusUnit(
        device="hvac1",
        unit=1,
        profile=shipped("hvac_stulz_c7000"),
        settings={"temperatures": 1},
        aliases={"temp1_c": "room1.temp_c"},
    )
    assert "room1.temp_c" in ids(unit)


def test_the_sites_periods_and_ages_win_over_the_profiles() -> None:
    unit = ModbusUnit(device="hvac1", unit=1, profile=shipped("hvac_generic"), fast_ms=500, slow_ms=4_000)
    assert unit.period_ms(Pace.FAST) == 500
    ages = {point.id: point.stale_after_ms for point in points(unit)}
    assert ages["hvac1.running"] == 2_500
    assert ages["hvac1.setpoint_c"] == 10_500


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"settings": {"zone": 1}}, "has no setting zone"),
        ({"settings": {"zones": 0}}, "zones must be between 1 and 250, not 0"),
        ({"settings": {"zone_base": 65_535}}, "not an address"),
        ({"unit": 256}, "not between 0 and 255"),
        ({"aliases": {"zone9.fire": "x.y"}}, "no point of the profile for the alias x.y"),
        ({"aliases": {"zone1.fire": "fire1.zone2.fire"}}, "share the id"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_sentence(wanted: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"device": "fire1", "unit": 1, "profile": shipped("fire_generic"), **wanted}
    with pytest.raises(ValueError, match=message):
        resolve(ModbusUnit(**fields))  # type: ignore[arg-type]  # the parameters are of many types


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('bit = 3\nbits = { "y" = 1 }\n', "either a name or bits"),
        ('repeat = "zones"\n', "no parameter is called zones"),
        ('base = "start"\n', "no parameter is called start"),
        ('type = "any_bit"\n', "any_bit is for coils"),
        ('type = "bit"\n', "which bit"),
        ("scale = 0\n", "scale of 0"),
        ("range = [5, 1]\n", "upside down"),
        ("mask = 0\n", "at least one bit"),
        ('words = { one = "on" }\n', "keyed by whole numbers"),
        ('group = "sometimes"\n', "group"),
        ("adress = 3\n", "address"),
    ],
)
def test_a_point_that_makes_no_sense_is_refused_at_its_place(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        written(tmp_path, HEAD + POINT + extra)
    assert all(fault.line > 1 for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD.replace("generic", "fire") + POINT + '[[writable]]\ntable = "coil"\naddress = 0\ncount = 1\n',
            "watched only",
        ),
        (HEAD + POINT + '[[writable]]\ntable = "holding"\naddress = 0\ncount = 1\n', "only coils"),
        (HEAD + POINT + '[canary]\ntable = "holding"\naddress = 0\ncount = 2\nexpect = [1]\n', "one number for each"),
        (HEAD + POINT.replace("holding", "coil") + 'type = "u16"\n', "holds bits"),
        (HEAD.replace("from_0", "modicon") + POINT, "not a number of a holding table"),
        (HEAD + POINT + POINT, "share the id"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        written(tmp_path, text)


@pytest.mark.parametrize(
    ("numbers", "table", "number", "address"),
    [
        ("from_0", "holding", 7, 7),
        ("from_1", "input", 7, 6),
        ("modicon", "holding", 40_007, 6),
        ("modicon", "holding", 400_301, 300),
        ("modicon", "input", 30_023, 22),
        ("modicon", "discrete", 10_025, 24),
        ("modicon", "coil", 25, 24),
    ],
)
def test_addresses_are_counted_as_the_profile_declares(
    tmp_path: Path, numbers: str, table: str, number: int, address: int
) -> None:
    text = HEAD.replace("from_0", numbers) + POINT.replace("holding", table).replace("= 1", f"= {number}")
    (point,) = resolve(ModbusUnit(device="x", unit=1, profile=written(tmp_path, text))).points
    assert (point.span.table, point.span.address) == (table, address)


def test_only_coils_that_the_profile_lists_can_be_outputs() -> None:
    unit = ModbusUnit(device="hvac1", unit=1, profile=shipped("hvac_stulz_c7000"))
    assert check_coil(unit, 1006) == 1006
    with pytest.raises(ValueError, match="does not list coil 1000"):
        check_coil(unit, 1000)
    watched = ModbusUnit(device="hvac1", unit=1, profile=shipped("hvac_stulz_c7000"), watched=True)
    with pytest.raises(ValueError, match="watched only"):
        check_coil(watched, 1006)
