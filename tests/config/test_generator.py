"""The generator in the site file: contacts of the right kind, start and stop values the right way round."""

from pathlib import Path

import pytest

from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import build_site
from config.strict import ConfigError, parse
from firmware_py.core.check import Above, AllOf, Below, IsFlag

FOLDER = Path(__file__).resolve().parents[1] / "stories"
TEXT = (FOLDER / "generator.toml").read_text(encoding="utf-8")
PAIRS = 'start_charge_below = "60 %"\nstart_runtime_below = "30 min"\nstart_load_above = "90 %"\n'


def faults(old: str, new: str) -> str:
    assert old in TEXT
    with pytest.raises(ConfigError) as caught:
        build_site(parse(TEXT.replace(old, new), "site.toml"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('output = "start.generator"', 'output = "start.generators"', "no [[output]] has this id"),
        ('output = "start.generator"', 'output = "feed.pantry"', "this output is a load's feed already"),
        ('running = "contact.generator"', 'running = "contact.mains"', "must be an input of kind generator"),
        ('mains = "contact.mains"', 'mains = "contact.generator"', "must be an input of kind mains"),
        ('mains = "contact.mains"\n', "", "needs mains: once the generator carries the floor"),
        ('start_after = "10 s"\n', "", "needs a reason"),
        ('start_after = "10 s"', 'start_charge_below = "95 %"', "must be above start_charge_below, 95 %"),
        (
            'start_after = "10 s"', 'start_runtime_below = "1 h"\nstop_runtime_above = "30 min"',
            "must be above 1 h",
        ),
        ('start_after = "10 s"', 'start_after = "10 s"\nstop_runtime_above = "30 min"', "needs start_runtime_below"),
        ('start_after = "10 s"', 'start_load_above = "70 %"\nstop_load_below = "70 %"', "must be below 70 %"),
        ('start_after = "10 s"', 'start_after = "10 s"\nstop_load_below = "70 %"', "needs start_load_above"),
        ('test_at = "01:00Z"', 'test_at = "25:00Z"', "must be a time with its offset from UTC"),
    ],
)  # fmt: skip
def test_a_generator_that_cannot_be_is_told_why(old: str, new: str, said: str) -> None:
    assert said in faults(old, new)


def test_a_threshold_without_a_ups_has_nothing_to_look_at() -> None:
    lone = TEXT.split("[[ups]]")[0] + "[generator]" + TEXT.split("[generator]")[1].replace("start_after", "start_hold")
    with pytest.raises(ConfigError) as caught:
        build_site(parse(lone.replace('start_hold = "10 s"', 'start_charge_below = "50 %"'), "site.toml"))
    assert "needs a [[ups]] whose battery it could look at" in str(caught.value)


def test_each_start_value_has_a_stop_value_and_looks_at_every_ups() -> None:
    document = parse(TEXT.replace('start_after = "10 s"\n', PAIRS), str(FOLDER / "site.toml"))
    site = build_site(document)
    plan = compile_floor(site, find_devices(document, site, Library(FOLDER))).plan
    assert plan.generator is not None
    names = [f"generator.{ups}.{what}" for ups in ("ups1", "ups2") for what in ("charge", "runtime", "load")]
    assert list(plan.generator.reasons) == names
    mains = IsFlag(point="contact.mains", wanted=False)
    tests = [plan.conditions[name].test for name in names[:3]]
    assert tests == [
        AllOf(tests=(mains, Below(point="ups1.forecast.charge_pct", limit=60.0, deadband=30.0))),
        AllOf(tests=(mains, Below(point="ups1.forecast.runtime_s", limit=1_800.0, deadband=1_800.0))),
        AllOf(tests=(mains, Above(point="ups1.output.load_pct", limit=90.0, deadband=10.0))),
    ]
    assert "generator.carries" in plan.causes["power"].conditions


def test_without_a_contact_at_the_mains_the_stop_value_alone_ends_it() -> None:
    text = TEXT.replace('start_after = "10 s"\n', PAIRS).replace('mains = "contact.mains"\n', "carries_all = true\n")
    document = parse(text, str(FOLDER / "site.toml"))
    site = build_site(document)
    plan = compile_floor(site, find_devices(document, site, Library(FOLDER))).plan
    lower = Below(point="ups1.forecast.charge_pct", limit=60.0, deadband=30.0)
    assert plan.conditions["generator.ups1.charge"].test == AllOf(tests=(lower,))
    assert "generator.carries" not in plan.causes["power"].conditions
    assert plan.generator is not None
    assert "ups1.on_battery" in plan.generator.gates
