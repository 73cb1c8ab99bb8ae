"""The same daemon on the other Pythons of this machine, first of all the system's, which is what a Raspberry Pi runs.

Debian 12 has 3.11.2; whoever develops has a later 3.11, and what differs between the two is no small thing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from firmware_py.wiring.compiled import FILE
from tests.conftest import PROJECT, eventually
from tests.wiring.test_start_process import SITE

pytestmark = pytest.mark.acceptance

PACKAGES = sysconfig.get_path("purelib")
SYSTEM = Path("/usr/bin")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def others() -> list[str]:
    """Interpreters that can use what is installed for this one, but are not this one."""
    known = {os.path.realpath(sys.executable)}
    places = [str(SYSTEM), *os.environ.get("PATH", "").split(os.pathsep)]
    found: dict[str, str] = {}
    for place in places:
        program = shutil.which(f"python{VERSION}", path=place)
        if program is not None and (real := os.path.realpath(program)) not in known and not _is_script(real):
            found[real] = program
    return sorted(found.values())


def _is_script(program: str) -> bool:
    with open(program, "rb") as file:  # pyenv's shims
        return file.read(2) == b"#!"


def test_the_daemon_starts_twice_and_tells_its_state_on_every_python_here(tmp_path: Path) -> None:
    programs = others()
    if not programs:
        pytest.skip(f"no other Python {VERSION} on this machine")
    for number, program in enumerate(programs):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "site.toml").write_text(SITE)
        for name in ("first", "second"):
            start(program, folder, name)


def start(program: str, folder: Path, name: str) -> None:
    """One start up to the answer of `status`, and its orderly end."""
    environ = {
        **os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), PACKAGES)), "STATE_DIRECTORY": str(folder / "state"),
        "RUNTIME_DIRECTORY": str(folder),
    }  # fmt: skip
    ours = [program, "-m", "firmware_py"]
    log = folder / name
    with log.open("wb") as heard:
        process = subprocess.Popen(
            [*ours, "run", "--config", str(folder / "site.toml")], cwd=PROJECT, env=environ, stderr=heard
        )
    try:
        eventually(lambda: "guarding the floor" in log.read_text() or process.poll() is not None, within_s=60)
        kept = folder / "state" / "generations" / "1" / FILE
        eventually(
            lambda: (kept.exists() and (folder / "control.sock").exists()) or process.poll() is not None, within_s=60
        )
        assert process.poll() is None, log.read_text()
        told = subprocess.run(
            [*ours, "status", "--json", "--socket", str(folder / "control.sock")],
            cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert '"mode"' in told.stdout, told
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
        assert "cannot be understood" not in log.read_text(), "the compiled form is what a start reads"
    finally:
        process.kill()
        process.wait()
