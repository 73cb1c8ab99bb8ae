"""The doctor, on machines that are laid out in a folder: what it finds, and that each finding has its fix."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from firmware_py.cli import main
from firmware_py.cli.examine import Ground, Look, State, examine
from firmware_py.cli.facts import facts_of
from tests.conftest import PROJECT

EXAMPLE = PROJECT / "config" / "sites" / "example.toml"
GOOD = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B\0",
    "sys/bus/gpio/devices/gpiochip0/label": "pinctrl-bcm2711",
    "sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs": "Y",
    "sys/class/watchdog/watchdog0/state": "active",
    "sys/class/watchdog/watchdog0/timeout": "60",
    "sys/class/hwmon/hwmon1/name": "rpi_volt",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0",
    "sys/fs/ext4/mmcblk0p2/errors_count": "0",
    "run/systemd/timesync/synchronized": "",
    "var/log/journal/keep": "",
}
PICTURE: dict[str, Any] = {
    "mode": "normal",
    "config": {"generation": 3, "on_probation": False},
    "clock": {"clk": "ntp"},
    "points": {
        "mqtt.connected": {"value": True},
        "mqtt.refused": {"value": False},
        "controller.export_age_s": {"value": 86_400},
    },
}


def machine(root: Path, changes: dict[str, str | None], picture: dict[str, Any] = PICTURE) -> dict[str, Look]:
    for name, content in (GOOD | changes).items():
        if content is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    ground = Ground(
        root=root, site=facts_of(tomllib.loads(EXAMPLE.read_text())), site_fault="", environ={}, picture=picture
    )
    return {one.what: one for one in examine(ground)}


def test_on_a_sound_machine_nothing_of_the_board_is_wrong(tmp_path: Path) -> None:
    looks = machine(tmp_path, {})
    for what in (
        "GPIO chip",
        "pins after death",
        "hardware watchdog",
        "supply voltage",
        "clock",
        "system journal",
        "card errors",
        "broker",
        "last export",
        "controller",
    ):
        assert looks[what].state is State.GOOD, looks[what]


@pytest.mark.parametrize(
    ("what", "changes", "state", "fix"),
    [
        ("GPIO chip", {"sys/bus/gpio/devices/gpiochip0/label": "gpio-mockup"}, State.BAD, "Raspberry Pi"),
        (
            "pins after death",
            {"sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs": "N"},
            State.BAD,
            "strict_gpiod",
        ),
        ("pins after death", {"sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs": None}, State.POOR, "pull"),
        ("hardware watchdog", {"sys/class/watchdog/watchdog0/state": "inactive"}, State.POOR, "RuntimeWatchdogSec"),
        ("hardware watchdog", {"sys/class/watchdog/watchdog0/state": None}, State.POOR, "dtparam=watchdog"),
        ("supply voltage", {"sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1"}, State.BAD, "supply"),
        ("card errors", {"sys/fs/ext4/mmcblk0p2/errors_count": "3"}, State.BAD, "floorguard export"),
        ("system journal", {"var/log/journal/keep": None}, State.POOR, "mkdir"),
    ],
)
def test_each_finding_comes_with_its_fix(
    tmp_path: Path, what: str, changes: dict[str, str | None], state: State, fix: str
) -> None:
    found = machine(tmp_path, changes)[what]
    assert found.state is state and fix in found.fix, found


@pytest.mark.parametrize(
    ("what", "changes", "state"),
    [
        ("clock", {"clock": {"clk": "none"}}, State.POOR),
        ("broker", {"points": {"mqtt.connected": {"value": False, "detail": "refused"}}}, State.BAD),
        (
            "broker",
            {"points": {"mqtt.connected": {"value": True}, "mqtt.refused": {"value": True, "detail": "floor/v1/x"}}},
            State.BAD,
        ),
        ("controller", {"config": {"generation": 4, "on_probation": True}}, State.POOR),
        ("last export", {"points": {"controller.export_age_s": {"value": None}}}, State.POOR),
        ("last export", {"points": {"controller.export_age_s": {"value": 30 * 86_400}}}, State.POOR),
    ],
)
def test_the_running_controller_is_asked_too(tmp_path: Path, what: str, changes: dict[str, Any], state: State) -> None:
    found = machine(tmp_path, {}, PICTURE | changes)[what]
    assert found.state is state and found.fix, found


def test_an_exchange_whose_dialplan_stops_emergency_calls_is_bad_and_a_wide_account_poor(tmp_path: Path) -> None:
    def good(value: object) -> dict[str, object]:
        return {"value": value, "quality": "good", "detail": "110"}

    points = {"pbx1.emergency.path": good("gated"), "pbx1.account.too_wide": good(True)}
    looks = machine(tmp_path, {}, PICTURE | {"points": points | {"pbx1.account.excess": good("originate")}})
    assert looks["pbx1 emergency"].state is State.BAD and "asterisk-gate" in looks["pbx1 emergency"].fix
    assert looks["pbx1 account"].state is State.POOR and "originate" in looks["pbx1 account"].found
    assert "pbx1 emergency" not in machine(tmp_path, {}), "what nobody has found out is not told"


def test_a_secret_that_everybody_can_read_is_named_with_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc/floorguard/credentials"
    folder.mkdir(parents=True)
    for name in ("ups1.community", "pbx1.secret", "mqtt.password"):
        (folder / name).touch(mode=0o600)
    assert machine(tmp_path, {})["secrets"].state is State.GOOD
    (folder / "pbx1.secret").chmod(0o644)
    found = machine(tmp_path, {})["secrets"]
    assert found.state is State.BAD and "pbx1.secret can be read by everybody" in found.found


def test_without_a_controller_and_with_a_faulty_file_it_still_looks_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text("[site]\nid = 1\n")
    words = ["doctor", str(tmp_path / "site.toml"), "--root", str(tmp_path), "--socket", "/nowhere"]
    assert main([*words, "--json"]) == 1
    looks = json.loads(capsys.readouterr().out)["looks"]
    assert len(looks) == 16 and looks[0]["state"] == "bad" and "site." in looks[0]["found"]
    assert main(words) == 1
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())
