"""Our decode of every recorded UPS beside NUT's and LibreNMS's: who is right, and why.

`python -m tests.wires.ups_oracles > docs/ups-oracles.md` writes the page; a test prints it and compares. NUT's decodes
and LibreNMS's expectations are read from ../shared, where they belong to others.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.snmp_access import Community
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.ports import DeviceError
from tests.conftest import PROJECT, eventually_async, find_udp_port, run
from tests.wires.snmp_peers import make_bus, read, recorded
from tests.wires.ups_recordings import DERIVED, FROZEN, RECORDED, WHY, WITHOUT

POINTS = {
    "source": "output_source", "charge": "battery.charge_pct", "runtime": "battery.runtime_s",
    "load": "output.load_pct",
}  # fmt: skip
STATES = (
    "upsOutputSourceState", "upsBasicOutputStatus", "CPS-MIB::upsBaseOutputStatus", "netagent2upsstate",
    "upsESystemStatus", "tlpUpsOutputSource", "matStsRunningMode", "hwBattsChargeStatus", "upsOutputSource",
    "es1dc1DataSystemDCMode",
)  # fmt: skip
MAINS = ("normal", "online", "line", "onmain", "inverter", "float", "floatcharge", "oninverter", "onbuck", "economy")
HEAD = """# UPS recordings: our decode, NUT's and LibreNMS's

Written by `python -m tests.wires.ups_oracles`; a test compares it. The recordings lie outside this project.
NUT is 2.8.0 over SNMP, LibreNMS the values that its own tests expect. `-`: no decode kept, or nothing said.
Charge and load in per cent, runtime in seconds. What is right was decided from the MIB's text and a plausible range,
not from either program.

| recording | what | ours | NUT | LibreNMS | who is right, and why |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What we made of one recording: samples by signal, and the MIB that each came from."""

    samples: Mapping[str, Sample]
    sources: Mapping[str, str]


def walks(shared: Path) -> list[Path]:
    """Every recording, the changed ones last."""
    folder = shared / "devices" / "ups"
    return [path for kind in ("snmprec", "derived") for path in sorted((folder / kind).glob("*.snmprec"))]


def decode(port: int, name: str, version: str = "2c") -> Decoded:
    """One recording read over SNMP, fast and slow group."""
    return run(_decode(port, name, version), within_s=90)


async def _decode(port: int, name: str, version: str) -> Decoded:
    access = Community(name=name, version="1" if version == "1" else "2c")
    # The simulator is slow to start and answers single objects from a file.
    bus = make_bus(port, access, fast_deadline_ms=4000, slow_deadline_ms=8000)

    async def answered() -> Mapping[str, Sample] | None:
        try:
            return await read(bus)
        except DeviceError:
            return None

    try:
        fast = await eventually_async(answered, within_s=60)
        assert fast is not None
        slow = await read(bus, "slow")
        return Decoded(samples={**fast, **slow}, sources=bus.sources)
    finally:
        await bus.close()


def rows(shared: Path, ours: Callable[[str], Decoded]) -> Iterator[tuple[str, ...]]:
    """The table: recording, what, ours, NUT's, LibreNMS's, verdict."""
    folder = shared / "devices" / "ups"
    for name in (*RECORDED, *DERIVED):
        nut, libre = _nut(folder / "nut-golden", name), _libre(folder / "expected" / f"{name}.json")
        samples = ours(name).samples
        for what, signal in POINTS.items():
            sample = samples[signal]
            shown = _shown(sample.value) if sample.quality is Quality.GOOD else str(sample.because)
            said = nut.get(what, ""), libre.get(what, "")
            yield name, what, shown, said[0] or "-", said[1] or "-", _verdict(what, shown, said)


def page(shared: Path, ours: Callable[[str], Decoded]) -> str:
    """The whole page in Markdown."""
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows(shared, ours))
    others = ", ".join(sorted(WITHOUT))
    return f"{HEAD}{table}\nAnswered, but without any UPS MIB that we read: {others}.\n"


def _verdict(what: str, ours: str, said: tuple[str, str]) -> str:
    differing = [f"{who} {value}" for who, value in zip(("NUT", "LibreNMS"), said, strict=True) if _differ(ours, value)]
    if not differing:
        return "all agree" if any(said) else "nobody else says"
    if ours == Reason.SOURCE_LOST:
        return FROZEN
    return "; ".join(dict.fromkeys(WHY.get((what, one), f"UNEXPLAINED: {one}") for one in differing))


def _differ(ours: str, said: str) -> bool:
    if not said:
        return False
    try:
        return abs(float(ours) - float(said)) > max(1.0, 0.01 * abs(float(ours)))
    except ValueError:
        return ours != said


def _shown(value: object) -> str:
    return (
        f"{value:g}"
        if isinstance(value, float) and value < 1e5
        else f"{value:.0f}"
        if isinstance(value, float)
        else str(value)
    )


def _nut(folder: Path, name: str) -> dict[str, str]:
    for kind in ("auto", "ietf"):
        path = folder / f"{name}.{kind}.txt"
        if path.exists():
            said = dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
            words = said.get("ups.status", "").split()
            flags = {"CAL": "test", "TEST": "test", "OB": "battery", "BYPASS": "bypass", "OFF": "off", "OL": "mains"}
            source = next((word for flag, word in flags.items() if flag in words), "(none)")
            keys = {"charge": "battery.charge", "runtime": "battery.runtime", "load": "ups.load"}
            numbers = {what: f"{float(said[key]):.12g}" for what, key in keys.items() if key in said}
            return {"source": source, **numbers}
    return {}


def _libre(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())["sensors"]["discovery"]
    words = {(row["state_name"], row["state_value"]): row["state_descr"] for row in found.get("state_indexes", [])}
    said: dict[str, str] = {}
    for sensor in found["sensors"]:
        kind, value, label = sensor["sensor_class"], sensor["sensor_current"], (sensor["sensor_descr"] or "").lower()
        if kind == "state" and sensor["sensor_type"] in STATES:
            said.setdefault("source", _word(str(words.get((sensor["sensor_type"], value), "unknown"))))
        elif kind == "charge" and "string" not in label:
            said.setdefault("charge", f"{value:g}")
        elif kind == "load":
            said["load"] = f"{max(float(value), float(said.get('load', 0))):g}"
        elif kind == "runtime" and not any(word in label for word in ("on battery", "days", "last", "seconds")):
            said.setdefault("runtime", f"{round(value * 60)}")
    return said


def _word(text: str) -> str:
    plain = text.lower().replace(" ", "").replace("-", "").replace("mode", "")
    if "bypass" in plain:
        return "bypass"
    if "test" in plain:
        return "test"
    if "standby" in plain or plain in ("off", "none", "nooutput"):
        return "off"
    if plain in MAINS:
        return "mains"
    return "battery" if "battery" in plain or plain == "discharge" else "unknown"


def main() -> None:
    """Print the page."""
    shared = PROJECT.parent / "shared"
    with tempfile.TemporaryDirectory() as folder, recorded(Path(folder), find_udp_port(), walks(shared)) as port:
        sys.stdout.write(page(shared, lambda name: decode(port, name)))


if __name__ == "__main__":
    main()
