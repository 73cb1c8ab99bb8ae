"""The site file of the acceptance tests: one of each device, mock pins, times that are short but not zero.

Text only; which ports and folders stand in it is the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NAME = "acceptance"
SECRET = "only on the loopback"
COMMUNITY = "floor-reads-7Qx"
TRUNKS = ("main1", "main2", "main3")
# Outputs on coils of the relay board: what a pulled relay cuts (feeds are active_low: pulled means off).
COILS = {"fan.floor": 0, "feed.displays": 1, "feed.pantry": 2, "feed.office": 3}
HEALTHY = "relay.healthy"  # pulled while somebody guards the floor: no power, no kernel, no controller all let it drop
PINS = {
    "lamp.power": 17, "lamp.phones": 27, "lamp.cooling": 22, "lamp.fire": 5, "lamp.link": 6, "lamp.controller": 13,
    "beacon": 19, "sounder": 26, HEALTHY: 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the daemon finds its devices on 127.0.0.1."""

    ups: int
    cooling: int
    fire: int
    relays: int
    exchange: int
    broker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What a test may want otherwise. `fast` and `slow` are the periods of polling."""

    on_delay: str = "1 s"
    off_delay: str = "1 s"
    stable: str = "1 s"
    fast: str = "1 s"
    timeout: str = ""
    slow: str = "1 s"
    second_stage: str = "2 s"
    trunk_stage: str = "500 ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """How the exchange knows us and its trunks."""

    user: str = "floorguard"
    secret: str = SECRET
    trunks: tuple[tuple[str, str], ...] = tuple((name, f"trunk-{name}") for name in TRUNKS)
    minimum_up: int = 2


def write(
    ports: Ports, folder: Path, state: Path, times: Times = Times(), exchange: Exchange = Exchange()
) -> str:  # fmt: skip
    """The whole file."""
    parts = (_decisions(times), _devices(ports, folder, times), _exchange(ports, folder, exchange), _outputs())
    own = f"""
[mqtt]
host = "127.0.0.1"
port = {ports.broker}

[storage]
directory = "{state}"

[control]
socket = "{folder / "control.sock"}"
"""
    return "".join(parts) + _loads(times) + own


def _decisions(times: Times) -> str:
    delays = f'on_delay = "{times.on_delay}"\noff_delay = "{times.off_delay}"'
    return f"""\
[site]
id = "{NAME}"
name = "Acceptance floor"

[power]
{delays}

[trunks]
{delays}

[cooling]
{delays}
fans = ["fan.floor"]

[recovery]
stable = "{times.stable}"
restore_spacing = "200 ms"
stage_dwell = "500 ms"
relapse_window = "0 s"
relapse_factor = 1

[outbound]
outputs = ["outbound_paused"]
"""


def _devices(ports: Ports, folder: Path, times: Times) -> str:
    polled = f'fast = "{times.fast}"\nslow = "{times.slow}"'
    patience = f'timeout = "{times.timeout}"' if times.timeout else ""
    units = (
        ("cooling_line", ports.cooling, 'id = "hvac1"\nprofile = "hvac_generic"\nclass = "hvac"\nroom = "room1"'),
        ("fire_line", ports.fire, 'id = "fire1"\nprofile = "fire_generic"\nclass = "fire"'),
        ("relay_line", ports.relays, 'id = "relays1"\nprofile = "relay_board_8"\nclass = "relays"'),
    )
    lines = [
        f"""
[[modbus]]
id = "{line}"
transport = "tcp"
address = "127.0.0.1"
port = {port}
{patience}

[[modbus.unit]]
unit = 1
{unit}
{polled}
"""
        for line, port, unit in units
    ]
    return f"""
[[ups]]
id = "ups1"
address = "127.0.0.1"
port = {ports.ups}
community_file = "{folder / "community"}"
{polled}
{patience}
""" + "".join(lines)


def _exchange(ports: Ports, folder: Path, exchange: Exchange) -> str:
    trunks = "".join(
        f"""
[[exchange.trunk]]
name = "{name}"
endpoint = "{endpoint}"
group = "main"
"""
        for name, endpoint in exchange.trunks
    )
    return f"""
[[exchange]]
id = "pbx1"
host = "127.0.0.1"
port = {ports.exchange}
user = "{exchange.user}"
secret_file = "{folder / "pbx1.secret"}"
emergency_numbers = ["110", "112", "119"]
fast = "1 s"
{trunks}
[[trunk_group]]
id = "main"
minimum_up = {exchange.minimum_up}
"""


def _outputs() -> str:
    pins = "".join(
        f"""
[[output]]
id = "{name}"
port = "gpio"
pin = {pin}
polarity = "{"active_low" if name == "beacon" else "active_high"}"
on_stop = "{"on" if name == "lamp.controller" else "off"}"
on_fault = "{"on" if name == "beacon" else "off"}"
normal = "{"on" if name == HEALTHY else "off"}"
"""
        for name, pin in PINS.items()
    )
    coils = "".join(
        f"""
[[output]]
id = "{name}"
port = "modbus"
unit = "relays1"
coil = {coil}
{'polarity = "active_low"' if name.startswith("feed.") else ""}
normal = "{"on" if name.startswith("feed.") else "off"}"
on_stop = "{"hold" if name == "feed.office" else "on" if name.startswith("feed.") else "off"}"
on_fault = "on"
"""
        for name, coil in COILS.items()
    )
    lamps = "".join(
        f'\n[[lamp]]\nrow = "{name.removeprefix("lamp.").upper()}"\noutput = "{name}"\n'
        for name in PINS
        if name.startswith("lamp.")
    )
    gate = """
[[output]]
id = "outbound_paused"
port = "exchange"
exchange = "pbx1"
switch = "outbound"
on_stop = "off"
on_fault = "hold"
"""
    return "\n[gpio]\nfactory = \"mock\"\n" + pins + coils + gate + lamps + (
        '\n[annunciator]\nbeacons = ["beacon"]\nsounders = ["sounder"]\n'
    )  # fmt: skip


def _loads(times: Times) -> str:
    priorities = {"displays": 8, "pantry": 9, "office": 6}
    loads = "".join(
        f'\n[[load]]\nid = "{name}"\npriority = {priority}\nwatts = "500 W"\nups = "ups1"\noutput = "feed.{name}"\n'
        for name, priority in priorities.items()
    )
    stages = (
        ("power1", "power", 1, "0 s", '["displays", "pantry"]'),
        ("power2", "power", 2, times.second_stage, '["office"]'),
        ("trunk1", "trunk", 1, times.trunk_stage, '["displays"]'),
    )
    return loads + "".join(
        f'\n[[stage]]\nid = "{name}"\ncause = "{cause}"\norder = {order}\nafter = "{after}"\nloads = {cut}\n'
        for name, cause, order, after, cut in stages
    )
