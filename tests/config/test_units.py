"""Human units: what is read, what is refused, and that printing and reading are inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import units

UNITS = (units.DURATION, units.PERCENT, units.CELSIUS, units.CELSIUS_PER_MINUTE, units.WATTS, units.BYTES)


@pytest.mark.parametrize(
    ("unit", "text", "number"),
    [
        (units.DURATION, "5 s", 5_000),
        (units.DURATION, "250 ms", 250),
        (units.DURATION, "250ms", 250),
        (units.DURATION, " 10 min ", 600_000),
        (units.DURATION, "4 h", 14_400_000),
        (units.DURATION, "7 d", 604_800_000),
        (units.DURATION, "1.5 s", 1_500),
        (units.DURATION, "0.1 s", 100),
        (units.DURATION, "0 s", 0),
        (units.PERCENT, "80 %", 80.0),
        (units.PERCENT, "0.5%", 0.5),
        (units.CELSIUS, "27 C", 27.0),
        (units.CELSIUS, "-10.5 °C", -10.5),
        (units.CELSIUS_PER_MINUTE, "0.4 C/min", 0.4),
        (units.WATTS, "120 W", 120.0),
        (units.WATTS, "1.2 kW", 1_200.0),
        (units.BYTES, "16 MB", 16_000_000),
        (units.BYTES, "64 KiB", 65_536),
    ],
)
def test_ok__a_quantity_with_its_unit_is_read(unit: units.Unit, text: str, number: float) -> None:
    assert unit.parse(text) == number
    assert type(unit.parse(text)) is type(number)


@pytest.mark.parametrize(
    ("unit", "given_", "fragment"),
    [
        (units.DURATION, 5, "with its unit in quotes"),
        (units.DURATION, True, "with its unit in quotes"),
        (units.DURATION, "5", "with its unit"),
        (units.DURATION, "5 sec", "with its unit"),
        (units.DURATION, "s", "with its unit"),
        (units.DURATION, "", "with its unit"),
        (units.DURATION, "1 h 30 min", "with its unit"),
        (units.DURATION, "-1 s", "must be between"),
        (units.DURATION, "500 d", "must be between"),
        (units.DURATION, "0.1 ms", "is finer than ms"),
        (units.DURATION, "\u0665 s", "with its unit"),
        (units.DURATION, "1e3 s", "with its unit"),
        (units.DURATION, "1" * 5000 + " s", "with its unit"),
        (units.PERCENT, "101 %", "between 0 % and 100 %"),
        (units.PERCENT, "80 C", "a percentage"),
        (units.CELSIUS, "300 K", "a temperature"),
        (units.CELSIUS, "300 C", "between -60 C and 150 C"),
        (units.WATTS, "nan W", "a power"),
        (units.BYTES, "0.5 B", "finer than B"),
    ],
)
def test_fail__what_is_no_quantity_is_refused_with_an_example(unit: units.Unit, given_: object, fragment: str) -> None:
    with pytest.raises(ValueError, match=fragment):
        unit.parse(given_)


@given(st.sampled_from(UNITS), st.data())
def test_what_is_printed_is_read_as_the_same_number(unit: units.Unit, data: st.DataObject) -> None:
    low, high = int(unit.low), int(unit.high)
    whole = st.integers(low, high)
    number = data.draw(
        whole if unit.whole else whole.map(float) | st.integers(low * 10, high * 10).map(lambda n: n / 10)
    )
    assert unit.parse(unit.show(number)) == number


@pytest.mark.parametrize(
    ("unit", "number", "text"),
    [
        (units.DURATION, 90_000, "90 s"),
        (units.DURATION, 0, "0 ms"),
        (units.DURATION, 86_400_000, "1 d"),
        (units.PERCENT, 12.5, "12.5 %"),
        (units.WATTS, 1_200.0, "1200 W"),
        (units.WATTS, 2_000.0, "2 kW"),
        (units.CELSIUS, -0.5, "-0.5 C"),
    ],
)
def test_a_number_is_printed_in_the_largest_whole_unit(unit: units.Unit, number: float, text: str) -> None:
    assert unit.show(number) == text


@given(st.text(max_size=20) | st.integers() | st.none() | st.floats())
def test_any_value_is_in_range_or_refused_without_another_exception(given_: object) -> None:
    for unit in UNITS:
        try:
            number = unit.parse(given_)
        except ValueError:
            continue
        assert unit.low <= number <= unit.high
