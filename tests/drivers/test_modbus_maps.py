"""Shipped profiles against the facts of their documents: numbers easy to get wrong by one, or by a unit."""

from __future__ import annotations

import json

import pytest

from drivers.modbus_decode import decode
from drivers.modbus_plan import Table
from drivers.modbus_profile import Mapped, ModbusUnit, load, resolve
from tests.conftest import PROJECT

FACTS = json.loads((PROJECT / "tests/data/modbus/register-facts.json").read_text())
COVERED = {
    "vertiv-icom-crac": "hvac_vertiv_icom", "vertiv-crv": "hvac_vertiv_crv", "stulz-c7000": "hvac_stulz_c7000",
    "stulz-c2020": "hvac_stulz_c2020", "apc-inrow-sc": "hvac_apc_inrow_sc",
    "apc-inrow-rc-gen2-300": "hvac_apc_inrow_rc_gen2", "carel-uc2se": "hvac_carel_uc2se",
    "daikin-intesis-inmbsdai001": "hvac_daikin_intesis", "notifier-modbus-gw": "fire_notifier_modbus_gw",
    "honeywell-clss-gateway": "fire_honeywell_clss", "siemens-fc20-dms8000": "fire_siemens_fc20",
    "faast-aspirating": "fire_faast_aspirating",
}  # fmt: skip
# Known by too few numbers for a profile that could be trusted.
TOO_LITTLE = {
    "uniflair-sp": "notes on behaviour only, not one register",
    "uniflair-le": "seven running bits, no alarm and no temperature",
    "kidde-kfp-a-zp2": "a list of contents",
    "tyco-fv300": "no meaning of the status values",
    "rielta-brshs-rk": "whether a detector's bit is fire is the site's",
}


def mapped(profile: str, **settings: int) -> dict[str, Mapped]:
    unit = ModbusUnit(
        device="x", unit=1, profile=load(PROJECT / f"config/profiles/{profile}.toml"), settings=settings, room="room"
    )
    return {point.id: point for point in resolve(unit).points}


def test_every_device_of_the_facts_has_a_profile_or_a_reason_against_one() -> None:
    known = {device["id"] for kind in ("hvac", "fire") for device in FACTS[kind]}
    assert known == COVERED.keys() | TOO_LITTLE.keys()
    assert all((PROJECT / f"config/profiles/{name}.toml").is_file() for name in COVERED.values())


@pytest.mark.parametrize(
    ("profile", "point", "table", "address"),
    [
        ("hvac_vertiv_icom", "x.running", Table.DISCRETE, 24),
        ("hvac_vertiv_icom", "x.setpoint_c", Table.INPUT, 500),
        ("hvac_vertiv_icom", "room.humidity_pct", Table.INPUT, 129),
        ("hvac_vertiv_crv", "room.temp_c", Table.INPUT, 423),
        ("hvac_vertiv_crv", "x.compressor.restart_s", Table.INPUT, 448),
        ("hvac_stulz_c2020", "x.fault", Table.DISCRETE, 21),
        ("hvac_carel_uc2se", "x.compressor.min_off_s", Table.HOLDING, 1025),
        ("hvac_carel_uc2se", "room.temp_c", Table.INPUT, 506),
        ("hvac_daikin_intesis", "room.temp_c", Table.HOLDING, 5),
        ("hvac_apc_inrow_rc_gen2", "x.setpoint_c", Table.HOLDING, 5),
        ("fire_honeywell_clss", "x.detector1.fire", Table.HOLDING, 0),
        ("fire_honeywell_clss", "x.panel.silenced", Table.HOLDING, 20_000),
        ("fire_faast_aspirating", "x.zone1.fire", Table.HOLDING, 8),
    ],
)
def test_a_number_of_the_document_becomes_its_address_on_the_wire(
    profile: str, point: str, table: Table, address: int
) -> None:
    span = mapped(profile)[point].span
    assert (span.table, span.address) == (table, address)


def test_the_same_status_number_is_another_word_on_another_model() -> None:
    words = [
        decode(mapped(name)["x.status"].encoding, [2]).value for name in ("hvac_apc_inrow_sc", "hvac_apc_inrow_rc_gen2")
    ]
    assert words == ["informational", "warning"]


def test_the_states_of_an_aspirating_detector_are_kept_apart() -> None:
    points = mapped("fire_faast_aspirating")

    def told(word: int) -> set[str]:
        flags = {name: decode(point.encoding, [word]).value for name, point in points.items() if "zone1" in name}
        return {name.removeprefix("x.zone1.") for name, flag in flags.items() if flag is True}

    assert told(0b0000_0000) == set()
    assert told(0b0000_0010) == {"action1", "prealarm"}
    assert told(0b0000_1000) == {"fire"}
    assert told(0b1101_0001) == {"alert", "fire", "fault", "disabled"}


def test_a_daikin_adapter_that_has_lost_its_unit_says_so() -> None:
    points = mapped("hvac_daikin_intesis")
    assert decode(points["x.unit_lost"].encoding, [65535]).value is True
    assert decode(points["room.temp_c"].encoding, [0x8000]).value is None
