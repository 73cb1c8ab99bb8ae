"""Ten trunks at one real Asterisk, each with a SIPp provider of its own: what takes minutes one by one takes seconds.

Written into the running exchange's pjsip.conf and taken out again.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drivers.pbx_trunks import Trunk
from tests.conftest import eventually, find_udp_port
from tests.wires.asterisk import Asterisk, find_starter

MANY = 10
QUALIFY_S = 2  # with a timeout of 1 s, as docs/asterisk-gate.md asks for
NAMES = tuple(f"t{number}" for number in range(MANY))
TRUNKS = tuple(Trunk(name=name, endpoint=f"trunk-{name}") for name in NAMES)


def _section(name: str, port: int) -> str:
    return f"""
[trunk-{name}]
type = aor
contact = sip:127.0.0.1:{port}
qualify_frequency = {QUALIFY_S}
qualify_timeout = 1.0
[trunk-{name}]
type = endpoint
transport = loop-udp
context = from-trunk
disallow = all
allow = ulaw
aors = trunk-{name}
"""


@contextmanager
def many_trunks(exchange: Asterisk) -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
    """The providers by the trunk's name, all of them reachable."""
    file, ports = exchange.folder / "etc" / "pjsip.conf", {name: find_udp_port() for name in NAMES}
    before = file.read_text()
    providers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, port in ports.items():
            providers[name] = _provide(exchange, name, port)
        file.write_text(before + "".join(_section(name, port) for name, port in ports.items()))
        _say(exchange, "module reload res_pjsip.so")
        eventually(lambda: _reachable(exchange) == MANY, within_s=20, every_s=0.2, what="all trunks are reachable")
        yield providers
    finally:
        file.write_text(before)
        _say(exchange, "module reload res_pjsip.so")
        for process in providers.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def _provide(exchange: Asterisk, name: str, port: int) -> subprocess.Popen[bytes]:
    scenario = find_starter().parent / "sipp" / "provider.xml"
    command = [str(exchange.folder / "sipp"), "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port)]
    command += ["-mp", str(find_udp_port()), "-nostdin", "-nd", "-aa"]
    with (exchange.folder / "log" / f"provider-{name}").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _say(exchange: Asterisk, command: str) -> str:
    told = subprocess.run(
        [str(exchange.folder / "cli"), command], capture_output=True, text=True, timeout=15, check=True
    )
    return told.stdout


def _reachable(exchange: Asterisk) -> int:
    shown = _say(exchange, "pjsip show contacts").splitlines()
    return sum(" Avail " in line and "trunk-t" in line for line in shown)
