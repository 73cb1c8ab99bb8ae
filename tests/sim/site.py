"""The floor that the weeks are played on: the example site, with one fire zone less often read and an announced cut.

A real site file through the real loader and compiler, so that what the monitors declare tomorrow is played tomorrow.
"""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path

from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import load_document
from firmware_py.core.plan import Plan

EXAMPLE = Path(__file__).parents[2] / "config" / "sites" / "example.toml"
EPOCH = "2026-12-07T00:00Z"  # wall time at the beginning of the world
CUT = """
[[planned_outage]]
start = "2026-12-10T01:00Z"
end = "2026-12-10T02:00Z"
note = "work on the transformer"
"""


def site_text(*, cut: bool) -> str:
    """The example with mock pins, the air conditioner read each 30 s (a trend's own pace), and one fire zone."""
    text = EXAMPLE.read_text()
    text = text.replace('factory = "lgpio"', 'factory = "mock"').replace("zones = 4", "zones = 1")
    text = re.sub(r'(class = "hvac"\n)', r'\1fast = "30 s"\nslow = "30 s"\nstale_after = "70 s"\n', text, count=1)
    return text + CUT if cut else text


@functools.cache
def plan(*, cut: bool = True) -> Plan:
    """The compiled floor; `cut`: a planned outage stands in the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.toml"
        path.write_text(site_text(cut=cut))
        document, site = load_document(path)
        return compile_floor(site, find_devices(document, site, Library(path.parent))).plan
