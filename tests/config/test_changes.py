"""What differs between two sites, and what putting the second in force would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.changes import changes, consequences
from config.site import Site, build_site
from config.strict import parse

EXAMPLE = (Path(__file__).resolve().parents[2] / "config" / "sites" / "example.toml").read_text()


def site(*slips: tuple[str, str]) -> Site:
    text = EXAMPLE
    for old, new in slips:
        assert old in text
        text = text.replace(old, new, 1)
    return build_site(parse(text, "site.toml"))


def test_the_same_site_has_no_change_and_touches_nothing() -> None:
    assert changes(site(), site()) == ()
    assert consequences(site(), site()) == ("nothing that is running is touched",)


def test_a_change_is_named_by_ids_and_shown_in_the_units_of_the_file() -> None:
    (found,) = changes(site(), site(('timeout = "800 ms"', 'timeout = "700 ms"')))
    assert (found.key, found.was, found.now) == ("ups[ups1].timeout", '"800 ms"', '"700 ms"')


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (('timeout = "800 ms"', 'timeout = "700 ms"'), "restarts driver ups1"),
        (
            ("pin = 19", "pin = 18"),
            "output beacon moves from pin 19 (active_low) to pin 18 (active_low); its old place",
        ),
        (('unit = "relays1"\ncoil = 0', 'unit = "relays1"\ncoil = 7'), "restarts driver relay_line"),
        (
            ('unit = "relays1"\ncoil = 0', 'unit = "relays1"\ncoil = 7'),
            "output fan.floor moves from coil 0 of relays1 to coil 7",
        ),
        (('host = "broker.example.org"', 'host = "other.example.org"'), "the line to the broker is made anew"),
        (('warm = "27 C"', 'warm = "26 C"'), "rules of cooling change"),
        (('id = "floor-3"', 'id = "floor-4"'), "the site's topics change"),
        (('factory = "lgpio"', 'factory = "mock"'), "gpio.factory cannot change while the controller runs"),
        (('name = "Call floor 3"', 'name = "Call floor"'), "nothing that is running is touched"),
    ],
)
def test_each_change_says_what_it_does_to_the_floor(slip: tuple[str, str], said: str) -> None:
    assert any(text.startswith(said) for text in consequences(site(), site(slip))), consequences(site(), site(slip))


def test_a_driver_that_is_taken_out_and_one_that_comes_in_are_both_said() -> None:
    slips = (('id = "ups1"\nname', 'id = "ups9"\nname'), *(('ups = "ups1"', 'ups = "ups9"'),) * 8)
    found = consequences(site(), site(*slips))
    assert "stops driver ups1" in found and "starts driver ups9" in found
