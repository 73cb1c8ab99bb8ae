"""The C server made of libmodbus as a peer: compiled once for a session of tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import require


@pytest.fixture(scope="session", name="libmodbus_server")
def libmodbus_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program. Skips where the compiler or libmodbus-dev is absent; .ci/peers brings both."""
    compiler = shutil.which("gcc")
    header = any(Path(folder, "modbus/modbus.h").exists() for folder in ("/usr/include", "/usr/local/include"))
    require(compiler and header, "gcc and libmodbus are needed (apt-get install gcc libmodbus-dev)")
    built = tmp_path_factory.mktemp("libmodbus") / "server"
    source = Path(__file__).with_name("libmodbus_server.c")
    command = [str(compiler), "-o", str(built), str(source), "-I/usr/include/modbus", "-lmodbus"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return built
