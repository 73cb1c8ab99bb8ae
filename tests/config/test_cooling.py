"""Cooling in the site file: compressors come last and are spared, and what the plan then says of them."""

import tomllib
from pathlib import Path

import pytest

from config.compile import compile_floor
from config.devices import find_devices
from config.floor import Floor
from config.library import Library
from config.site import load_document
from config.strict import ConfigError
from tests.config.test_site_wrong import EXAMPLE

OUTPUTS = tomllib.loads(EXAMPLE)["output"]
PLACES = {output["id"]: place for place, output in enumerate(OUTPUTS)}
FAN_LEASE = f"output.{PLACES['fan.floor']}.lease"
COMPRESSOR = f"output.{PLACES['feed.compressor']}.on_fault"
SETS = f"output.{len(PLACES)}"
PINS = {entry.get("pin") for entry in OUTPUTS + tomllib.loads(EXAMPLE).get("input", [])}
FREE_PIN = next(pin for pin in range(2, 28) if pin not in PINS)
# What stands in the example, what stands there instead, where the fault is and a part of its sentence.
WRONG = (
    ('unit = "hvac1"\noutput', 'unit = "hvac9"\noutput', "load.8.unit", 'did you mean "hvac1"'),
    ('unit = "hvac1"\noutput', 'unit = "relays1"\noutput', "load.8.unit", "is no air conditioning"),
    ('output = "feed.pantry"', 'output = "feed.pantry"\nunit = "hvac1"', "load.7.unit", 'for kind = "compressor" only'),
    (
        'on_fault = "hold"                    # a',
        'on_fault = "on"  # a',
        COMPRESSOR,
        'must be "hold"',
    ),
    ('loads = ["displays", "pantry"]', 'loads = ["displays", "pantry", "compressor"]', "stage.0.loads.2", "comes last"),
    (
        'gentle = ["cooling.ups_mode"]',
        'gentle = ["cooling.ups"]',
        "cooling.gentle.0",
        'did you mean "cooling.ups_mode"',
    ),
    ('gentle = ["cooling.ups_mode"]', 'gentle = ["fan.floor"]', "cooling.gentle.0", "is a fan already"),
    ('hot = "32 C"', 'hot = "32 C"\ndry = "80 %"', "cooling.dry", "must be below humid"),
)


def floor(folder: Path, text: str = EXAMPLE) -> Floor:
    path = folder / "site.toml"
    path.write_text(text)
    document, site = load_document(path)
    return compile_floor(site, find_devices(document, site, Library(folder)))


@pytest.mark.parametrize(("old", "new", "where", "sentence"), WRONG)
def test_what_would_harm_a_compressor_is_refused_with_its_place(
    old: str, new: str, where: str, sentence: str, tmp_path: Path
) -> None:
    assert old in EXAMPLE
    with pytest.raises(ConfigError) as caught:
        floor(tmp_path, EXAMPLE.replace(old, new, 1))
    assert any(fault.key == where and sentence in fault.message for fault in caught.value.faults), str(caught.value)


def test_the_plan_spares_the_compressor_and_asks_for_less_first(tmp_path: Path) -> None:
    plan = floor(tmp_path).plan
    (compressor,) = plan.compressors.values()
    assert (compressor.output, compressor.barred, compressor.survives) == ("feed.compressor", ("fire.seen",), True)
    assert (compressor.min_on_ms, compressor.min_off_ms, compressor.start_limit) == (300_000, 300_000, 6)
    assert compressor.spacing_ms == 30_000
    asked = {rule.owner for rule in plan.rules if rule.output == "cooling.ups_mode"}
    assert asked == {"power", "manual"}
    last = plan.stages_of("power")[-1]
    assert last.outputs == ("feed.compressor",)


def test_the_rooms_rise_and_humidity_are_watched(tmp_path: Path) -> None:
    plan = floor(tmp_path).plan
    assert {"room1.rising", "room1.sensor_fault", "room1.dry", "room1.humid", "room1.hot"} <= plan.conditions.keys()
    assert plan.trends["room1.temp_c"].rise in plan.points
    assert plan.conditions["room1.rising"].confirm == 3
    without = floor(tmp_path, EXAMPLE.replace('hot = "32 C"', 'hot = "32 C"\nrise = "0 C/min"'))
    assert not without.plan.trends
    assert "room1.rising" not in without.plan.conditions


def test_the_devices_own_limits_are_read_where_its_profile_has_them(tmp_path: Path) -> None:
    profile = (Path(__file__).parents[2] / "config/profiles/hvac_generic.toml").read_text()
    limits = "".join(
        f'[[points]]\nname = "compressor.{name}"\ntable = "holding"\naddress = {address}\nunit = "s"\n'
        for name, address in (("min_on_s", 20), ("min_off_s", 21), ("restart_s", 22), ("between_s", 23))
    )
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text(profile + limits)
    plan = floor(tmp_path, EXAMPLE.replace('profile = "hvac_generic"', 'profile = "mine"')).plan
    (compressor,) = plan.compressors.values()
    assert compressor.points_on == ("hvac1.compressor.min_on_s",)
    assert compressor.points_off == ("hvac1.compressor.min_off_s", "hvac1.compressor.restart_s")
    assert compressor.points_between == ("hvac1.compressor.between_s",)


SETPOINT = """
[[output]]
id = "cooling.setpoint"
port = "setpoint"
unit = "hvac1"
point = "setpoint_c"
raised = "27 C"
usual = "24 C"
on_stop = "off"
on_fault = "off"
"""
RAISING = (
    EXAMPLE.replace('profile = "hvac_generic" ', 'profile = "hvac_apc_inrow_sc" ')
    .replace('gentle = ["cooling.ups_mode"]', 'gentle = ["cooling.setpoint"]')
    .replace('id = "cooling.ups_mode"', 'id = "spare"')
    .replace('unit = "hvac1"\ncoil = 0', 'unit = "relays1"\ncoil = 7')
) + SETPOINT  # fmt: skip
TIMED = (
    EXAMPLE.replace('profile = "relay_board_8"', 'profile = "relay_sfar_16ro"\nsafety_timer = "30 s"')
    .replace('unit = "relays1"\ncoil = ', 'unit = "relays1"\nlease = "10 s"\ncoil = 82')
)  # fmt: skip
ON_A_PIN = TIMED.replace(
    'port = "modbus"\nunit = "relays1"\nlease = "10 s"\ncoil = 825', f'port = "gpio"\npin = {FREE_PIN}'
)
WRONG_WRITES = (
    (RAISING, 'raised = "27 C"', 'raised = "23 C"', f"{SETS}.raised", "must be above usual, 24 C"),
    (RAISING, 'raised = "27 C"', 'raised = "40 C"', f"{SETS}.point", "must be between 16 and 32, not 40"),
    (RAISING, 'point = "setpoint_c"', 'point = "supply_c"', f"{SETS}.point", "no such set point"),
    (RAISING, 'gentle = ["cooling.setpoint"]', "gentle = []", f"{SETS}.id", "nothing asks for"),
    (RAISING, 'fans = ["fan.floor"]', 'fans = ["cooling.setpoint"]', "cooling.fans.0", "cannot be a set point"),
    (RAISING, 'unit = "hvac1"\npoint', 'unit = "fire1"\npoint', f"{SETS}.unit", "watched only"),
    (RAISING, SETPOINT, SETPOINT + SETPOINT.replace('nt"\np', 'nt2"\np'),
    f"output.{len(PLACES) + 1}.point", "in use already"),
    (ON_A_PIN, '"30 s"\nclass', '"90 s"\nclass', "modbus.2.unit.0.safety_timer", "between 0.001 s and 65.535 s"),
    (TIMED, '"30 s"\nclass', '"20 s"\nclass', "modbus.2.unit.0.safety_timer", "three slow periods of its unit, 30 s"),
    (TIMED, 'lease = "10 s"', 'lease = "20 s"', FAN_LEASE, "at most half of the safety timer of relays1, 15 s"),
    (TIMED, "", "", COMPRESSOR, 'must be "on": relays1 lets go of this relay'),
)  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "where", "sentence"), WRONG_WRITES)
def test_what_must_not_be_written_so_is_refused_with_its_place(
    text: str, old: str, new: str, where: str, sentence: str, tmp_path: Path
) -> None:
    assert old in text
    with pytest.raises(ConfigError) as caught:
        floor(tmp_path, text.replace(old, new, 1))
    assert any(fault.key == where and sentence in fault.message for fault in caught.value.faults), str(caught.value)


def test_conservation_raises_the_set_point_at_once_and_gives_it_back(tmp_path: Path) -> None:
    plan = floor(tmp_path, RAISING).plan
    assert {rule.owner for rule in plan.rules if rule.output == "cooling.setpoint" and rule.value} == {
        "power",
        "manual",
    }
    assert "out.cooling.setpoint.follows" in plan.points


def test_spacing_is_the_longer_one_of_the_line_and_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(EXAMPLE.replace('id = "hvac1"\nname', 'id = "hvac1"\nspacing = "50 ms"\nname', 1))
    document, site = load_document(path)
    (unit,) = find_devices(document, site, Library(tmp_path)).units["cooling_line"]
    assert unit.spacing_ms == 50


def test_a_board_that_lets_go_by_itself_is_accepted_where_letting_go_is_what_a_fault_means(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(ON_A_PIN)
    document, site = load_document(path)
    (board,) = find_devices(document, site, Library(tmp_path)).units["relay_line"]
    assert board.safety_ms == 30_000
