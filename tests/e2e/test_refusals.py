"""A configuration that cannot be used: exit code 3, every fault at its place, nothing driven and nothing connected."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PROJECT, find_tcp_port
from tests.e2e.site import Ports, write

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]


@pytest.fixture(name="site")
def site_fixture(tmp_path: Path) -> Path:
    """A sound site file with its secrets, and nobody at the other end."""
    ports = Ports(**{name: find_tcp_port() for name in ("ups", "cooling", "fire", "relays", "exchange", "broker")})
    for name in ("pbx1.secret", "community"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("secret of a test\n")
    file = tmp_path / "site.toml"
    file.write_text(write(ports, tmp_path, tmp_path / "state"))
    return file


def start(site: Path) -> tuple[int, list[str]]:
    """The daemon's exit code and what it said; it has to end by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "firmware_py", "run", "--config", str(site)],
        cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]


def test_every_fault_is_told_at_once_with_file_line_and_column(site: Path) -> None:
    text = site.read_text()
    wrong = text.replace('on_delay = "1 s"', 'on_dealy = "1 s"', 1).replace('factory = "mock"', 'factory = "mocking"')
    wrong = wrong.replace("minimum_up = 2", "minimum_up = 0")
    site.write_text(wrong)
    code, said = start(site)
    assert code == 3
    lines = wrong.splitlines()
    for wanted in ("on_dealy", "mocking", "minimum_up = 0"):
        number = next(place for place, line in enumerate(lines, 1) if wanted in line)
        column = len(lines[number - 1]) - len(lines[number - 1].lstrip()) + 1
        told = [line for line in said if re.match(rf"{re.escape(str(site))}:{number}:\d+: ", line)]
        assert told, (wanted, said)
        assert int(told[0].removeprefix(str(site)).split(":")[2]) >= column
    assert any("on_delay" in line for line in said), "the nearest key is suggested"
    begun = [path.name for path in (site.parent / "state").glob("*") if path.name != "lock"]
    assert begun == [], "nothing was begun"


def test_no_toml_at_all_is_told_at_its_place(site: Path) -> None:
    site.write_text(site.read_text() + "\n[unclosed\n")
    code, said = start(site)
    assert code == 3
    assert re.match(rf"{re.escape(str(site))}:\d+:\d+: ", said[0]), said


def test_an_absent_site_file_is_told_without_a_traceback(site: Path) -> None:
    code, said = start(site.with_name("nowhere.toml"))
    assert code == 3
    assert any("nowhere.toml" in line for line in said), said


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.unlink(), "cannot be read"),
        (lambda file: file.chmod(0o644), "everybody can read this secret"),
        (lambda file: file.write_text(""), "is empty"),
    ],
    ids=["absent", "readable by everybody", "empty"],
)
def test_a_secret_that_cannot_be_used_is_refused_by_name(
    spoil: Callable[[Path], object], reason: str, site: Path
) -> None:
    secrets = [site.parent / "pbx1.secret", site.parent / "community"]
    for secret in secrets:
        spoil(secret)
    code, said = start(site)
    assert code == 3
    for secret in secrets:
        assert any(str(secret) in line and reason in line for line in said), (secret, said)
    assert not any("secret of a test" in line for line in said)
