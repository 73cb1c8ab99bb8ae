"""What a checked configuration comes to, and what a controller asks of it while it runs: plain values, kept compiled.

Loads nothing that checks or compiles; that was done before. It must not read a file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from config.model_site import Site
from config.valued import dataclass
from firmware_py.core.output import PATTERN_STEPS, Pattern, Steps
from firmware_py.core.plan import Plan
from firmware_py.core.point import Point
from monitors.parts import RowAlarm

if TYPE_CHECKING:
    from drivers import line_status, modbus_profile, snmp_profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The compiled site. `alarms` with their lamp rows serve the legend and the terminal. `digest`: the plan's.
    `sentences`: each alarm's for people, in the language of the site."""

    site: Site
    plan: Plan
    alarms: tuple[RowAlarm, ...]
    digest: str
    sentences: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Profiles and unit descriptions by the ids of the site, and all points of all devices."""

    ups: Mapping[str, "snmp_profile.Profile"]
    units: Mapping[str, "tuple[modbus_profile.ModbusUnit, ...]"]
    cards: Mapping[str, "line_status.LineProfile"]
    points: tuple[Point, ...]


def sounds(site: Site) -> Steps:
    """The rhythms of this floor: the sounder's may be its own."""
    asked = site.annunciator
    own = {
        Pattern.SOUND_HIGH: asked.sound_high,
        Pattern.SOUND_MEDIUM: asked.sound_medium,
        Pattern.SOUND_LOW: asked.sound_low,
    }
    return {**PATTERN_STEPS, **{pattern: steps for pattern, steps in own.items() if steps}}


def state_directory(site: Site, environ: Mapping[str, str]) -> Path:
    """Where state is kept: as configured, else as systemd says, else /var/lib/floorguard."""
    if site.storage.directory is not None:
        return Path(site.storage.directory)
    return Path(environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/floorguard")


def control_socket(site: Site, environ: Mapping[str, str]) -> Path:
    """The control socket: as configured, else in the directory that systemd made, else in /run/floorguard."""
    if site.control.socket is not None:
        return Path(site.control.socket)
    return Path(environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or "/run/floorguard") / "control.sock"
