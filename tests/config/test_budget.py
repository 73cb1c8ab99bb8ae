"""The detection budget: what is seen how late, what is refused, and that a measured line keeps what was worked out."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.budget import Late, budget
from config.devices import find_devices
from config.library import Library
from config.site import load_document
from config.strict import ConfigError
from drivers.modbus_schema import Pace
from firmware_py.cli import main
from firmware_py.wiring.building import build_floor

HEAD = '[site]\nid = "a"\nname = "A"\n'


def unit(number: int, *, kind: str = "hvac", fast: str = "1 s") -> str:
    profile = {"hvac": "hvac_generic", "fire": "fire_generic"}[kind]
    return (
        f'[[modbus.unit]]\nid = "u{number}"\nunit = {number}\nclass = "{kind}"\nprofile = "{profile}"\n'
        f'fast = "{fast}"\nslow = "20 s"\n'
    )


def line(*units: str, transport: str = "tcp", extra: str = "") -> str:
    where = 'device = "/dev/ttyUSB0"' if transport == "serial" else 'address = "192.0.2.9"'
    return f'[[modbus]]\nid = "line"\ntransport = "{transport}"\n{where}\n{extra}\n' + "".join(units)


def lates(folder: Path, text: str) -> dict[tuple[str, Pace], Late]:
    path = folder / "site.toml"
    path.write_text(HEAD + text)
    document, site = load_document(path)
    return {(late.unit, late.pace): late for late in budget(site, find_devices(document, site, Library(folder)))}


def faults(folder: Path, text: str) -> list[str]:
    (folder / "site.toml").write_text(HEAD + text)
    try:
        build_floor(folder / "site.toml")
    except ConfigError as error:
        return [f"{fault.key}: {fault.message}" for fault in error.faults]
    return []


def test_a_panel_alone_on_its_line_is_seen_within_little_more_than_its_period(tmp_path: Path) -> None:
    found = lates(tmp_path, line(unit(1, kind="fire")))[("u1", Pace.FAST)]
    assert (found.requests, found.period_ms, found.read_ms) == (2, 1_000, 100)
    assert found.seen_ms == 1_100
    assert found.dead_ms == found.seen_ms
    assert "u1.zone1.fire" in found.points


def test_a_dead_neighbour_costs_its_time_out_once_a_round_however_many_groups_it_has(tmp_path: Path) -> None:
    found = lates(tmp_path, line(unit(1, kind="fire"), unit(2)))[("u1", Pace.FAST)]
    assert found.seen_ms < 2_000
    assert found.seen_ms < found.dead_ms <= 2 * (800 + 500)


def test_proof_reads_and_slower_answers_behind_rtu_framing_are_counted(tmp_path: Path) -> None:
    plain = lates(tmp_path, line(unit(1), unit(2)))[("u1", Pace.FAST)]
    blind = lates(tmp_path, line(unit(1), unit(2), transport="rtu-tcp"))[("u1", Pace.FAST)]
    proofs_ms = 2 * 2 * 120
    assert blind.dead_ms >= plain.dead_ms + 2 * proofs_ms
    assert blind.dead_ms - blind.seen_ms <= 2 * 800, "silence is the dead unit's own"


def test_characters_count_on_a_serial_line(tmp_path: Path) -> None:
    text = line(unit(1), transport="serial", extra="baud = {}")
    slow, quick = (lates(tmp_path, text.format(baud))[("u1", Pace.FAST)].read_ms for baud in (1200, 115200))
    assert slow > quick + 300


def test_spacing_is_part_of_every_request(tmp_path: Path) -> None:
    text = line(unit(1, kind="fire"), extra='spacing = "200 ms"')
    assert lates(tmp_path, text)[("u1", Pace.FAST)].read_ms == 2 * 250


def test_a_fire_that_may_be_seen_too_late_is_refused_at_its_unit(tmp_path: Path) -> None:
    crowd = line(*(unit(n, fast="5 s") for n in range(2, 12)), unit(1, kind="fire", fast="2 s"), transport="rtu-tcp")
    (told,) = [fault for fault in faults(tmp_path, crowd) if "unit.10" in fault]
    assert told.startswith("modbus.0.unit.10.fast: a change of its fast points may be seen ")
    assert "a fire must be seen within 10 s" in told
    alone = line(unit(1, kind="fire", fast="2 s"), transport="rtu-tcp")
    assert faults(tmp_path, alone) == []
    assert "within 2 s" in faults(tmp_path, '[fire]\nseen_within = "2 s"\n' + alone)[0]


def test_a_line_that_is_asked_more_than_it_can_answer_is_refused(tmp_path: Path) -> None:
    crowd = line(*(unit(n) for n in range(1, 12)), transport="rtu-tcp")
    assert (
        "seconds of answers" in faults(tmp_path, crowd)[0]
        or "s of answers in each second" in faults(tmp_path, crowd)[0]
    )


@pytest.mark.parametrize(("timeout", "refused"), [("1500 ms", True), ("2 s", True), ("2100 ms", False)])
def test_a_time_out_shorter_than_all_tries_of_the_gateway_is_refused(
    tmp_path: Path, timeout: str, refused: bool
) -> None:
    extra = f'timeout = "{timeout}"\ngateway_wait = "500 ms"\ngateway_retries = 3\n'
    found = faults(tmp_path, line(unit(1, fast="3 s"), extra=extra))
    assert bool(found) is refused
    assert not refused or "must be longer than the gateway's own tries, 2 s" in found[0]


def test_check_prints_the_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text(HEAD + line(unit(1, kind="fire"), unit(2)))
    assert main(["check", "--budget", str(tmp_path / "site.toml")]) == 0
    printed = capsys.readouterr().out.splitlines()
    groups = [row for row in printed if not row.startswith(" ")]
    assert len(groups) == 3
    assert "u1" in groups[0]
    assert all("with one dead unit" in row for row in groups)
    points = "".join(row for row in printed if row.startswith(" "))
    assert all(point in points for point in ("u1.zone4.walk_test", "u1.panel.fault", "u2.fault", "u2.setpoint_c"))
