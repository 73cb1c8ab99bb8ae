"""Targets that nothing can reach and tiers that nobody is in: what is refused, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.site import build_site
from config.strict import ConfigError, parse
from firmware_py.wiring.building import build_floor

HEAD = '[site]\nid = "a"\nname = "A"\n'
UPS = '[[ups]]\nid = "ups1"\naddress = "192.0.2.1"\n'
BARE = """
name = "bare"
title = "A bare one"
gap = "all"
document = "none"
revision = "1"
verified = "made up"
[signals]
output_source = [
    { name = "source", oid = "1.3.6.1.4.1.99999.1.0", words = { 1 = "mains", 2 = "battery" } },
]
"""


def load(name: str, watts: int, more: str = "") -> str:
    return f'[[load]]\nid = "{name}"\npriority = 3\nwatts = "{watts} W"\nups = "ups1"\n{more}'


def refusals(text: str) -> list[str]:
    try:
        build_site(parse(HEAD + text, "site.toml"))
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize(("rating", "refused"), [("1 kW", True), ("1.2 kW", False), ("5 kW", False)])
def test_a_rating_bears_what_is_never_cut_or_no_endurance_can_be_reached(rating: str, refused: bool) -> None:
    text = UPS + f'rating = "{rating}"\nendurance = "2 h"\n' + load("a", 700) + load("b", 500)
    found = [said for said in refusals(text) if "an endurance of 2 h cannot be reached" in said]
    assert bool(found) is refused
    if found:
        assert found[0].startswith("site.toml:7:1: ") and "(a, b) takes 1200 W" in found[0]


def test_many_loads_are_not_all_named() -> None:
    text = UPS + 'rating = "1 kW"\n' + "".join(load(f"l{n}", 300) for n in range(7))
    (said,) = [one for one in refusals(text) if "cannot be reached" in one]
    assert "(l0, l1, l2, l3 and 3 more)" in said


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ((1, 2, 3), ""),
        ((1, 2), ""),
        ((1,), ""),
        ((), ""),
        ((1, 3), "nobody is in tier 2"),
        ((2, 3), "nobody is in tier 1"),
    ],
)
def test_nobody_is_told_late_while_nobody_is_told_before(tiers: tuple[int, ...], said: str) -> None:
    people = "".join(f'[[person]]\ntier = {tier}\nname = "P{tier}"\n' for tier in tiers)
    found = refusals(people)
    assert [said in one for one in found] == ([True] if said else []), found


def test_a_battery_that_tells_nothing_of_itself_has_no_endurance_to_be_watched(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "bare.toml").write_text(BARE)
    site = tmp_path / "site.toml"
    site.write_text(HEAD + UPS + 'profile = "bare"\n')
    build_floor(site)
    site.write_text(HEAD + UPS + 'profile = "bare"\nendurance = "2 h"\n')
    with pytest.raises(ConfigError) as caught:
        build_floor(site)
    assert f"{site}:8:1: error: ups.0.endurance: cannot be watched: the profile bare tells neither" in str(caught.value)
