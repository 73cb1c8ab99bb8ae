"""Recorded UPSs over real SNMP: each with the right source, charge, runtime and load; no quirk becomes a GOOD value.

The recordings are read from ../shared and belong to others; without them these tests are skipped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from drivers.snmp_signals import points
from firmware_py.core.reading import Quality, Reason, Sample
from tests.conftest import PROJECT, find_udp_port
from tests.wires import ups_oracles
from tests.wires.snmp_peers import recorded
from tests.wires.ups_oracles import Decoded
from tests.wires.ups_recordings import DERIVED, RECORDED, WITHOUT, Expected

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def port(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with recorded(tmp_path_factory.mktemp("sim"), find_udp_port(), ups_oracles.walks(shared)) as ready:
        yield ready


@pytest.fixture(scope="module")
def decoded(port: int) -> Callable[[str], Decoded]:
    """Each recording is read once over SNMP, however many tests look at it."""
    return cache(lambda name: ups_oracles.decode(port, name))


def check(found: Decoded, expected: Expected) -> None:
    source, mib, *figures = expected
    for signal, value in zip(ups_oracles.POINTS.values(), (source, *figures), strict=True):
        sample = found.samples[signal]
        if isinstance(value, Reason):
            assert (sample.quality, sample.because) == (Quality.BAD, value), (signal, sample)
            assert sample.value in (None, "unknown")
        else:
            assert (sample.quality, sample.value) == (Quality.GOOD, value), (signal, sample)
    if mib:
        assert found.sources["ups1.output_source"] == mib
    for point in points("ups1"):
        sample = found.samples[point.id.removeprefix("ups1.")]
        assert sample.quality is not Quality.GOOD or (sample.value is not None and point.fits(sample.value)), point.id


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_ups_has_the_right_source_charge_runtime_and_load(
    decoded: Callable[[str], Decoded], name: str
) -> None:
    check(decoded(name), RECORDED[name])


@pytest.mark.parametrize("name", DERIVED)
def test_a_changed_recording_gives_the_fact_that_it_was_changed_to(
    decoded: Callable[[str], Decoded], name: str
) -> None:
    expected, facts = DERIVED[name]
    check(decoded(name), expected)
    samples = decoded(name).samples
    assert {signal: samples[signal].value for signal in facts} == facts


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_a_device_without_a_ups_mib_answers_and_is_never_on_mains(decoded: Callable[[str], Decoded], name: str) -> None:
    assert {sample.quality for sample in decoded(name).samples.values()} == {Quality.BAD}


def test_every_recording_is_in_one_of_the_tables(shared: Path) -> None:
    assert {path.stem for path in ups_oracles.walks(shared)} == {*RECORDED, *DERIVED, *WITHOUT}


@pytest.mark.parametrize("name", ["generex-ups_cs141-v22036__onbattery", "liebert_apm", "apc_smx750", "socomec-ups"])
def test_version_1_gives_the_same_although_one_missing_object_spoils_a_whole_answer(
    port: int, decoded: Callable[[str], Decoded], name: str
) -> None:
    first, second = ups_oracles.decode(port, name, "1").samples, decoded(name).samples
    assert {k: (s.value, s.because) for k, s in first.items()} == {k: (s.value, s.because) for k, s in second.items()}


def test_the_page_of_oracles_is_true_and_every_difference_is_explained(
    shared: Path, decoded: Callable[[str], Decoded]
) -> None:
    page = ups_oracles.page(shared, decoded)
    sys.stdout.write(page)  # the table itself, for `pytest -s` and for the reader of a failure
    assert "UNEXPLAINED" not in page
    assert page == (PROJECT / "docs" / "ups-oracles.md").read_text(), "run: python -m tests.wires.ups_oracles"


# ------------------------------------------------------------------------------ the index's table of quirks, row by row


@pytest.fixture
def of(decoded: Callable[[str], Decoded]) -> Callable[[str, str], Sample]:
    return lambda name, signal: decoded(name).samples[signal]


Of = Callable[[str, str], Sample]


def test_huaweis_four_thousand_million_minutes_and_its_gauges(of: Of) -> None:
    assert of("huaweiups_ups2000", "battery.runtime_s").because is Reason.SENTINEL
    assert of("huaweiups_ups2000", "output.frequency_hz").value == 50.0
    assert of("huaweiups_ups2000", "output.power_w").because is Reason.OUT_OF_RANGE  # 1 W at 27 % load


def test_netvisions_65535_is_no_time_and_no_current(of: Of) -> None:
    assert of("netvision-rfc", "battery.runtime_s").because is Reason.SENTINEL
    assert of("netvision-rfc", "battery.current_a").because is Reason.SENTINEL


def test_marathons_runtime_of_zero_on_mains_is_not_known(of: Of) -> None:
    assert of("marathonups", "battery.runtime_s").because is Reason.SENTINEL
    assert of("marathonups", "output_source").value == "mains"


def test_poweralerts_source_comes_from_the_makers_table_and_its_missing_probe_is_no_cold(of: Of) -> None:
    assert (of("poweralert_ups", "output_source").value, of("poweralert_ups", "battery.temp_c").because) == (
        "mains", Reason.SENTINEL,
    )  # fmt: skip


def test_deltas_tenths_of_volts_are_volts_and_its_null_phases_are_absent(of: Of) -> None:
    name = "deltaups_rfc1628string"
    assert (of(name, "input.voltage_v").value, of(name, "output.voltage_v").value) == (236.0, 230.0)
    assert "repaired" in of(name, "input.voltage_v").detail
    assert of(name, "battery.current_a").because is Reason.NOT_SUPPORTED
    assert (of(name, "battery.charge_pct").value, of(name, "battery.runtime_s").value) == (29.0, 20280.0)


def test_netmans_minus_one_is_no_current_and_its_three_phases_make_one_load(of: Of) -> None:
    assert of("netmanplus_204", "battery.current_a").because is Reason.SENTINEL
    assert (of("netmanplus_204", "output.load_pct").value, of("netmanplus_204", "output.power_w").value) == (8.0, 184.0)


def test_the_cs121_has_no_charge_and_no_seconds_and_neither_is_zero(of: Of) -> None:
    for signal in ("battery.charge_pct", "on_battery_s"):
        assert (of("generex-ups_cs121", signal).value, of("generex-ups_cs121", signal).because) == (
            None, Reason.NOT_SUPPORTED,
        )  # fmt: skip


def test_the_liebert_works_without_charge_and_voltage(of: Of) -> None:
    assert of("liebert_apm", "output_source").value == "mains"
    assert of("liebert_apm", "battery.voltage_v").because is Reason.NOT_SUPPORTED


def test_cyberpower_is_on_mains_and_wants_a_battery_at_the_same_time(of: Of) -> None:
    assert of("cyberpower_cp1000pfclcd", "output_source").value == "mains"
    assert of("cyberpower_cp1000pfclcd", "replace_battery").value is True


def test_apcs_30_hours_at_no_load_are_what_it_says(of: Of) -> None:
    assert (of("apc_smt750x-nmc2", "battery.runtime_s").value, of("apc_smt750x-nmc2", "output.load_pct").value) == (
        109762.0, 0.0,
    )  # fmt: skip


def test_xups_counts_seconds(of: Of) -> None:
    assert of("eatonups", "battery.runtime_s").value == 8620.0


def test_the_m2_card_is_read_signal_by_signal_whatever_its_sysobjectid(decoded: Callable[[str], Decoded]) -> None:
    found = decoded("eatonupsm2_9px")
    assert found.samples["output_source"].value == "mains"
    assert found.sources["ups1.battery.charge_pct"] == "rfc1628"


@pytest.mark.parametrize("name", ["socomec-ups", "netagent2"])
def test_65535_minutes_and_9999_seconds_are_not_known(of: Of, name: str) -> None:
    assert of(name, "battery.runtime_s").because is Reason.SENTINEL


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("netagent2", "xppc"), ("generex-ups_cs121", "rfc1628"), ("generex-ups_cs141-v22036", "rfc1628"),
        ("netvision-rfc", "rfc1628"), ("huawei-smu", "huawei_smu"),
    ],
)  # fmt: skip
def test_a_sysobjectid_with_a_dot_the_mibs_own_or_net_snmps_does_not_matter(
    decoded: Callable[[str], Decoded], name: str, mib: str
) -> None:
    assert decoded(name).sources["ups1.output_source"] == mib
