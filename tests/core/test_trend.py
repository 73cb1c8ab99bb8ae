"""Rates of rise and jumps: what is heat, what is a sensor that lies, and what is not known."""

import pytest

from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.trend import Trend, TrendState, derive

ROOM, RISE = "room1.temp_c", "room1.rise_c"
TREND = Trend(point=ROOM, rise=RISE, jump_limit=5.0)


class Sensor:
    """One sensor that is read every ten seconds."""

    def __init__(self) -> None:
        self.state, self.now_ms, self.stepped_ms = TrendState(), 1_000_000, None
        self.shown: dict[str, Reading] = {}

    def read(self, value: Value | None, *, after_s: float = 10, quality: Quality = Quality.GOOD) -> Reading:
        """The rise after one more reading; None is a reading that failed."""
        self.now_ms += int(after_s * 1000)
        because = None if value is not None and quality is Quality.GOOD else Reason.NO_COMMUNICATION
        reading = Reading(
            value=value, quality=quality if value is not None else Quality.BAD, at_ms=self.now_ms, because=because
        )
        return self.look(reading)

    def look(self, reading: Reading) -> Reading:
        image = InputImage(now_ms=self.now_ms, readings={ROOM: reading})
        states, self.shown = derive({ROOM: TREND}, {ROOM: self.state}, image, stepped_ms=self.stepped_ms)
        self.state, self.stepped_ms = states[ROOM], self.now_ms
        return self.shown[RISE]

    def warm(self, start_c: float, end_c: float, minutes: int) -> Reading:
        steps = minutes * 6
        for n in range(steps):
            self.read(start_c + (end_c - start_c) * n / steps)
        return self.read(end_c)


def test_a_room_that_warms_by_two_degrees_in_five_minutes_is_seen_to() -> None:
    assert Sensor().warm(22.0, 24.0, 5).value == pytest.approx(2.0, abs=0.1)


def test_a_slow_rise_over_an_hour_is_told_by_its_last_five_minutes() -> None:
    assert Sensor().warm(22.0, 26.0, 60).value == pytest.approx(0.33, abs=0.06)


def test_a_room_that_cools_has_no_rise() -> None:
    assert Sensor().warm(26.0, 22.0, 5).value == 0.0


def test_a_rise_that_rests_on_fewer_than_three_samples_is_none() -> None:
    sensor = Sensor()
    assert sensor.read(22.0).because is Reason.NOT_YET
    assert not sensor.read(23.0, after_s=30).good
    assert sensor.read(24.0, after_s=30).value == 2.0


def test_a_reading_that_was_seen_before_is_no_new_sample() -> None:
    sensor = Sensor()
    sensor.read(22.0)
    same = Reading(value=22.0, quality=Quality.GOOD, at_ms=sensor.now_ms)
    for _ in range(10):
        sensor.now_ms += 30_000
        sensor.look(same)
    assert len(sensor.state.samples) == 1


def test_a_sensor_that_cannot_be_read_has_no_rise_and_says_why() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 23.0, 5)
    assert sensor.read(None).because is Reason.NO_COMMUNICATION
    assert sensor.read(30.0, quality=Quality.UNCERTAIN).because is Reason.NO_COMMUNICATION
    assert ROOM not in sensor.shown
    assert sensor.read(23.0).good


def test_a_jump_is_a_fault_of_the_sensor_and_its_last_believed_value_stays() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 22.0, 5)
    assert sensor.read(27.1).because is Reason.OUT_OF_RANGE
    shown = sensor.shown[ROOM]
    assert (shown.quality, shown.because, shown.value) == (Quality.BAD, Reason.OUT_OF_RANGE, 22.0)
    assert shown.detail == "jumped to 27.1"
    assert sensor.read(22.1).good
    assert ROOM not in sensor.shown


def test_five_degrees_are_no_jump() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 22.0, 5)
    assert sensor.read(27.0).value == 5.0


def test_a_new_level_that_stands_for_a_minute_is_believed_and_is_no_rise() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 22.0, 5)
    for _ in range(6):
        assert not sensor.read(36.0).good
    assert sensor.read(36.1).because is Reason.NOT_YET
    assert ROOM not in sensor.shown
    sensor.read(36.1, after_s=30)
    assert sensor.read(36.1, after_s=30).value == 0.0


def test_a_sensor_that_jumps_about_is_never_believed() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 22.0, 5)
    for n in range(30):
        sensor.read(40.0 if n % 2 else 60.0)
        assert sensor.shown[ROOM].quality is Quality.BAD


def test_after_a_long_silence_another_level_is_no_jump() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 22.0, 5)
    sensor.read(None)
    assert sensor.read(31.0, after_s=120).value is not None or ROOM not in sensor.shown


def test_a_reboot_forgets_the_samples() -> None:
    sensor = Sensor()
    sensor.warm(22.0, 22.0, 5)
    sensor.stepped_ms = None
    assert sensor.read(40.0).because is Reason.NOT_YET
    assert ROOM not in sensor.shown


def test_a_jump_before_anything_was_believed_cannot_be() -> None:
    sensor = Sensor()
    sensor.state = TrendState(strange=sensor.state.last)
    assert not sensor.read(60.0).good
    assert ROOM not in sensor.shown


def test_a_window_shorter_than_its_samples_is_our_bug() -> None:
    with pytest.raises(AssertionError, match=ROOM):
        Trend(point=ROOM, rise=RISE, jump_limit=5.0, window_ms=1, every_ms=2)
