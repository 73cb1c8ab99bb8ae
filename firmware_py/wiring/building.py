"""From a site file to the compiled floor and its devices' descriptions, with every fault of all of them at once.

Loads no wire's library, so that `check` is quick. It must not open anything but files.
"""

from functools import cache
from pathlib import Path

from config.budget import check_budget
from config.check_alarms import check_alarms
from config.check_endurance import check_forecasts
from config.compile import compile_floor
from config.devices import find_devices
from config.floor import Devices, Floor
from config.library import Library
from config.site import load_document
from config.strict import read


def build_floor(path: Path) -> tuple[Floor, Devices]:
    """The compiled site of a file. ConfigError with all faults; needs no secret and opens nothing."""
    reader = cache(read)  # a profile that five units name, or that others include, is read once
    document, site = load_document(path, reader)
    devices = find_devices(document, site, Library(path.parent, reader))
    check_budget(document, site, devices)
    check_forecasts(document, site, {point.id for point in devices.points})
    floor = compile_floor(site, devices)
    check_alarms(document, floor)
    return floor, devices
