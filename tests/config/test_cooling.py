"""Cooling in the site file: compressors come last and are spared, and what the plan then says of them."""

from pathlib import Path

import pytest

from config.compile import Floor, compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import load_document
from config.strict import ConfigError
from tests.config.test_site_wrong import EXAMPLE

# What stands in the example, what stands there instead, where the fault is and a part of its sentence.
WRONG = (
    ('unit = "hvac1"\noutput', 'unit = "hvac9"\noutput', "load.8.unit", 'did you mean "hvac1"'),
    ('unit = "hvac1"\noutput', 'unit = "relays1"\noutput', "load.8.unit", "is no air conditioning"),
    ('output = "feed.pantry"', 'output = "feed.pantry"\nunit = "hvac1"', "load.7.unit", 'for kind = "compressor" only'),
    ('on_fault = "hold"                    # a', 'on_fault = "on"  # a', "output.15.on_fault", 'must be "hold"'),
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
