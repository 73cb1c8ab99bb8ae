"""docs/performance.md, made of the kept tables: what was measured, when, on which machine and against which versions.

`python -m bench.page` writes it; `make bench` calls it last. It measures nothing: the verdicts on
the goals stand in `bench/goals.md`, written by people.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.plant import peers_folder
from bench.table import load, results_folder

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
GOALS = Path(__file__).resolve().parent / "goals.md"
ORDER = (
    "polling-typical", "polling-modbus", "polling-snmp", "snmp-v3", "reaction", "reaction-nut", "start", "lag",
    "cycles", "events",
)  # fmt: skip
HEAD = """\
# Performance: measured beside its peers

Made by `make bench` (`bench/peers-install` brings the peers); every table says when. Tools take turns in one run, so
that whatever else the machine does hits all alike: **trust ratios, not milliseconds**. CPU is the scheduler's run time
of a process's threads; the device side (`bench/plant.c`) is a process of its own that answers from byte tables and
counts what was really read. What was found and changed: decision records 0080 to 0087, 0090 to 0093 and 0095 to 0104.
"""


def machine() -> str:
    """What it ran on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    parts = [
        f"{os.cpu_count()} cores of {model}",
        platform.system(),
        f"Python {platform.python_version()} ({sys.executable.partition('.venv')[1] or sys.executable})",
    ]
    for name in ("pymodbus", "pysnmp", "paho-mqtt", "cryptography"):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    parts += [f"{name} {told}" for name, told in peers()]
    load_1, load_5, load_15 = os.getloadavg()
    return ", ".join(parts) + f". Load average when this page was made: {load_1:.1f}, {load_5:.1f}, {load_15:.1f}."


def peers() -> list[tuple[str, str]]:
    """What of the peers is installed."""
    found = []
    for package in ("collectd-core", "nut-snmp", "libmodbus5", "libsnmp40", "mosquitto"):
        told = _told("dpkg-query", "-W", "-f", "${Version}", package)
        if told:
            found.append((package, told))
    modules = peers_folder() / "node-red" / "node_modules"
    if (told := _told("node", "--version")) and modules.exists():
        found.append(("Node.js", told))
    for name in ("node-red", "node-red-contrib-modbus", "node-red-node-snmp"):
        package = modules / name / "package.json"
        if package.exists():
            line = next(line for line in package.read_text().splitlines() if '"version"' in line)
            found.append((name, line.partition(":")[2].strip(' ",')))
    return found


def _told(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def main() -> None:
    """Write the page."""
    parts = [HEAD, f"Machine: {machine()}\n"]
    if GOALS.exists():
        parts.append(GOALS.read_text())
    for name in ORDER:
        kept = results_folder() / f"{name}.json"
        if kept.exists():
            parts.append(load(kept).markdown())
    PAGE.write_text("\n".join(parts).rstrip() + "\n")
    print(f"{PAGE.name} is written from {results_folder()}")


if __name__ == "__main__":
    main()
