"""`floorguard plan`: the course of an outage as people can check it with a pencil."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import load_document, load_site
from firmware_py.cli import main
from firmware_py.cli.course import Going, Start, foresee
from firmware_py.cli.plan import _why
from firmware_py.core.shedplan import Battery
from firmware_py.wiring.building import build_floor

EXAMPLE = Path(__file__).parents[2] / "config" / "sites" / "example.toml"
MINUTE = 60_000
HOUR = 3_600_000
FULL_W = 4_508


def course(start: Start, text: str = "") -> tuple[list[Going], int, Battery]:
    document, site = load_document(EXAMPLE)
    plan = compile_floor(site, find_devices(document, site, Library(EXAMPLE.parent))).plan
    stages = [stage for stage in site.stage if stage.cause.value == "power" and stage.order <= 3]
    battery = plan.batteries["ups1"]
    return (*foresee(battery, stages, start), battery)


def at(going: list[Going]) -> dict[str, tuple[int | None, str]]:
    return {one.stage.id: (one.at_ms, one.why) for one in going}


def start(runtime_h: float, believed_h: float = 0.0) -> Start:
    runtime_ms, believed_ms = int(runtime_h * HOUR), int(believed_h * HOUR)
    return Start(load_w=FULL_W, charge_pct=100, runtime_ms=runtime_ms, believed_ms=believed_ms)


def test_a_battery_that_nobody_watched_sheds_at_once_for_its_target() -> None:
    going, end_ms, _ = course(start(2))
    assert at(going) == {"power1": (0, "time"), "power2": (0, "endurance"), "power3": (0, "endurance")}
    assert going[0].load_w == FULL_W - 1_250
    assert going[0].buys_ms == pytest.approx(2 * HOUR * FULL_W / (FULL_W - 1_250) - 2 * HOUR, abs=2)
    assert end_ms == pytest.approx(2 * HOUR * FULL_W / 1_458, abs=10)


def test_a_battery_that_says_enough_and_was_never_watched_sheds_after_its_grace() -> None:
    going, end_ms, battery = course(start(5, believed_h=1.25))
    # 5 % of four hours over (4508 / 1458) ^ 1.5, the harshest law
    grace_ms = int(4 * HOUR * 0.05 / (FULL_W / 1_458) ** 1.5)
    assert at(going)["power2"] == (grace_ms, "endurance, never watched to last")
    assert at(going)["power3"] == (grace_ms, "endurance, never watched to last")
    assert grace_ms == pytest.approx(2.2 * MINUTE, rel=0.01)
    assert end_ms > battery.endurance_ms


def test_a_believed_battery_sheds_by_its_thresholds_as_they_come() -> None:
    going, end_ms, battery = course(start(6, believed_h=6))
    assert at(going)["power1"] == (0, "time")
    assert at(going)["power2"] == (10 * MINUTE, "time")
    third_ms, why = at(going)["power3"]
    assert (why, third_ms is not None and 4 * HOUR < third_ms < 6 * HOUR) == ("charge", True)
    assert end_ms > battery.endurance_ms


def test_a_battery_that_ends_before_a_stage_says_so(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace('after = "0 s"', 'after = "150 min"').replace("endurance = true", "")
    text = text.replace('after = "10 min"', 'after = "160 min"')
    for line in ('charge_below = "80 %"', 'charge_release_above = "90 %"', 'charge_below = "50 %"'):
        text = text.replace(line, "")
    for line in ('charge_release_above = "60 %"', 'runtime_below = "60 min"', 'runtime_release_above = "75 min"'):
        text = text.replace(line, 'after = "170 min"' if "below" in line else "")
    path = tmp_path / "site.toml"
    path.write_text(text)
    assert main(["plan", str(path), "--runtime", "2 h", "--socket", str(tmp_path / "none")]) == 0


def test_the_command_prints_what_each_stage_buys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = ["--socket", str(tmp_path / "none")]
    assert main(["plan", str(EXAMPLE), "--runtime", "2 h", *nowhere]) == 0
    said = capsys.readouterr().out
    assert "lasts 2:00 at this load, of which 0:30 is believed; target 4:00" in said
    assert "0:00   power3       1458 W      6:11        +2:47   endurance; outbound_desks" in said
    assert "battery empty; target reached by this forecast" in said
    assert main(["plan", str(EXAMPLE), *nowhere]) == 0
    assert 'no forecast: give one with --runtime "90 min"' in capsys.readouterr().out
    assert main(["plan", str(EXAMPLE), "--runtime", "1 h", "--load", "6 kW", "--json", *nowhere]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["plans"][0]["load_w"] == 6_000
    assert [stage["id"] for stage in document["plans"][0]["stages"]][:3] == ["power1", "power2", "power3"]


def test_a_faulty_site_is_told_with_its_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nid = "x"\n')
    assert main(["plan", str(path)]) == 3
    assert "site.toml" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["plan", str(path), "--load", "many"])


def test_a_stage_whose_loads_are_off_is_shed_already() -> None:
    plan = build_floor(EXAMPLE)[0].plan
    (battery,) = plan.batteries.values()
    stage = next(one for one in load_site(EXAMPLE).stage if one.id == "power2")
    going = Going(stage=stage, at_ms=0, why="time", load_w=1, lasts_ms=1, buys_ms=0)
    start = Start(load_w=1, charge_pct=100.0, runtime_ms=1, believed_ms=1, off=frozenset({"feed.office"}))
    assert _why(battery, going, start) == "shed already"
    assert _why(battery, going, replace(start, off=frozenset())) == "time"
