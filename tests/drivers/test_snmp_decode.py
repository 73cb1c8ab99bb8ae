"""Every way in which a card is known to lie, with the figures it gave, and that nothing it sends breaks the decoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.snmp_decode import EVERYWHERE, Gap, Raw, contradicts_nothing, cross_check, decode, without_device
from drivers.snmp_signals import SIGNALS
from firmware_py.core.reading import Quality, Reason, Sample
from tests.drivers.snmp_profiles import UPS, decoded, profile


def because(signal: str, raws: dict[str, Raw]) -> Reason | None:
    return decoded(signal, raws).sample.because


def value(signal: str, raws: dict[str, Raw], mib: str = "rfc1628") -> object:
    sample = decoded(signal, raws, mib).sample
    assert sample.quality is Quality.GOOD, sample
    return sample.value


# --------------------------------------------------------------------------------------------- the index's quirk rows


def test_huaweis_4294967295_minutes_are_not_a_runtime() -> None:
    assert because("battery.runtime_s", {"2.3.0": 4294967295}) is Reason.SENTINEL


def test_netvisions_65535_minutes_and_65535_tenths_of_an_ampere_are_not_known() -> None:
    assert because("battery.runtime_s", {"2.3.0": 65535}) is Reason.SENTINEL
    assert because("battery.current_a", {"2.6.0": 65535}) is Reason.SENTINEL


def test_netagents_9999_minutes_are_not_a_week() -> None:
    assert because("battery.runtime_s", {"2.3.0": 9999}) is Reason.SENTINEL


def test_marathons_zero_minutes_on_mains_at_full_charge_are_not_a_runtime() -> None:
    runtime = decoded("battery.runtime_s", {"2.3.0": 0}).sample
    slow = {"battery.runtime_s": runtime, "battery.charge_pct": Sample(value=100.0)}
    checked = cross_check(slow, {"output_source": Sample(value="mains")}, runtime_seen=False)
    assert checked["battery.runtime_s"].because is Reason.SENTINEL
    assert checked["battery.runtime_s"].value is None


def test_poweralerts_other_is_unknown_and_never_mains() -> None:
    sample = decoded("output_source", {"4.1.0": 1}).sample
    assert (sample.value, sample.quality, sample.because) == ("unknown", Quality.BAD, Reason.UNKNOWN_WORD)


def test_poweralerts_minus_273_degrees_is_a_missing_probe() -> None:
    assert because("battery.temp_c", {"2.7.0": -273}) is Reason.SENTINEL


def test_deltas_2360_volts_are_236_and_the_detail_says_so() -> None:
    found = decoded("input.voltage_v", {"3.3.1.3.1": 2360})
    assert (found.sample.value, found.factor) == (236.0, 0.1)
    assert "2360" in found.sample.detail and "repaired" in found.sample.detail


def test_deltas_null_typed_phases_and_current_are_not_supported_and_do_not_spoil_the_sum() -> None:
    assert because("battery.current_a", {"2.6.0": Gap.NULL}) is Reason.NOT_SUPPORTED
    assert value("output.power_w", {"4.4.1.4.1": 122, "4.4.1.4.2": Gap.NULL, "4.4.1.4.3": Gap.NULL}) == 122.0


def test_deltas_29_percent_with_338_minutes_on_line_is_legal() -> None:
    slow = {
        "battery.charge_pct": Sample(value=value("battery.charge_pct", {"2.4.0": 29})),
        "battery.runtime_s": decoded("battery.runtime_s", {"2.3.0": 338}).sample,
    }
    checked = cross_check(slow, {"output_source": Sample(value="mains")}, runtime_seen=False)
    assert checked["battery.runtime_s"].value == 20280.0


def test_netmans_minus_one_is_a_mark_and_its_50_is_five_amperes() -> None:
    assert because("battery.current_a", {"2.6.0": -1}) is Reason.SENTINEL
    assert value("battery.current_a", {"2.6.0": 50}) == 5.0


def test_netmans_unused_phases_of_zero_do_not_lower_load_power_or_voltage() -> None:
    assert value("output.load_pct", {"4.4.1.5.1": 8, "4.4.1.5.2": 0, "4.4.1.5.3": 0}) == 8.0
    assert value("output.power_w", {"4.4.1.4.1": 184, "4.4.1.4.2": 0, "4.4.1.4.3": 0}) == 184.0
    assert value("input.voltage_v", {"3.3.1.3.1": 242}) == 242.0


def test_the_cs121s_missing_charge_is_not_zero() -> None:
    sample = decoded("battery.charge_pct", {"2.4.0": Gap.NO_SUCH}).sample
    assert (sample.value, sample.because) == (None, Reason.NOT_SUPPORTED)


def test_cyberpower_says_its_source_even_when_the_battery_wants_replacing() -> None:
    assert value("output_source", {"1.3.6.1.4.1.3808.1.1.1.4.1.1.0": 2}, "cps") == "mains"


def test_apcs_10976200_ticks_are_30_hours() -> None:
    assert value("battery.runtime_s", {"1.3.6.1.4.1.318.1.1.1.2.2.3.0": 10976200}, "powernet") == 109762.0


def test_eatons_8620_are_seconds_where_rfc_1628_means_minutes() -> None:
    assert value("battery.runtime_s", {"1.3.6.1.4.1.534.1.2.1.0": 8620}, "xups") == 8620.0
    assert value("battery.runtime_s", {"2.3.0": 43}) == 2580.0


def test_huaweis_50_tenths_of_a_hertz_are_50_hertz() -> None:
    found = decoded("input.frequency_hz", {"3.3.1.2.1": 50})
    assert (found.sample.value, found.factor) == (50.0, 10)


def test_huaweis_one_watt_at_27_percent_load_is_implausible() -> None:
    slow = {"output.power_w": Sample(value=1.0), "output.load_pct": Sample(value=27.0)}
    assert cross_check(slow, {}, runtime_seen=False)["output.power_w"].because is Reason.OUT_OF_RANGE


# -------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("number", "word"), [(2, "off"), (3, "mains"), (4, "bypass"), (5, "battery"), (6, "mains"), (7, "mains")]
)
def test_each_output_source_of_rfc_1628_has_its_word(number: int, word: str) -> None:
    assert value("output_source", {"4.1.0": number, "7.3.0": 6}) == word


@pytest.mark.parametrize(("number", "word"), [(2, "normal"), (3, "low"), (4, "depleted")])
def test_each_battery_status_of_rfc_1628_has_its_word(number: int, word: str) -> None:
    assert value("battery.status", {"2.1.0": number}) == word


def test_essmode_is_12_and_means_mains() -> None:
    assert value("output_source", {"1.3.6.1.4.1.534.1.4.5.0": 12}, "xups") == "mains"


def test_a_number_outside_the_table_is_unknown_and_named() -> None:
    sample = decoded("output_source", {"4.1.0": 8}).sample
    assert sample.because is Reason.UNKNOWN_WORD and sample.value == "unknown" and "8" in sample.detail


def test_battery_while_a_test_is_in_progress_is_a_test_and_afterwards_battery() -> None:
    assert value("output_source", {"4.1.0": 5, "7.3.0": 5}) == "test"
    assert value("output_source", {"4.1.0": 5, "7.3.0": 1}) == "battery"


def test_mains_while_a_test_is_in_progress_stays_mains() -> None:
    assert value("output_source", {"4.1.0": 3, "7.3.0": 5}) == "mains"


@pytest.mark.parametrize(("oid", "mark"), [("7.2.3.0", 4), ("7.2.6.0", 3), ("3.2.5.0", 9)])
def test_apcs_self_test_and_calibration_are_told_from_an_outage(oid: str, mark: int) -> None:
    root = "1.3.6.1.4.1.318.1.1.1"
    assert value("output_source", {f"{root}.4.1.1.0": 3, f"{root}.{oid}": mark}, "powernet") == "test"
    assert value("output_source", {f"{root}.4.1.1.0": 3, f"{root}.{oid}": 1}, "powernet") == "battery"


def test_zero_volts_at_the_input_are_an_outage_and_not_a_wrong_scale() -> None:
    found = decoded("input.voltage_v", {"3.3.1.3.1": 0})
    assert (found.sample.value, found.factor) == (0.0, None)


def test_a_card_known_to_give_tenths_of_volts_is_not_believed_when_the_voltage_sinks() -> None:
    assert decoded("input.voltage_v", {"3.3.1.3.1": 250}, factor=0.1).sample.value == 25.0


def test_a_card_known_to_be_right_is_not_repaired_when_a_spike_comes() -> None:
    assert decoded("input.voltage_v", {"3.3.1.3.1": 900}, factor=1.0).sample.because is Reason.OUT_OF_RANGE


def test_a_refused_or_missing_object_is_a_bad_reply_and_not_zero() -> None:
    for gap in (Gap.REFUSED, Gap.MISSING):
        assert because("battery.charge_pct", {"2.4.0": gap}) is Reason.BAD_REPLY


def test_numbers_sent_as_text_are_read_and_other_text_is_not() -> None:
    assert value("battery.charge_pct", {"2.4.0": b"88"}) == 88.0
    for text in (b"", b"-", b"8 8", b"\xb2", b"nan", b"9" * 40):
        assert because("battery.charge_pct", {"2.4.0": text}) is Reason.BAD_REPLY


def test_charge_above_a_hundred_is_out_of_range() -> None:
    assert because("battery.charge_pct", {"2.4.0": 101}) is Reason.OUT_OF_RANGE
    assert because("battery.charge_pct", {"2.4.0": 255}) is Reason.SENTINEL


def test_a_sum_with_one_phase_not_known_is_not_known() -> None:
    assert because("output.power_w", {"4.4.1.4.1": 400, "4.4.1.4.2": 65535}) is Reason.SENTINEL


def test_the_highest_known_phase_is_the_load() -> None:
    assert value("output.load_pct", {"4.4.1.5.1": 3, "4.4.1.5.2": 65535, "4.4.1.5.3": 7}) == 7.0


@pytest.mark.parametrize(
    ("known", "seen", "believed"),
    [
        ({"output_source": "mains", "battery.charge_pct": 4.0}, False, True),
        ({"output_source": "mains", "battery.charge_pct": 6.0}, False, False),
        ({"output_source": "mains", "battery.status": "depleted"}, False, True),
        ({"output_source": "mains"}, True, False),
        ({"output_source": "battery", "battery.charge_pct": 90.0}, False, False),
        ({"output_source": "battery", "battery.charge_pct": 90.0}, True, True),
    ],
)
def test_a_runtime_of_zero_is_believed_only_of_a_battery_that_may_be_empty(
    known: dict[str, float | str], seen: bool, believed: bool
) -> None:
    samples = {name: Sample(value=given) for name, given in known.items()}
    checked = cross_check({"battery.runtime_s": Sample(value=0.0)}, samples, runtime_seen=seen)
    assert (checked["battery.runtime_s"].quality is Quality.GOOD) is believed


def test_when_the_card_lost_the_ups_only_the_cards_own_values_stay() -> None:
    samples = {name: Sample(value="x") for name in ("card_link", "alarms_present", "output_source")}
    assert {k: s.because for k, s in without_device(samples).items()} == {
        "card_link": None,
        "alarms_present": None,
        "output_source": Reason.SOURCE_LOST,
    }


@pytest.mark.parametrize(
    ("count", "rows", "word"),
    [
        (0, None, "ok"),
        (2, frozenset({f"{UPS}.6.3.2", f"{UPS}.6.3.20"}), "lost"),
        (1, frozenset({f"{UPS}.6.3.8"}), "ok"),
        (1, frozenset(), None),
        (1, None, None),
    ],
)
def test_the_alarm_table_says_whether_the_card_lost_the_ups(
    count: int, rows: frozenset[str] | None, word: str | None
) -> None:
    (place,) = profile("ups_rfc1628").sources["card_link"]
    sample = decode(place, SIGNALS["card_link"], {f"{UPS}.6.1.0": count}, {f"{UPS}.6.2.1.2": rows}).sample
    assert sample.value == word and (sample.quality is Quality.GOOD) is (word is not None)


# --------------------------------------------------------------------------------------------------------- properties

raws = st.one_of(
    st.integers(),
    st.integers(-(2**31), 2**32),
    st.integers(-10, 3000),
    st.sampled_from(sorted(EVERYWHERE)),
    st.binary(max_size=200),
    st.integers(-999, 9999).map(lambda number: str(number).encode()),
    st.just("1.3.6.1.2.1.33.1.6.3.20"),
    st.sampled_from(Gap),
)
every = [
    (signal, place)
    for signal, places in profile("ups_auto").sources.items()
    for place in places
    if place.mib != "never"
]


@given(which=st.sampled_from(every), data=st.data(), factor=st.sampled_from([None, 0.1, 1.0, 10.0]))
def test_nothing_an_agent_sends_raises_or_is_good_outside_its_range(
    which: tuple, data: st.DataObject, factor: float | None
) -> None:
    name, place = which
    answers = {oid: data.draw(raws) for oid in place.asked}
    found = decode(place, SIGNALS[name], answers, {}, factor)
    if found.sample.quality is Quality.GOOD:
        assert SIGNALS[name].point("ups1", 1000).fits(found.sample.value)
        assert found.sample.value != "unknown"


@given(which=st.sampled_from(every), gaps=st.lists(st.sampled_from(Gap), min_size=8, max_size=8))
def test_absent_is_never_a_value(which: tuple, gaps: list[Gap]) -> None:
    name, place = which
    found = decode(place, SIGNALS[name], dict(zip(place.asked, gaps, strict=False)), {})
    assert found.sample.value is None and found.sample.quality is Quality.BAD


@given(samples=st.dictionaries(st.sampled_from(sorted(SIGNALS)), raws.filter(lambda r: isinstance(r, int)), max_size=9))
def test_the_cross_check_takes_any_values(samples: dict[str, int]) -> None:
    given_ = {name: Sample(value=number) for name, number in samples.items()}
    assert cross_check(given_, given_, runtime_seen=True).keys() == given_.keys()


@pytest.mark.parametrize(
    ("test_running", "is_clear"),
    [
        (None, True),  # the agent has no such object
        (Sample(value=False), True),
        (Sample(value=True), False),
        (Sample(value=None, quality=Quality.BAD, because=Reason.BAD_REPLY), False),
    ],
)
def test_an_outage_contradicts_nothing_only_where_no_test_may_be_behind_it(
    test_running: Sample | None, is_clear: bool
) -> None:
    known = {"output_source": Sample(value="battery")}
    if test_running is not None:
        known["test_running"] = test_running
    assert contradicts_nothing(known) is is_clear
    checked = cross_check(known, {}, runtime_seen=False)
    assert (checked == known) or not is_clear, "what is clear is left as it is"
