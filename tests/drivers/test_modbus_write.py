"""What a site may write to a unit: only what its profile lists, only within its limits, and nothing on a fire panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.strict import ConfigError
from drivers.modbus_guard import WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS, WRITES, Question, may_leave
from drivers.modbus_profile import ModbusUnit, Profile, load
from drivers.modbus_write import SetpointOutput, check_coil, check_safety, check_setpoint
from tests.conftest import PROJECT
from tests.drivers.test_modbus_profile import HEAD, POINT

FIRE = sorted(path.stem for path in (PROJECT / "config/profiles").glob("fire_*.toml"))


def shipped(name: str) -> Profile:
    return load(PROJECT / f"config/profiles/{name}.toml")


def make_unit(name: str, **wanted: int) -> ModbusUnit:
    return ModbusUnit(device="ac1", unit=1, profile=shipped(name), **wanted)


def written(folder: Path, text: str, *, device_class: str = "hvac") -> Profile:
    path = folder / "mine.toml"
    path.write_text(HEAD.replace('"generic"', f'"{device_class}"') + text)
    return load(path)


@pytest.mark.parametrize(
    ("profile", "point", "function", "raised", "usual"),
    [
        ("hvac_daikin_intesis", "setpoint_c", WRITE_REGISTER, (270,), (240,)),
        ("hvac_vertiv_icom", "wanted_c", WRITE_REGISTER, (270,), (240,)),
        ("hvac_apc_inrow_sc", "setpoint_c", WRITE_REGISTERS, (0, 806), (0, 752)),  # tenths of a degree Fahrenheit
        ("hvac_apc_inrow_rc_gen2", "setpoint_c", WRITE_REGISTERS, (0, 806), (0, 752)),
    ],
)
def test_a_shipped_set_point_goes_out_as_its_document_counts(
    profile: str, point: str, function: int, raised: tuple[int, ...], usual: tuple[int, ...]
) -> None:
    unit = make_unit(profile)
    setpoint = check_setpoint(unit, SetpointOutput(device="ac1", point=point, raised=27.0, usual=24.0))
    assert (setpoint.function, setpoint.raised, setpoint.usual) == (function, raised, usual)


@pytest.mark.parametrize(
    ("point", "raised", "usual", "sentence"),
    [
        ("temp_c", 27.0, 24.0, "has no such set point; it has setpoint_c"),
        ("setpoint_c", 33.0, 24.0, "must be between 16 and 32, not 33"),
        ("setpoint_c", 27.0, 15.0, "must be between 16 and 32, not 15"),
        ("setpoint_c", 24.04, 24.0, "are the same to the device"),
    ],
)
def test_a_set_point_outside_what_the_profile_allows_is_refused(
    point: str, raised: float, usual: float, sentence: str
) -> None:
    wanted = SetpointOutput(device="ac1", point=point, raised=raised, usual=usual)
    with pytest.raises(ValueError, match=sentence):
        check_setpoint(make_unit("hvac_daikin_intesis"), wanted)


@pytest.mark.parametrize("name", FIRE)
def test_a_fire_panel_has_no_coil_no_set_point_and_no_timer(name: str) -> None:
    unit = make_unit(name, safety_ms=30_000)
    for check in (
        lambda: check_coil(unit, 0),
        lambda: check_setpoint(unit, SetpointOutput(device="ac1", point="x", raised=1.0, usual=0.0)),
        lambda: check_safety(unit),
    ):
        with pytest.raises(ValueError, match=r"watched only|knows no safety timer"):
            check()


@pytest.mark.parametrize("function", WRITES)
def test_no_writing_function_may_leave_for_a_unit_that_is_watched_only(function: int) -> None:
    assert may_leave(function, watched_only=False)
    assert not may_leave(function, watched_only=True)
    assert not may_leave(function + 100, watched_only=False)


@pytest.mark.parametrize(
    ("text", "device_class", "sentence"),
    [
        ('[[setpoints]]\npoint = "x"\nrange = [1, 2]', "fire", "watched only"),
        ("[safety_timer]\naddress = 1\nstep = '1 s'", "fire", "watched only"),
        ('[[setpoints]]\npoint = "y"\nrange = [1, 2]', "hvac", "is not the name of one holding register's point"),
        ('[[setpoints]]\npoint = "x"\nrange = [2, 1]', "hvac", "upside down"),
        ('[[setpoints]]\npoint = "x"\nrange = [1, 70000]', "hvac", "does not fit"),
    ],
)
def test_what_is_wrong_with_a_profiles_set_points_is_said(
    tmp_path: Path, text: str, device_class: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        written(tmp_path, POINT + text, device_class=device_class)


def test_a_set_point_that_is_a_part_of_a_register_is_refused(tmp_path: Path) -> None:
    point = POINT.replace("address = 1\n", 'address = 1\ntype = "u16"\nmask = 15\n')
    with pytest.raises(ConfigError, match="a part of a register"):
        written(tmp_path, point + '[[setpoints]]\npoint = "x"\nrange = [1, 2]')


def test_a_safety_timer_counts_in_the_boards_own_steps() -> None:
    assert check_safety(make_unit("relay_sfar_16ro")) is None
    timer = check_safety(make_unit("relay_sfar_16ro", safety_ms=30_000))
    assert timer is not None
    assert (timer.address, timer.count, timer.function) == (8, 30_000, WRITE_REGISTER)
    with pytest.raises(ValueError, match=r"between 0\.001 s and 65\.535 s"):
        check_safety(make_unit("relay_sfar_16ro", safety_ms=90_000))
    with pytest.raises(ValueError, match="knows no safety timer"):
        check_safety(make_unit("relay_board_8", safety_ms=30_000))


@pytest.mark.parametrize(
    ("question", "echo"),
    [
        (Question(unit=3, function=WRITE_COIL, address=7, count=1, value=True), "0007ff00"),
        (Question(unit=3, function=WRITE_REGISTER, address=7, count=1, words=(270,)), "0007010e"),
        (Question(unit=3, function=WRITE_REGISTERS, address=7, count=2, words=(0, 806)), "00070002"),
    ],
)
def test_the_reply_to_a_write_must_repeat_what_was_told(question: Question, echo: str) -> None:
    assert question.echo.hex() == echo
