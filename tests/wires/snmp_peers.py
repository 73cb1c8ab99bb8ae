"""SNMP agents that we did not write: net-snmp's snmpd with values that a test changes, and snmpsim with recordings.

Also how the tests build a bus. Knows nothing of what the driver does inside.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.snmp_access import Access, Community
from drivers.snmp_bus import SnmpBus
from firmware_py.core.reading import Sample
from tests.conftest import require, require_program
from tests.drivers.snmp_profiles import profile

UPS = "1.3.6.1.2.1.33.1"
HOST = "127.0.0.1"

ON_MAINS = {
    "2.1.0": ("integer", "2"),
    "2.2.0": ("integer", "0"),
    "2.3.0": ("integer", "43"),
    "2.4.0": ("integer", "100"),
    "2.5.0": ("integer", "545"),
    "2.7.0": ("integer", "24"),
    "3.3.1.2.1": ("integer", "500"),
    "3.3.1.3.1": ("integer", "231"),
    "4.1.0": ("integer", "3"),
    "4.2.0": ("integer", "500"),
    "4.4.1.2.1": ("integer", "230"),
    "4.4.1.4.1": ("integer", "800"),
    "4.4.1.5.1": ("integer", "40"),
    "6.1.0": ("gauge", "0"),
    "7.3.0": ("integer", "6"),
}

# What snmpd runs for everything below 1.3.6.1.2.1.33; it reads the values anew at each question.
SERVER = """
import sys
def order(oid): return [int(part) for part in oid.strip(".").split(".")]
for line in iter(sys.stdin.readline, ""):
    verb = line.strip()
    if verb == "PING":
        print("PONG", flush=True)
    if verb not in ("get", "getnext", "set"):
        continue
    asked = order(sys.stdin.readline().strip())
    if verb == "set":
        kind, value = sys.stdin.readline().split()
        name = ".".join(str(part) for part in asked)
        # An outlet follows its command; where both are one object it is its own state.
        moved = {name.replace(".12.3.2.1.3.", ".12.1.2.1.3."), name}
        with open(sys.argv[1]) as file: rows = file.read().splitlines()
        rows = [row for row in rows if row.split(" ")[0] not in moved] + [f"{one} integer {value}" for one in moved]
        with open(sys.argv[1], "w") as file: file.write("\\n".join(rows) + "\\n")
        with open(sys.argv[1] + ".sets", "a") as file: file.write(f"{name} {value}\\n")
        print("DONE", flush=True)
        continue
    table = [row.rstrip("\\n").split(" ", 2) for row in open(sys.argv[1])]
    table.sort(key=lambda row: order(row[0]))
    found = [row for row in table if (order(row[0]) == asked if verb == "get" else order(row[0]) > asked)]
    print("\\n".join(("." + found[0][0], *found[0][1:])) if found else "NONE", flush=True)
"""


class Snmpd:
    """One net-snmp agent serving UPS-MIB values; `give` changes them, `start` and `stop` are its power switch."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._program = require_program("snmpd")
        self._folder = folder
        self._values = dict(ON_MAINS)
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "kept").mkdir()  # apart, since snmpd writes a file of its configuration's name there
        script = folder / "values.py"
        script.write_text(SERVER)
        (folder / "snmpd.conf").write_text(
            f"rocommunity floor {HOST}\n"
            'createUser floor SHA "a phrase for auth" AES "a phrase for priv"\n'
            "rouser floor priv\n"
            'createUser strong SHA-256 "a phrase for auth" AES "a phrase for priv"\n'
            'createUser stronger SHA-512 "a phrase for auth" AES-256 "a phrase for priv"\n'
            "rouser strong priv\nrouser stronger priv\n"
            f"rwcommunity writer {HOST}\n"
            f"pass_persist .1.3.6.1.2.1.33 {sys.executable} {script} {folder / 'values'}\n"
            f"pass_persist .1.3.6.1.4.1.318 {sys.executable} {script} {folder / 'outlets'}\n"
            f"pass_persist .1.3.6.1.4.1.534 {sys.executable} {script} {folder / 'outlets'}\n"
        )
        (folder / "outlets").write_text("")
        self.give()

    def give(self, **values: tuple[str, str] | None) -> None:
        """Set objects: `_4_1_0=("integer", "5")`; None takes one away."""
        for name, value in values.items():
            oid = name.strip("_").replace("_", ".")
            self._values.pop(oid, None)
            if value is not None:
                self._values[oid] = value
        text = "".join(f"{UPS}.{oid} {kind} {value}\n" for oid, (kind, value) in self._values.items())
        (self._folder / "values.new").write_text(text)
        (self._folder / "values.new").replace(self._folder / "values")

    def give_outlets(self, **states: int) -> None:
        """Set objects below the enterprises: `_318_1_1_1_12_1_2_1_3_1=1`."""
        rows = [f"1.3.6.1.4.1.{name.strip('_').replace('_', '.')} integer {value}\n" for name, value in states.items()]
        (self._folder / "outlets").write_text("".join(rows))

    @property
    def sets(self) -> list[str]:
        """What was written to outlets, in its order: object and number."""
        path = self._folder / "outlets.sets"
        return path.read_text().splitlines() if path.exists() else []

    def start(self) -> None:
        command = [self._program, "-f", "-C", "-r", "-LF", "w", str(self._folder / "log"), "-c"]
        self._process = subprocess.Popen(
            [*command, str(self._folder / "snmpd.conf"), f"udp:{HOST}:{self.port}"],
            env={**os.environ, "SNMP_PERSISTENT_DIR": str(self._folder / "kept"), "MIBS": ""},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # so that its helper script ends with it
        )

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def snmpd(folder: Path, port: int) -> Iterator[Snmpd]:
    agent = Snmpd(folder, port)
    agent.start()
    try:
        yield agent
    finally:
        agent.stop()


@contextmanager
def recorded(folder: Path, port: int, recordings: list[Path]) -> Iterator[int]:
    """snmpsim serving recordings; the community is the file's name. Yields the port."""
    program = Path(sys.executable).with_name("snmpsim-command-responder")
    require(program.exists(), "snmpsim is not installed in the virtual environment")
    data, cache = folder / "data", folder / "cache"
    data.mkdir()
    cache.mkdir()
    for recording in recordings:
        shutil.copyfile(recording, data / recording.name)
    command = [str(program), f"--data-dir={data}", f"--cache-dir={cache}", f"--agent-udpv4-endpoint={HOST}:{port}"]
    if os.geteuid() == 0:  # as root it insists on dropping privileges; to itself, since others cannot read the library
        user = pwd.getpwuid(0).pw_name
        command += [f"--process-user={user}", f"--process-group={user}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def make_bus(port: int, access: Access | None = None, profile_name: str = "ups_auto", **settings: Any) -> SnmpBus:
    return SnmpBus(
        name="ups",
        device="ups1",
        host=HOST,
        port=port,
        access=access or Community(name="floor"),
        profile=profile(profile_name),
        **settings,
    )


async def read(bus: SnmpBus, group: str = "fast") -> Mapping[str, Sample]:
    """One read, by signal name without the device."""
    (found,) = [one for one in bus.groups if one.id == f"ups1.{group}"]
    return {name.removeprefix("ups1."): sample for name, sample in (await bus.read(found)).items()}
