"""The daemon itself, started twice: the second start reads the compiled form, and neither ever loads the schema."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware_py.wiring.compiled import FILE, find
from tests.conftest import PROJECT, eventually

pytestmark = pytest.mark.acceptance

SITE = """\
[site]
id = "twice"
name = "Twice"
[gpio]
factory = "mock"
[[modbus]]
id = "line1"
transport = "tcp"
address = "127.0.0.1"
port = 9
[[modbus.unit]]
id = "hvac1"
unit = 1
profile = "hvac_generic"
class = "hvac"
[[output]]
id = "beacon"
port = "gpio"
pin = 17
polarity = "active_high"
on_stop = "off"
on_fault = "off"
"""
NEVER = ("_pydantic_core", "_rust.abi3", "pysnmp")  # of pydantic, cryptography and the SNMP library


@contextmanager
def daemon(folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "firmware_py", "run", "--config", str(folder / "site.toml")]
    environ = {**os.environ, "STATE_DIRECTORY": str(folder / "state"), "RUNTIME_DIRECTORY": str(folder)}
    with (folder / name).open("wb") as log:
        process = subprocess.Popen(words, cwd=PROJECT, env=environ, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (folder / name).read_text()
    finally:
        process.kill()
        process.wait()


def loaded(process: subprocess.Popen[bytes]) -> list[str]:
    text = Path(f"/proc/{process.pid}/maps").read_text()
    return [name for name in NEVER if name in text]


def test_two_starts_and_no_schema(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    kept = tmp_path / "state" / "generations" / "1" / FILE
    with daemon(tmp_path, "first") as process:
        eventually(lambda: kept.exists() and (tmp_path / "control.sock").exists(), within_s=60)
        assert loaded(process) == []
    assert find(kept.parent / "site.toml") is not None
    before = kept.stat().st_mtime_ns
    with daemon(tmp_path, "second") as process:
        eventually(lambda: "guarding the floor" in (tmp_path / "second").read_text(), within_s=60)
        assert loaded(process) == []
    assert kept.stat().st_mtime_ns == before, "it was read, not made anew"
    raw = bytearray(kept.read_bytes())
    raw[len(raw) // 2] ^= 4
    kept.write_bytes(raw)
    with daemon(tmp_path, "third") as process:
        eventually(lambda: find(kept.parent / "site.toml") is not None, within_s=60)
        assert loaded(process) == []
    told = (tmp_path / "third").read_text()
    assert "is not used, the configuration is checked anew" in told and "guarding the floor" in told
