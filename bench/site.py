"""The site file of the benchmark: as many UPSs and Modbus units as wanted, mock pins, an exchange where one is given.

Text only; it must not start anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.plant import REGISTERS

PROFILE = f"""\
about = "A unit of the benchmark"
document = "bench/plant.c"
revision = "1"
verified = "against bench/plant.c"
gap = "no device has this map"
class = "generic"
numbers = "from_0"

[parameters.registers]
default = {REGISTERS}
about = "how many"

[[points]]
name = "r{{n}}"
table = "holding"
address = 0
type = "u16"
repeat = "registers"
group = "fast"
"""


def write_site(
    folder: Path, *, units: Sequence[int] = (), agents: Sequence[int] = (), broker: int | None = None,
    exchange: str = "", fast: str = "1 s", slow: str = "1 s", timeout: str = "800 ms", access: str = "",
    traps: int = 0, more: str = "",
) -> Path:  # fmt: skip
    """`units`, `agents`: ports on the loopback; `slow`: period of a UPS's measurements, by default as fast as the rest,
    as everybody else reads them. `access`: lines of each UPS instead of its community. `traps`: the port for them."""
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / "bench_unit.toml").write_text(PROFILE)
    secret = folder / "community"
    secret.touch(mode=0o600)
    secret.write_text("public\n")
    access = access or f'community_file = "{secret}"'
    parts = [_floor(exchange)]
    parts += [
        f'[[ups]]\nid = "ups{n}"\naddress = "127.0.0.1"\nport = {port}\nfast = "{fast}"\nslow = "{slow}"\n'
        f'timeout = "{timeout}"\n{access}\n'
        for n, port in enumerate(agents, 1)
    ]
    parts += [
        f'[[modbus]]\nid = "line{n}"\ntransport = "tcp"\naddress = "127.0.0.1"\nport = {port}\n'
        f'timeout = "{timeout}"\n[[modbus.unit]]\nid = "unit{n}"\nunit = 1\nprofile = "bench_unit"\n'
        f'class = "generic"\nfast = "{fast}"\n'
        for n, port in enumerate(units, 1)
    ]
    if broker is not None:
        parts.append(f'[mqtt]\nhost = "127.0.0.1"\nport = {broker}\n')
    if traps:
        parts.append(f'[snmp_traps]\nenabled = true\naddress = "127.0.0.1"\nport = {traps}\n')
    parts += [
        f'[storage]\ndirectory = "{folder / "state"}"\n',
        f'[control]\nsocket = "{folder / "control.sock"}"\n',
        more,
    ]
    site = folder / "site.toml"
    site.write_text("\n".join(parts))
    return site


def _floor(exchange: str) -> str:
    return f"""\
[site]
id = "bench"
name = "Benchmark"

[power]
on_delay = "0 s"
off_delay = "0 s"

[recovery]
stable = "0 s"
restore_spacing = "0 s"
stage_dwell = "0 s"
relapse_window = "0 s"
relapse_factor = 1

{exchange}{_OUTPUTS}"""


_OUTPUTS = """
[gpio]
factory = "mock"

[[output]]
id = "lamp.power"
port = "gpio"
pin = 17
polarity = "active_high"
on_stop = "off"
on_fault = "off"

[[output]]
id = "feed.pantry"
port = "gpio"
pin = 27
polarity = "active_low"
normal = "on"
on_stop = "on"
on_fault = "on"

[[lamp]]
row = "POWER"
output = "lamp.power"

[[load]]
id = "pantry"
priority = 9
watts = "500 W"
output = "feed.pantry"

[[stage]]
id = "power1"
cause = "power"
order = 1
after = "0 s"
loads = ["pantry"]
"""
