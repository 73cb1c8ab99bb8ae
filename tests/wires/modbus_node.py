"""The two servers written for node as peers; .ci/peers-node brings them, once, into the cache folder of the user."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from drivers.modbus import Endpoint
from tests.conftest import PROJECT, find_tcp_port, require


def install() -> Path:
    """The folder with the packages, brought by .ci/peers-node. Skips where nothing can be had."""
    done = subprocess.run([PROJECT / ".ci/peers-node"], capture_output=True, text=True, check=False)
    require(
        done.returncode == 0, f"jsmodbus and modbus-serial are needed: apt-get install nodejs npm {done.stderr[-200:]}"
    )
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "floorguard-tests" / "node-5.0.0-8.0.25"


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
