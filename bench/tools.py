"""What is measured side by side: our daemon as users run it, its peers, and raw bounds, each started and ended alike.

A tool that is not installed is left out (`bench/peers-install` brings what can be had). It must not measure.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.plant import REGISTERS, compile_c, peers_folder
from bench.raw import OIDS, ROOT
from bench.site import write_site

PROJECT = Path(__file__).resolve().parents[1]
COLLECTD = Path("/usr/sbin/collectd")
NODE_RED = "node_modules/node-red/red.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What a tool is to read once a second, where it publishes, and a folder of its own."""

    units: Sequence[int]
    agents: Sequence[int]
    broker: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`command`: writes its configuration and says what to start; None where it cannot do this. `settle_s`: until its
    first second of ordinary work."""

    name: str
    command: Callable[[Floor], list[str] | None]
    settle_s: float = 4.0


def environment(folder: Path) -> dict[str, str]:
    """From byte code as installed, wherever the sources may not be written to."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
        "HOME": str(folder),
        "PYTHONPYCACHEPREFIX": str(peers_folder() / "bytecode"),
    }


@contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Started in a session of its own; all of it is ended whatever happens."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(folder),
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ours(floor: Floor) -> list[str]:
    """The daemon with all it has: guards, rules, journal, control socket, bridge."""
    site = write_site(floor.folder, units=floor.units, agents=floor.agents, broker=floor.broker)
    return [sys.executable, "-m", "firmware_py", "run", "--config", str(site)]


def by_hand(floor: Floor) -> list[str] | None:
    """Sockets and hand-encoded packets, `bench/raw.py`."""
    if floor.units and floor.agents:
        return None
    kind, ports = ("modbus", floor.units) if floor.units else ("snmp", floor.agents)
    return [sys.executable, "-m", "bench.raw", str(floor.broker), kind, *map(str, ports)]


def in_c(floor: Floor) -> list[str] | None:
    """libmodbus or net-snmp's library, `bench/raw.c`; publishes nothing."""
    if floor.units and floor.agents:
        return None
    try:
        program = compile_c("raw", "modbus", "netsnmp")
    except (OSError, subprocess.CalledProcessError):
        return None
    kind, ports = ("modbus", floor.units) if floor.units else ("snmp", floor.agents)
    return [str(program), kind, *map(str, ports)]


def in_c_spread(floor: Floor) -> list[str] | None:
    """libmodbus, its units spread over the second: each wakes a cold process, as in the facts' figures."""
    command = None if floor.agents else in_c(floor)
    return command and [command[0], "spread", *command[2:]]


def pysnmp(floor: Floor) -> list[str] | None:
    """The library at its best; publishes nothing."""
    if floor.units:
        return None
    return [sys.executable, "-m", "bench.raw_pysnmp", *map(str, floor.agents)]


def collectd(floor: Floor) -> list[str] | None:
    """Its modbus plugin reads one register a request; SNMP is one GET of twenty."""
    if not COLLECTD.exists():
        return None
    names = [f"r{n}" for n in range(REGISTERS)]
    types = " ".join(f"v{n}:GAUGE:U:U," for n in range(len(OIDS))).rstrip(",")
    (floor.folder / "types.db").write_text(f"gauge value:GAUGE:U:U\nups {types}\n")
    lines = [
        f'BaseDir "{floor.folder}"', f'PIDFile "{floor.folder}/pid"', f'TypesDB "{floor.folder}/types.db"',
        "Interval 1",
        "ReadThreads 5", 'Hostname "bench"', "FQDNLookup false", "LoadPlugin mqtt",
        f'<Plugin mqtt>\n<Publish "out">\nHost "127.0.0.1"\nPort {floor.broker}\nClientId "collectd"\n'
        "Prefix \"collectd\"\n</Publish>\n</Plugin>",
    ]  # fmt: skip
    if floor.units:
        lines += ["LoadPlugin modbus", "<Plugin modbus>"]
        for place, name in enumerate(names):
            lines.append(
                f'<Data "{name}">\nRegisterBase {place}\nRegisterType uint16\nType gauge\nInstance "{name}"\n</Data>'
            )
        collect = "\n".join(f'Collect "{name}"' for name in names)
        for n, port in enumerate(floor.units):
            lines.append(
                f'<Host "unit{n}">\nAddress "127.0.0.1"\nPort "{port}"\nInterval 1\n<Slave 1>\nInstance "u"\n'
                f"{collect}\n</Slave>\n</Host>"
            )
        lines.append("</Plugin>")
    if floor.agents:
        values = " ".join(f'"{ROOT}.{oid}"' for oid in OIDS)
        lines += [
            "LoadPlugin snmp",
            "<Plugin snmp>",
            f'<Data "ups">\nType "ups"\nTable false\nInstance ""\nValues {values}\n</Data>',
        ]
        for n, port in enumerate(floor.agents):
            lines.append(
                f'<Host "ups{n}">\nAddress "127.0.0.1:{port}"\nVersion 2\nCommunity "public"\nCollect "ups"\n'
                "Interval 1\n</Host>"
            )
        lines.append("</Plugin>")
    config = floor.folder / "collectd.conf"
    config.write_text("\n".join(lines) + "\n")
    return [str(COLLECTD), "-f", "-C", str(config)]


def node_red(floor: Floor) -> list[str] | None:
    """contrib-modbus and node-snmp, a message a device and second."""
    program = peers_folder().resolve() / "node-red" / NODE_RED
    if not program.exists() or shutil.which("node") is None:
        return None
    flows: list[dict[str, object]] = [{"id": "tab", "type": "tab", "label": "bench"}]
    flows.append({
        "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(floor.broker), "clientid": "",
        "keepalive": "60", "cleansession": True,
    })  # fmt: skip
    for n, port in enumerate(floor.units):
        flows += _node_red_unit(n, port)
    for n, port in enumerate(floor.agents):
        flows += _node_red_agent(n, port)
    (floor.folder / "flows.json").write_text(json.dumps(flows))
    modules = peers_folder().resolve() / "node-red" / "node_modules"
    settings = (
        "module.exports={uiHost:'127.0.0.1',uiPort:0,httpAdminRoot:false,flowFile:'flows.json',"
        f"nodesDir:'{modules}',logging:{{console:{{level:'warn'}}}}}}"
    )
    (floor.folder / "settings.js").write_text(settings)
    return ["node", str(program), "-u", str(floor.folder), "-s", str(floor.folder / "settings.js"), "flows.json"]


def _node_red_unit(n: int, port: int) -> list[dict[str, object]]:
    read = {
        "id": f"read{n}", "type": "modbus-read", "z": "tab", "unitid": "1", "dataType": "HoldingRegister", "adr": "0",
        "quantity": str(REGISTERS), "rate": "1", "rateUnit": "s", "server": f"client{n}", "wires": [[f"out{n}"], []],
    }  # fmt: skip
    client = {
        "id": f"client{n}", "type": "modbus-client", "clienttype": "tcp", "bufferCommands": True,
        "tcpHost": "127.0.0.1",
        "tcpPort": str(port), "tcpType": "DEFAULT", "unit_id": "1", "commandDelay": "1", "clientTimeout": "1000",
        "reconnectOnTimeout": True, "reconnectTimeout": "2000", "parallelUnitIdsAllowed": True,
    }  # fmt: skip
    return [client, read, _node_red_out(f"out{n}", f"nr/unit{n}")]


def _node_red_out(name: str, topic: str) -> dict[str, object]:
    return {"id": name, "type": "mqtt out", "z": "tab", "topic": topic, "broker": "broker", "qos": "0", "wires": []}


def _node_red_agent(n: int, port: int) -> list[dict[str, object]]:
    oids = ",".join(f"{ROOT}.{oid}" for oid in OIDS)
    return [
        {"id": f"tick{n}", "type": "inject", "z": "tab", "props": [{"p": "payload"}], "repeat": "1", "once": True,
         "onceDelay": 0.1, "payloadType": "date", "wires": [[f"ask{n}"]]},
        {"id": f"ask{n}", "type": "snmp", "z": "tab", "host": f"127.0.0.1:{port}", "community": "public",
         "version": "2c", "oids": oids, "timeout": 2, "wires": [[f"told{n}"]]},
        _node_red_out(f"told{n}", f"nr/ups{n}"),
    ]  # fmt: skip


OURS = Tool(name="Floorguard", command=ours, settle_s=8.0)
TOOLS = (
    OURS,
    Tool(name="hand-encoded, asyncio", command=by_hand),
    Tool(name="C library, no publish", command=in_c),
    Tool(name="libmodbus, spread, no publish", command=in_c_spread),
    Tool(name="collectd", command=collectd),
    Tool(name="Node-RED", command=node_red, settle_s=8.0),
    Tool(name="pysnmp, no publish", command=pysnmp),
)
