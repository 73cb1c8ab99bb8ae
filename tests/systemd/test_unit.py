"""What the unit and its companions say, judged by systemd's own programs and by what must not be there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.secrets import Secret, read_secret
from tests.conftest import PROJECT, require_program
from tests.systemd.unit import Unit

FOLDER = PROJECT / "systemd"
UNIT = FOLDER / "floorguard.service"
DROP_INS = sorted((FOLDER / "drop-ins").glob("*.conf"))


def exposure(*files: Path, scratch: Path) -> float:
    """`systemd-analyze security` of the unit with drop-ins, which it takes as one file."""
    program = require_program("systemd-analyze", "systemd")
    whole = scratch / "floorguard.service"
    whole.write_text("\n".join(file.read_text() for file in files))
    done = subprocess.run(
        [program, "security", "--offline=true", "--no-pager", str(whole)], capture_output=True, text=True, timeout=30
    )
    found = re.search(r"Overall exposure level for floorguard.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


def test_the_unit_is_exposed_by_no_more_than_one_and_a_half(tmp_path: Path) -> None:
    measured = exposure(UNIT, scratch=tmp_path)
    assert measured <= 1.5
    assert DROP_INS[1].name == "network.conf"
    assert exposure(UNIT, DROP_INS[1], scratch=tmp_path) <= 1.4


def test_systemd_finds_no_fault_in_the_unit_nor_in_its_drop_ins(tmp_path: Path) -> None:
    program = require_program("systemd-analyze", "systemd")
    command = tmp_path / "floorguard"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = tmp_path / "floorguard.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/lib/floorguard/bin/floorguard", str(command)))
    folder = tmp_path / "floorguard.service.d"
    folder.mkdir()
    version = int(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[1])
    for drop_in in DROP_INS:
        if drop_in.name != "newer.conf" or version >= 254:
            shutil.copy(drop_in, folder)
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, timeout=30)
    ours = [line for line in done.stderr.splitlines() if "floorguard" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_unit_waits_for_no_network_and_no_clock_and_is_never_given_up() -> None:
    unit = Unit([UNIT])
    for key in ("After", "Wants", "Requires", "BindsTo", "PartOf"):
        assert not unit.words(key), f"{key}= would delay the lamps"
    assert not [key for key in unit.keys if key.startswith(("Condition", "Assert"))]
    assert (unit.last("StartLimitIntervalSec"), unit.sections["StartLimitIntervalSec"]) == ("0", "Unit")
    assert unit.last("Restart") == "always"


def test_the_traps_of_gpiozero_and_of_the_control_socket_are_avoided() -> None:
    unit = Unit([UNIT])
    environment = dict(word.split("=", 1) for word in unit.words("Environment"))
    assert environment["GPIOZERO_PIN_FACTORY"] == "lgpio"
    # lgpio's fifos need a folder that the unit may write.
    assert environment["LG_WD"] == unit.last("WorkingDirectory") == f"/run/{unit.last('RuntimeDirectory')}"
    assert not {"ProcSubset", "PrivateDevices", "PrivateUsers", "DynamicUser", "PrivateNetwork"} & unit.keys.keys()
    assert "char-gpiochip rw" in unit.keys["DeviceAllow"]


def test_the_last_words_and_the_watchdog_fit_into_the_times_they_are_given() -> None:
    from firmware_py.app import CLOSE_MS, FLUSH_MS, STOP_MS
    from firmware_py.cli.safe_remote import LIMIT_S
    from firmware_py.runtime.watchdog import LIMITS_MS

    unit = Unit([UNIT])
    assert unit.keys["ExecStopPost"] == ["-/usr/local/lib/floorguard/bin/floorguard safe-outputs"]
    assert unit.seconds("TimeoutStopSec") > (FLUSH_MS + 2 * CLOSE_MS + 2 * STOP_MS) / 1000 + 2
    assert unit.seconds("TimeoutStopSec") > LIMIT_S + 10, "a Pi takes some seconds to load the libraries"
    assert max(LIMITS_MS.values()) / 1000 < unit.seconds("WatchdogSec")


def test_secrets_come_as_credentials_of_a_folder_that_only_root_may_read(tmp_path: Path) -> None:
    assert Unit([UNIT]).keys["LoadCredential"] == ["site:/etc/floorguard/credentials"]
    assert "d /etc/floorguard/credentials 0700 root root -" in (FOLDER / "floorguard.tmpfiles").read_text()
    own, plain = tmp_path / "site_mqtt.password", tmp_path / "mqtt.password"
    for file, text in ((plain, "as LoadCredential=mqtt.password:FILE names it"), (own, "as our unit names it")):
        file.touch(mode=0o400)
        file.chmod(0o600)
        file.write_text(text)
        assert read_secret("credential:mqtt.password", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Secret(text)


def test_user_groups_and_folders_are_made_by_systemd_itself(tmp_path: Path) -> None:
    sysusers, tmpfiles = require_program("systemd-sysusers", "systemd"), require_program("systemd-tmpfiles", "systemd")
    (tmp_path / "etc").mkdir()
    done = subprocess.run(
        [sysusers, f"--root={tmp_path}", str(FOLDER / "floorguard.sysusers")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^floorguard:.*:/var/lib/floorguard:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text(), re.M
    )
    groups = (tmp_path / "etc/group").read_text()
    assert "gpio:" in groups
    assert "floorguard:" in groups
    (tmp_path / "etc/group").write_text(groups + "root:x:0:\n")
    (tmp_path / "etc/passwd").write_text((tmp_path / "etc/passwd").read_text() + "root:x:0:0::/:/bin/sh\n")
    subprocess.run([tmpfiles, f"--root={tmp_path}", "--create", str(FOLDER / "floorguard.tmpfiles")], check=True)
    assert (tmp_path / "etc/floorguard/credentials").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("file", DROP_INS, ids=lambda file: file.name)
def test_a_drop_in_says_what_it_is_for_and_changes_only_the_service(file: Path) -> None:
    assert file.read_text().startswith("# ")
    assert set(Unit([file]).sections.values()) == {"Service"}


def test_the_manual_on_installing_names_every_drop_in_and_every_threat_has_a_test() -> None:
    manual = (PROJECT / "docs" / "install.md").read_text()
    assert [file.name for file in DROP_INS if file.name not in manual] == []
    rows = [
        line for line in (PROJECT / "docs" / "security.md").read_text().splitlines() if re.match(r"\| \d+ \|", line)
    ]
    assert len(rows) >= 13
    for row in rows:
        proof = row.rstrip("| ").rpartition("|")[2]
        named = re.findall(r"`(tests/[\w/.]+)`", proof)
        assert named or "gap:" in proof, f"neither a test nor a gap: {row}"
        assert [name for name in named if not (PROJECT / name).exists()] == [], row
