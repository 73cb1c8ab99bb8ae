"""Facts beside the power itself: flags from words, alarm rows and state strings; words that a second one corrects."""

import pytest

from drivers.snmp_decode import Gap, Raw, cross_check, decode
from drivers.snmp_signals import SIGNALS
from firmware_py.core.reading import Quality, Reason, Sample
from tests.drivers.snmp_profiles import UPS, source

APC = "1.3.6.1.4.1.318.1.1.1"
STATE = f"{APC}.11.1.1.0"
ON_LINE = b"0001010000000000001000000000000000000000000000000000000000000000"


def read(signal: str, mib: str, raws: dict[str, Raw], place: int = 0) -> Sample:
    return decode(source(signal, mib, place), SIGNALS[signal], raws, {}).sample


def with_flag(place: int) -> bytes:
    return ON_LINE[: place - 1] + b"1" + ON_LINE[place:]


@pytest.mark.parametrize(("signal", "place"), [("overload", 9), ("charger_failed", 25)])
def test_apcs_state_string_is_read_place_by_place(signal: str, place: int) -> None:
    assert read(signal, "powernet", {STATE: ON_LINE}).value is False
    assert read(signal, "powernet", {STATE: with_flag(place)}).value is True
    assert read(signal, "powernet", {STATE: with_flag(place + 1)}).value is False


@pytest.mark.parametrize("text", [b"UNKNOWN", b"", b"01", b"0" * 8, b"x" * 64, Gap.NULL, 1])
def test_a_state_string_that_is_none_is_not_no(text: Raw) -> None:
    assert read("overload", "powernet", {STATE: text}).quality is Quality.BAD


def test_a_lost_ups_is_also_seen_in_the_state_string() -> None:
    assert read("card_link", "powernet", {STATE: ON_LINE}, 1).value == "ok"
    assert read("card_link", "powernet", {STATE: b"0" * 64}, 1).value == "lost"


@pytest.mark.parametrize(
    ("signal", "alarm"),
    [("overload", 8), ("replace_battery", 1), ("charger_failed", 13), ("over_temp", 5)],
)
def test_rfc_1628s_alarm_rows_become_flags(signal: str, alarm: int) -> None:
    row = source(signal)
    count, table = {f"{UPS}.6.1.0": 1}, f"{UPS}.6.2.1.2"
    for present, value in ((alarm, True), (2, False)):
        found = decode(row, SIGNALS[signal], count, {table: frozenset({f"{UPS}.6.3.{present}"})}).sample
        assert found.value is value
    assert decode(row, SIGNALS[signal], {f"{UPS}.6.1.0": 0}, {}).sample.value is False
    assert decode(row, SIGNALS[signal], count, {table: None}).sample.because is Reason.BAD_REPLY


@pytest.mark.parametrize(
    ("mib", "oid", "place"), [("powernet", f"{APC}.7.2.6.0", 0), ("cps", "1.3.6.1.4.1.3808.1.1.1.7.2.7.0", 0)]
)
def test_a_calibration_is_told_from_other_tests(mib: str, oid: str, place: int) -> None:
    for number, value in ((1, False), (2, False), (3, True)):
        assert read("calibration_running", mib, {oid: number}, place).value is value
    assert read("calibration_running", mib, {oid: Gap.NO_SUCH}, place).quality is Quality.BAD


def test_the_state_string_tells_a_calibration_too() -> None:
    assert read("calibration_running", "powernet", {STATE: with_flag(10)}, 1).value is True
    assert read("calibration_running", "powernet", {STATE: ON_LINE}, 1).value is False


def test_rfc_1628s_test_id_names_a_calibration_only_while_there_is_an_alarm() -> None:
    row, table = source("calibration_running"), f"{UPS}.7.1"
    for test_id, value in ((5, True), (4, False), (1, False)):
        rows = {table: frozenset({f"{UPS}.7.7.{test_id}"})}
        assert decode(row, SIGNALS["calibration_running"], {f"{UPS}.6.1.0": 1}, rows).sample.value is value
    # The id names the last test for ever (networkupstools/nut#2416).
    stuck = {table: frozenset({f"{UPS}.7.7.5"})}
    assert decode(row, SIGNALS["calibration_running"], {f"{UPS}.6.1.0": 0}, stuck).sample.value is False


def test_an_outage_after_a_self_test_is_an_outage_although_the_fail_cause_still_names_the_test() -> None:
    battery: dict[str, Raw] = {f"{APC}.4.1.1.0": 3, f"{APC}.3.2.5.0": 9}
    assert read("output_source", "powernet", {**battery, f"{APC}.3.3.1.0": 2300}).value == "test"
    assert read("output_source", "powernet", {**battery, f"{APC}.3.3.1.0": 0}).value == "battery"
    assert read("output_source", "powernet", {**battery, f"{APC}.3.2.1.0": 3}).value == "battery"
    assert read("output_source", "powernet", battery).value == "test"


def test_a_running_test_makes_battery_a_test_and_mains_stays_mains() -> None:
    for word, expected in (("battery", "test"), ("mains", "mains"), ("bypass", "bypass")):
        fast = {"output_source": Sample(value=word), "test_running": Sample(value=True)}
        assert cross_check(fast, {}, runtime_seen=False)["output_source"].value == expected
    idle = {"output_source": Sample(value="battery"), "test_running": Sample(value=False)}
    assert cross_check(idle, {}, runtime_seen=False)["output_source"].value == "battery"


XPPC = "1.3.6.1.4.1.935.1.1.1"


@pytest.mark.parametrize(("volts", "word"), [(2360, "bypass"), (0, "off"), (Gap.NO_SUCH, "off")])
def test_standby_with_voltage_at_the_output_is_a_bypass(volts: Raw, word: str) -> None:
    assert read("output_source", "xppc", {f"{XPPC}.4.1.1.0": 8, f"{XPPC}.4.2.1.0": volts}).value == word


SOCOMEC = "1.3.6.1.4.1.4555.1.1.7.1"


@pytest.mark.parametrize(
    ("battery", "alarm", "word"), [(3, 0, "mains"), (5, 0, "battery"), (4, 0, "test"), (2, 1, "battery")]
)
def test_socomecs_inverter_lives_on_mains_or_battery_as_its_battery_says(battery: int, alarm: int, word: str) -> None:
    raws: dict[str, Raw] = {f"{SOCOMEC}.4.1.0": 3, f"{SOCOMEC}.2.1.0": battery, f"{SOCOMEC}.6.3.15.0": alarm}
    assert read("output_source", "socomec", raws).value == word


def test_an_alarm_settles_what_the_source_of_an_old_net_vision_leaves_open() -> None:
    root = "1.3.6.1.4.1.4555.1.1.1.1"
    for number in (3, 4, 5):
        assert read("output_source", "netvision", {f"{root}.4.1.0": number, f"{root}.6.3.2.0": 1}).value == "battery"
    unsettled = read("output_source", "netvision", {f"{root}.4.1.0": 5, f"{root}.6.3.2.0": 0})
    assert (unsettled.value, unsettled.because) == ("unknown", Reason.UNKNOWN_WORD)


@pytest.mark.parametrize(
    ("mib", "oid", "words"),
    [
        ("eppc", "1.3.6.1.4.1.935.10.1.1.2.1.0", {3: "bypass", 4: "mains", 5: "battery", 6: "test", 9: "mains"}),
        ("tripplite", "1.3.6.1.4.1.850.1.1.3.1.3.3.1.1.1.1", {3: "mains", 4: "bypass", 5: "battery", 9: "mains"}),
        ("huawei_smu", "1.3.6.1.4.1.2011.6.164.1.4.2.3.0", {1: "mains", 2: "mains", 3: "battery", 4: "mains"}),
        ("huawei", "1.3.6.1.4.1.2011.6.174.1.2.101.1.1.1", {2: "bypass", 3: "mains", 4: "battery", 7: "battery"}),
        ("vertiv_ita2", "1.3.6.1.4.1.13400.2.54.2.1.2.0", {0: "off", 1: "mains", 2: "battery", 3: "bypass"}),
        ("sinetica", "1.3.6.1.4.1.13891.101.4.1.0", {3: "mains", 4: "bypass", 5: "battery"}),
        ("compas", "1.3.6.1.4.1.26854.3.2.1.20.1.20.1.13.3.1.0", {0: "mains", 1: "mains", 2: "test", 3: "battery"}),
        ("xppc", f"{XPPC}.4.1.1.0", {2: "mains", 3: "battery", 4: "mains", 6: "bypass", 9: "mains"}),
    ],
)  # fmt: skip
def test_each_state_of_the_makers_own_tables_has_its_word(mib: str, oid: str, words: dict[int, str]) -> None:
    for number, word in words.items():
        assert read("output_source", mib, {oid: number}).value == word
    for number in (99, 200):
        unknown = read("output_source", mib, {oid: number})
        assert (unknown.value, unknown.because) == ("unknown", Reason.UNKNOWN_WORD)
