"""The private folder of one run: the site file with this run's ports in it, the secret, the state, the control socket.

Takes config/sites/demo.toml as a checked site, changes values of the model and writes it out again, so that nothing is
edited as text. It must not start anything.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import TypeVar

import config
from config.model_common import Section
from config.model_mqtt import MqttVersion
from config.site import Site, effective, load_site
from config.valued import dataclass
from firmware_py.demo.peers import Ports
from firmware_py.runtime.control_wire import LONGEST_PATH_BYTES

SHIPPED = Path(config.__file__).parent / "sites" / "demo.toml"
SECRET = "a secret of the demo only"  # noqa: S105 - guards a simulated exchange on the loopback
FASTER = 4
_FAST_POLL_MS, _FAST_TIMEOUT_MS, _FAST_SLOW_MS = 500, 400, 1_000
S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Ports of this run. `old_mqtt`: the broker speaks no MQTT 5."""

    peers: Ports
    broker: int
    old_mqtt: bool


class RunFolder:
    """Mode 0700, removed by `remove`."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="floorguard-demo-"))
        if len(os.fsencode(self.socket)) > LONGEST_PATH_BYTES:
            self.remove()
            self.path = Path(tempfile.mkdtemp(prefix="floorguard-demo-", dir="/tmp"))

    @property
    def site_file(self) -> Path:
        """What the daemon is started with."""
        return self.path / "site.toml"

    @property
    def socket(self) -> Path:
        """The daemon's control socket."""
        return self.path / "control.sock"

    @property
    def daemon_log(self) -> Path:
        """What the daemon has to say."""
        return self.path / "daemon.log"

    def write(self, endpoints: Endpoints, *, fast: bool) -> Site:
        """Write secret and site file, and load that file as the daemon will."""
        secret = self.path / "pbx1.secret"
        secret.touch(mode=0o600)
        secret.write_text(SECRET + "\n")
        site = place(load_site(SHIPPED), self, endpoints, secret)
        self.site_file.write_text(effective(hasten(site) if fast else site))
        return load_site(self.site_file)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.path, ignore_errors=True)


def place(site: Site, folder: RunFolder, endpoints: Endpoints, secret: Path) -> Site:
    """The same site on this run's ports and in its folder."""
    peers = endpoints.peers
    lines = {"cooling_line": peers.cooling, "fire_line": peers.fire, "relay_line": peers.relays}
    assert site.mqtt is not None
    version = MqttVersion.V311 if endpoints.old_mqtt else MqttVersion.V5
    return _changed(
        site,
        ups=tuple(_changed(one, port=peers.ups) for one in site.ups),
        modbus=tuple(_changed(one, port=lines[one.id]) for one in site.modbus),
        exchange=tuple(_changed(one, port=peers.exchange, secret_file=str(secret)) for one in site.exchange),
        mqtt=_changed(site.mqtt, port=endpoints.broker, version=version),
        storage=_changed(site.storage, directory=str(folder.path / "state")),
        control=_changed(site.control, socket=str(folder.socket)),
    )


def hasten(site: Site) -> Site:
    """The same site with its shortened times four times shorter again, and polled twice as often: for `--fast`."""

    def sooner(part: S, *names: str) -> S:
        given = {name: getattr(part, name) for name in names}
        return _changed(part, **{name: value and value // FASTER for name, value in given.items()})

    polls = {"fast_ms": _FAST_POLL_MS, "slow_ms": _FAST_SLOW_MS}
    return _changed(
        site,
        power=sooner(site.power, "on_delay_ms", "off_delay_ms"),
        trunks=sooner(site.trunks, "on_delay_ms", "off_delay_ms"),
        cooling=sooner(site.cooling, "on_delay_ms", "off_delay_ms"),
        recovery=sooner(site.recovery, "stable_ms", "restore_spacing_ms", "stage_dwell_ms", "relapse_window_ms"),
        escalation=sooner(site.escalation, "tier2_after_ms", "tier3_after_ms", "situation_report_ms", "repeat_ms"),
        failover=sooner(site.failover, "stable_ms"),
        stage=tuple(sooner(one, "after_ms", "dwell_ms") for one in site.stage),
        ups=tuple(_changed(one, timeout_ms=_FAST_TIMEOUT_MS, **polls) for one in site.ups),
        modbus=tuple(
            _changed(one, timeout_ms=_FAST_TIMEOUT_MS, unit=tuple(_changed(unit, **polls) for unit in one.units))
            for one in site.modbus
        ),
        exchange=tuple(_changed(one, fast_ms=_FAST_POLL_MS) for one in site.exchange),
    )


def _changed(part: S, **values: object) -> S:
    return part.altered(values)
