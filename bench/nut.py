"""NUT beside us: from a change at the agent to its NOTIFYCMD, at its defaults and at its fastest setting.

`python -m bench.nut [flips]`; several UPSs at once, each flipped at a random moment. snmp-ups, upsd and upsmon are the
real ones, with folders of their own; upsmon's fixed pid file needs root.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.plant import folder, plant
from bench.table import Table, middle, number, worst_of
from tests.conftest import find_tcp_port

DRIVER, SERVER, MONITOR = Path("/lib/nut/snmp-ups"), Path("/lib/nut/upsd"), Path("/lib/nut/upsmon")
UPSES = 8
SETTINGS = (
    ("fastest: pollfreq 0, pollinterval 1, POLLFREQ 1", "pollfreq = 0\n", "pollinterval = 1\n", 1, 6.0),
    ("defaults: pollfreq 30, POLLFREQ 5", "", "", 5, 60.0),
)


def install(place: Path, agents: list[int], driver: str, all_: str, monitor_s: int) -> tuple[dict[str, str], Path]:
    """Configuration in a folder of its own."""
    notes, port = place / "notes", find_tcp_port()
    script = place / "notify"
    script.write_text(f'#!/bin/sh\nread up rest < /proc/uptime\necho "$up $UPSNAME $NOTIFYTYPE" >> {notes}\n')
    script.chmod(0o755)
    notes.touch()
    for name, text in (
        ("nut.conf", "MODE=netserver\n"),
        ("ups.conf", f"{all_}user = root\n" + "".join(_ups(n, p) + driver for n, p in enumerate(agents))),
        ("upsd.conf", f"LISTEN 127.0.0.1 {port}\n"),
        ("upsd.users", "[m]\npassword = m\nupsmon primary\n"),
        ("upsmon.conf", "".join(f"MONITOR u{n}@127.0.0.1:{port} 1 m m primary\n" for n in range(len(agents)))
         + f"MINSUPPLIES 1\nSHUTDOWNCMD /bin/true\nRUN_AS_USER root\nNOTIFYCMD {script}\n"
         + f"NOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\nPOLLFREQ {monitor_s}\nPOLLFREQALERT {monitor_s}\n"
         + f"DEADTIME {max(15, 3 * monitor_s)}\n"),
    ):  # fmt: skip
        (place / name).write_text(text)
        (place / name).chmod(0o640)
    own = {
        "NUT_CONFPATH": str(place),
        "NUT_STATEPATH": str(place),
        "NUT_ALTPIDPATH": str(place),
        "NUT_PIDPATH": str(place),
    }
    return {**os.environ, **own}, notes


def _ups(n: int, port: int) -> str:
    return f"[u{n}]\ndriver = snmp-ups\nport = 127.0.0.1:{port}\ncommunity = public\nsnmp_version = v2c\nmibs = ietf\n"


def measure(flips: int) -> Table | None:
    """The table; None where NUT is not installed."""
    if not all(program.exists() for program in (DRIVER, SERVER, MONITOR)) or os.getuid() != 0:
        print("nut: not installed, or not root: left out")
        return None
    Path("/run/nut").mkdir(exist_ok=True)
    rows = []
    for name, driver, all_, monitor_s, patience_s in SETTINGS:
        waits: list[float] = []
        with folder("nut") as place, plant(0, UPSES) as device:
            environ, notes = install(place, device.agents, driver, all_, monitor_s)
            quiet = {
                "stdout": subprocess.DEVNULL,
                "stderr": subprocess.DEVNULL,
                "env": environ,
                "start_new_session": True,
            }
            commands = [[DRIVER, "-D", "-a", f"u{n}"] for n in range(UPSES)] + [
                [SERVER, "-D", "-u", "root"],
                [MONITOR, "-D", "-u", "root"],
            ]
            started = []
            try:
                for command in commands:
                    started.append(subprocess.Popen(command, **quiet))  # type: ignore[call-overload]  # two typed dicts
                    time.sleep(2.5 if command[0] in (DRIVER, SERVER) and len(started) >= UPSES else 0.2)
                time.sleep(2 * monitor_s + 3)
                for _ in range(max(1, flips if monitor_s == 1 else flips // 4)):
                    waits += _flip(device, notes, patience_s)
            finally:
                for process in reversed(started):
                    os.killpg(process.pid, signal.SIGKILL)  # upsmon is two processes
                    process.wait()
                Path("/run/nut/upsmon.pid").unlink(missing_ok=True)
        rows.append((name, number(middle(waits)), number(worst_of(waits)), str(len(waits))))
        print(f"  NUT {name}: {rows[-1]}", file=sys.stderr)
    return Table(
        name="reaction-nut",
        title="NUT: from the failure to NOTIFYCMD, milliseconds",
        head=("setting", "median", "p99", "times"),
        rows=tuple(rows),
    )


def _flip(device: object, notes: Path, patience_s: float) -> list[float]:
    assert hasattr(device, "tell")
    told, waits = len(notes.read_text().splitlines()), []
    began: dict[str, float] = {}
    for n in range(UPSES):
        time.sleep(random.random())
        began[f"u{n}"] = time.clock_gettime(time.CLOCK_BOOTTIME)
        device.tell(f"source {n} 5")
    deadline_s = time.monotonic() + patience_s
    seen: dict[str, float] = {}
    while len(seen) < UPSES and time.monotonic() < deadline_s:
        for line in notes.read_text().splitlines()[told:]:
            words = line.split()
            if len(words) == 3 and words[2] == "ONBATT":
                seen.setdefault(words[1].partition("@")[0], float(words[0]))
        time.sleep(0.05)
    waits = [(at - began[name]) * 1e3 for name, at in seen.items()]
    for n in range(UPSES):
        device.tell(f"source {n} 3")
    time.sleep(patience_s / 2)
    return waits


if __name__ == "__main__":
    table = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
    if table is not None:
        table.show()
