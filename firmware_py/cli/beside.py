"""What a running controller reads already, so that nobody opens a second connection to a card or a serial line.

From the text of the configuration in force, without the site model. It must not open a device.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.valued import dataclass
from firmware_py.cli.wire import ask
from firmware_py.runtime.generations import SITE_FILE

PORTS = {"snmp": 161, "modbus+tcp": 502, "modbus+rtu-tcp": 502, "ami": 5038, "modbus+rtu": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One device of the running controller, and the line that it is on. `unit`: "" where a line bears one device."""

    id: str
    scheme: str
    host: str
    port: int
    unit: str = ""
    points: tuple[str, ...] = ()  # what its points' ids begin with


def held(socket: str) -> list[Held]:
    """All devices that a running controller has; none where none runs."""
    if not Path(socket).exists():
        return []
    answer, _ = ask(socket, "config")
    if not isinstance(answer, dict):
        return []
    return list(_all(tomllib.loads(answer["files"][SITE_FILE])))


def on_line(devices: list[Held], scheme: str, host: str, port: int | None) -> list[Held]:
    """Those on one line: a UPS's agent, a gateway, a serial line, an exchange."""
    asked = port or PORTS[scheme]
    return [one for one in devices if (one.scheme, one.host, one.port) == (scheme, host, asked)]


def _all(tree: Mapping[str, Any]) -> Iterator[Held]:
    for ups in tree.get("ups", ()):
        port = ups.get("port", PORTS["snmp"])
        yield Held(id=ups["id"], scheme="snmp", host=ups["address"], port=port, points=(f"{ups['id']}.",))
    for line in tree.get("modbus", ()):
        serial = line["transport"] == "serial"
        scheme = "modbus+rtu" if serial else f"modbus+{line['transport']}"
        where = (line["device"], 0) if serial else (line["address"], line.get("port", PORTS[scheme]))
        for unit in line.get("unit", ()):
            named = tuple(f"{unit[key]}." for key in ("id", "room") if key in unit)
            yield Held(id=unit["id"], scheme=scheme, host=where[0], port=where[1], unit=str(unit["unit"]), points=named)
    for exchange in tree.get("exchange", ()):
        port, trunks = exchange.get("port", PORTS["ami"]), [one["name"] for one in exchange.get("trunk", ())]
        named = (f"{exchange['id']}.", *(f"trunks.{name}." for name in trunks))
        yield Held(id=exchange["id"], scheme="ami", host=exchange["host"], port=port, points=named)
