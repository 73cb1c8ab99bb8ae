"""The two Node servers as peers: installed once with npm into the cache folder of the user, never into the project."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from drivers.modbus import Endpoint
from tests.conftest import find_tcp_port, require

PACKAGES = ("jsmodbus@5.0.0", "modbus-serial@8.0.25")
INSTALL_S = 120


def install() -> Path:
    """The folder with the packages. Skips where node or npm is absent or nothing can be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    require(node and npm, "node and npm are needed for these peers (apt-get install nodejs npm)")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "floorguard-tests" / "node-5.0.0-8.0.25"
    if not (base / "complete").exists():
        base.mkdir(parents=True, exist_ok=True)
        command = [str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(base), *PACKAGES]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
            told = done.stderr.strip()[-200:] if done.returncode else ""
        except subprocess.TimeoutExpired:
            told = "no answer in time"
        require(not told, f"npm could not install {', '.join(PACKAGES)}: {told}")
        (base / "complete").touch()
    return base


@contextlib.contextmanager
def serve_node(library: str, holding: dict[int, int]) -> Iterator[Endpoint]:
    """One server with the cells of test_modbus; always ended."""
    base, port = install(), find_tcp_port()
    script = Path(__file__).with_name("modbus_node_server.js")
    cells = [f"{address}={value}" for address, value in holding.items()]
    server = subprocess.Popen(
        ["node", str(script), library, str(port), *cells],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(base / "node_modules")},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield Endpoint(name="line", host="127.0.0.1", port=port)
    finally:
        server.kill()
        server.wait(timeout=5)
        assert server.stdout is not None
        server.stdout.close()
